"""What a classifier does at every threshold, as tables: ROC, precision and recall, calibration, confusion.

Thin over `sklearn.metrics`. Beyond two classes a curve is the mean of each class against the rest (macro), so that the
area under it is `metrics.auc`; for one class give `labels == k` and `scores[:, k]`.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from medlab import metrics
from medlab.classify.splits import labels_of

if TYPE_CHECKING:
    import pandas


def roc_curve(labels: Sequence[int], scores: np.ndarray) -> "pandas.DataFrame":
    """Share of the healthy called ill and of the ill called ill, at every threshold.

    Args:
        labels: (N,) classes, whole numbers from 0.
        scores: (N,) scores of class 1 for two classes, (N, K) beyond.

    Returns:
        Columns "fpr" (1 - specificity), "tpr" (recall, sensitivity) and "threshold" (NaN beyond two classes).

    Raises:
        ValueError: If labels and scores do not fit each other, or there is one class only.
    """
    import pandas
    from sklearn.metrics import roc_curve

    curves = [roc_curve(truth, score) for truth, score in _one_against_rest(labels, scores)]
    if len(curves) == 1:
        return pandas.DataFrame(dict(zip(("fpr", "tpr", "threshold"), curves[0], strict=True)))
    fpr = np.unique(np.concatenate([x for x, _, _ in curves]))
    before, after = np.mean([_both_sides(fpr, x, y) for x, y, _ in curves], axis=0)
    x, y = np.repeat(fpr, 2), np.stack([before, after], axis=1).ravel()
    return pandas.DataFrame({"fpr": x, "tpr": y, "threshold": np.nan})


def pr_curve(labels: Sequence[int], scores: np.ndarray) -> "pandas.DataFrame":
    """How many alarms are right for each share of the ill that is found.

    Args:
        labels: (N,) classes, whole numbers from 0.
        scores: (N,) scores of class 1 for two classes, (N, K) beyond.

    Returns:
        Columns "recall" (rising from 0), "precision" and "threshold" (NaN beyond two classes, and where all is left in
        peace). Between two points precision is that of the right one; a straight line would promise too much.

    Raises:
        ValueError: As `roc_curve`.

    Source: Davis and Goadrich 2006, doi:10.1145/1143844.1143874.
    """
    import pandas
    from sklearn.metrics import precision_recall_curve

    curves = []
    for truth, score in _one_against_rest(labels, scores):
        precision, recall, threshold = precision_recall_curve(truth, score)
        curves.append((recall[::-1], precision[::-1], np.append(threshold, np.nan)[::-1]))
    if len(curves) == 1:
        return pandas.DataFrame(dict(zip(("recall", "precision", "threshold"), curves[0], strict=True)))
    recall = np.unique(np.concatenate([x for x, _, _ in curves]))
    precision = np.mean([y[np.searchsorted(x, recall)] for x, y, _ in curves], axis=0)
    return pandas.DataFrame({"recall": recall, "precision": precision, "threshold": np.nan})


def calibration_curve(
    labels: Sequence[int], scores: np.ndarray, *, bins: int = 10, groups: Sequence | None = None, seed: int = 0
) -> "pandas.DataFrame":
    """How often what was said with a probability happens, in equally wide bins of the probability.

    Two classes: the probability of class 1. Beyond: that of the class decided for, and how often it is the right one,
    as in `metrics.calibration_error`.

    Args:
        labels: (N,) classes, whole numbers from 0.
        scores: (N,) probabilities of class 1 for two classes, (N, K) beyond.
        bins: How many, at least 1.
        groups: (N,) the patient of each case, for the intervals; None goes by case.

    Returns:
        A row for each bin with a case: "predicted" (mean probability), "observed" (share), "low" and "high" (its 95 %
        interval; NaN with one patient) and "n" (cases).

    Raises:
        ValueError: If labels and scores do not fit each other, or scores are not probabilities.
    """
    import pandas

    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)) or bins < 1:
        raise ValueError(f"bins must be a whole number, at least 1, got {bins!r}")
    metrics.brier(labels, scores)  # says what is wrong with labels or probabilities
    labels, scores = np.asarray(labels, dtype=int), np.asarray(scores)
    if groups is not None and np.shape(groups) != labels.shape:
        raise ValueError(f"groups must name the patient of each of the {len(labels)} cases, got {np.shape(groups)}")
    if scores.ndim == 2:
        right, said = (scores.argmax(axis=1) == labels).astype(int), scores.max(axis=1)
    else:
        right, said = labels, scores
    in_bin = np.minimum((said * bins).astype(int), bins - 1)
    rows = []
    for b in np.unique(in_bin):
        here = in_bin == b
        patients = None if groups is None else np.asarray(groups)[here]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* an interval from so few is too narrow")  # n says how few
            always_yes = np.ones(here.sum(), int)  # its accuracy is the share
            share = metrics.interval(metrics.accuracy, right[here], always_yes, groups=patients, seed=seed)
        rows.append((said[here].mean(), share.value, share.low, share.high, int(here.sum())))
    return pandas.DataFrame(rows, columns=["predicted", "observed", "low", "high", "n"])


def confusion(
    labels: Sequence[int], scores: np.ndarray, *, class_names: Sequence[str] | None = None
) -> "pandas.DataFrame":
    """Count the cases of each class (rows) by what was said of them (columns).

    Args:
        labels: (N,) classes, whole numbers from 0.
        scores: Probabilities, decided at 0.5 (two classes) or for the largest; or decisions as whole numbers.
        class_names: One a class, in order; None takes the numbers.

    Raises:
        ValueError: If labels and scores do not fit each other, or names are not as many as classes.
    """
    import pandas
    from sklearn.metrics import confusion_matrix

    metrics.accuracy(labels, scores)  # says what is wrong with labels or scores
    labels, scores = np.asarray(labels, dtype=int), np.asarray(scores)
    if labels.ndim != 1:
        raise ValueError(f"labels must be a row (N,) with the class of each case, got shape {labels.shape}")
    said = metrics.decisions(labels, scores)
    classes = scores.shape[1] if scores.ndim == 2 else max(2, int(max(labels.max(), said.max())) + 1)
    names = range(classes) if class_names is None else list(class_names)
    if len(names) != classes:
        raise ValueError(f"class_names must name {classes} classes, got {len(names)}")
    counts = confusion_matrix(labels, said, labels=range(classes))
    return pandas.DataFrame(counts, index=pandas.Index(names, name="truth"), columns=pandas.Index(names, name="said"))


def _one_against_rest(labels: Sequence[int], scores: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    metrics.auc(labels, scores)  # says what is wrong with them
    labels, scores = labels_of(labels), np.asarray(scores)
    if scores.ndim == 1:
        return [(labels == 1, scores)]
    if scores.shape[1] == 2:
        return [(labels == 1, scores[:, 1])]
    if scores.shape[1] != labels.max() + 1:
        raise ValueError(f"scores have {scores.shape[1]} classes, cases are of {labels.max() + 1}; a curve needs all")
    return [(labels == k, scores[:, k]) for k in range(scores.shape[1])]


def _both_sides(at: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve with upright parts, just left and just right of each point; straight between its own points."""
    first, last = np.searchsorted(x, at, side="left"), np.searchsorted(x, at, side="right") - 1
    on = first <= last
    left, right = np.maximum(last, 0), np.minimum(first, len(x) - 1)
    width = np.where(on, 1.0, x[right] - x[left])
    between = y[left] + (at - x[left]) / width * (y[right] - y[left])
    return np.where(on, y[np.minimum(first, len(y) - 1)], between), np.where(on, y[left], between)
