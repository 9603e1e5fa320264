"""Fit by patient: one model, one model with its settings chosen, and scores of patients that a model has not seen."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab import arguments, metrics
from medlab.classify import models
from medlab.data.splits import fold_rows

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

INNER = 3  # folds that choose settings, or calibrate


@dataclass(frozen=True)
class Cases:
    """Features (or images), labels and patients that belong together.

    Args:
        X: N rows of an array or a table, or a list of N images.
        y: (N,) classes, whole numbers from 0.
        patients: (N,) the patient of each case; None where not known.
    """

    X: Any
    y: np.ndarray
    patients: np.ndarray | None

    def __getitem__(self, rows: np.ndarray) -> "Cases":
        if hasattr(self.X, "iloc"):
            X = self.X.iloc[rows]
        else:
            X = self.X[rows] if hasattr(self.X, "shape") else [self.X[i] for i in rows]
        return Cases(X, self.y[rows], None if self.patients is None else self.patients[rows])

    def folds(self, k: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rows to train on and rows to test on, by patient."""
        return fold_rows(self.y, self.patients, k=k, seed=seed)

    def warn_by_image(self) -> None:
        """Say what is lost where patients are not known."""
        if self.patients is None:
            warnings.warn(
                "patients are not known (groups=None), so folds and intervals are by image; images of one patient may "
                "stand on both sides, and results come out too good where they do",
                stacklevel=3,
            )


def cases_of(X: Any, y: Sequence[int], groups: Sequence | None) -> Cases:
    """What a user gave, if it fits each other."""
    y = arguments.labels(y)
    if not hasattr(X, "__len__") and not hasattr(X, "shape"):
        raise ValueError(f"X must be an array, a table or a list of images, got {type(X).__name__}")
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    if n != len(y):
        raise ValueError(f"X and y must be as many, got {n} and {len(y)}")
    return Cases(X, y, arguments.patients(groups, n))


