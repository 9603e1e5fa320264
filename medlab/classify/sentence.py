"""A paired comparison said in one plain sentence."""

from collections.abc import Callable

from medlab import metrics

_WORDS = {"auc": "AUC", "f1": "F1", "brier": "Brier score", "calibration_error": "calibration error", "mae": "error"}
_LOWER_IS_BETTER = ("brier", "calibration_error", "mae")


def sentence(name_a: str, name_b: str, paired: metrics.Paired, *, metric: Callable = metrics.auc) -> str:
    """Say whether one of two models is better, by how much, and how sure that is.

    One is called better where the interval of the difference leaves out 0; where p is above 0.05 all the same (the two
    are found in different ways and may disagree near the edge), only perhaps.

    Args:
        name_a: The model whose result came first in the difference.
        name_b: The other.
        paired: Their difference, as from `classify.better` or `metrics.paired`.
        metric: What was measured; a Brier score or an error is better when it is lower.

    >>> sentence("SVM", "the tree", metrics.Paired(0.04, 0.01, 0.07, 0.01))
    'SVM is better than the tree: AUC higher by 0.04 (0.01 to 0.07), p = 0.01.'
    >>> sentence("SVM", "the forest", metrics.Paired(0.01, -0.02, 0.04, 0.5))
    'SVM and the forest cannot be told apart: the difference of 0.01 (-0.02 to 0.04) in AUC may be chance, p = 0.5.'
    >>> sentence("SVM", "the tree", metrics.Paired(0.02, 0.001, 0.05, 0.06))
    'SVM is perhaps better than the tree: AUC higher by 0.020 (0.001 to 0.050), p = 0.06.'
    """
    kind = getattr(metric, "__name__", str(metric))
    word = _WORDS.get(kind, kind)
    value, low, high = paired.difference, paired.low, paired.high
    if not low <= high:  # NaN
        return f"{name_a} and {name_b} cannot be compared: the interval of their difference in {word} is not known."
    p = "p < 0.001" if paired.p < 0.001 else f"p = {paired.p:.2g}"
    if low <= 0 <= high:
        said = _numbers(value, low, high)
        return f"{name_a} and {name_b} cannot be told apart: the difference of {said} in {word} may be chance, {p}."
    lower = kind in _LOWER_IS_BETTER
    first, second = (name_a, name_b) if (low > 0) != lower else (name_b, name_a)
    if high < 0:
        value, low, high = -value, -high, -low
    way = "lower" if lower else "higher"
    is_better = "is perhaps better" if paired.p > 0.05 else "is better"
    return f"{first} {is_better} than {second}: {word} {way} by {_numbers(value, low, high)}, {p}."


def _numbers(value: float, low: float, high: float) -> str:
    """Two decimals, or three where two would hide on which side of 0 an end lies."""
    digits = 3 if any(0 < abs(number) < 0.005 for number in (value, low, high)) else 2
    value, low, high = (round(number, digits) + 0.0 for number in (value, low, high))  # + 0.0: no "-0.00"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
