"""Small data sets for the tests."""

import numpy as np
import pandas as pd
from PIL import Image

from medlab import data


def toy(n: int = 12, **changed) -> data.Dataset:
    rng = np.random.default_rng(0)
    given = {"patients": [f"p{i // 2}" for i in range(n)], "class_names": ("benign", "malignant")} | changed
    images = given.pop("images", rng.integers(0, 255, (n, 4, 5)).astype(np.uint8))
    return data.Dataset("toy", images, given.pop("labels", np.arange(n) % 2), **given)


def picture(path, value: int = 7, shape=(6, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


def volumes(n: int = 6, *, masks: bool = True, **changed) -> data.Dataset:
    """Volumes of odd, unequal sizes and spacings."""
    rng = np.random.default_rng(1)
    images = [rng.integers(-1000, 400, (4 + i, 6, 5)).astype(np.int16) for i in range(n)]
    given = {
        "patients": [f"00{i // 2}" for i in range(n)],
        "spacing": [(2.5, 0.75, 0.75 + i / 8) for i in range(n)],
        "class_names": ("benign", "malignant"),
        "masks": [image > 0 for image in images] if masks else None,
        "table": pd.DataFrame({"nodule_id": [f"0{i}" for i in range(n)], "diameter_mm": np.linspace(3, 30, n) ** 1.1}),
        "licence": "CC BY 4.0",
        "citation": "Müller et al.",
    }
    return data.Dataset("small", images, np.arange(n) % 2, **(given | changed))
