"""Folds by patient for labels and tables; and what has to hold before anything is fitted."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np


def folds(
    y: Sequence[int], *, groups: Sequence | None = None, k: int = 5, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide cases into k parts by patient, classes in proportion: k pairs of row numbers, all but one part, that part.

    The parts are those of `medlab.data.folds` for the same labels, patients and seed.

    Args:
        y: (N,) classes, whole numbers from 0.
        groups: (N,) the patient of each case; None divides by case.
        k: How many parts, at least 2.
        seed: Where the draw starts; the same seed gives the same parts.

    Raises:
        ValueError: If labels or groups are wrong, patients are fewer than k, or a class stands in one part only.
    """
    from medlab import data

    y, names = labels_of(y), patients_of(groups, len(y))
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 2:
        raise ValueError(f"the number of folds must be whole and at least 2, got {k!r}")
    patient = np.arange(len(y)) if names is None else np.unique(names, return_inverse=True)[1]
    n, who, classes = int(patient.max()) + 1, "cases" if names is None else "patients", int(y.max()) + 1
    if n < k:
        raise ValueError(f"{n} {who} cannot be divided into {k} folds; take fewer folds")
    of_class = [len(np.unique(patient[y == c])) for c in range(classes)]
    rare = [f"class {c}: {count}" for c, count in enumerate(of_class) if count < 2]
    if rare:
        raise ValueError(f"every class needs at least 2 {who}, to train and to test; {', '.join(rare)}")
    rows = np.arange(len(y))
    table = data.Dataset(
        "cases", rows[:, None, None], y, names, class_names=tuple(map(str, range(classes))), task="multiclass"
    )
    with warnings.catch_warnings():  # whoever asks says it; and a test part may lack a class, a training part not
        warnings.filterwarnings("ignore", message="cases: (patients are not known|classes that are missing)")
        parts = list(data.folds(table, k=int(k), seed=seed))
    found = [(train.images.ravel(), test.images.ravel()) for train, test in parts]
    for train, _ in found:
        if len(np.unique(y[train])) < classes:
            raise ValueError(f"all of a class stands in one of {k} folds; take another number of folds, or more {who}")
    return found


def labels_of(y: Sequence[int]) -> np.ndarray:
    """The labels as whole numbers from 0, with at least two classes and none left out, or an error."""
    y = np.asarray(y)
    if y.ndim != 1 or len(y) == 0:
        raise ValueError(f"y must be a row (N,) with the class of each case, got shape {y.shape}")
    if y.dtype.kind not in "iubf":
        raise ValueError(f"y must be whole numbers from 0, got {y.dtype} such as {y[0]!r}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"y must be known for each case, {int((~np.isfinite(y)).sum())} are NaN or infinite")
    if not np.array_equal(y, np.round(y)) or y.min() < 0:
        raise ValueError(f"y must be whole numbers from 0, got {y.dtype} from {y.min()} to {y.max()}")
    y = y.astype(int)
    classes = np.unique(y)
    if len(classes) == 1:
        raise ValueError(f"y holds one class only ({classes[0]}); there is nothing to tell apart")
    if len(classes) <= y.max():
        missing = sorted(set(range(min(y.max(), 1000))) - set(classes.tolist()))
        raise ValueError(f"y must hold every class from 0 to {y.max()}, there is no case of {missing[:5]}; renumber")
    return y


def patients_of(groups: Sequence | None, n: int) -> np.ndarray | None:
    """The patient of each case, as an array without objects, or None; an error if one is missing."""
    if groups is None:
        return None
    names = np.asarray(groups)
    if names.shape != (n,):
        raise ValueError(f"groups must name the patient of each of the {n} cases, got shape {names.shape}")
    missing = sum(name is None or name != name for name in names.tolist())  # NaN is not itself
    if missing:
        raise ValueError(f"groups must name the patient of each case, {missing} are missing")
    return names.astype(str) if names.dtype == object else names


def check(X: Any, y: Sequence[int], groups: Sequence | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels and patients as arrays, if they are as many as X."""
    y = labels_of(y)
    if not hasattr(X, "__len__") and not hasattr(X, "shape"):
        raise ValueError(f"X must be an array, a table or a list of images, got {type(X).__name__}")
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    if n != len(y):
        raise ValueError(f"X and y must be as many, got {n} and {len(y)}")
    return y, patients_of(groups, len(y))


def warn_by_image(stacklevel: int) -> None:
    """Say what is lost where patients are not known."""
    warnings.warn(
        "patients are not known (groups=None), so folds and intervals are by image; images of one patient may stand on "
        "both sides, and results come out too good where they do",
        stacklevel=stacklevel + 1,
    )


def take(X: Any, rows: np.ndarray) -> Any:
    """These rows of an array, a table, or a list of images."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    return X[rows] if hasattr(X, "shape") else [X[i] for i in rows]
