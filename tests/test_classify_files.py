"""Model files: what is loaded says the same; whatever else comes is refused in words, and runs nothing."""

import io
import json
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from medlab import classify, features, metrics
from medlab.classify import models, safe

CARD = {"features": ["a", "b"], "classes": ["benign", "malignant"], "data": "phantoms, seed 0"}


def table(n=60, classes=2):
    return make_classification(n, 6, n_informative=4, n_classes=classes, random_state=0)


class Stranger(ClassifierMixin, BaseEstimator):
    """A model that nobody knows."""

    built = 0

    def __init__(self):
        Stranger.built += 1

    def __setstate__(self, state):
        Stranger.built += 1

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self


@pytest.fixture
def saved(tmp_path) -> Path:
    X, y = table()
    return classify.save(classify.fit("logistic", X, y), tmp_path / "model.medlab", card=CARD)


def parts_of(path: Path) -> tuple[dict, bytes]:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("medlab.json")), archive.read("model.skops")


def put_together(path: Path, header, data: bytes | None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("medlab.json", header if isinstance(header, str) else json.dumps(header))
        if data is not None:
            archive.writestr("model.skops", data)
    return path


def with_schema(data: bytes, change) -> bytes:
    """The same skops file with another plan."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as new:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                changed = change(schema)
                content = json.dumps(schema if changed is None else changed)
            new.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(("name", "classes"), [*((name, 2) for name in models.NAMES), ("svm", 3), ("mlp", 3)])
def test_a_loaded_model_says_the_same(name, classes, tmp_path):
    X, y = table(classes=classes)
    X[3, 1] = np.nan
    model = classify.fit(classify.model(name), X, y, groups=np.arange(60) // 2)
    path = classify.save(model, tmp_path / "model.medlab", card=CARD)
    loaded, card = classify.load(path)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert card == CARD
    assert [f.name for f in tmp_path.iterdir()] == ["model.medlab"]


def test_every_type_that_may_be_loaded_is_there():
    """A library that moves a class would have its models refused."""
    for name in safe.KNOWN - {"numpy.intc", "numpy.uintc"}:
        module, _, part = name.rpartition(".")
        assert hasattr(import_module(module), part), name


STEPS = {
    "HOG": (features.HOG(pixels_per_cell=(4, 4), cells_per_block=(1, 1)), lambda images: images),
    "LBP": (features.LBP(cells=(2, 2)), lambda images: images),
    "GLCM": (features.GLCM(levels=4, low=0, high=255), lambda images: images),
    "HSV": (features.HSV(bins=(2, 2, 2)), lambda images: np.repeat(images[..., None], 3, axis=-1)),
    "Haar": (features.Haar(types=["type-2-x"]), lambda images: images[:, :6, :6]),
    "Shape": (features.Shape(spacing=(1.0, 1.0)), lambda images: [image > 90 for image in images]),
    "Intensity": (features.Intensity(spacing=(1.0, 1.0)), lambda images: [(i * 1.0, i > 90) for i in images]),
    "Margin": (features.Margin(spacing=(1.0, 1.0)), lambda images: [(i * 1.0, i > 90) for i in images]),
}


@pytest.mark.filterwarnings("ignore")  # blots are no lesions; here only the file is looked at
@pytest.mark.parametrize("name", STEPS)
def test_a_model_takes_its_feature_step_along(name, tmp_path):
    step, prepare = STEPS[name]
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:12, :12] - 6
    radius = rng.uniform(3, 5, (20, 1, 1))
    images = (180 * (x**2 + y**2 < radius**2) + rng.integers(0, 40, (20, 12, 12))).astype(np.uint8)
    X, labels = prepare(images), np.arange(20) % 2
    model = Pipeline([("features", step.fit(X, labels)), *classify.fit("tree", *table()).steps])
    loaded, _ = classify.load(classify.save(model, tmp_path / "model.medlab", card=CARD))
    if name in ("HOG", "Shape"):  # the others are compiled first, and have tests of their own
        model = model.fit(X, labels)
        loaded, _ = classify.load(classify.save(model, tmp_path / "model.medlab", card=CARD))
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert vars(loaded["features"]).keys() == vars(model["features"]).keys()
    assert loaded["features"].get_params() == model["features"].get_params()


def test_the_card_comes_back(tmp_path):
    X, y = table()
    card = CARD | {
        "metrics": {"auc": metrics.Interval(0.9, 0.85, 0.94), "one patient": metrics.Interval(0.5, np.nan, np.nan)},
        "n": np.int64(60), "means": np.array([1.5, 2.5]), "date": "2025-01-31", "names": ("ä", "β"), "none": None,
    }  # fmt: skip
    path = classify.save(classify.fit("tree", X, y), tmp_path / "m", card=card)
    found = classify.load(str(path))[1]
    assert found["metrics"]["auc"] == card["metrics"]["auc"]
    assert np.isnan(found["metrics"]["one patient"].low)
    assert (found["n"], found["means"], found["names"], found["none"]) == (60, [1.5, 2.5], ["ä", "β"], None)
    assert {"medlab", "scikit-learn", "skops", "numpy", "python"} == set(parts_of(path)[0]["versions"])


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({"features": [], "classes": []}, "card lacks data"),
        ({}, "card lacks features, classes, data"),
        ("a card", "must be a dict, got str"),
        (CARD | {"auc": float("nan")}, "finite numbers"),
        (CARD | {"model": DecisionTreeClassifier()}, "got DecisionTreeClassifier"),
    ],
)
def test_wrong_cards(card, said, tmp_path):
    X, y = table()
    with pytest.raises(ValueError, match=said):
        classify.save(classify.fit("tree", X, y), tmp_path / "m", card=card)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (KNeighborsClassifier(), r"would not be opened again: .*KNeighborsClassifier"),
        (Stranger(), r"Stranger"),
        (make_pipeline(FunctionTransformer(np.log1p), DecisionTreeClassifier()), r"log1p.*FunctionTransformer"),
    ],
)
def test_what_would_not_be_loaded_is_not_saved(model, said, saved):
    X, y = table()
    before = saved.read_bytes()
    with pytest.raises(ValueError, match=said):
        classify.save(model.fit(np.abs(X), y), saved, card=CARD)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("model", [classify.model("svm"), "svm", SVC()])
def test_only_fitted_models_are_saved(model, tmp_path):
    with pytest.raises(ValueError, match="must be fitted"):
        classify.save(model, tmp_path / "m", card=CARD)


# --- other files


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        classify.load(tmp_path / "nothing")


@pytest.mark.parametrize("content", [b"", b"just text", b"\x80\x04\x95 pickle", b"PK\x03\x04" + b"\0" * 40])
def test_files_of_another_kind(content, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a model file"):
        classify.load(path)


def test_archives_of_another_kind(tmp_path, saved):
    header, data = parts_of(saved)
    (tmp_path / "bare").write_bytes(data)  # skops' own
    with pytest.raises(ValueError, match=r"not a model file .* an archive of"):
        classify.load(tmp_path / "bare")
    np.savez(tmp_path / "arrays.npz", a=np.arange(3))
    with pytest.raises(ValueError, match=r"an archive of a\.npy"):
        classify.load(tmp_path / "arrays.npz")
    with pytest.raises(ValueError, match=r"holds 'medlab\.train'; load it with the module that wrote it"):
        classify.load(put_together(tmp_path / "net", header | {"format": "medlab.train"}, data))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, r"written in format 2, medlab .* reads up to 1; update medlab"),
        ({"version": 0}, "format 0"),
        ({"version": "1"}, "format '1'"),
        ({"version": None}, "damaged"),
        ({"card": []}, "damaged"),
        ({"versions": None}, "damaged"),
        ({"format": 3}, "does not say what it holds"),
    ],
)
def test_headers_that_are_wrong(change, said, saved):
    header, data = parts_of(saved)
    with pytest.raises(ValueError, match=said):
        classify.load(put_together(saved, header | change, data))


@pytest.mark.parametrize("header", ["[]", "{", "{}", "[" * 5000, '{"format": NaN}'])
def test_headers_that_are_none(header, saved):
    with pytest.raises(ValueError, match=r"damaged|does not say"):
        classify.load(put_together(saved, header, parts_of(saved)[1]))


@pytest.mark.parametrize("data", [None, b"", b"text", b"PK\x05\x06" + b"\0" * 18])
def test_models_that_are_none(data, saved):
    with pytest.raises(ValueError, match="damaged"):
        classify.load(put_together(saved, parts_of(saved)[0], data))


def test_a_file_cut_short(saved):
    whole = saved.read_bytes()
    for keep in np.linspace(1, len(whole) - 1, 15).astype(int):
        saved.write_bytes(whole[:keep])
        with pytest.raises(ValueError, match=r"cut short|damaged"):
            classify.load(saved)


def test_a_file_with_a_wrong_byte_never_gives_another_model(saved):
    """An error in words, or the model as it was (bytes that nobody reads)."""
    X, _ = table()
    expected = classify.load(saved)[0].predict_proba(X)
    whole = saved.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for at in rng.integers(0, len(whole), 60):
        saved.write_bytes(whole[:at] + bytes([whole[at] ^ int(rng.integers(1, 256))]) + whole[at + 1 :])
        try:
            found = classify.load(saved)[0]
        except ValueError:
            refused += 1
        else:
            np.testing.assert_array_equal(found.predict_proba(X), expected)
    assert refused > 40


# --- files made to harm


def test_unknown_types_are_named_and_never_built(saved):
    X, y = table()
    header, _ = parts_of(saved)
    data = skops.io.dumps(make_pipeline(Stranger()).fit(X, y))
    Stranger.built = 0
    with pytest.raises(ValueError, match=r"not loaded, since it holds types that are not known: .*Stranger"):
        classify.load(put_together(saved, header, data))
    assert Stranger.built == 0


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"__module__": "os", "__class__": "system", "__loader__": "FunctionNode", "content": {}}, r"os\.system"),
        ({"__module__": "builtins", "__class__": "eval", "__loader__": "ObjectNode", "content": None}, "eval"),
        ({"__module__": "builtins", "__class__": "str", "__loader__": "MethodNode", "content": {}}, "by MethodNode"),
        ({"__module__": "builtins", "__class__": "int", "__loader__": "OperatorFuncNode"}, "by OperatorFuncNode"),
        ({"__module__": "functools", "__class__": "partial", "__loader__": "PartialNode"}, "partial"),
        ({"__module__": "sklearn.preprocessing._function_transformer", "__class__": "FunctionTransformer",
          "__loader__": "ObjectNode", "content": {}}, "FunctionTransformer"),
        ({"__class__": "int", "__loader__": "JsonNode"}, r"None\.int"),
    ],
)  # fmt: skip
def test_ways_to_run_code_are_refused(part, named, saved):
    header, data = parts_of(saved)

    def smuggle(schema):
        schema["content"]["content"]["verbose"] = part

    with pytest.raises(ValueError, match=named):
        classify.load(put_together(saved, header, with_schema(data, smuggle)))


def test_a_plan_that_leads_nowhere(saved):
    header, data = parts_of(saved)
    for change in (lambda s: {"content": 3}, lambda s: [], lambda s: s.pop("content") and None):
        with pytest.raises(ValueError, match=r"damaged|not known"):
            classify.load(put_together(saved, header, with_schema(data, change)))


def bent_tree(**columns) -> DecisionTreeClassifier:
    X, y = table()
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    state = model.tree_.__getstate__()
    for name, value in columns.items():
        state["nodes"][name][0] = value
    model.tree_.__setstate__(state)
    return model


NODES = bent_tree().tree_.node_count


@pytest.mark.parametrize(
    "bend", [{"left_child": 10**6}, {"left_child": NODES}, {"right_child": 0}, {"feature": 6}, {"feature": -5}], ids=str
)
def test_trees_that_lead_astray_are_refused(bend, tmp_path):
    """scikit-learn walks such a tree out of its memory, or for ever."""
    assert classify.load(classify.save(bent_tree(), tmp_path / "m", card=CARD))
    with pytest.raises(ValueError, match="leads out of its own nodes or features"):
        classify.load(classify.save(bent_tree(**bend), tmp_path / "m", card=CARD))
    X, y = table()
    forest = RandomForestClassifier(3, random_state=0).fit(X, y)
    forest.estimators_[1] = bent_tree(**bend)
    with pytest.raises(ValueError, match="leads out"):
        classify.load(classify.save(make_pipeline(forest), tmp_path / "m", card=CARD))


def test_trees_of_other_features_are_refused(tmp_path):
    X, y = table()
    forest = RandomForestClassifier(3, random_state=0).fit(X, y)
    forest.estimators_[1] = DecisionTreeClassifier().fit(np.hstack([X, X]), y)
    with pytest.raises(ValueError, match="other features than their forest"):
        classify.load(classify.save(forest, tmp_path / "m", card=CARD))
    tree = DecisionTreeClassifier().fit(np.hstack([X, X]), y)
    tree.n_features_in_ = 6
    with pytest.raises(ValueError, match="other features than it says"):
        classify.load(classify.save(tree, tmp_path / "m", card=CARD))


def bend_support(model: SVC, name: str, change) -> SVC:
    setattr(model, name, change(getattr(model, name)))
    return model


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("_n_support", lambda n: n + 100),
        ("_n_support", lambda n: n[:1]),
        ("support_vectors_", lambda v: v[:, :2]),
        ("_dual_coef_", lambda d: d[:, :3]),
        ("_intercept_", lambda i: i[:0]),
        ("_probA", lambda p: np.zeros(7)),
        ("_sparse", lambda s: True),
    ],
)
def test_support_vectors_that_do_not_fit_are_refused(name, change, tmp_path):
    X, y = table()
    assert classify.load(classify.save(SVC().fit(X, y), tmp_path / "m", card=CARD))
    with pytest.raises(ValueError, match="support vectors in it do not fit"):
        classify.load(classify.save(bend_support(SVC().fit(X, y), name, change), tmp_path / "m", card=CARD))


def test_another_scikit_learn_is_warned_about(saved):
    header, data = parts_of(saved)
    header["versions"]["scikit-learn"] = "0.24.2"
    with pytest.warns(UserWarning, match=r"made with scikit-learn 0\.24\.2, read with"):
        classify.load(put_together(saved, header, data))


def test_saving_and_loading_does_not_import_torch(tmp_path):
    """Lessons 00 to 07 stay light; skops would open scikit-learn's door to torch."""
    code = f"""
import sys
import numpy as np
from medlab import classify
X = np.arange(40.0).reshape(20, 2)
model = classify.fit("logistic", X, np.arange(20) % 2, groups=np.arange(20))
path = classify.save(model, {str(tmp_path / "m.medlab")!r}, card={{"features": [], "classes": [], "data": ""}})
classify.load(path)
assert "torch" not in sys.modules
import sklearn.externals.array_api_compat.torch  # it is still there for whoever wants it
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
