"""Does a student's function agree with a reference, and if not: on which case, by how much, and why?"""

import contextlib
import copy
import inspect
import io
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from medlab.checks.compare import describe, difference, unchanged

UNWRITTEN = "not written yet (it raises NotImplementedError)"


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
    hints: Mapping[str, Callable] | None = None,
) -> None:
    """Compare a function with a reference on many inputs; print one line if all is well.

    Both get copies of each case, so neither can spoil the other's input; a function that changes its input is told so.
    What the student's function warns of or writes to stderr is kept back: nbgrader takes it for a failed test.

    Args:
        yours: The student's function.
        reference: The right answer, called in the same way.
        cases: One or more inputs: a tuple of positional arguments, a dict of named ones, or one argument.
        tolerance: Difference allowed in each value: this, plus this times the expected size.
        hints: Typical mistakes: a sentence that says what is wrong, and a function that goes wrong like that. Where
            `yours` gives the same as one of them on every case, the message ends with its sentence.

    Raises:
        Disagreement: If a case differs: which one, what was expected, what came, and the likely cause.
        ValueError: If there are no cases.

    >>> agrees(lambda x: x + x, lambda x: 2 * x, [1, 2, (3,), {"x": 4}])
    all 4 cases agree
    >>> agrees(lambda x: x**2, lambda x: 2 * x, [2, 3], hints={"You squared: twice x is 2 * x.": lambda x: x * x})
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
        problems = _problems(yours, reference, case, tolerance)
        if problems == [UNWRITTEN]:
            raise Disagreement(f"{name}: {UNWRITTEN}")
        if problems:
            where = f"{name}: case {number} of {len(cases)} differs ({_inputs(yours, case)})"
            raise Disagreement("\n  ".join([where, *problems, *_likely_cause(yours, cases, hints or {}, tolerance)]))
    print(f"all {len(cases)} cases agree" if len(cases) > 1 else "the case agrees")


def _problems(yours: Callable, reference: Callable, case: Any, tolerance: float) -> list[str]:
    """What is wrong with the answer to one case, in lines."""
    expected, _ = _outcome(reference, case)
    if isinstance(expected, Exception):
        raise expected  # a broken reference is not the student's fault
    got, used = _outcome(yours, case)
    if isinstance(got, NotImplementedError):
        return [UNWRITTEN]
    if isinstance(got, Exception):
        return [f"it raised {type(got).__name__}: {got}", *_line_of(got, yours)]
    problems = [difference(got, expected, tolerance=tolerance)]
    if not unchanged(case, used):
        problems.append("it changed its input: work on a copy, as in `result = image.copy()`")
    return [problem for problem in problems if problem]


def _outcome(function: Callable, case: Any) -> tuple[Any, Any]:
    """What a function returns for a copy of the case, or the error it raises; and that copy afterwards."""
    case = copy.deepcopy(case)
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            return function(**case) if isinstance(case, dict) else function(*_positional(case)), case
        except Exception as error:
            return error, case


def _positional(case: Any) -> tuple:
    return case if isinstance(case, tuple) else (case,)


def _line_of(error: Exception, function: Callable) -> list[str]:
    """The line of the student's own code in which it happened."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return [f"in line {frame.lineno} of its cell: {frame.line}".rstrip(": ") for frame in frames[-1:]]


def _inputs(function: Callable, case: Any) -> str:
    """The arguments by name, in a few words each."""
    if not isinstance(case, dict):
        values = _positional(case)
        try:
            names = list(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # some functions of NumPy do not say
            names = []
        names += [f"argument {i + 1}" for i in range(len(names), len(values))]
        case = dict(zip(names, values, strict=False))
    return ", ".join(f"{name}: {describe(value)}" for name, value in case.items())


def _likely_cause(yours: Callable, cases: list, hints: Mapping[str, Callable], tolerance: float) -> list[str]:
    """The sentence of the first wrong answer that gives the same as `yours` on every case."""
    ours = [_outcome(yours, case)[0] for case in cases]
    if all(isinstance(outcome, Exception) for outcome in ours):
        return []  # crashed throughout: what it meant to compute cannot be known
    for sentence, wrong in hints.items():
        if all(_alike(outcome, _outcome(wrong, case)[0], tolerance) for outcome, case in zip(ours, cases)):
            return [f"likely cause: {sentence}"]
    return []


def _alike(ours: Any, wrong: Any, tolerance: float) -> bool:
    if isinstance(ours, Exception) or isinstance(wrong, Exception):
        return type(ours) is type(wrong)
    return not difference(ours, wrong, tolerance=tolerance)
