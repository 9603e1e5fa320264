"""Intervals and NumPy's numbers in JSON, and back: for cards of models and the numbers that lessons record."""

from typing import Any

import numpy as np

from medlab.metrics.interval import Interval, Paired


def to_plain(value: Any) -> Any:
    """For `json.dumps(..., default=to_plain)`: an interval as its three numbers, a difference with p as fourth.

    What is not known (NaN) or infinite becomes null.

    Raises:
        TypeError: If the value is neither an Interval or Paired nor of NumPy.
    """
    if isinstance(value, (Interval, Paired)):
        names = ("value", "low", "high", "p") if isinstance(value, Paired) else ("value", "low", "high")
        numbers = {name: float(getattr(value, name)) for name in names}
        return {name: number if np.isfinite(number) else None for name, number in numbers.items()}
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"got {type(value).__name__}")


def from_plain(found: dict[str, Any]) -> Any:
    """For `json.loads(..., object_hook=from_plain)`: numbers of these names are an Interval or a Paired again."""
    if found.keys() not in ({"value", "low", "high"}, {"value", "low", "high", "p"}):
        return found
    numbers = {name: np.nan if number is None else number for name, number in found.items()}
    ends = (numbers["value"], numbers["low"], numbers["high"])
    return Paired(*ends, numbers["p"]) if "p" in numbers else Interval(*ends)
