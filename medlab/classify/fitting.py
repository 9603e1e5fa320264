"""Fit by patient: one model, one model with its settings chosen, and scores of patients that a model has not seen."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab import metrics
from medlab.classify import models, splits

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

CALIBRATION_FOLDS = 3


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
    from sklearn.base import clone
    from sklearn.calibration import CalibratedClassifierCV

    estimator = clone(_estimator(model, seed))
    y, patient = splits.check(X, y, groups)
    _check_flat(estimator, X)
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if patient is None or not isinstance(last, CalibratedClassifierCV):
        return estimator.fit(X, y)
    # scikit-learn would cut these parts by image: routing groups to them is off by default
    as_it_was = last.cv
    last.set_params(cv=splits.folds(y, groups=patient, k=CALIBRATION_FOLDS, seed=seed))
    estimator.fit(X, y)
    last.set_params(cv=as_it_was)  # row numbers mean nothing for other data
    return estimator


def tune(
    model: "str | BaseEstimator",
    X: Any,
    y: Sequence[int],
    *,
    grid: Mapping[str, Sequence] | None = None,
    groups: Sequence | None = None,
    k: int = 3,
    seed: int = 0,
) -> "BaseEstimator":
    """A fitted copy of the model with the settings of the best AUC in a cross-validation by patient.

    That AUC is too good, as it is the best of many; `classify.compare` says what to expect of new patients.

    Args:
        grid: Parameter names to values; None takes `classify.grid(model)`.
        k: Folds of the search.

    Raises:
        ValueError: As `fit`, and as `folds`.
    """
    estimator = _estimator(model, seed)
    y, patient = splits.check(X, y, groups)
    grid = models.grid(estimator) if grid is None else grid
    return fit(chosen(estimator, grid, X, y, patient, k=k, seed=seed)[0], X, y, groups=patient, seed=seed)


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
    estimator = _estimator(model, seed)
    y, patient = splits.check(X, y, groups)
    if patient is None:
        splits.warn_by_image(2)
    return scores_of(estimator, X, y, patient, splits.folds(y, groups=patient, k=k, seed=seed), seed=seed)


def probabilities(model: "BaseEstimator", X: Any, *, classes: int | None = None) -> np.ndarray:
    """What a fitted model says: (N,) the probability of class 1 for two classes, (N, K) beyond.

    Args:
        classes: How many there are, where the model may not have been trained on all of them.

    Raises:
        ValueError: If the model gives no probabilities.
    """
    if not hasattr(model, "predict_proba"):
        raise ValueError(f"{model!r} gives no probabilities; put it into sklearn's CalibratedClassifierCV")
    said = model.predict_proba(X)
    of_class = np.asarray(model.classes_).astype(int)
    found = np.zeros((len(said), max(classes or 2, int(of_class.max()) + 1)))
    found[:, of_class] = said
    return found[:, 1] if found.shape[1] == 2 else found


def chosen(
    estimator: "BaseEstimator",
    grid: Mapping[str, Sequence],
    X: Any,
    y: np.ndarray,
    patient: np.ndarray | None,
    *,
    k: int,
    seed: int,
) -> tuple["BaseEstimator", dict[str, Any]]:
    """A copy with the best settings of the grid, not fitted, and these; the first of equals."""
    from sklearn.base import clone
    from sklearn.model_selection import ParameterGrid

    settings = list(ParameterGrid(dict(grid)))
    best = settings[0]
    if len(settings) > 1:
        parts = splits.folds(y, groups=patient, k=k, seed=seed)
        tried = [clone(estimator).set_params(**one) for one in settings]
        reached = [metrics.auc(y, scores_of(one, X, y, patient, parts, seed=seed)) for one in tried]
        best = settings[int(np.argmax(reached))]
    return clone(estimator).set_params(**best), best


def scores_of(
    estimator: "BaseEstimator",
    X: Any,
    y: np.ndarray,
    patient: np.ndarray | None,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    seed: int,
) -> np.ndarray:
    """Out-of-fold probabilities for these parts."""
    classes = int(y.max()) + 1
    found = np.empty(len(y) if classes == 2 else (len(y), classes))
    for train, test in parts:
        of_train = None if patient is None else patient[train]
        fitted = fit(estimator, splits.take(X, train), y[train], groups=of_train, seed=seed)
        found[test] = probabilities(fitted, splits.take(X, test), classes=classes)
    return found


def _estimator(model: "str | BaseEstimator", seed: int) -> "BaseEstimator":
    if isinstance(model, str):
        return models.model(model, seed=seed)
    if not (hasattr(model, "fit") and hasattr(model, "get_params")):
        raise ValueError(f"a model is a name ({', '.join(models.NAMES)}) or a scikit-learn classifier, got {model!r}")
    return model


def _check_flat(estimator: "BaseEstimator", X: Any) -> None:
    """Say it before scikit-learn does, which does not know what images are."""
    steps = getattr(estimator, "named_steps", {})
    if next(iter(steps), None) == "impute" and getattr(X, "ndim", 2) != 2:
        raise ValueError(
            f"X must be (N, F), got {X.shape}; flatten images with X.reshape(len(X), -1), or begin with a feature "
            f"step: classify.model(name, features=features.HOG())"
        )
