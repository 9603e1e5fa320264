"""The numbers a lesson's text rests on: recorded inside the lesson, read back from the executed notebook."""

import math
from collections.abc import Mapping
from numbers import Number
from pathlib import Path
from typing import Any

from medlab.metrics import Interval

MIME = "application/vnd.medlab.numbers+json"


def record(**numbers: Any) -> None:
    """Keep numbers in the notebook's output, and show them.

    Args:
        numbers: name=value; a plain number or a `metrics.Interval`.

    Raises:
        TypeError: If a value is neither.

    >>> record(slices=24)
    slices = 24
    """
    for name, value in numbers.items():
        _check(name, value)
    plain = {name: to_json(value) for name, value in numbers.items()}
    text = "\n".join(f"{name} = {show(value)}" for name, value in numbers.items())
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = lambda: None  # noqa: E731 - outside Jupyter there is nothing to keep the numbers in
    if get_ipython() is None:
        print(text)
    else:
        display({MIME: plain, "text/plain": text}, raw=True)


def recorded(notebook: Mapping | str | Path) -> dict[str, float | int | bool | Interval]:
    """All numbers an executed notebook recorded; of two under one name, the later.

    Args:
        notebook: The notebook, or the path of its file.
    """
    if isinstance(notebook, (str, Path)):
        import nbformat

        notebook = nbformat.read(notebook, as_version=4)
    found = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            found.update(output.get("data", {}).get(MIME, {}))
    return {name: _from_json(value) for name, value in found.items()}


def show(value: Any) -> str:
    """A number as a reader wants it: whole numbers whole, others with four digits, intervals with their ends."""
    if isinstance(value, (Interval, bool)):
        return str(value)
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e15 else f"{float(value):.4g}"


def to_json(value: Interval | Number) -> Any:
    """A recorded value for JSON, which has no NaN or infinity: they become null."""
    if isinstance(value, Interval):
        return {"value": to_json(value.value), "low": to_json(value.low), "high": to_json(value.high)}
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy's is another class
        return bool(value)
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and not isinstance(value, float) else number


def _from_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Interval(**{end: _from_json(number) for end, number in value.items()})
    return math.nan if value is None else value


def _check(name: str, value: Any) -> None:
    number = isinstance(value, Number) or (hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0)
    if not (number or isinstance(value, Interval)) or isinstance(value, complex):
        raise TypeError(f"record keeps numbers and Intervals, {name!r} is a {type(value).__name__}")
