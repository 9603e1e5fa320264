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
    return _mean(right.mean(axis=1) if right.ndim == 2 else right, weights)


def recall(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Share of the cases with the condition that are found (sensitivity); the mean over classes or labels beyond two.

    NaN where no case has the condition.
    """
    return _over_classes(lambda truth, said: _ratio(truth & said, truth, weights), labels, scores)


def precision(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Share of the alarms that are right; the mean over classes or labels beyond two. NaN where there is no alarm."""
    return _over_classes(lambda truth, said: _ratio(truth & said, said, weights), labels, scores)


def specificity(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Share of the cases without the condition that are left in peace; the mean over classes or labels beyond two."""
    return _over_classes(lambda truth, said: _ratio(~truth & ~said, ~truth, weights), labels, scores)


def f1(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN). NaN where there is neither case nor alarm."""

    def of_one(truth: np.ndarray, said: np.ndarray) -> float | np.ndarray:
        hits, either = _sum(truth & said, weights), _sum(truth, weights) + _sum(said, weights)
        with np.errstate(invalid="ignore"):
            return _plain(2 * hits / either)

    return _over_classes(of_one, labels, scores)


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
        return _mean((scores - labels) ** 2, weights)
    if labels.ndim == 2:
        return _mean(((scores - labels) ** 2).mean(axis=1), weights)
    return _mean(((scores - np.eye(scores.shape[1])[labels]) ** 2).sum(axis=1), weights)


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


def delong(labels: np.ndarray, scores: np.ndarray, *, level: float = 0.95) -> tuple[float, float, float]:
    """AUC of two classes with DeLong's interval, without any random draw; cases must be independent.

    Returns:
        Value, lower and upper end.

    Raises:
        ValueError: If a class has fewer than two cases.

    Source: DeLong et al. 1988, doi:10.2307/2531595; fast form of Sun and Xu 2014, doi:10.1109/LSP.2014.2337313.
    """
    from scipy.stats import norm

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    value, variance = _delong_parts(labels, [scores])
    half = norm.ppf((1 + level) / 2) * np.sqrt(variance[0, 0])
    return float(value[0]), float(max(0.0, value[0] - half)), float(min(1.0, value[0] + half))


def delong_test(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Two-sided p that two correlated AUCs on the same, independent cases are equal. NaN if they never differ."""
    from scipy.stats import norm

    value, cov = _delong_parts(labels, [a, b])
    spread = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    return float(2 * norm.sf(abs(value[0] - value[1]) / spread)) if spread > 0 else float("nan")


def _delong_parts(labels: np.ndarray, scores: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    from scipy.stats import rankdata

    checked = [_paired_arrays(labels, score) for score in scores]
    if checked[0][0].max() > 1 or any(score.ndim != 1 for _, score in checked):
        raise ValueError("DeLong compares scores (N,) of two classes")
    labels, scores = checked[0][0].astype(bool), [score for _, score in checked]
    m, n = int(labels.sum()), int((~labels).sum())
    if m < 2 or n < 2:
        raise ValueError(f"DeLong's variance needs two cases of each class, got {m} and {n}")
    values, of_positives, of_negatives = [], [], []
    for score in scores:
        positive, negative = score[labels], score[~labels]
        together = rankdata(np.concatenate([positive, negative]))
        of_positives.append((together[:m] - rankdata(positive)) / n)
        of_negatives.append(1 - (together[m:] - rankdata(negative)) / m)
        values.append(of_positives[-1].mean())
    cov = np.atleast_2d(np.cov(of_positives)) / m + np.atleast_2d(np.cov(of_negatives)) / n
    return np.array(values), cov


def rests_on(metric: Callable, labels: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    """The cases that decide a metric, one mask per condition: recall rests on the cases that have it, and so on."""
    labels, scores = _paired_arrays(labels, scores)
    truths = [truth for truth, _ in _columns(labels, scores)]
    if metric is accuracy:
        return [np.ones(len(labels), bool)]
    if metric is auc:
        return [mask for truth in truths for mask in (truth, ~truth)]
    if metric is recall:
        return truths
    if metric is specificity:
        return [~truth for truth in truths]
    alarms = [alarm for _, alarm in _pairs(labels, scores)]
    return alarms if metric is precision else [t | a for (t, _), a in zip(_pairs(labels, scores), alarms, strict=True)]


def _paired_arrays(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores as arrays that belong together, or an error; nothing is guessed."""
    labels, scores = np.asarray(labels), np.asarray(scores)
    if labels.ndim not in (1, 2) or scores.ndim not in (1, 2) or len(labels) != len(scores) or len(labels) == 0:
        raise ValueError(f"labels and scores must be as many, and at least one, got {labels.shape} and {scores.shape}")
    if labels.dtype.kind not in "iubf" or not np.array_equal(labels, np.round(labels)) or labels.min() < 0:
        raise ValueError(f"labels must be whole numbers from 0, got {labels.dtype} such as {labels.ravel()[0]!r}")
    if scores.dtype.kind not in "iubf" or not np.isfinite(scores).all():
        raise ValueError("scores must be finite numbers, got NaN, infinity or text")
    labels = labels.astype(int)
    top = labels.max()
    if labels.ndim == 2 and (scores.shape != labels.shape or top > 1):
        raise ValueError(f"several labels are 0 or 1 and need as many scores, got {labels.shape} and {scores.shape}")
    if labels.ndim == 1 and scores.ndim == 2 and (scores.shape[1] < 2 or top >= scores.shape[1]):
        raise ValueError(
            f"scores (N, K) need a column for each class up to {top}, got {scores.shape}; one column: ravel"
        )
    if labels.ndim == 1 and scores.ndim == 1 and scores.dtype.kind == "f" and top > 1:
        raise ValueError(
            f"{top + 1} classes need scores (N, {top + 1}), or decisions as whole numbers; got {scores.shape}"
        )
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
    said = decisions(labels, scores)
    if labels.ndim == 2:
        return list(zip(labels.T == 1, said.T == 1, strict=True))
    n_classes = scores.shape[1] if scores.ndim == 2 else max(2, int(max(labels.max(), said.max())) + 1)
    classes = range(n_classes) if n_classes > 2 else [1]
    return [(labels == k, said == k) for k in classes]


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


def _mean(values: np.ndarray, weights: np.ndarray | None) -> float | np.ndarray:
    return _plain(_sum(values, weights) / _sum(np.ones(len(values)), weights))


def _ratio(part: np.ndarray, whole: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(_sum(part, weights), dtype=float) / _sum(whole, weights)


def _plain(value) -> float | np.ndarray:
    value = np.asarray(value, dtype=float)
    return float(value.reshape(-1)[0]) if value.size == 1 else value


def _check_probabilities(labels: np.ndarray, scores: np.ndarray) -> None:
    if scores.min() < 0 or scores.max() > 1 or scores.dtype.kind != "f":
        raise ValueError(f"probabilities must lie between 0 and 1, got {scores.dtype} {scores.min()} to {scores.max()}")
    if labels.ndim == 1 and scores.ndim == 2 and np.abs(scores.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError("the probabilities of K classes must sum to 1 in each row")
