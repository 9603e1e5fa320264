"""Phantoms as data sets: patient `i` depends only on the seed and `i`, and is drawn when it is asked for."""

from functools import lru_cache

import numpy as np

from medlab.data.dataset import Dataset
from medlab.data.labels import from_column
from medlab.data.lazy import Lazy

LICENCE = "MIT, as part of medlab; synthetic, no patient is shown"
NODULES, CHESTS = 400, 12  # how many where nobody says
CHEST_SPACING = (1.25, 1.3, 1.3)


def patient_seed(seed: int, i: int) -> int:
    """Seed of patient `i`; patients of other seeds have nothing in common with it."""
    return int(np.random.SeedSequence([seed, i]).generate_state(1, np.uint64)[0] >> 1)


def nodules(*, n: int | None, seed: int, label: str | None) -> Dataset:
    """`n` patients with one nodule each in a cube of 32 mm; the label is whether it is malignant.

    Labels and attributes are drawn now, about a tenth of a millisecond each; images and masks when asked for.
    """
    import pandas as pd

    n = _count(n, NODULES)
    parts = [
        range(first, min(first + 1000, n)) for first in range(0, n, 1000)
    ]  # dictionaries take ten times the memory
    table = pd.concat(
        [pd.DataFrame([_truth(patient_seed(seed, i)) for i in part]) for part in parts], ignore_index=True
    )
    labels, class_names, task, rows = from_column(table, label or "malignant")
    patients = np.array([f"phantom-{seed}-{i:06d}" for i in rows])
    return Dataset(
        "phantom-nodules", Lazy(NoduleImage(seed), rows), labels, patients, None, class_names, task,
        Lazy(NoduleMask(seed), rows), (1.0, 1.0, 1.0), table.iloc[rows].reset_index(drop=True), LICENCE,
    )  # fmt: skip


def chests(*, n: int | None, seed: int, label: str | None) -> Dataset:
    """`n` patients with a chest CT each: a third without a nodule, the others with 1 to 20; the label says which.

    The mask holds all nodules of a patient; with `seed` and `n_nodules` of the table, `phantoms.chest_ct` gives their
    boxes and more.
    """
    import pandas as pd

    n = _count(n, CHESTS)
    seeds = [patient_seed(seed, i) for i in range(n)]
    counts = [0 if i % 3 == 2 else int(np.random.default_rng([s, 0]).integers(1, 21)) for i, s in enumerate(seeds)]
    table = pd.DataFrame({"seed": seeds, "n_nodules": counts, "nodule": [int(c > 0) for c in counts]})
    labels, class_names, task, rows = from_column(table, label or "nodule")
    patients = np.array([f"phantom-{seed}-{i:06d}" for i in rows])
    return Dataset(
        "phantom-chests", Lazy(ChestImage(seeds, counts), rows), labels, patients, None, class_names, task,
        Lazy(ChestMask(seeds, counts), rows), CHEST_SPACING, table.iloc[rows].reset_index(drop=True), LICENCE,
    )  # fmt: skip


class NoduleImage:
    """Image of patient `i`, HU."""

    def __init__(self, seed: int):
        self.seed = seed

    def __call__(self, i: int) -> np.ndarray:
        return _nodule(patient_seed(self.seed, i)).image.copy()  # the nodule is kept for its mask


class NoduleMask(NoduleImage):
    def __call__(self, i: int) -> np.ndarray:
        return _nodule(patient_seed(self.seed, i)).mask.copy()


class ChestImage:
    """CT of patient `i`, HU."""

    def __init__(self, seeds: list[int], counts: list[int]):
        self.seeds, self.counts = seeds, counts

    def __call__(self, i: int) -> np.ndarray:
        return _chest(self.seeds[i], self.counts[i]).image.copy()


class ChestMask(ChestImage):
    def __call__(self, i: int) -> np.ndarray:
        return np.asarray(_chest(self.seeds[i], self.counts[i]).labels) > 0


def _truth(seed: int) -> dict[str, object]:
    """What `phantoms.nodule(seed)` says of its nodule, without drawing the picture."""
    from medlab.phantoms.attributes import sample_attributes
    from medlab.phantoms.nodules import drawn_truth

    rng = np.random.default_rng([seed, 1])
    attributes = sample_attributes(rng)
    ratings, p_malignant, malignant = drawn_truth(rng, attributes)
    return {
        "seed": seed, **attributes, "ratings": " ".join(map(str, ratings)), "malignancy": float(np.median(ratings)),
        "p_malignant": p_malignant, "malignant": malignant,
    }  # fmt: skip


def _count(n: int | None, usual: int) -> int:
    n = usual if n is None else n
    if n < 1:
        raise ValueError(f"n={n}: there are as many phantoms as you ask for, but at least 1")
    return int(n)


@lru_cache(maxsize=1)
def _nodule(seed: int):
    from medlab import phantoms

    return phantoms.nodule(seed)


@lru_cache(maxsize=1)
def _chest(seed: int, n_nodules: int):
    from medlab import phantoms

    return phantoms.chest_ct(seed, n_nodules=n_nodules, spacing=CHEST_SPACING)