def folds(
    y: Sequence[int], *, groups: Sequence | None = None, k: int = 5, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide cases into k parts by patient, classes in proportion: k pairs of row numbers, all but one part, that part.

    The parts are those of `medlab.data.folds` for the same labels, patients and seed.

    Args:
        y: (N,) classes, whole numbers from 0.
        groups: (N,) the patient of each case; None divides by case.
        k: How many parts, at least 2.
        seed: Where the draw starts; the same seed gives the same parts.

    Raises:
        ValueError: If labels or groups are wrong, patients are fewer than k, or a class stands in one part only.
    """
    labels = arguments.labels(y)
    return fold_rows(labels, arguments.patients(groups, len(labels)), k=k, seed=seed)


def fit(
    model: "str | BaseEstimator", X: Any, y: Sequence[int], *, groups: Sequence | None = None, seed: int = 0
) -> "BaseEstimator":
    """A fitted copy of the model; where it calibrates probabilities, that is done by patient too.

    Args:
        model: A name for `classify.model`, or any scikit-learn classifier.
        X: (N, F) numbers or a table; images, as an array or a list, where the model begins with a feature step.
        y: (N,) classes, whole numbers from 0.
        groups: (N,) the patient of each case; None calibrates by image.
        seed: Where the draw of the calibration's parts starts.

    Raises:
        ValueError: If X, y and groups do not fit each other, or patients are too few to calibrate (2 of each class).
    """
    return fitted(_estimator(model, seed), cases_of(X, y, groups), seed=seed)


def tune(
    model: "str | BaseEstimator",
    X: Any,
    y: Sequence[int],
    *,
    grid: Mapping[str, Sequence] | None = None,
    groups: Sequence | None = None,
    seed: int = 0,
) -> "BaseEstimator":
    """A fitted copy of the model with the settings of the best AUC in a cross-validation by patient, in 3 folds.

    That AUC is too good, as it is the best of many; `classify.compare` says what to expect of new patients.

    Args:
        grid: Parameter names to values; None takes `classify.models.grid(model)`.

    Raises:
        ValueError: As `fit`, and as `folds`.
    """
    estimator, cases = _estimator(model, seed), cases_of(X, y, groups)
    grid = models.grid(estimator) if grid is None else grid
    return fitted(chosen(estimator, grid, cases, k=INNER, seed=seed)[0], cases, seed=seed)


def out_of_fold(
    model: "str | BaseEstimator",
    X: Any,
    y: Sequence[int],
    *,
    groups: Sequence | None,
    k: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Probabilities of each case from a model that has not seen its patient; settings stay as they are.

    Returns:
        (N,) the probability of class 1 for two classes, (N, K) beyond.

    Raises:
        ValueError: As `fit`, and as `folds`.
    """
    estimator, cases = _estimator(model, seed), cases_of(X, y, groups)
    cases.warn_by_image()
    return scores_of(lambda part: fitted(estimator, part, seed=seed), cases, cases.folds(k, seed))


def probabilities(model: "BaseEstimator", X: Any) -> np.ndarray:
    """What a fitted model says: (N,) the probability of class 1 for two classes, (N, K) beyond.

    Raises:
        ValueError: If the model gives no probabilities.
    """
    if not hasattr(model, "predict_proba"):
        raise ValueError(f"{model!r} gives no probabilities; put it into sklearn's CalibratedClassifierCV")
    known = model.predict_proba(X)
    classes = np.asarray(model.classes_).astype(int)
    scores = np.zeros((len(known), max(2, int(classes.max()) + 1)))
    scores[:, classes] = known  # a class it was not trained on gets nothing
    return scores[:, 1] if scores.shape[1] == 2 else scores


def fitted(estimator: "BaseEstimator", cases: Cases, *, seed: int) -> "BaseEstimator":
    """A fitted copy, calibrated by patient."""
    from sklearn.base import clone
    from sklearn.calibration import CalibratedClassifierCV

    estimator = clone(estimator)
    steps = getattr(estimator, "named_steps", {})
    if next(iter(steps), None) == "impute" and getattr(cases.X, "ndim", 2) != 2:  # before scikit-learn says it
        raise ValueError(
            f"X must be (N, F), got {cases.X.shape}; flatten images with X.reshape(len(X), -1), or begin with a "
            f"feature step: Pipeline([('features', features.HOG()), *classify.model(name).steps])"
        )
    last = list(steps.values())[-1] if steps else estimator
    if cases.patients is None or not isinstance(last, CalibratedClassifierCV):
        return estimator.fit(cases.X, cases.y)
    # scikit-learn would cut these parts by image: routing groups to them is off by default
    as_it_was = last.cv
    last.set_params(cv=cases.folds(INNER, seed))
    estimator.fit(cases.X, cases.y)
    last.set_params(cv=as_it_was)  # row numbers mean nothing for other data
    return estimator


def chosen(
    estimator: "BaseEstimator", grid: Mapping[str, Sequence], cases: Cases, *, k: int, seed: int
) -> tuple["BaseEstimator", dict[str, Any]]:
    """A copy with the best settings of the grid, not fitted, and these; the first of equals."""
    from sklearn.base import clone
    from sklearn.model_selection import ParameterGrid

    settings = list(ParameterGrid(dict(grid)))
    candidates = [clone(estimator).set_params(**one) for one in settings]
    best = 0
    if len(settings) > 1:
        parts = cases.folds(k, seed)
        scores = [scores_of(lambda part, c=c: fitted(c, part, seed=seed), cases, parts) for c in candidates]
        best = int(np.argmax([metrics.auc(cases.y, one) for one in scores]))
    return candidates[best], settings[best]


def scores_of(
    fit_one: "Callable[[Cases], BaseEstimator]", cases: Cases, parts: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Out-of-fold probabilities for these parts."""
    classes = int(cases.y.max()) + 1
    scores = np.empty(len(cases.y) if classes == 2 else (len(cases.y), classes))
    for train, test in parts:
        scores[test] = probabilities(fit_one(cases[train]), cases[test].X)
    return scores


def _estimator(model: "str | BaseEstimator", seed: int) -> "BaseEstimator":
    if isinstance(model, str):
        return models.model(model, seed=seed)
    if not (hasattr(model, "fit") and hasattr(model, "get_params")):
        raise ValueError(f"a model is a name ({', '.join(models.NAMES)}) or a scikit-learn classifier, got {model!r}")
    return model
