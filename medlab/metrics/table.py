"""Every metric of a classifier at once, each with its interval: the columns of every table of the course."""

from collections.abc import Callable, Sequence

import numpy as np

from medlab.metrics.classification import accuracy, auc, brier, f1, precision, recall, specificity
from medlab.metrics.interval import Interval, interval

METRICS: dict[str, Callable] = {
    "auc": auc,
    "accuracy": accuracy,
    "recall": recall,
    "precision": precision,
    "f1": f1,
    "specificity": specificity,
    "brier": brier,
}


def evaluate(
    labels: Sequence[int], scores: np.ndarray, *, groups: Sequence | None = None, n: int = 2000, seed: int = 0
) -> dict[str, Interval]:
    """Every metric of `METRICS` with its interval, by patient where groups are given.

    Args:
        labels: (N,) the truth.
        scores: (N,) the probability of class 1 for two classes, (N, K) beyond.
        n: Bootstrap draws.
    """
    return {name: interval(metric, labels, scores, groups=groups, n=n, seed=seed) for name, metric in METRICS.items()}
