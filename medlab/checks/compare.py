"""Compare two answers and put into words how they differ."""

from typing import Any

import numpy as np

_SHORT = 12  # arrays with more values than this are summarised


def difference(got: Any, expected: Any, *, tolerance: float = 1e-6) -> str:
    """How an answer differs from the expected one, in words; empty if it does not.

    Compared are shape, kind (a mask must be bool, a label or size a whole number), NaN and values. Numbers, arrays,
    texts, and tuples of arrays.

    Args:
        tolerance: Allowed for each value: `tolerance` plus `tolerance` times the expected size.

    >>> difference(np.array([0.0, 1.0]), np.array([False, True]))
    'expected True or False (bool), got float64'
    >>> difference(0.5, 1.0), difference(1, 1.0)
    ('expected 1, got 0.5', '')
    """
    if got is None:
        return "it returned None: did you forget `return`?"
    if isinstance(expected, tuple) and any(isinstance(part, np.ndarray) for part in expected):
        return _difference_of_tuples(got, expected, tolerance)
    if isinstance(expected, str):
        return "" if isinstance(got, str) and got == expected else f"expected {expected!r}, got {got!r}"
    try:
        got, expected = np.asarray(got), np.asarray(expected)
    except ValueError:  # a list of lists of different lengths
        return f"expected {describe(expected)}, got a {type(got).__name__} that is no array"
    if got.shape != expected.shape:
        return f"expected {_shape(expected)}, got {_shape(got)}"
    return _wrong_kind(got.dtype, expected.dtype) or _wrong_values(got, expected, tolerance)


def unchanged(before: Any, after: Any) -> bool:
    """Whether no array in these arguments has been changed."""
    if isinstance(before, np.ndarray):
        same_kind = isinstance(after, np.ndarray) and before.dtype == after.dtype
        return same_kind and np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")
    if isinstance(before, (tuple, list)):
        return len(before) == len(after) and all(unchanged(b, a) for b, a in zip(before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(unchanged(before[key], after[key]) for key in before)
    return True  # a random generator, for one, is meant to move on


def describe(value: Any) -> str:
    """An argument in a few words: short ones in full, arrays by shape, kind and range.

    >>> describe(np.zeros((3, 5), bool)), describe(np.arange(3)), describe(-600)
    ('3 × 5 bool, 0 of 15 True', '[0, 1, 2] (int64)', '-600')
    """
    if not isinstance(value, np.ndarray):
        text = repr(value)
        return text if len(text) <= 80 else f"{type(value).__name__} {text[:60]}..."
    if value.ndim == 0 or 0 < value.size <= _SHORT:
        return f"{_values(value)} ({value.dtype})"
    size = f"{' × '.join(map(str, value.shape))} {value.dtype}"
    if value.dtype == bool:
        return f"{size}, {value.sum()} of {value.size} True"
    if value.size == 0 or value.dtype.kind not in "iuf":
        return size
    return f"{size}, {_number(value.min())} to {_number(value.max())}"


def _difference_of_tuples(got: Any, expected: tuple, tolerance: float) -> str:
    if not isinstance(got, (tuple, list)) or len(got) != len(expected):
        came = f"{len(got)} values" if isinstance(got, (tuple, list)) else f"one {type(got).__name__}"
        return f"expected {len(expected)} values to be returned, got {came}"
    for number, (g, e) in enumerate(zip(got, expected), start=1):
        differs = difference(g, e, tolerance=tolerance)
        if differs:
            return f"value {number} of {len(expected)} that it returns: {differs}"
    return ""


def _wrong_kind(got: np.dtype, expected: np.dtype) -> str:
    if got.kind not in "biufc":
        return f"expected numbers ({expected}), got {got}"
    if (got.kind == "b") != (expected.kind == "b"):
        return f"expected {'True or False' if expected.kind == 'b' else 'numbers'} ({expected}), got {got}"
    if expected.kind in "iu" and got.kind not in "iu":
        return f"expected whole numbers ({expected}), got {got}"
    if got.kind == "c" and expected.kind != "c":
        return f"expected real numbers ({expected}), got {got}"
    return ""


def _wrong_values(got: np.ndarray, expected: np.ndarray, tolerance: float) -> str:
    kind = complex if expected.dtype.kind == "c" else float
    wrong = ~np.isclose(got.astype(kind), expected.astype(kind), rtol=tolerance, atol=tolerance, equal_nan=True)
    if not wrong.any():
        return ""
    if expected.ndim == 0:
        return "expected {}, got {}".format(*_pair(expected, got))
    first = tuple(map(int, np.argwhere(wrong)[0]))
    where = first[0] if len(first) == 1 else first
    text = f"{wrong.sum()} of {wrong.size} values differ"
    if expected.size <= _SHORT:
        return f"{text}: expected {_values(expected)}, got {_values(got)}"
    text = "{}; the first at {}: expected {}, got {}".format(text, where, *_pair(expected[first], got[first]))
    lost = int((np.isnan(got) & wrong).sum()) if got.dtype.kind == "f" else 0
    return f"{text} ({lost} are NaN)" if lost else text


def _pair(a: Any, b: Any) -> tuple[str, str]:
    """Both in six digits, in all digits if they differ only behind those."""
    short = _number(a), _number(b)
    return short if short[0] != short[1] else (repr(a.item()), repr(b.item()))


def _number(value: Any) -> str:
    value = value.item() if hasattr(value, "item") else value
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _values(array: np.ndarray) -> str:
    text = np.array2string(array, separator=", ", formatter={"all": _number}, max_line_width=10**6)
    return " ".join(text.split())


def _shape(array: np.ndarray) -> str:
    return f"an array of shape {array.shape}" if array.ndim else f"a single number, not an array ({_number(array)})"
