"""Phantoms as data sets: patient `i` depends only on the seed and `i`, and is drawn when it is asked for."""

from functools import lru_cache, partial

import numpy as np

from medlab.data.dataset import Dataset, Lazy
from medlab.data.table import from_column

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

    n = n or NODULES
    parts = []
    for first in range(0, n, 1000):  # not all at once: dictionaries take ten times the memory
        parts.append(pd.DataFrame([_truth(patient_seed(seed, i)) for i in range(first, min(first + 1000, n))]))
    table = pd.concat(parts, ignore_index=True)
    image, mask = (partial(_part_of_nodule, seed, part) for part in ("image", "mask"))
    return _dataset("phantom-nodules", seed, table, label or "malignant", image, mask, (1.0, 1.0, 1.0))


def chests(*, n: int | None, seed: int, label: str | None) -> Dataset:
    """`n` patients with a chest CT each: a third without a nodule, the others with 1 to 20; the label says which.

    The mask holds all nodules of a patient; with `seed` and `n_nodules` of the table, `phantoms.chest_ct` gives their
    boxes and more.
    """
    import pandas as pd

    n = n or CHESTS
    seeds = [patient_seed(seed, i) for i in range(n)]
    counts = [0 if i % 3 == 2 else int(np.random.default_rng([s, 0]).integers(1, 21)) for i, s in enumerate(seeds)]
    table = pd.DataFrame({"seed": seeds, "n_nodules": counts, "nodule": [int(c > 0) for c in counts]})
    image, mask = partial(_chest_image, seeds, counts), partial(_chest_mask, seeds, counts)
    return _dataset("phantom-chests", seed, table, label or "nodule", image, mask, CHEST_SPACING)


def _dataset(name, seed, table, label, image, mask, spacing) -> Dataset:
    """The patients whose label is known; `image` and `mask` draw them by number."""
    labels, class_names, task, rows = from_column(table, label)
    return Dataset(
        name, Lazy(image, rows), labels, [f"phantom-{seed}-{i:06d}" for i in rows], None, class_names, task,
        Lazy(mask, rows), spacing, table.iloc[rows].reset_index(drop=True), LICENCE,
    )  # fmt: skip


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


def _part_of_nodule(seed: int, part: str, i: int) -> np.ndarray:
    """`part`, "image" in HU or "mask", of patient `i`."""
    return getattr(_nodule(patient_seed(seed, i)), part).copy()  # the nodule is kept for its other part


def _chest_image(seeds: list[int], counts: list[int], i: int) -> np.ndarray:
    return _chest(seeds[i], counts[i]).image.copy()


def _chest_mask(seeds: list[int], counts: list[int], i: int) -> np.ndarray:
    return np.asarray(_chest(seeds[i], counts[i]).labels) > 0


@lru_cache(maxsize=1)
def _nodule(seed: int):
    from medlab import phantoms

    return phantoms.nodule(seed)


@lru_cache(maxsize=1)
def _chest(seed: int, n_nodules: int):
    from medlab import phantoms

    return phantoms.chest_ct(seed, n_nodules=n_nodules, spacing=CHEST_SPACING)
