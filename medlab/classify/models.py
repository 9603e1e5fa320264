"""The classifiers of the course by name, as pipelines, each with a small grid of settings to choose from."""

from typing import TYPE_CHECKING, Any

from medlab import arguments

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.pipeline import Pipeline

# what the inner loop of the nested cross-validation chooses from; few values, since data are few
GRIDS: dict[str, dict[str, list]] = {
    "svm": {"classify__estimator__C": [0.3, 3.0, 30.0], "classify__estimator__gamma": ["scale", 0.01]},
    "linear-svm": {"classify__estimator__C": [0.001, 0.01, 0.1, 1.0]},
    "mlp": {"classify__alpha": [0.1, 1.0, 10.0]},
    "tree": {"classify__max_depth": [2, 4, 8], "classify__min_samples_leaf": [1, 10]},
    "forest": {"classify__max_features": ["sqrt", 0.5], "classify__min_samples_leaf": [1, 5]},
    "logistic": {"classify__C": [0.001, 0.01, 0.1, 1.0, 10.0]},
    "adaboost": {"classify__learning_rate": [0.1, 0.3, 1.0]},
}
NAMES = tuple(GRIDS)


def model(name: str, *, seed: int = 0) -> "Pipeline":
    """A classifier with what has to happen before it, all learned from training data only.

    Steps: "impute" (a feature that could not be measured gets the median), "scale", "classify". For images put a
    feature step before them: `Pipeline([("features", features.HOG()), *classify.model("svm").steps])`. Probabilities
    come from the classifier itself; the SVMs, which have none, get a sigmoid fitted to scores of cases they were not
    trained on (3 folds). `fit` of the pipeline makes these folds by image; `classify.fit`, `tune`, `out_of_fold` and
    `compare` make them by patient. The sigmoid leaves the order of cases, and so the AUC of two classes, as it was. No
    class is weighted: with a rare disease few probabilities reach 0.5, as it should be.

    Args:
        name: One of `NAMES`.
        seed: Where all random choices of the classifier start.

    Raises:
        ValueError: If the name is unknown.

    Source of the sigmoid: Platt 1999. Taught in: notebook 06.

    >>> list(model("logistic").named_steps)
    ['impute', 'scale', 'classify']
    """
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return Pipeline([("impute", impute), ("scale", StandardScaler()), ("classify", _classifier(name, seed))])


def grid(estimator: "str | BaseEstimator") -> dict[str, list]:
    """The settings to choose from: of a name, or of a pipeline that `model` made; none for any other estimator.

    Raises:
        ValueError: If the name is unknown.
    """
    if isinstance(estimator, str):
        return GRIDS[arguments.choice(estimator, "name", NAMES)]
    kinds = {_kind(_classifier(name, 0)): name for name in NAMES}
    name = kinds.get(_kind(getattr(estimator, "named_steps", {}).get("classify")))
    return {} if name is None else GRIDS[name]


def _kind(classifier: Any) -> tuple[type, type]:
    return type(classifier), type(getattr(classifier, "estimator", None))


def _classifier(name: str, seed: int) -> "ClassifierMixin":
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC, LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    def calibrated(machine: Any) -> CalibratedClassifierCV:
        parts = StratifiedKFold(3, shuffle=True, random_state=seed)
        return CalibratedClassifierCV(machine, cv=parts, ensemble=False)

    make = {
        "svm": lambda: calibrated(SVC()),
        "linear-svm": lambda: calibrated(LinearSVC(C=0.01, dual="auto", max_iter=20_000, random_state=seed)),
        # lbfgs suits tables, and a smooth activation suits lbfgs (ReLU takes ten times as long); no early stopping, as
        # it would keep back images of patients that it trains on
        "mlp": lambda: MLPClassifier(
            (32,), activation="tanh", solver="lbfgs", alpha=1.0, max_iter=2000, random_state=seed
        ),
        "tree": lambda: DecisionTreeClassifier(max_depth=4, random_state=seed),
        "forest": lambda: RandomForestClassifier(200, random_state=seed),
        "logistic": lambda: LogisticRegression(max_iter=2000, random_state=seed),
        "adaboost": lambda: AdaBoostClassifier(
            DecisionTreeClassifier(max_depth=1), n_estimators=100, learning_rate=0.3, random_state=seed
        ),
    }
    return make[arguments.choice(name, "name", NAMES)]()
