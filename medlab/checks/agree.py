"""Does a student's function agree with a reference, and if not: on which case, by how much, and why?"""

import contextlib
import copy
import inspect
import io
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from medlab.checks.compare import describe, difference, unchanged


class Disagreement(AssertionError):
    """A student's function differs from the reference."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the message alone, since the lines of this file explain nothing to a student."""
        return [f"{type(self).__name__}: {self}"]


def agrees(
    yours: Callable,
    reference: Callable,
    cases: Iterable,
    *,
    tolerance: float = 1e-6,
    hints: Sequence[tuple[Callable, str]] = (),
) -> None:
    """Compare a function with a reference on many inputs; print one line if all is well.

    Both get copies of each case, so neither can spoil the other's input; a function that changes its input is told so.
    What the student's function warns of or writes to stderr is kept back: nbgrader takes it for a failed test.

    Args:
        yours: The student's function.
        reference: The right answer, called in the same way.
        cases: One or more inputs: a tuple of positional arguments, a dict of named ones, or one argument.
        tolerance: Difference allowed in each value: this, plus this times the expected size.
        hints: Typical wrong answers: pairs of a function and a sentence that says what it does wrong. Where `yours`
            gives the same as one of them on every case, the message ends with the sentence.

    Raises:
        Disagreement: If a case differs: which one, what was expected, what came, and the likely cause.
        ValueError: If there are no cases.

    >>> agrees(lambda x: x + x, lambda x: 2 * x, [1, 2, (3,), {"x": 4}])
    all 4 cases agree
    >>> agrees(lambda x: x**2, lambda x: 2 * x, [2, 3], hints=[(lambda x: x * x, "You squared: twice x is 2 * x.")])
    Traceback (most recent call last):
    medlab.checks.agree.Disagreement: <lambda>: case 2 of 2 differs (x: 3)
      expected 6, got 9
      likely cause: You squared: twice x is 2 * x.
    """
    if isinstance(cases, (np.ndarray, dict, str)):
        raise ValueError(f"cases must be a list of inputs, got one {type(cases).__name__}; put it in a list")
    cases = list(cases)
    if not cases:
        raise ValueError("cases is empty: nothing would be compared")
    if not callable(yours):
        raise Disagreement(f"expected your function, got a {type(yours).__name__}: write its name without ()")
    name = getattr(yours, "__name__", "your function")
    for number, case in enumerate(cases, start=1):
        problem = _problem(yours, reference, case, tolerance)
        if problem is None:
            continue
        if problem == _UNWRITTEN:
            raise Disagreement(f"{name}: {_UNWRITTEN}")
        lines = [f"{name}: case {number} of {len(cases)} differs ({_inputs(yours, case)})", *problem]
        lines += [f"likely cause: {text}" for text in _mistake(yours, cases, hints, tolerance)]
        raise Disagreement("\n  ".join(lines))
    print(f"all {len(cases)} cases agree" if len(cases) > 1 else "the case agrees")


_UNWRITTEN = "not written yet (it raises NotImplementedError)"


def _problem(yours: Callable, reference: Callable, case: Any, tolerance: float) -> list[str] | str | None:
    """What is wrong with the answer to one case, in lines; None if nothing is."""
    expected, _ = _call(reference, case)
    try:
        got, used = _call(yours, case)
    except NotImplementedError:
        return _UNWRITTEN
    except Exception as error:
        return [f"it raised {type(error).__name__}: {error}", *_line_of(error, yours)]
    differs = difference(got, expected, tolerance=tolerance)
    lines = [differs] if differs else []
    if not unchanged(case, used):
        lines.append("it changed its input: work on a copy, as in `result = image.copy()`")
    return lines or None


def _call(function: Callable, case: Any) -> tuple[Any, Any]:
    """What a function returns for a copy of the case, and that copy afterwards."""
    case = copy.deepcopy(case)
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        if isinstance(case, dict):
            return function(**case), case
        return function(*(case if isinstance(case, tuple) else (case,))), case


def _line_of(error: Exception, function: Callable) -> list[str]:
    """The line of the student's own code in which it happened."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return [f"in line {frame.lineno} of its cell: {frame.line}".rstrip(": ") for frame in frames[-1:]]


def _inputs(function: Callable, case: Any) -> str:
    if isinstance(case, dict):
        given = case
    else:
        values = case if isinstance(case, tuple) else (case,)
        try:
            names = list(inspect.signature(function).parameters)
        except (TypeError, ValueError):
            names = []
        names += [f"argument {i + 1}" for i in range(len(names), len(values))]
        given = dict(zip(names, values, strict=False))
    return ", ".join(f"{name}: {describe(value)}" for name, value in given.items())


def _mistake(yours: Callable, cases: list, hints: Sequence[tuple[Callable, str]], tolerance: float) -> list[str]:
    """The sentence of the first wrong answer that gives the same as `yours` on every case."""
    ours = [_outcome(yours, case) for case in cases]
    if all(isinstance(outcome, Exception) for outcome in ours):
        return []  # crashed throughout: what it meant to compute cannot be known
    for wrong, text in hints:
        if all(_alike(outcome, _outcome(wrong, case), tolerance) for outcome, case in zip(ours, cases)):
            return [text]
    return []


def _outcome(function: Callable, case: Any) -> Any:
    try:
        return _call(function, case)[0]
    except Exception as error:
        return error


def _alike(ours: Any, wrong: Any, tolerance: float) -> bool:
    if isinstance(ours, Exception) or isinstance(wrong, Exception):
        return type(ours) is type(wrong)
    return not difference(ours, wrong, tolerance=tolerance)
