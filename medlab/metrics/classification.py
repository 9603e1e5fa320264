"""Metrics of classifiers: decisions (accuracy, recall, ...), ranking (AUC), probabilities (Brier, calibration).

Labels are whole numbers from 0, (N,), or 0 and 1 for each of L labels, (N, L). Scores are, for two classes, (N,) the
score of class 1; for K classes (N, K); for several labels (N, L). Decisions may be given instead (whole numbers or
booleans); scores become decisions at 0.5, or by the largest of K.

`weights`, (N,) or (draws, N), count each case so often; with them the bootstrap measures all draws in one call. This is
why these metrics are written here and not taken from scikit-learn, with which they are tested to agree.
"""

from collections.abc import Callable, Iterator

import numpy as np


def accuracy(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Share of right decisions; with several labels, the mean over them."""
    labels, scores = _paired_arrays(labels, scores)
    right = decisions(labels, scores) == labels
    return weighted_mean(right.mean(axis=1) if right.ndim == 2 else right, weights)


def recall(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Share of the cases with the condition that are found (sensitivity); the mean over classes or labels beyond two.

    NaN where no case has the condition.
    """
    return _over_classes(lambda truth, predicted: _ratio(truth & predicted, truth, weights), labels, scores)


def precision(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Share of the alarms that are right; the mean over classes or labels beyond two. NaN where there is no alarm."""
    return _over_classes(lambda truth, predicted: _ratio(truth & predicted, predicted, weights), labels, scores)


def specificity(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Share of the cases without the condition that are left in peace; the mean over classes or labels beyond two."""
    return _over_classes(lambda truth, predicted: _ratio(~truth & ~predicted, ~truth, weights), labels, scores)


def f1(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN). NaN where there is neither case nor alarm."""
    return _over_classes(
        lambda truth, predicted: _ratio(2 * (truth & predicted), truth.astype(int) + predicted, weights), labels, scores
    )


def auc(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Area under the ROC curve: how often a case with the condition scores above one without; ties count half.

    Beyond two classes the mean of each class against the rest, with several labels the mean over them. NaN with one
    class only.

    Source: Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    """
    labels, scores = _paired_arrays(labels, scores)
    columns = [_ranked(truth, score, weights) for truth, score in _columns(labels, scores)]
    return _plain(np.mean(columns, axis=0))


def brier(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Mean squared distance of probabilities from what happened: 0 is perfect; K classes are summed (0 to 2).

    Raises:
        ValueError: If the scores are not probabilities.

    Source: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    labels, scores = _paired_arrays(labels, scores)
    _check_probabilities(labels, scores)
    if scores.ndim == 1:
        return weighted_mean((scores - labels) ** 2, weights)
    if labels.ndim == 2:
        return weighted_mean(((scores - labels) ** 2).mean(axis=1), weights)
    return weighted_mean(((scores - np.eye(scores.shape[1])[labels]) ** 2).sum(axis=1), weights)


def calibration_error(
    labels: np.ndarray, scores: np.ndarray, *, bins: int = 10, weights: np.ndarray | None = None
) -> float | np.ndarray:
    """Expected calibration error: how far stated probabilities lie from what happens, on average over equal bins.

    Two classes: the probability of class 1. K classes: that of the class decided for. With few cases per bin it comes
    out too high even for a perfect model, and so does its bootstrap interval: compare models on the same cases only.

    Raises:
        ValueError: If the scores are not probabilities.

    Source: Naeini et al. 2015 (AAAI), with equally wide bins, each closed below and the last on both sides.
    """
    labels, scores = _paired_arrays(labels, scores)
    _check_probabilities(labels, scores)
    if labels.ndim == 2:
        parts = [calibration_error(y, p, bins=bins, weights=weights) for y, p in zip(labels.T, scores.T, strict=True)]
        return _plain(np.mean(parts, axis=0))
    if scores.ndim == 2:
        labels, scores = scores.argmax(axis=1) == labels, scores.max(axis=1)
    in_bin = np.minimum((scores * bins).astype(int), bins - 1)[:, None] == np.arange(bins)
    counts = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=float)
    gaps = counts @ np.where(in_bin, (scores - labels)[:, None], 0.0)
    return _plain(np.abs(gaps).sum(axis=-1) / counts.sum(axis=-1))


def decisions(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Scores as decisions of the labels' shape: at 0.5, or the largest of K; decisions stay as they are."""
    if scores.dtype.kind in "iub":
        return scores.astype(int)
    if labels.ndim == 1 and scores.ndim == 2:
        return scores.argmax(axis=1)
    return (scores >= 0.5).astype(int)


METRICS: dict[str, Callable] = {  # the columns of every table of the course
    metric.__name__: metric for metric in (auc, accuracy, recall, precision, f1, specificity, brier)
}
_RESTS_ON: dict[Callable, Callable] = {  # the cases that decide a metric, by (truth, alarm) of a condition
    accuracy: lambda truth, alarm: [np.ones_like(truth)],
    auc: lambda truth, score: [truth, ~truth],
    f1: lambda truth, alarm: [truth | alarm],
    precision: lambda truth, alarm: [alarm],
    recall: lambda truth, alarm: [truth],
    specificity: lambda truth, alarm: [~truth],
}
SHARES = tuple(_RESTS_ON)  # 0 to 1, where a perfect score is still an estimate


def rests_on(metric: Callable, labels: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    """The cases that decide one of `SHARES`, as masks: recall rests on the cases that have a condition, and so on."""
    labels, scores = _paired_arrays(labels, scores)
    pairs = _columns(labels, scores) if metric is auc else _pairs(labels, scores)
    return [cases for pair in pairs for cases in _RESTS_ON[metric](*pair)]


def _paired_arrays(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores as arrays that belong together, or an error; nothing is guessed."""
    labels, scores = np.asarray(labels), np.asarray(scores)
    got = f"got {labels.shape} and {scores.shape}"
    if labels.ndim not in (1, 2) or scores.ndim not in (1, 2) or len(labels) != len(scores) or len(labels) == 0:
        raise ValueError(f"labels and scores must be as many, and at least one, {got}")
    if labels.dtype.kind not in "iubf" or not np.array_equal(labels, np.round(labels)) or labels.min() < 0:
        raise ValueError(f"labels must be whole numbers from 0, got {labels.dtype} such as {labels.ravel()[0]!r}")
    if scores.dtype.kind not in "iubf" or not np.isfinite(scores).all():
        raise ValueError("scores must be finite numbers, got NaN, infinity or text")
    labels = labels.astype(int)
    top = labels.max()
    if labels.ndim == 2 and (scores.shape != labels.shape or top > 1):
        raise ValueError(f"several labels are 0 or 1 and need as many scores, {got}")
    if labels.ndim == 1 and scores.ndim == 2 and (scores.shape[1] < 2 or top >= scores.shape[1]):
        raise ValueError(f"scores (N, K) need a column for each class up to {top}, {got}; one column: ravel")
    if labels.ndim == 1 and scores.ndim == 1 and scores.dtype.kind == "f" and top > 1:
        raise ValueError(f"{top + 1} classes need scores (N, {top + 1}), or decisions as whole numbers; {got}")
    return labels, scores


def _columns(labels: np.ndarray, scores: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(truth, score) of the condition: one pair for two classes, one per class or label beyond."""
    if labels.ndim == 2:
        yield from zip(labels.T.astype(bool), scores.T, strict=True)
    elif scores.ndim == 2 and scores.shape[1] > 2:
        yield from ((labels == k, scores[:, k]) for k in range(scores.shape[1]))
    else:
        yield labels == 1, scores[:, 1] if scores.ndim == 2 else scores


def _over_classes(of_one: Callable, labels: np.ndarray, scores: np.ndarray) -> float | np.ndarray:
    labels, scores = _paired_arrays(labels, scores)
    return _plain(np.mean([of_one(truth, alarm) for truth, alarm in _pairs(labels, scores)], axis=0))


def _pairs(labels: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(truth, alarm) of the condition: one pair for two classes, one per class or label beyond."""
    predicted = decisions(labels, scores)
    if labels.ndim == 2:
        return list(zip(labels.T == 1, predicted.T == 1, strict=True))
    n_classes = scores.shape[1] if scores.ndim == 2 else max(2, int(max(labels.max(), predicted.max())) + 1)
    classes = range(n_classes) if n_classes > 2 else [1]
    return [(labels == k, predicted == k) for k in classes]


def _ranked(truth: np.ndarray, score: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Weighted AUC for all rows of weights: for each positive, the negatives below it and half of those level."""
    order = np.argsort(score, kind="stable")
    score, truth = score[order], truth[order]
    weights = np.ones((1, len(order))) if weights is None else np.atleast_2d(weights)[:, order]
    positive, negative = weights[:, truth], weights[:, ~truth]
    up_to = np.zeros((len(weights), negative.shape[1] + 1))
    np.cumsum(negative, axis=1, out=up_to[:, 1:])
    below = np.searchsorted(score[~truth], score[truth], side="left")
    level = np.searchsorted(score[~truth], score[truth], side="right")
    beaten = up_to[:, below] if np.array_equal(below, level) else (up_to[:, below] + up_to[:, level]) / 2
    with np.errstate(invalid="ignore"):
        return np.einsum("ij,ij->i", positive, beaten) / (positive.sum(axis=1) * up_to[:, -1])


def _sum(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    return values.sum() if weights is None else np.asarray(weights) @ values.astype(float)


def _ratio(part: np.ndarray, whole: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(_sum(part, weights), dtype=float) / _sum(whole, weights)


def weighted_mean(values: np.ndarray, weights: np.ndarray | None) -> float | np.ndarray:
    """The mean over cases, for each row of weights where there are several."""
    return _plain(_ratio(values, np.ones(len(values)), weights))


def _plain(value) -> float | np.ndarray:
    value = np.asarray(value, dtype=float)
    return float(value.reshape(-1)[0]) if value.size == 1 else value


def _check_probabilities(labels: np.ndarray, scores: np.ndarray) -> None:
    if scores.min() < 0 or scores.max() > 1 or scores.dtype.kind != "f":
        raise ValueError(f"probabilities must lie between 0 and 1, got {scores.dtype} {scores.min()} to {scores.max()}")
    if labels.ndim == 1 and scores.ndim == 2 and np.abs(scores.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError("the probabilities of K classes must sum to 1 in each row")
