"""Which model is better? Nested cross-validation by patient, one table with intervals, differences in words."""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab import metrics
from medlab.classify import models as named
from medlab.classify.fitting import Cases, cases_of, chosen, fitted, scores_of

if TYPE_CHECKING:
    import pandas
    from sklearn.base import BaseEstimator

_WORDS = {"auc": "AUC", "f1": "F1", "brier": "Brier score", "calibration_error": "calibration error", "mae": "error"}
_LOWER_IS_BETTER = ("brier", "calibration_error", "mae")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What a nested cross-validation found.

    Args:
        table: One row a model. The columns of `metrics.METRICS` hold an `Interval` each, by patient; `fit_s` is the
            mean time of one training with the chosen settings in seconds; `chosen` lists the settings, a dict for each
            outer fold.
        scores: Name to out-of-fold probabilities: (N,) of class 1 for two classes, (N, K) beyond.
        labels: (N,) the truth.
        groups: (N,) the patient of each case; None where not known.
        fold: (N,) the outer fold in which a case was tested.
        interrupted: True where models are missing because the run was stopped.
    """

    table: "pandas.DataFrame"
    scores: dict[str, np.ndarray]
    labels: np.ndarray
    groups: np.ndarray | None
    fold: np.ndarray
    interrupted: bool = False

    def __repr__(self) -> str:
        return self.table.drop(columns="chosen").round(4).to_string()


def compare(
    models: "Iterable[str] | Mapping[str, Any]",
    X: Any,
    y: Sequence[int],
    *,
    groups: Sequence | None = None,
    outer: int = 5,
    inner: int = 3,
    seed: int = 0,
    n: int = 2000,
) -> Comparison:
    """Compare models by nested cross-validation: settings are chosen on patients that are not tested.

    For each outer fold the inner folds, cut from its training patients, choose the settings (best AUC); a model with
    these is trained on all of them and predicts the outer test patients. Metrics are taken over all out-of-fold
    probabilities together, decisions at 0.5 (two classes) or for the largest. All models see the same folds, and the
    same seed gives the same numbers. Stopping the run (Ctrl-C) keeps the models that are done.

    Args:
        models: Names of `classify.model`; or name to model. A model is one of these names, an estimator (which brings
            its grid if `classify.model` made it, else stays as it is), or a pair (estimator, grid); an empty grid
            searches nothing.
        X: (N, F) numbers or a table; images, as an array or a list, where all models begin with a feature step (they
            are then measured anew in every fold: features that learn nothing are faster taken out before).
        y: (N,) classes, whole numbers from 0.
        groups: (N,) the patient of each case; None goes by image, with a warning.
        outer: Folds that test.
        inner: Folds that choose.
        seed: Where folds, models made by name, and bootstrap start.
        n: Bootstrap draws of the intervals.

    Raises:
        ValueError: If X, y and groups do not fit each other, there is one class only, or patients are too few.
        KeyboardInterrupt: If stopped before the first model is done.

    Source: Varma and Simon 2006, doi:10.1186/1471-2105-7-91. Taught in: notebook 06.
    """
    import pandas

    cases = cases_of(X, y, groups)
    pairs = _with_grids(models, seed)
    cases.warn_by_image()
    parts = cases.folds(outer, seed)
    fold = np.empty(len(cases.y), int)
    for i, (train, test) in enumerate(parts):
        fold[test] = i
        cases[train].folds(inner, seed)  # what cannot be done is said at once
    rows, scores, interrupted = {}, {}, False
    for name, (estimator, grid) in pairs.items():
        try:
            scores[name], measured = _nested(name, estimator, grid, cases, parts, inner, seed)
        except KeyboardInterrupt:
            if not scores:
                raise
            interrupted = True
            missing = ", ".join(list(pairs)[len(scores) :])
            warnings.warn(f"stopped; done are {', '.join(scores)}, missing are {missing}", stacklevel=2)
            break
        rows[name] = metrics.evaluate(cases.y, scores[name], groups=cases.patients, n=n, seed=seed) | measured
    table = pandas.DataFrame.from_dict(rows, orient="index")
    return Comparison(table, scores, cases.y, cases.patients, fold, interrupted)


def better(comparison: Comparison, a: str, b: str, metric: Callable = metrics.auc) -> metrics.Paired:
    """The difference of two models of a comparison, a minus b, on the same patients.

    Args:
        metric: A metric that takes (labels, scores), such as `metrics.auc`.

    Raises:
        ValueError: If the comparison has no model of that name.
    """
    for name in (a, b):
        if name not in comparison.scores:
            raise ValueError(f"no model {name!r} in the comparison; it has {', '.join(comparison.scores)}")
    scores = comparison.scores
    return metrics.paired(metric, comparison.labels, scores[a], scores[b], groups=comparison.groups)


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
        text = _numbers(value, low, high)
        return f"{name_a} and {name_b} cannot be told apart: the difference of {text} in {word} may be chance, {p}."
    lower = kind in _LOWER_IS_BETTER
    first, second = (name_a, name_b) if (low > 0) != lower else (name_b, name_a)
    if high < 0:
        value, low, high = -value, -high, -low
    way = "lower" if lower else "higher"
    is_better = "is perhaps better" if paired.p > 0.05 else "is better"
    return f"{first} {is_better} than {second}: {word} {way} by {_numbers(value, low, high)}, {p}."


def _with_grids(models: "Iterable[str] | Mapping[str, Any]", seed: int) -> dict[str, tuple["BaseEstimator", Mapping]]:
    """Name to estimator and grid."""
    if isinstance(models, str):
        models = [models]
    pairs = {}
    for name, value in (models if isinstance(models, Mapping) else {name: name for name in models}).items():
        if isinstance(value, str):
            pairs[name] = named.model(value, seed=seed), named.grid(value)
        elif isinstance(value, tuple) and len(value) == 2:
            pairs[name] = value
        elif hasattr(value, "fit") and hasattr(value, "get_params"):
            pairs[name] = value, named.grid(value)
        else:
            raise ValueError(f"model {name!r}: a name, a classifier or (classifier, grid) is expected, got {value!r}")
    if not pairs:
        raise ValueError("there is no model to compare")
    return pairs


def _nested(
    name: str, estimator: "BaseEstimator", grid: Mapping, cases: Cases, parts: list, inner: int, seed: int
) -> tuple[np.ndarray, dict[str, Any]]:
    """Out-of-fold probabilities of one model, and its times and settings."""
    from sklearn.exceptions import ConvergenceWarning

    seconds, settings = [], []

    def choose_and_fit(part: Cases) -> "BaseEstimator":
        best, values = chosen(estimator, grid, part, k=inner, seed=seed)
        settings.append(values)
        start = time.perf_counter()
        model = fitted(best, part, seed=seed)
        seconds.append(time.perf_counter() - start)
        return model

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        scores = scores_of(choose_and_fit, cases, parts)
    unfinished = [w for w in caught if issubclass(w.category, ConvergenceWarning)]
    for w in caught:
        if w not in unfinished:
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    if unfinished:
        warnings.warn(f"{name}: {len(unfinished)} trainings stopped before they had converged", stacklevel=3)
    return scores, {"fit_s": float(np.mean(seconds)), "chosen": settings}


def _numbers(value: float, low: float, high: float) -> str:
    """Two decimals, or three where two would hide on which side of 0 an end lies."""
    digits = 3 if any(0 < abs(number) < 0.005 for number in (value, low, high)) else 2
    value, low, high = (round(number, digits) + 0.0 for number in (value, low, high))  # + 0.0: no "-0.00"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
