"""Classifiers by patient: nothing leaks, the same seed tells the same, and the numbers are those of scikit-learn."""

import subprocess
import sys
import warnings

import numpy as np
import pandas
import pytest
import sklearn.metrics as sk
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.tree import DecisionTreeClassifier

from medlab import classify, data, features, metrics
from medlab.classify import models

BY_IMAGE = pytest.mark.filterwarnings("ignore:patients are not known")


def cases(n=90, classes=2, seed=0):
    """A table that knows something, three images of each patient, labels that differ within patients."""
    X, y = make_classification(
        n, 6, n_informative=4, n_redundant=0, n_classes=classes, flip_y=0.1, class_sep=0.8, random_state=seed
    )
    return X, y, np.array([f"p{i // 3}" for i in range(n)])


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers the patients it was fitted to (column 0) and notes when it is asked about one of them."""

    asked: list = []  # noqa: RUF012 - shared by all copies, on purpose

    def __init__(self, depth=1):
        self.depth = depth

    def fit(self, X, y):
        self.classes_, self.seen_, self.rate_ = np.unique(y), set(X[:, 0]), y.mean()
        return self

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        Spy.asked.append(len(self.seen_ & set(X[:, 0])))
        p = 1 / (1 + np.exp(-self.depth * X[:, 1]))
        return np.stack([1 - p, p], axis=1)


# --- models


@pytest.mark.parametrize(("name", "classes"), [*((name, 2) for name in models.NAMES), ("linear-svm", 3)])
def test_every_model_learns_despite_missing_values(name, classes):
    X, y, patients = cases(120, classes)
    X[::7, 2], X[:, 5] = np.nan, np.nan  # some could not be measured, one never
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # of an older scikit-learn under a newer SciPy
        fitted = classify.fit(classify.model(name, seed=1), X, y, groups=patients, seed=1)
    said = classify.probabilities(fitted, X)
    assert said.shape == ((120,) if classes == 2 else (120, 3))
    assert metrics.auc(y, said) > 0.65
    again = classify.fit(name, X, y, groups=patients, seed=1)
    np.testing.assert_array_equal(classify.probabilities(again, X), said)


@pytest.mark.parametrize("name", models.NAMES)
def test_every_grid_fits_its_model(name):
    model = classify.model(name)
    for parameter, values in models.grid(name).items():
        for value in values:
            assert clone(model).set_params(**{parameter: value}).get_params()[parameter] == value
    with_more = Pipeline([("features", features.HOG()), *model.steps])
    assert models.grid(with_more) == models.grid(name) == models.GRIDS[name]


def test_other_estimators_have_no_grid():
    assert models.grid(LogisticRegression()) == models.grid(make_pipeline(LogisticRegression())) == {}
    with pytest.raises(ValueError, match=r"name must be one of 'svm', .*got 'swm'"):
        models.grid("swm")


# --- folds and fitting


@pytest.mark.parametrize("patients", [None, np.arange(60) // 2, [f"p{i % 25}" for i in range(60)]], ids=type)
@BY_IMAGE
@pytest.mark.filterwarnings("ignore:toy. patients are not known")
def test_folds_are_those_of_the_data(patients):
    y = np.arange(60) % 3
    toy = data.Dataset("toy", np.arange(60)[:, None, None], y, patients, class_names="abc", task="multiclass")
    pairs = zip(data.folds(toy, k=4, seed=2), classify.folds(y, groups=patients, k=4, seed=2), strict=True)
    for (train, test), (rows, test_rows) in pairs:
        np.testing.assert_array_equal(train.images.ravel(), rows)
        np.testing.assert_array_equal(test.images.ravel(), test_rows)


@pytest.mark.parametrize(("classes", "grouped"), [(2, True), (3, False)])
@BY_IMAGE
def test_out_of_fold_as_scikit_learn(classes, grouped):
    X, y, patients = cases(90, classes)
    groups = patients if grouped else None
    model = classify.model("logistic")
    said = classify.out_of_fold(model, X, y, groups=groups, k=4, seed=3)
    parts = classify.folds(y, groups=groups, k=4, seed=3)
    expected = cross_val_predict(model, X, y, cv=parts, method="predict_proba")
    np.testing.assert_allclose(said, expected[:, 1] if classes == 2 else expected, atol=1e-12)


def patients_asked(run) -> np.ndarray:
    Spy.asked = []
    run()
    assert Spy.asked
    return np.array(Spy.asked)


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "calibrated"])
@BY_IMAGE
def test_no_model_is_ever_asked_about_a_patient_it_has_seen(wrapped):
    X, y, _ = cases()
    patients = np.arange(90) // 3
    X = np.column_stack([patients, X])
    spy = CalibratedClassifierCV(Spy(), cv=3, ensemble=False) if wrapped else Spy()
    name = "calibratedclassifiercv__estimator__depth" if wrapped else "spy__depth"
    models = {"spy": (make_pipeline(spy), {name: [1, 2, 3]})}
    nested = patients_asked(lambda: classify.compare(models, X, y, groups=patients, outer=3, inner=3, n=50))
    assert len(nested) >= 3 * (3 * 3 + 1)
    assert nested.max() == 0
    pipeline = models["spy"][0]
    assert patients_asked(lambda: classify.out_of_fold(pipeline, X, y, groups=patients)).max() == 0
    tune = lambda: classify.tune(pipeline, X, y, groups=patients, grid=models["spy"][1]).predict_proba(X[:0])  # noqa: E731
    assert patients_asked(tune).max() == 0
    by_image = patients_asked(lambda: classify.compare(models, X, y, outer=3, inner=3, n=50))
    assert by_image.max() > 0  # the spy does see it where it happens


def test_fit_leaves_the_model_as_it_was():
    X, y, patients = cases()
    model = classify.model("svm")
    fitted = classify.fit(model, X, y, groups=patients)
    assert not hasattr(model, "classes_")
    assert fitted.get_params()["classify__cv"].n_splits == 3  # can be fitted to other data
    assert fitted.fit(X[:50], y[:50])
    bare = classify.fit(CalibratedClassifierCV(LogisticRegression(), cv=4), X, y, groups=patients)
    assert (bare.cv, len(bare.calibrated_classifiers_)) == (4, 3)


def test_tune_takes_the_setting_that_works():
    X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)  # a chess board: one cut knows nothing
    grid = {"max_depth": [1, 6]}
    assert classify.tune(DecisionTreeClassifier(random_state=0), X, y, grid=grid).max_depth == 6
    found = classify.compare({"tree": (DecisionTreeClassifier(random_state=0), grid)}, X, y, groups=range(200), n=50)
    assert found.table.loc["tree", "chosen"] == [{"max_depth": 6}] * 5
    fitted = classify.tune("tree", X, y)
    assert fitted.get_params()["classify__max_depth"] in models.GRIDS["tree"]["classify__max_depth"]


def test_a_model_that_did_not_see_a_class_gives_it_nothing():
    fitted = LogisticRegression().fit([[0.0], [1.0], [2.0]], [0, 2, 2])
    said = classify.probabilities(fitted, [[0.0], [2.0]])
    assert said.shape == (2, 3)
    assert (said[:, 1] == 0).all()
    np.testing.assert_allclose(said.sum(axis=1), 1)


# --- honesty


@pytest.mark.parametrize("seed", range(3))
def test_on_noise_nested_cross_validation_finds_nothing(seed):
    rng = np.random.default_rng(seed)
    X, y, patients = rng.normal(size=(120, 30)), rng.integers(0, 2, 120), np.arange(120) // 2
    found = classify.compare({"tree": classify.model("tree", seed=seed)}, X, y, groups=patients, n=300)
    auc = found.table.loc["tree", "auc"]
    assert auc.low < 0.5 < auc.high


def test_selecting_before_dividing_is_found_out():
    """The mistake, and the same inside the pipeline: noise looks like a result, and does not."""
    rng = np.random.default_rng(0)
    X, y, patients = rng.normal(size=(80, 2000)), np.arange(80) % 2, np.arange(80)
    gap = np.abs(X[y == 1].mean(0) - X[y == 0].mean(0))
    leaked = X[:, np.argsort(-gap)[:20]]
    model = make_pipeline(SelectKBest(f_classif, k=20), *(step for _, step in classify.model("logistic").steps))
    models = {"logistic": model}
    outside = classify.compare(models, leaked, y, groups=patients, n=300).table.loc["logistic", "auc"]
    inside = classify.compare(models, X, y, groups=patients, n=300).table.loc["logistic", "auc"]
    assert outside.low > 0.8
    assert inside.low < 0.5 < inside.high


def test_patients_with_many_images_do_not_make_a_model_good():
    """Each patient has an own look and one label: by image a model knows the patient, by patient it knows nothing."""
    rng = np.random.default_rng(1)
    patients = np.repeat(np.arange(40), 5)
    X = rng.normal(size=(40, 10))[patients] + 0.05 * rng.normal(size=(200, 10))
    y = rng.integers(0, 2, 40)[patients]
    models = {"svm": (classify.model("svm"), {})}
    with pytest.warns(UserWarning, match="come out too good"):
        by_image = classify.compare(models, X, y, n=50)
    by_patient = classify.compare(models, X, y, groups=patients, n=300)
    assert by_image.table.loc["svm", "auc"].value > 0.95
    auc = by_patient.table.loc["svm", "auc"]
    assert auc.low < 0.5 < auc.high
    assert by_patient.table.loc["svm", "brier"].value < 0.3  # the sigmoid, fitted by patient, is not sure either


# --- compare


@pytest.fixture(scope="module")
def comparison():
    X, y, patients = cases(120)
    return classify.compare(["logistic", "tree"], X, y, groups=patients, outer=4, n=200), X, y, patients


def test_the_table_says_what_the_scores_say(comparison):
    found, _, y, patients = comparison
    assert list(found.table.index) == ["logistic", "tree"]
    assert list(found.table.columns) == [*metrics.METRICS, "fit_s", "chosen"]
    for name, scores in found.scores.items():
        for column, metric in metrics.METRICS.items():
            expected = metrics.interval(metric, y, scores, groups=patients, n=200)
            assert found.table.loc[name, column] == expected, column
        assert found.table.loc[name, "auc"].value == pytest.approx(sk.roc_auc_score(y, scores))
        assert len(found.table.loc[name, "chosen"]) == 4
        assert found.table.loc[name, "fit_s"] > 0
    for name in set(patients):
        assert len(set(found.fold[patients == name])) == 1
    assert "0." in repr(found)
    assert not found.interrupted


def test_the_scores_are_those_of_the_settings_chosen(comparison):
    found, X, y, patients = comparison
    parts = classify.folds(y, groups=patients, k=4, seed=0)
    for (train, test), settings in zip(parts, found.table.loc["tree", "chosen"], strict=True):
        assert (found.fold[test] == found.fold[test[0]]).all()
        by_hand = classify.model("tree").set_params(**settings).fit(X[train], y[train])
        np.testing.assert_array_equal(found.scores["tree"][test], by_hand.predict_proba(X[test])[:, 1])


def test_the_same_seed_tells_the_same_however_models_are_given(comparison):
    found, X, y, patients = comparison
    table = pandas.DataFrame(X, index=np.arange(120)[::-1])
    chosen = {"a": "tree", "b": classify.model("tree"), "c": (classify.model("tree"), models.GRIDS["tree"])}
    again = classify.compare(chosen, table.to_numpy(), y.tolist(), groups=list(patients), outer=4, n=200)
    for name in chosen:
        np.testing.assert_array_equal(again.scores[name], found.scores["tree"])
        assert again.table.loc[name, "auc"] == found.table.loc["tree", "auc"]
    as_table = classify.compare(["tree"], table, y, groups=patients, outer=4, n=50)
    np.testing.assert_array_equal(as_table.scores["tree"], found.scores["tree"])
    other = classify.compare(["tree"], X, y, groups=patients, outer=4, n=50, seed=1)
    assert (other.fold != found.fold).any()


def test_more_classes():
    X, y, patients = cases(90, 3)
    found = classify.compare({"logistic": (classify.model("logistic"), {})}, X, y, groups=patients, outer=3, n=100)
    scores = found.scores["logistic"]
    assert scores.shape == (90, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    row = found.table.loc["logistic"]
    assert row["auc"].value == pytest.approx(sk.roc_auc_score(y, scores, multi_class="ovr"))
    assert row["f1"].value == pytest.approx(sk.f1_score(y, scores.argmax(axis=1), average="macro"))


@pytest.mark.parametrize("as_list", [True, False])
def test_images_where_the_model_begins_with_features(as_list):
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    images = rng.normal(size=(40, 16, 16))
    images[y == 1] += 4 * np.sin(np.arange(16))[:, None]  # stripes
    hog = features.HOG(orientations=4, pixels_per_cell=(8, 8), cells_per_block=(1, 1))
    models = {"hog": (Pipeline([("features", hog), *classify.model("logistic").steps]), {})}
    found = classify.compare(models, list(images) if as_list else images, y, groups=np.arange(40), outer=3, n=50)
    assert found.table.loc["hog", "auc"].value > 0.9


def test_stopping_keeps_what_is_done():
    X, y, patients = cases()

    class Stopped(Spy):
        def fit(self, X, y):
            raise KeyboardInterrupt

    models = {"a": DummyClassifier(), "b": Stopped(), "c": DummyClassifier()}
    with pytest.warns(UserWarning, match="done are a, missing are b, c"):
        found = classify.compare(models, X, y, groups=patients, n=50)
    assert found.interrupted
    assert list(found.table.index) == list(found.scores) == ["a"]
    with pytest.raises(KeyboardInterrupt):
        classify.compare({"b": Stopped()}, X, y, groups=patients)


def test_trainings_that_did_not_converge_are_counted():
    X, y, patients = cases()
    model = MLPClassifier((4,), max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match="net: 5 trainings stopped before"):
        classify.compare({"net": model}, X, y, groups=patients, n=50)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": np.zeros(90, int)}, r"one class only \(0\)"),
        ({"y": np.where(np.arange(90) == 3, np.nan, np.arange(90) % 2)}, "1 are NaN"),
        ({"y": np.array(["benign", "malignant"] * 45)}, "whole numbers from 0, got <U9 such as"),
        ({"y": np.arange(90) % 2 + 1}, r"no case of \[0\]; renumber"),
        ({"y": np.arange(90) % 2 - 1}, "from -1 to 0"),
        ({"y": np.arange(90) % 2 / 2}, "whole numbers"),
        ({"y": np.zeros((90, 2))}, r"shape \(90, 2\)"),
        ({"y": np.arange(89) % 2}, "X and y must be as many, got 90 and 89"),
        ({"groups": np.arange(89)}, r"each of the 90 cases, got shape \(89,\)"),
        ({"groups": [None] * 3 + ["a"] * 87}, "3 are missing"),
        ({"groups": np.where(np.arange(90) < 2, np.nan, np.arange(90))}, "2 are missing"),
        ({"groups": np.arange(90) % 4}, "4 patients cannot be divided into 5 folds"),
        ({"groups": np.arange(90) % 6, "inner": 6}, "patients cannot be divided into 6 folds"),
        ({"y": (np.arange(90) > 2).astype(int)}, "class 0: 1"),
        ({"outer": 1}, "of 2 or more, got 1"),
        ({"inner": 2.5}, r"of 2 or more, got 2\.5"),
        ({"models": ["swm"]}, "one of 'svm', .*got 'swm'"),
        ({"models": []}, "no model"),
        ({"models": {"a": 3}}, "model 'a': a name, a classifier"),
        ({"X": np.zeros((90, 4, 4))}, r"X must be \(N, F\), got"),
        ({"X": None}, "X must be an array"),
    ],
)
def test_what_compare_refuses(change, said):
    X, y, patients = cases()
    given = {"models": ["tree"], "X": X, "y": y, "groups": patients} | change
    with pytest.raises(ValueError, match=said):
        classify.compare(given.pop("models"), given.pop("X"), given.pop("y"), n=50, **given)


def test_a_model_without_probabilities_is_refused():
    from sklearn.svm import LinearSVC

    X, y, patients = cases()
    with pytest.raises(ValueError, match=r"LinearSVC.* gives no probabilities"):
        classify.compare({"svm": LinearSVC()}, X, y, groups=patients)
    with pytest.raises(ValueError, match="a model is a name"):
        classify.fit(3, X, y)


def test_the_metrics_are_by_patient():
    """Copies of each case change nothing when they belong to their patient."""
    X, y, _ = cases()
    scores = 1 / (1 + np.exp(-X[:, 0]))
    once = metrics.evaluate(y, scores, groups=np.arange(90), n=200)
    thrice = metrics.evaluate(np.repeat(y, 3), np.repeat(scores, 3), groups=np.repeat(np.arange(90), 3), n=200)
    for name, interval in once.items():
        assert (thrice[name].low, thrice[name].high) == pytest.approx((interval.low, interval.high)), name


# --- said in words


def test_better_is_the_paired_difference(comparison):
    found, _, y, patients = comparison
    scores = found.scores
    expected = metrics.paired(metrics.brier, y, scores["logistic"], scores["tree"], groups=patients)
    assert classify.better(found, "logistic", "tree", metrics.brier) == expected
    with pytest.raises(ValueError, match="no model 'svm' in the comparison; it has logistic, tree"):
        classify.better(found, "svm", "tree")


@pytest.mark.parametrize(
    ("numbers", "metric", "said"),
    [
        ((0.04, 0.01, 0.07, 0.012), metrics.auc, "A is better than B: AUC higher by 0.04 (0.01 to 0.07), p = 0.012."),
        ((-0.04, -0.07, -0.01, 0.01), metrics.auc, "B is better than A: AUC higher by 0.04 (0.01 to 0.07), p = 0.01."),
        ((-0.04, -0.07, -0.01, 0.0005), metrics.brier,
         "A is better than B: Brier score lower by 0.04 (0.01 to 0.07), p < 0.001."),
        ((0.04, 0.01, 0.07, 0.01), metrics.brier,
         "B is better than A: Brier score lower by 0.04 (0.01 to 0.07), p = 0.01."),
        ((0.01, 0.001, 0.02, 0.04), metrics.recall,
         "A is better than B: recall higher by 0.010 (0.001 to 0.020), p = 0.04."),
        ((-0.01, -0.04, 0.02, 0.5), metrics.f1,
         "A and B cannot be told apart: the difference of -0.01 (-0.04 to 0.02) in F1 may be chance, p = 0.5."),
        ((0.0, 0.0, 0.0, 1.0), metrics.auc,
         "A and B cannot be told apart: the difference of 0.00 (0.00 to 0.00) in AUC may be chance, p = 1."),
        ((0.1, np.nan, np.nan, np.nan), metrics.auc,
         "A and B cannot be compared: the interval of their difference in AUC is not known."),
    ],
)  # fmt: skip
def test_sentences(numbers, metric, said):
    assert classify.sentence("A", "B", metrics.Paired(*numbers), metric=metric) == said


# --- calibration


def test_calibration_counts_what_happened():
    """Ten cases on paper: 0.1 said five times, once true; 0.8 said five times, four true."""
    y = np.array([1, 0, 0, 0, 0, 1, 1, 1, 1, 0])
    scores = np.repeat([0.1, 0.8], 5)
    found = classify.calibration_curve(y, scores, bins=2)
    np.testing.assert_allclose(found[["predicted", "observed", "n"]], [[0.1, 0.2, 5], [0.8, 0.8, 5]])
    assert ((found["low"] < found["observed"]) & (found["observed"] < found["high"])).all()
    always = classify.calibration_curve(np.array([1, 1, 1, 0]), np.array([0.9, 0.9, 0.9, 0.1]), bins=2)
    assert always.loc[1, "low"] == pytest.approx(0.025 ** (1 / 3))  # three of three: the exact binomial bound
    X, labels, _ = cases()
    scores = 1 / (1 + np.exp(-X[:, 1]))
    from sklearn.calibration import calibration_curve

    happened, said = calibration_curve(labels, scores, n_bins=10)
    found = classify.calibration_curve(labels, scores)
    np.testing.assert_allclose(found["observed"], happened)
    np.testing.assert_allclose(found["predicted"], said)
    gap = (found["n"] * (found["observed"] - found["predicted"]).abs()).sum() / 90
    assert gap == pytest.approx(metrics.calibration_error(labels, scores))


def test_calibration_beyond_two_classes_and_by_patient():
    _, y, patients = cases(90, 3)
    scores = np.random.default_rng(0).dirichlet(np.ones(3), 90)
    found = classify.calibration_curve(y, scores, bins=5, groups=patients)
    gap = (found["n"] * (found["observed"] - found["predicted"]).abs()).sum() / 90
    assert gap == pytest.approx(metrics.calibration_error(y, scores, bins=5))
    one = classify.calibration_curve(y, scores, bins=1, groups=["a"] * 90)
    assert np.isnan(one.loc[0, "low"])


@pytest.mark.parametrize(
    ("labels", "scores", "options", "said"),
    [
        ([0, 1], [0.1, 0.2, 0.3], {}, "as many"),
        ([0, 2], [0.1, 0.2], {}, "3 classes need scores"),
        ([0, 1], [0.1, 1.2], {}, "between 0 and 1"),
        ([0, 1], [0.1, 0.2], {"bins": 0}, "bins must be"),
        ([0, 1], [0.1, 0.2], {"groups": ["a"]}, "each of the 2 cases"),
    ],
)
def test_calibration_refuses(labels, scores, options, said):
    with pytest.raises(ValueError, match=said):
        classify.calibration_curve(labels, np.array(scores), **options)


def test_importing_is_light():
    code = "import medlab.classify, sys; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "medlab" in done.stdout.split(), done.stderr
    assert not {"torch", "sklearn", "pandas", "skops", "skimage", "matplotlib"} & set(done.stdout.split())
