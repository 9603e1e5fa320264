"""Divide a data set by patient, three parts or folds, every patient on one side only; and refuse what leaks."""

import hashlib
import warnings
from collections.abc import Iterable, Iterator
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
            raise ValueError(f"{dataset.name}: official split has no {part} part; dataset.split=None divides it anew")
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
            both = f"{len(shared)} patients stand in {one} and in {other} of the official split ({a_few(shared)})"
            raise ValueError(f"{dataset.name}: {both}; set dataset.split=None to divide anew by patient")


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
        raise ValueError(f"{dataset.name}: all images are of one patient ({dataset.patients[0]}), nothing to divide")
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
    if dataset.task == "regression":  # fifths of the range of values stand for classes
        return _one_column_a_class(np.searchsorted(np.quantile(labels, [0.2, 0.4, 0.6, 0.8]), labels, side="right"))
    if dataset.task != "multilabel" and (labels == labels[0]).all():
        only = dataset.class_names[labels[0]]
        raise ValueError(f"{dataset.name}: all images are of one class ({only}); there is nothing to tell apart")
    return dataset.of_class().astype(float)


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
    missing = []
    for name, of_class in zip(dataset.class_names, dataset.of_class().T):
        count = len(parts) - len(np.unique(part[of_class]))
        if of_class.any() and count:
            missing.append(f"{name} from {count} of {len(parts)}")
    if missing:
        warnings.warn(f"{dataset.name}: classes that are missing from some parts: {', '.join(missing)}", stacklevel=4)


def subset(
    labels: np.ndarray, n: int | None, *, seed: int, task: str, strata: np.ndarray | None = None, name: str = "the set"
) -> np.ndarray:
    """Positions of `n` images drawn at random, in order; each stratum keeps its share, and each class in it.

    Every stratum gets at least one image where n is enough for that.

    Args:
        labels: As in `Dataset`.
        n: How many; None takes all.
        seed: Where the draw starts.
        task: As in `Dataset`; only classes of which an image has one are kept in their shares.
        strata: What else keeps its shares, such as the official split.
        name: For the error.

    Raises:
        ValueError: If n is below 1 or there are not as many.
    """
    total = len(labels)
    if n is None:
        return np.arange(total)
    if not 1 <= n <= total:
        raise ValueError(f"n={n}: {name} has {total:,} images; n takes 1 to {total}, None takes all")
    if strata is None:
        strata = np.zeros(total, np.int64)
    classes = np.zeros(total, np.int64)
    if task not in ("multilabel", "regression"):
        classes = np.unique(labels, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    _, part = np.unique(strata, return_inverse=True)
    sizes = np.bincount(part)
    chosen = []
    for i, of_part in enumerate(_shares(sizes, n, least=int(n >= len(sizes)))):
        of_class = np.bincount(classes[part == i])
        for c, take in enumerate(_shares(of_class, of_part)):
            chosen.append(rng.choice(np.flatnonzero((part == i) & (classes == c)), take, replace=False))
    return np.sort(np.concatenate(chosen))


def _shares(sizes: np.ndarray, n: int, least: int = 0) -> np.ndarray:
    """Whole numbers that sum to n, in proportion to sizes (the largest remainders are rounded up), `least` or more."""
    exact = sizes * n / sizes.sum()
    shares = np.floor(exact).astype(int)
    shares[np.argsort(shares - exact, kind="stable")[: n - shares.sum()]] += 1
    while shares.min() < least:
        shares[shares.argmax()] -= 1
        shares[shares.argmin()] += 1
    return shares


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
    leaks, official = [], _in_official_parts(train, test)
    if train.patients is not None and test.patients is not None:
        shared = np.intersect1d(train.patients, test.patients)
        if len(shared):
            leaks.append(f"{len(shared)} patients stand in both ({a_few(shared)})")
            official = False  # an error there too
    seen = set(_fingerprints(train.images))
    twice = [i for i, mark in enumerate(_fingerprints(test.images)) if mark in seen]
    if twice:
        leaks.append(f"{len(twice)} images of the second are in the first, pixel by pixel (positions {a_few(twice)})")
    if not leaks:
        return
    names = train.name if train.name == test.name else f"{train.name} and {test.name}"
    message = f"{names}: {'; '.join(leaks)}"
    if not official:
        raise LeakError(f"{message}; split by patient (data.split, data.folds) and remove copies")
    warnings.warn(f"{message}; the official split is like that, results on it are slightly too good", stacklevel=2)


def _fingerprints(images: Iterable[np.ndarray]) -> Iterable[bytes]:
    for image in images:
        image = np.ascontiguousarray(image)
        mark = hashlib.blake2b(str(image.shape).encode() + image.dtype.str.encode(), digest_size=16)
        mark.update(image.view(np.uint8) if image.ndim else image.tobytes())
        yield mark.digest()


def _in_official_parts(train: Dataset, test: Dataset) -> bool:
    if train.split is None or test.split is None or train.name != test.name:
        return False
    return not set(train.split) & set(test.split)


def a_few(items: Iterable) -> str:
    """The first three of them, for an error."""
    items = list(map(str, items))
    return ", ".join(items[:3]) + (", ..." if len(items) > 3 else "")
