"""AdaBoost over decision stumps: out of thousands of weak features the few that matter, each with a weight."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from medlab import arguments

_LEAST = 1e-10  # error of a stump that makes none: its weight stays finite
_BLOCK = 128  # features that a thread takes at a time


@dataclass(frozen=True)
class Stump:
    """The simplest classifier: one feature, one threshold.

    Args:
        feature: Number of the column it looks at.
        threshold: Half way between two values of the feature.
        polarity: 1 if a lesion is above the threshold, -1 if below.
        weight: Its vote, log((1 - error) / error): the fewer errors, the more it counts.
        error: Weighted share of the windows that it got wrong when it was chosen.
    """

    feature: int
    threshold: float
    polarity: int
    weight: float
    error: float

    def says(self, values: np.ndarray) -> np.ndarray:
        """Which of these values of its feature mean a lesion, bool."""
        return values > self.threshold if self.polarity > 0 else values < self.threshold


def boost(values: np.ndarray, labels: np.ndarray, *, rounds: int, weights: np.ndarray | None = None) -> list[Stump]:
    """AdaBoost: choose a stump, give the windows that it got wrong more weight, choose the next.

    Args:
        values: Features, (N, F), one row a window, finite.
        labels: (N,), 1 or True for a lesion, else 0.
        rounds: Stumps to choose. It ends early where no stump is better than a coin.
        weights: (N,), what each window counts at first, above 0. Each class counts one half when left out.

    Raises:
        ValueError: If shapes differ, there is only one class, or values or weights are not finite.

    Source: Freund and Schapire 1997, doi:10.1006/jcss.1997.1504; Viola and Jones 2004,
    doi:10.1023/B:VISI.0000013087.49260.fb.

    >>> boost(np.array([[1, 5], [2, 0], [3, 4], [4, 1]]), np.array([0, 0, 1, 1]), rounds=1)[0].threshold
    2.5
    """
    rounds = arguments.whole(rounds, "rounds", low=1)
    return list(islice(boosting(values, labels, weights=weights), rounds))


def vote(stumps: Sequence[Stump], values: np.ndarray) -> np.ndarray:
    """Weighted share of the stumps that say lesion, (N,), from 0 to 1; AdaBoost's own threshold is one half.

    Args:
        stumps: At least one.
        values: (N, F), the columns numbered as when the stumps were chosen.
    """
    if not stumps:
        raise ValueError("vote needs at least one stump, got none")
    values = np.asarray(values)
    votes = sum(stump.weight * stump.says(values[:, stump.feature]) for stump in stumps)
    return votes / sum(stump.weight for stump in stumps)


def boosting(values: np.ndarray, labels: np.ndarray, *, weights: np.ndarray | None = None) -> Iterator[Stump]:
    """The stumps of `boost` one by one, for those who want to stop when they are good enough."""
    values, lesion, weights = _checked(values, labels, weights)
    order, last = _sorted_columns(values)
    while True:
        weights /= weights.sum()
        stump = _best_stump(values, order, last, np.where(lesion, weights, -weights))
        if stump.error > 0.5 - _LEAST:
            return  # no better than a coin
        yield stump
        right = stump.says(values[:, stump.feature]) == lesion
        weights = np.where(right, weights, weights * np.exp(stump.weight))


def _best_stump(values: np.ndarray, order: np.ndarray, last: np.ndarray, signed: np.ndarray) -> Stump:
    """The stump with the least weighted error. `signed`: weights, negative for windows without a lesion.

    "Lesion above" is wrong about the lesions below the threshold and the others above it. That is the signed weight
    below the threshold plus the weight of all others, so one running sum down a sorted column tries every threshold.
    """
    from medlab.detect._kernels import best_splits
    from medlab.kernels import share

    n_features = len(order)
    errors, splits = np.empty((n_features, 2)), np.empty((n_features, 2), np.int64)
    total = signed.sum()
    share(lambda start, stop: best_splits(order, last, signed, total, errors, splits, start, stop), n_features, _BLOCK)
    errors -= signed[signed < 0].sum()
    feature, turned = divmod(int(errors.argmin()), 2)
    k = splits[feature, turned]
    if not np.isfinite(errors[feature, turned]):
        return Stump(feature, np.inf, 1, 0.0, 0.5)  # every feature is constant
    column = values[order[feature, k : k + 2], feature].astype(float)
    error = float(np.clip(errors[feature, turned], _LEAST, 1 - _LEAST))
    threshold = float(column[0] + (column[1] - column[0]) / 2)
    return Stump(feature, threshold, -1 if turned else 1, float(np.log((1 - error) / error)), error)


def _sorted_columns(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each feature the windows in the order of their values, (F, N), and where the next value is larger."""
    from medlab.kernels import share

    n, n_features = values.shape
    order = np.empty((n_features, n), np.uint16 if n < 2**16 else np.int64)
    last = np.zeros((n_features, n), bool)

    def work(start: int, stop: int) -> None:
        columns = np.ascontiguousarray(values[:, start:stop].T)
        ranks = columns.argsort(axis=1, kind="stable")
        order[start:stop] = ranks
        ordered = np.take_along_axis(columns, ranks, axis=1)
        last[start:stop, :-1] = ordered[:, 1:] > ordered[:, :-1]

    share(work, n_features, _BLOCK)
    return order, last


def _checked(values, labels, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The values as they are, which rows are lesions, and the weights, each class one half where None came."""
    values = np.asarray(values)
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "biuf":
        raise ValueError(f"values must be numbers (N, F), one row a window, got {values.shape} {values.dtype}")
    if not np.isfinite(values).all():
        raise ValueError("values hold NaN or infinity; every feature must be finite")
    labels = arguments.labels(labels, "labels")
    if labels.shape != values.shape[:1] or labels.max() > 1:
        raise ValueError(f"labels must be {len(values)} numbers, 0 or 1, one a row of values, got shape {labels.shape}")
    lesion = labels.astype(bool)
    if weights is None:
        return values, lesion, np.where(lesion, 0.5 / lesion.sum(), 0.5 / (~lesion).sum())
    weights = np.array(weights, float)
    if weights.shape != lesion.shape or not np.isfinite(weights).all() or not (weights > 0).all():
        raise ValueError(f"weights must be {len(lesion)} finite numbers above 0, got shape {weights.shape}")
    return values, lesion, weights
