"""What a model file may hold: a list of types, and numbers that do not lead scikit-learn's C code astray."""

import io
import json
import sys
import zipfile
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

# the ways skops may build an object; those for partial functions, methods and operators are left out
_LOADERS = {
    "CachedNode", "DTypeNode", "DictNode", "FunctionNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode",
    "RandomStateNode", "TreeNode", "TupleNode", "TypeNode",
}  # fmt: skip
_PLAIN = {f"builtins.{name}" for name in ("bool", "dict", "float", "int", "list", "str", "tuple")}


@cache
def known_types() -> frozenset[str]:
    """Full names of all types and functions that are loaded."""
    from sklearn import (
        calibration,
        decomposition,
        dummy,
        ensemble,
        feature_selection,
        impute,
        linear_model,
        model_selection,
        naive_bayes,
        neural_network,
        pipeline,
        preprocessing,
        svm,
        tree,
    )
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    from medlab.features import transformers

    parts = [
        calibration.CalibratedClassifierCV, calibration._CalibratedClassifier, calibration._SigmoidCalibration,
        decomposition.PCA, LinearDiscriminantAnalysis, dummy.DummyClassifier,
        ensemble.AdaBoostClassifier, ensemble.ExtraTreesClassifier, ensemble.RandomForestClassifier,
        feature_selection.SelectKBest, feature_selection.SelectPercentile, feature_selection.VarianceThreshold,
        feature_selection.f_classif, feature_selection.mutual_info_classif, impute.SimpleImputer,
        linear_model.LogisticRegression, model_selection.StratifiedKFold, naive_bayes.GaussianNB,
        neural_network.MLPClassifier, neural_network._stochastic_optimizers.AdamOptimizer, pipeline.FeatureUnion,
        pipeline.Pipeline, preprocessing.LabelBinarizer, preprocessing.MinMaxScaler, preprocessing.RobustScaler,
        preprocessing.StandardScaler, svm.SVC, svm.LinearSVC, tree.DecisionTreeClassifier, tree.ExtraTreeClassifier,
        tree._tree.Tree,
        transformers.GLCM, transformers.HOG, transformers.HSV, transformers.Haar, transformers.Intensity,
        transformers.LBP, transformers.Margin, transformers.Shape,
        np.ndarray, np.dtype, np.random.RandomState,
        *(np.dtype(code).type for code in "?bhilqBHILQefdU"),
    ]  # fmt: skip
    named = {f"{part.__module__}.{part.__qualname__}" for part in parts}
    return frozenset(named | {"numpy.random.mtrand.RandomState"} | _PLAIN)


def unknown_types(data: bytes) -> list[str]:
    """Types and ways to build them in a skops file that are not on the list."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read("schema.json"))
    found = set()
    todo = [schema]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            if "__class__" in part or "__module__" in part or "__loader__" in part:
                found |= _unknown(part)
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)
    return sorted(found)


def skops_io():
    """`skops.io`, imported without torch: skops walks through all of scikit-learn, which has a door to torch in it."""
    door = "sklearn.externals.array_api_compat.torch"
    if "skops.io" in sys.modules or door in sys.modules:
        return import_module("skops.io")
    sys.modules[door] = None  # whoever imports it is told that it is not there, and goes on
    try:
        return import_module("skops.io")
    finally:
        del sys.modules[door]


def build(data: bytes) -> Any:
    """The model of a file whose types are all known; an error if its numbers are out of bounds."""
    from sklearn.utils.validation import check_is_fitted

    model = skops_io().loads(data, trusted=sorted(known_types()))
    check_is_fitted(model)
    seen, todo = set(), [model]
    while todo:
        part = todo.pop()
        if id(part) in seen or isinstance(part, (str, bytes, np.generic)):
            continue
        seen.add(id(part))
        _check(part)
        if isinstance(part, dict):
            todo.extend(part.values())
        elif isinstance(part, (list, tuple)) or (isinstance(part, np.ndarray) and part.dtype == object):
            todo.extend(part if not isinstance(part, np.ndarray) else part.ravel().tolist())
        else:
            todo.extend(getattr(part, "__dict__", {}).values())
    return model


def _unknown(part: dict) -> set[str]:
    name, loader = f"{part.get('__module__')}.{part.get('__class__')}", part.get("__loader__")
    wrong = set() if name in known_types() else {name}
    return wrong if loader in _LOADERS else wrong | {f"{name} by {loader}"}


def _check(part: Any) -> None:
    from sklearn.svm import SVC
    from sklearn.tree._tree import Tree

    if isinstance(part, Tree):
        _check_tree(part)
    if hasattr(part, "tree_") and part.tree_.n_features != part.n_features_in_:
        raise ValueError("a decision tree in it asks for other features than it says")
    trees = getattr(part, "estimators_", [])
    if any(one.n_features_in_ != part.n_features_in_ for one in trees):
        raise ValueError("trees in it ask for other features than their forest")
    if isinstance(part, SVC) and hasattr(part, "support_vectors_"):
        _check_support(part)


def _check_tree(tree: Any) -> None:
    """Children come after their parent and exist, features exist: no walk down the tree leaves it or goes round."""
    n = tree.node_count
    if not 1 <= n <= tree.capacity:
        raise ValueError("a decision tree in it has not the nodes it says")
    left, right, feature, at = tree.children_left, tree.children_right, tree.feature, np.arange(n)
    children = (left > at) & (left < n) & (right > at) & (right < n)
    known = (feature >= 0) & (feature < tree.n_features)
    if not (children & known)[left != -1].all():
        raise ValueError("a decision tree in it leads out of its own nodes or features")


def _check_support(model: Any) -> None:
    """The sizes that libsvm does not ask about."""
    vectors, counts, classes = model.support_vectors_, model._n_support, len(model.classes_)
    pairs = classes * (classes - 1) // 2
    fits = (
        model._sparse is False
        and model.kernel in ("linear", "poly", "rbf", "sigmoid")
        and vectors.ndim == 2
        and vectors.shape[1] == model.n_features_in_
        and len(counts) == classes
        and (counts >= 0).all()
        and counts.sum() == len(vectors) == len(model.support_)
        and model._dual_coef_.shape == (classes - 1, len(vectors))
        and len(model._intercept_) == pairs
        and len(model._probA) == len(model._probB)
        and len(model._probA) in (0, pairs)
    )
    if not fits:
        raise ValueError("the support vectors in it do not fit each other")
