"""The numbers a lesson's text rests on: recorded inside the lesson, read back from the executed notebook."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medlab.metrics import Interval, Paired
from medlab.metrics.plain import from_plain, to_plain

MIME = "application/vnd.medlab.numbers+json"


def record(**numbers: Any) -> None:
    """Keep numbers in the notebook's output, and show them.

    Args:
        numbers: name=value; a plain number, a `metrics.Interval` or a `metrics.Paired`.

    Raises:
        TypeError: If a value is none of these.

    >>> record(slices=24)
    slices = 24
    """
    plain = {name: to_json(value, name) for name, value in numbers.items()}
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


def recorded(notebook: Mapping | str | Path) -> dict[str, float | int | bool | Interval | Paired]:
    """All numbers an executed notebook recorded; of two under one name, the later.

    Args:
        notebook: The notebook, or the path of its file.
    """
    if isinstance(notebook, (str, Path)):
        import nbformat

        notebook = nbformat.read(notebook, as_version=4)
    numbers = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            numbers.update(output.get("data", {}).get(MIME, {}))
    return {
        name: math.nan if value is None else from_plain(value) if isinstance(value, Mapping) else value
        for name, value in numbers.items()
    }


def show(value: Any) -> str:
    """A number as a reader wants it: whole numbers whole, others with four digits, intervals with their ends."""
    if isinstance(value, (Interval, Paired, bool)):
        return str(value)
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e15 else f"{float(value):.4g}"


def to_json(value: Any, name: str = "value") -> Any:
    """A recorded value for JSON, which has no NaN or infinity: they become null."""
    if isinstance(value, (Interval, Paired)):
        return to_plain(value)
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # of NumPy or torch
        value = value.item()
    if not isinstance(value, (bool, int, float)):
        raise TypeError(f"record keeps numbers, Intervals and Paireds, {name!r} is a {type(value).__name__}")
    return value if math.isfinite(value) else None
