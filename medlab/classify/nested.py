"""Which model is better? Nested cross-validation by patient, one table with intervals, and paired comparison."""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab import metrics
from medlab.classify import fitting, splits
from medlab.classify.models import grid as grid_of
from medlab.classify.models import model as model_of

if TYPE_CHECKING:
    import pandas
    from sklearn.base import BaseEstimator

METRICS = metrics.METRICS


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What a nested cross-validation found.

    Args:
        table: One row a model. The columns of `METRICS` hold an `Interval` each, by patient; `fit_s` is the mean time
            of one training with the chosen settings, `predict_s` that of predicting one test fold, both in seconds;
            `chosen` lists the settings, a dict for each outer fold.
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
    progress: Callable[[int, int], None] | None = None,
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
        progress: Called with (done, total) after each outer fold of each model.

    Raises:
        ValueError: If X, y and groups do not fit each other, there is one class only, or patients are too few.
        KeyboardInterrupt: If stopped before the first model is done.

    Source: Varma and Simon 2006, doi:10.1186/1471-2105-7-91. Taught in: notebook 06.
    """
    y, patient = splits.check(X, y, groups)
    todo = _todo(models, seed)
    if patient is None:
        splits.warn_by_image(2)
    parts = splits.folds(y, groups=patient, k=outer, seed=seed)
    fold = np.empty(len(y), int)
    for i, (train, test) in enumerate(parts):
        fold[test] = i
        splits.folds(y[train], groups=_of(patient, train), k=inner, seed=seed)  # what cannot be done is said at once
    report = _counter(progress, len(todo) * len(parts))
    rows, scores, interrupted = {}, {}, False
    for name, (estimator, grid) in todo.items():
        try:
            scores[name], rows[name] = _nested(name, estimator, grid, X, y, patient, parts, inner, seed, report)
        except KeyboardInterrupt:
            if not scores:
                raise
            interrupted = True
            missing = ", ".join(list(todo)[len(scores) :])
            warnings.warn(f"stopped; done are {', '.join(scores)}, missing are {missing}", stacklevel=2)
            break
    return Comparison(_table(rows, scores, y, patient, n, seed), scores, y, patient, fold, interrupted)


def better(
    comparison: Comparison, a: str, b: str, metric: Callable = metrics.auc, *, n: int = 2000, seed: int = 0
) -> metrics.Paired:
    """The difference of two models of a comparison, a minus b, on the same patients.

    Args:
        metric: A metric that takes (labels, scores), such as `metrics.auc`.

    Raises:
        ValueError: If the comparison has no model of that name.
    """
    for name in (a, b):
        if name not in comparison.scores:
            raise ValueError(f"no model {name!r} in the comparison; it has {', '.join(comparison.scores)}")
    found = comparison.scores
    return metrics.paired(metric, comparison.labels, found[a], found[b], groups=comparison.groups, n=n, seed=seed)


def _todo(wanted: "Iterable[str] | Mapping[str, Any]", seed: int) -> dict[str, tuple["BaseEstimator", Mapping]]:
    """Name to estimator and grid."""
    if isinstance(wanted, str):
        wanted = [wanted]
    pairs = wanted.items() if isinstance(wanted, Mapping) else [(name, name) for name in wanted]
    found = {}
    for name, value in pairs:
        if isinstance(value, str):
            found[name] = model_of(value, seed=seed), grid_of(value)
        elif isinstance(value, tuple) and len(value) == 2:
            found[name] = value
        elif hasattr(value, "fit") and hasattr(value, "get_params"):
            found[name] = value, grid_of(value)
        else:
            raise ValueError(f"model {name!r}: a name, a classifier or (classifier, grid) is expected, got {value!r}")
    if not found:
        raise ValueError("there is no model to compare")
    return found


def _nested(
    name: str,
    estimator: "BaseEstimator",
    grid: Mapping,
    X: Any,
    y: np.ndarray,
    patient: np.ndarray | None,
    parts: list,
    inner: int,
    seed: int,
    report: Callable[[], None],
) -> tuple[np.ndarray, dict[str, Any]]:
    """Out-of-fold probabilities of one model, and its times and settings."""
    from sklearn.exceptions import ConvergenceWarning

    classes = int(y.max()) + 1
    scores = np.empty(len(y) if classes == 2 else (len(y), classes))
    fit_s, predict_s, settings = [], [], []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        for train, test in parts:
            seen, truth, of_train = splits.take(X, train), y[train], _of(patient, train)
            best, values = fitting.chosen(estimator, grid, seen, truth, of_train, k=inner, seed=seed)
            settings.append(values)
            start = time.perf_counter()
            fitted = fitting.fit(best, seen, truth, groups=of_train, seed=seed)
            fit_s.append(time.perf_counter() - start)
            unseen = splits.take(X, test)
            start = time.perf_counter()
            scores[test] = fitting.probabilities(fitted, unseen, classes=classes)
            predict_s.append(time.perf_counter() - start)
            report()
    unfinished = [w for w in caught if issubclass(w.category, ConvergenceWarning)]
    for w in caught:
        if w not in unfinished:
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    if unfinished:
        warnings.warn(f"{name}: {len(unfinished)} trainings stopped before they had converged", stacklevel=3)
    return scores, {"fit_s": float(np.mean(fit_s)), "predict_s": float(np.mean(predict_s)), "chosen": settings}


def _table(
    rows: dict, scores: dict, y: np.ndarray, patient: np.ndarray | None, n: int, seed: int
) -> "pandas.DataFrame":
    import pandas

    measured = {name: metrics.evaluate(y, scores[name], groups=patient, n=n, seed=seed) | rows[name] for name in scores}
    columns = (*METRICS, "fit_s", "predict_s", "chosen")
    return pandas.DataFrame(
        {column: pandas.Series({m: row[column] for m, row in measured.items()}) for column in columns}
    )


def _of(patient: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if patient is None else patient[rows]


def _counter(progress: Callable[[int, int], None] | None, total: int) -> Callable[[], None]:
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return one_more
