"""How often what was said with a probability happens: scikit-learn's `calibration_curve`, with intervals by patient."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from medlab import arguments, metrics

if TYPE_CHECKING:
    import pandas


def calibration_curve(
    labels: Sequence[int], scores: np.ndarray, *, bins: int = 10, groups: Sequence | None = None
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

    bins = arguments.whole(bins, "bins", low=1)
    metrics.brier(labels, scores)  # says what is wrong with labels or probabilities
    happened, predicted = np.asarray(labels, dtype=int), np.asarray(scores)
    patients = arguments.patients(groups, len(happened))
    if predicted.ndim == 2:
        happened, predicted = (predicted.argmax(axis=1) == happened).astype(int), predicted.max(axis=1)
    in_bin = np.minimum((predicted * bins).astype(int), bins - 1)
    rows = []
    for b in np.unique(in_bin):
        here = in_bin == b
        of_bin = None if patients is None else patients[here]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* an interval from so few is too narrow")  # n says how few
            always_yes = np.ones(here.sum(), int)  # its accuracy is the share
            share = metrics.interval(metrics.accuracy, happened[here], always_yes, groups=of_bin)
        rows.append((predicted[here].mean(), share.value, share.low, share.high, int(here.sum())))
    return pandas.DataFrame(rows, columns=["predicted", "observed", "low", "high", "n"])
