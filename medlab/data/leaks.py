"""Refuse test data that the training data has seen: the same patients, or the very same images."""

import hashlib
import warnings
from collections.abc import Iterable

import numpy as np

from medlab.data.dataset import Dataset


class LeakError(ValueError):
    """Training and test data share patients or images; what was measured on them would be too good."""


def refuse_leak(train: Dataset, test: Dataset) -> None:
    """Raise an error if two data sets share a patient, or an image pixel by pixel.

    Identical images in two parts of an official split (each image says which part it is in, and no part is in both data
    sets) cause a warning with the count instead: published results were measured on them as they are. Shared patients
    are an error there too.

    Args:
        train: What a model learns from.
        test: What it is judged on.

    Raises:
        LeakError: If they share something; it says what and how many.

    Images that differ in a single value pass: a copy that was saved again as JPEG is not found.
    """
    found, patients_shared = [], False
    if train.patients is not None and test.patients is not None:
        shared = np.intersect1d(train.patients, test.patients)
        if len(shared):
            patients_shared = True
            some = ", ".join(shared[:3]) + (", ..." if len(shared) > 3 else "")
            found.append(f"{len(shared)} patients stand in both ({some})")
    seen = set(_fingerprints(train.images))
    twice = [i for i, mark in enumerate(_fingerprints(test.images)) if mark in seen]
    if twice:
        some = ", ".join(map(str, twice[:3])) + (", ..." if len(twice) > 3 else "")
        found.append(f"{len(twice)} images of the second are in the first, pixel by pixel (positions {some})")
    if not found:
        return
    names = train.name if train.name == test.name else f"{train.name} and {test.name}"
    message = f"{names}: {'; '.join(found)}"
    if _official(train, test) and not patients_shared:
        warnings.warn(f"{message}; the official split is like that, results on it are slightly too good", stacklevel=2)
        return
    raise LeakError(f"{message}; split by patient (data.split, data.folds) and remove copies")


def _fingerprints(images: Iterable[np.ndarray]) -> Iterable[bytes]:
    for image in images:
        image = np.ascontiguousarray(image)
        mark = hashlib.blake2b(str(image.shape).encode() + image.dtype.str.encode(), digest_size=16)
        mark.update(image.view(np.uint8) if image.ndim else image.tobytes())
        yield mark.digest()


def _official(train: Dataset, test: Dataset) -> bool:
    if train.split is None or test.split is None or train.name != test.name:
        return False
    return not set(train.split) & set(test.split)
