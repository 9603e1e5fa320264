"""Divide a data set by patient: three parts, or folds; every patient on one side only."""

import warnings
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from medlab import arguments
from medlab.data.dataset import SPLITS, Dataset, as_text


def split(
    dataset: Dataset, *, fractions: tuple[float, float, float] = (0.7, 0.1, 0.2), seed: int = 0
) -> tuple[Dataset, Dataset, Dataset]:
    """Divide into training, validation and test data, by patient, with the classes in the same proportions.

    An official split is kept, whatever the fractions; where it has no validation part, that is cut from the training
    part. Without patient ids the split is by image, with a warning: images of one patient may then stand on two sides.

    Args:
        dataset: What to divide.
        fractions: Share of the images in train, val and test; they sum to 1. A share of 0 gives an empty part.
        seed: Where the draw starts; the same seed gives the same split.

    Returns:
        Train, val and test; every image is in exactly one of them.

    Raises:
        ValueError: If there is one patient or one class only, or fewer patients than parts, or the fractions are wrong;
            if an official split shares patients between parts, or lacks a train or test part whose share is above 0.

    Source: greedy assignment of the largest patients first, as in Sechidis et al. 2011,
    doi:10.1007/978-3-642-23808-6_10, with patients in place of images.
    """
    shares = np.asarray(fractions, dtype=float)
    if shares.shape != (3,) or not np.isfinite(shares).all() or (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"fractions are three shares (train, val, test), none below 0, that sum to 1; got {fractions}")
    if dataset.split is not None:
        return _official(dataset, shares, seed)
    part = _assign(dataset, shares, seed)
    return tuple(dataset[part == i] for i in range(3))


def folds(dataset: Dataset, *, k: int = 5, seed: int = 0) -> Iterator[tuple[Dataset, Dataset]]:
    """Divide into k parts by patient and give k pairs: all but one part, and that part.

    Every image is in exactly one of the k test parts. An official split is not looked at: to keep its test data apart,
    give only the rest (`dataset[dataset.split != "test"]`).

    Args:
        dataset: What to divide.
        k: How many parts, at least 2.
        seed: Where the draw starts.

    Raises:
        ValueError: At the call, if there is one patient or one class only, or fewer patients than folds.
    """
    k = arguments.whole(k, "k", low=2)
    part = _assign(dataset, np.full(k, 1 / k), seed)
    return ((dataset[part != i], dataset[part == i]) for i in range(k))


