"""Metrics of measurements: mean absolute error, and Bland and Altman's agreement of two methods."""

from dataclasses import dataclass

import numpy as np

from medlab.metrics.classification import weighted_mean
from medlab.metrics.interval import Interval


def mae(truth: np.ndarray, predicted: np.ndarray, *, weights: np.ndarray | None = None) -> float | np.ndarray:
    """Mean absolute error, in the unit of the values.

    Args:
        truth: (N,) true values.
        predicted: (N,) measured or predicted values.
        weights: (N,) or (draws, N), how often each case counts.
    """
    error = np.abs(np.subtract(predicted, truth, dtype=float))
    if error.ndim != 1 or len(error) == 0:
        raise ValueError(f"mae takes two rows of numbers, got shapes {np.shape(truth)} and {np.shape(predicted)}")
    return weighted_mean(error, weights)


@dataclass(frozen=True)
class Agreement:
    """How two methods of measurement agree, in their unit.

    Args:
        bias: Mean of second minus first.
        lower: Lower limit of agreement: 95 % of differences lie between the limits.
        upper: Upper limit of agreement.
    """

    bias: Interval
    lower: Interval
    upper: Interval


def bland_altman(a: np.ndarray, b: np.ndarray) -> Agreement:
    """Bias and limits of agreement of two methods on the same cases, each with its 95 % interval.

    The intervals assume independent, roughly normal differences; look at their plot against the mean first.

    Args:
        a: (N,) values by the first method.
        b: (N,) values by the second.

    Raises:
        ValueError: If lengths differ or there are fewer than two cases.

    Source: Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8; intervals: 1999, doi:10.1177/096228029900800204.
    """
    from scipy.stats import t

    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.ndim != 1 or a.shape != b.shape or len(a) < 2:
        raise ValueError(f"bland_altman takes two rows of at least 2 numbers, got shapes {a.shape} and {b.shape}")
    difference = b - a
    n, bias, spread = len(a), float(difference.mean()), float(difference.std(ddof=1))
    factor = t.ppf(0.975, n - 1)
    of_bias = factor * spread / np.sqrt(n)
    of_limit = factor * spread * np.sqrt(1 / n + 1.96**2 / (2 * (n - 1)))
    lower, upper = bias - 1.96 * spread, bias + 1.96 * spread
    return Agreement(
        Interval(bias, bias - of_bias, bias + of_bias),
        Interval(lower, lower - of_limit, lower + of_limit),
        Interval(upper, upper - of_limit, upper + of_limit),
    )
