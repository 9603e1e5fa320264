"""Nodules as the small CNN of `nodule_cnn` sees and learns them: six slices, and a table of what is known of each."""

import warnings
from functools import lru_cache

import numpy as np

from medlab import data

SIDE, DEPTH, SLICES = 32, 24, 6  # of the cube in mm; its middle 12 mm become slices of 2 mm
MEASURED = ("log_volume", "log_box", "log_area", "hu_mean", "hu_95", "hu_10")


@lru_cache(maxsize=1)
def lidc() -> data.Dataset:
    return in_slices(data.load("lidc-nodules", label="malignancy"))


@lru_cache(maxsize=2)
def phantom_slices(n: int, *, seed: int) -> data.Dataset:
    import pandas as pd

    phantoms, rng = data.load("phantom-nodules", n=n, seed=seed), np.random.default_rng(seed)
    parts = [in_slices(phantoms[first : first + 500], rng=rng) for first in range(0, n, 500)]  # cubes take memory
    return data.Dataset(
        "malignancy", *(np.concatenate([getattr(part, name) for part in parts]) for name in ("images", "labels")),
        phantoms.patients, task="regression", table=pd.concat([part.table for part in parts], ignore_index=True),
    )  # fmt: skip


def in_slices(nodules: data.Dataset, *, rng: np.random.Generator | None = None) -> data.Dataset:
    """Nodules as the network sees them, with all it learns of them; phantoms (`rng` given) end as the files of LIDC."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the largest are cut off, of training and test alike
        cubes = data.crops(nodules, size_mm=(DEPTH, SIDE, SIDE), shape=(DEPTH, SIDE, SIDE))
    table = cubes.table.join(measured(cubes))
    table["log_diameter"], table["calcified"] = np.log(table["diameter_mm"]), table["calcification"] < 6
    p = table["p_malignant"].clip(1e-4, 1 - 1e-4) if "p_malignant" in table else np.nan  # nobody knows it of a patient
    table["log_odds"] = np.log(p / (1 - p))
    images = cubes.images
    if rng is not None:
        images = np.array([ended(*pair, rng) for pair in zip(images, cubes.masks, strict=True)])
    images = images[:, DEPTH // 2 - SLICES : DEPTH // 2 + SLICES].reshape(-1, SLICES, 2, SIDE, SIDE).mean(axis=2)
    return data.Dataset(
        "malignancy", images, table["malignancy"].to_numpy(float), nodules.patients, task="regression", table=table
    )


def measured(cubes: data.Dataset):
    """What the mask tells, in mm and HU; NaN where it is empty."""
    import pandas as pd

    rows = []
    for image, mask in zip(cubes.images, cubes.masks, strict=True):
        row = dict.fromkeys(MEASURED, np.nan)
        if mask.any():
            side, area = np.ptp(np.argwhere(mask), axis=0)[1:].max() + 1, mask.sum(axis=(1, 2)).max()
            hu = image[mask]
            sizes = np.log(mask.sum()), np.log(side), np.log(area)
            row = dict(zip(MEASURED, (*sizes, hu.mean(), *np.percentile(hu, (95, 10))), strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def ended(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """From 0 to 3 slices above and below the mask and about 10 mm beside it, the edge goes on, as in the files."""
    if not mask.any():
        return image
    thickness = rng.choice([0.75, 1, 1.25, 2, 2.5], p=[0.1, 0.15, 0.3, 0.15, 0.3])
    above = rng.choice(4, p=[0.54, 0.34, 0.07, 0.05]) * thickness + rng.uniform(0, thickness / 2)
    beside = np.clip(rng.normal(10, 3), 3, 17)
    where = np.argwhere(mask)
    box = zip(image.shape, where.min(axis=0), where.max(axis=0), (above, beside, beside), strict=True)
    kept = [np.arange(n).clip(low - margin, high + margin).round().astype(int).clip(0, n - 1)
            for n, low, high, margin in box]  # fmt: skip
    return image[np.ix_(*kept)]


def ends(slices: np.ndarray) -> np.ndarray:
    """How many slices, rows and columns of each nodule repeat their neighbor: the file ended there."""
    same = [np.isclose(np.diff(slices, axis=axis), 0, atol=0.04) for axis in (1, 2, 3)]
    return np.stack([s.all(axis=tuple({1, 2, 3} - {a})).sum(axis=1) for a, s in enumerate(same, start=1)], axis=1)