def fold_rows(
    labels: np.ndarray, patients: np.ndarray | None, *, k: int = 5, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The folds of `folds` for plain arrays, as k pairs of row numbers: all but one part, and that part.

    Args:
        labels: (N,) classes, whole numbers from 0.
        patients: (N,) the patient of each case; None divides by case.
        k: How many parts, at least 2.
        seed: Where the draw starts.

    Raises:
        ValueError: If there are fewer patients than folds, or a class stands in one patient or one part only: nothing
            could then be learnt of it.
    """
    k, labels = arguments.whole(k, "k", low=2), np.asarray(labels)
    unit = "cases" if patients is None else "patients"
    patient = _numbered(None if patients is None else as_text(patients, "patients"), len(labels))
    n = int(patient.max()) + 1
    if n < k:
        raise ValueError(f"{n} {unit} cannot be divided into {k} folds; take fewer folds")
    classes = np.unique(labels)
    counts = {int(c): len(np.unique(patient[labels == c])) for c in classes}
    rare = [f"class {c}: {count}" for c, count in counts.items() if count < 2]
    if rare:
        raise ValueError(f"every class needs at least 2 {unit}, to train and to test; {', '.join(rare)}")
    part = _parts(_one_column_a_class(labels), patient, np.full(k, 1 / k), seed)
    if any((part[labels == c] == part[labels == c][0]).all() for c in classes):
        raise ValueError(f"all of a class stands in one of {k} folds; take another number of folds, or more {unit}")
    return [(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(k)]


def _official(dataset: Dataset, shares: np.ndarray, seed: int) -> tuple[Dataset, Dataset, Dataset]:
    unknown = sorted(set(dataset.split.tolist()) - set(SPLITS))
    if unknown:
        raise ValueError(f"{dataset.name}: the official split names {unknown}; known are {', '.join(SPLITS)}")
    for part, share in zip(SPLITS, shares, strict=True):
        if part != "val" and share > 0 and not (dataset.split == part).any():
            raise ValueError(
                f"{dataset.name}: official split has no {part} part; set dataset.split=None to divide anew"
            )
    _refuse_shared_patients(dataset)
    train, val, test = (dataset[dataset.split == part] for part in SPLITS)
    if len(val) == 0 and len(train) and shares[1] > 0:
        cut = np.array([shares[0], shares[1]]) / (shares[0] + shares[1])
        part = _assign(train, cut, seed)
        train, val = train[part == 0], train[part == 1]
        val.split = np.full(len(val), "val")
    return train, val, test


def _refuse_shared_patients(dataset: Dataset) -> None:
    if dataset.patients is None:
        return
    for one, other in combinations(SPLITS, 2):
        shared = np.intersect1d(dataset.patients[dataset.split == one], dataset.patients[dataset.split == other])
        if len(shared):
            some = ", ".join(shared[:3]) + (", ..." if len(shared) > 3 else "")
            raise ValueError(
                f"{dataset.name}: {len(shared)} patients stand in {one} and in {other} of the official split ({some}); "
                f"set dataset.split=None to divide anew by patient"
            )


def _assign(dataset: Dataset, shares: np.ndarray, seed: int) -> np.ndarray:
    """Part number of each image; all images of a patient in one part, classes in the same proportions."""
    if len(dataset) == 0:
        raise ValueError(f"{dataset.name}: there are no images to divide")
    columns = _class_columns(dataset)
    if dataset.patients is None:
        warnings.warn(
            f"{dataset.name}: patients are not known, so it is divided by image; images of one patient may stand on "
            f"both sides, and results come out too good where they do",
            stacklevel=3,
        )
    elif (dataset.patients == dataset.patients[0]).all():
        raise ValueError(
            f"{dataset.name}: all images are of one patient ({dataset.patients[0]}); that cannot be divided"
        )
    patient = _numbered(dataset.patients, len(dataset))
    n, n_parts = int(patient.max()) + 1, int((shares > 0).sum())
    if n < n_parts:
        unit = "images" if dataset.patients is None else "patients"
        raise ValueError(f"{dataset.name}: {n} {unit} cannot be divided into {n_parts} parts; take fewer parts")
    part = _parts(columns, patient, shares, seed)
    _warn_of_missing_classes(dataset, part, np.flatnonzero(shares > 0))
    return part


def _numbered(patients: np.ndarray | None, n: int) -> np.ndarray:
    """A number from 0 for the patient of each of n rows; every row is a patient of its own where they are unknown."""
    return np.arange(n) if patients is None else np.unique(patients, return_inverse=True)[1]


def _class_columns(dataset: Dataset) -> np.ndarray:
    """What is kept in proportion: (N, classes), 1 where the image is of the class."""
    labels = dataset.labels
    if dataset.task == "multilabel":
        return labels.astype(float)
    if dataset.task == "regression":  # fifths of the range of values stand for classes
        labels = np.searchsorted(np.quantile(labels, [0.2, 0.4, 0.6, 0.8]), labels, side="right")
    elif (labels == labels[0]).all():
        only = dataset.class_names[int(labels[0])]
        raise ValueError(f"{dataset.name}: all images are of one class ({only}); there is nothing to tell apart")
    return _one_column_a_class(labels)


def _one_column_a_class(labels: np.ndarray) -> np.ndarray:
    return (labels[:, None] == np.unique(labels)).astype(float)


def _parts(columns: np.ndarray, patient: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Part number of each row, so that columns and number of rows keep their proportions; patients stay whole."""
    weights = np.hstack([columns[:, columns.any(0)], np.ones((len(columns), 1))])
    of_patient = np.zeros((int(patient.max()) + 1, weights.shape[1]))
    np.add.at(of_patient, patient, weights)
    wanted = np.flatnonzero(shares > 0)
    return wanted[_balanced(of_patient, shares[wanted], np.random.default_rng(seed))][patient]


def _balanced(weights: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Part of each patient, the largest first, each where the sum of squared deviations grows least.

    With a part's content a and its target share f, the sum over parts of a² / f is least where a is in proportion to f.
    """
    n, n_parts = len(weights), len(shares)
    scaled = weights / weights.sum(0)
    order = rng.permutation(n)
    order = order[np.argsort(-scaled[order].max(1), kind="stable")]
    content = np.zeros((n_parts, weights.shape[1]))
    part = np.empty(n, np.int64)
    for i in order:
        growth = ((2 * content + scaled[i]) @ scaled[i]) / shares
        part[i] = growth.argmin()
        content[part[i]] += scaled[i]
    sizes = np.bincount(part, minlength=n_parts)
    for empty in np.flatnonzero(sizes == 0):  # few patients: every part gets at least one, a small one of the fullest
        donors = np.flatnonzero(part == sizes.argmax())
        part[donors[weights[donors, -1].argmin()]] = empty
        sizes = np.bincount(part, minlength=n_parts)
    return part


def _warn_of_missing_classes(dataset: Dataset, part: np.ndarray, parts: np.ndarray) -> None:
    if dataset.task == "regression":
        return
    labels = dataset.labels
    has = labels.T == 1 if dataset.task == "multilabel" else [labels == c for c in range(len(dataset.class_names))]
    missing = {
        name: sum(1 for p in parts if not of_class[part == p].any())
        for name, of_class in zip(dataset.class_names, has, strict=True)
        if of_class.any()
    }
    said = [f"{name} from {count} of {len(parts)}" for name, count in missing.items() if count]
    if said:
        warnings.warn(f"{dataset.name}: classes that are missing from some parts: {', '.join(said)}", stacklevel=4)
