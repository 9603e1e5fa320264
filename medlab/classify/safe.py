"""What a model file may hold: a list of types, and numbers that do not lead scikit-learn's C code astray."""

import io
import json
import sys
import zipfile
from importlib import import_module
from typing import Any

import numpy as np

# the ways skops may build an object; those for partial functions, methods and operators are left out
LOADERS = {
    "CachedNode", "DTypeNode", "DictNode", "FunctionNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode",
    "RandomStateNode", "TreeNode", "TupleNode", "TypeNode",
}  # fmt: skip
_TYPES = {  # module: the types and functions of it that are loaded
    "builtins": "bool dict float int list str tuple",
    "medlab.features.transformers": "GLCM HOG HSV Haar Intensity LBP Margin Shape",
    "numpy": "dtype ndarray bool str_ float16 float32 float64 int8 int16 int32 int64 intc longlong "
    "uint8 uint16 uint32 uint64 uintc ulonglong",
    "numpy.random.mtrand": "RandomState",
    "sklearn.calibration": "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration",
    "sklearn.decomposition._pca": "PCA",
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis",
    "sklearn.dummy": "DummyClassifier",
    "sklearn.ensemble._forest": "ExtraTreesClassifier RandomForestClassifier",
    "sklearn.ensemble._weight_boosting": "AdaBoostClassifier",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif",
    "sklearn.feature_selection._univariate_selection": "SelectKBest SelectPercentile f_classif",
    "sklearn.feature_selection._variance_threshold": "VarianceThreshold",
    "sklearn.impute._base": "SimpleImputer",
    "sklearn.linear_model._logistic": "LogisticRegression",
    "sklearn.model_selection._split": "StratifiedKFold",
    "sklearn.naive_bayes": "GaussianNB",
    "sklearn.neural_network._multilayer_perceptron": "MLPClassifier",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer",
    "sklearn.pipeline": "FeatureUnion Pipeline",
    "sklearn.preprocessing._data": "MinMaxScaler RobustScaler StandardScaler",
    "sklearn.preprocessing._label": "LabelBinarizer",
    "sklearn.svm._classes": "LinearSVC SVC",
    "sklearn.tree._classes": "DecisionTreeClassifier ExtraTreeClassifier",
    "sklearn.tree._tree": "Tree",
}
KNOWN = frozenset(f"{module}.{name}" for module, names in _TYPES.items() for name in names.split())


def unknown_types(data: bytes) -> list[str]:
    """Types and ways to build them in a skops file that are not on the list."""
    unknown = set()

    def look_at(part: dict) -> dict:
        if not part.keys().isdisjoint(("__class__", "__module__", "__loader__")):
            name, loader = f"{part.get('__module__')}.{part.get('__class__')}", part.get("__loader__")
            unknown.update(() if name in KNOWN else {name})
            unknown.update(() if loader in LOADERS else {f"{name} by {loader}"})
        return part

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        json.loads(archive.read("schema.json"), object_hook=look_at)
    return sorted(unknown)


def skops_io():
    """`skops.io`, imported without torch: skops walks through all of scikit-learn, which has a door to torch in it."""
    door = "sklearn.externals.array_api_compat.torch"
    sys.modules.setdefault(door, None)  # whoever imports it now is told that it is not there, and goes on
    try:
        return import_module("skops.io")
    finally:
        if sys.modules[door] is None:
            del sys.modules[door]


def build(data: bytes) -> Any:
    """The model of a file whose types are all known; an error if its numbers are out of bounds."""
    from sklearn.utils.validation import check_is_fitted

    model = skops_io().loads(data, trusted=sorted(KNOWN))
    check_is_fitted(model)
    seen, parts = set(), [model]
    for part in parts:  # grows on the way
        if id(part) in seen or isinstance(part, (str, bytes, np.generic)):
            continue
        seen.add(id(part))
        _check(part)
        if isinstance(part, dict):
            parts.extend(part.values())
        elif isinstance(part, np.ndarray):
            parts.extend(part.ravel() if part.dtype == object else ())
        else:
            parts.extend(part if isinstance(part, (list, tuple)) else getattr(part, "__dict__", {}).values())
    return model


def _check(part: Any) -> None:
    from sklearn.svm import SVC
    from sklearn.tree._tree import Tree

    if isinstance(part, Tree):
        _check_tree(part)
    if hasattr(part, "tree_") and part.tree_.n_features != part.n_features_in_:
        raise ValueError("a decision tree in it asks for other features than it says")
    if any(tree.n_features_in_ != part.n_features_in_ for tree in getattr(part, "estimators_", [])):
        raise ValueError("trees in it ask for other features than their forest")
    if isinstance(part, SVC) and hasattr(part, "support_vectors_"):
        _check_support(part)


def _check_tree(tree: Any) -> None:
    """Children come after their parent and exist, features exist: no walk down the tree leaves it or goes round."""
    n = tree.node_count
    if not 1 <= n <= tree.capacity:
        raise ValueError("a decision tree in it has not the nodes it says")
    inner = tree.children_left != -1
    at, children = np.flatnonzero(inner), np.array([tree.children_left, tree.children_right])[:, inner]
    features = tree.feature[inner]
    if not ((children > at) & (children < n)).all() or not ((features >= 0) & (features < tree.n_features)).all():
        raise ValueError("a decision tree in it leads out of its own nodes or features")


def _check_support(model: Any) -> None:
    """The sizes that libsvm does not ask about."""
    vectors, counts, classes = model.support_vectors_, model._n_support, len(model.classes_)
    pairs = classes * (classes - 1) // 2
    fits = (
        model._sparse is False
        and model.kernel in ("linear", "poly", "rbf", "sigmoid")
        and vectors.shape == (len(model.support_), model.n_features_in_)
        and len(counts) == classes
        and (counts >= 0).all()
        and counts.sum() == len(vectors)
        and model._dual_coef_.shape == (classes - 1, len(vectors))
        and len(model._intercept_) == pairs
        and len(model._probA) == len(model._probB)
        and len(model._probA) in (0, pairs)
    )
    if not fits:
        raise ValueError("the support vectors in it do not fit each other")
