"""Intervals and NumPy's numbers in JSON, and back: what cards of models are written with."""

from typing import Any

import numpy as np

from medlab.metrics.interval import Interval


def to_plain(value: Any) -> Any:
    """For `json.dumps(..., default=to_plain)`: an interval as its three numbers (null for an unknown end).

    Raises:
        TypeError: If the value is neither an interval nor of NumPy.
    """
    if isinstance(value, Interval):
        ends = {"value": value.value, "low": value.low, "high": value.high}
        return {name: float(number) if np.isfinite(number) else None for name, number in ends.items()}
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"got {type(value).__name__}")


def from_plain(found: dict[str, Any]) -> Any:
    """For `json.loads(..., object_hook=from_plain)`: three numbers of that name are an interval again."""
    if list(found) != ["value", "low", "high"]:
        return found
    return Interval(*(np.nan if number is None else number for number in found.values()))
