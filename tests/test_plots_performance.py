"""Pictures of performance: the curves of `classify`, chance, intervals; nothing left open."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn.metrics as sk

from medlab import classify, metrics, plots
from medlab.metrics import Interval, Paired


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def cases(classes=2):
    rng = np.random.default_rng(0)
    y = np.arange(80) % classes
    scores = rng.dirichlet(np.ones(classes), 80) * 0.7 + 0.3 * np.eye(classes)[y]
    return y, scores[:, 1] if classes == 2 else scores


def entries(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("columns", [1, 2])
def test_roc_draws_the_curve_and_says_the_auc(columns):
    y, scores = cases()
    scores = scores.round(1)  # with ties
    given = scores if columns == 1 else np.stack([1 - scores, scores], axis=1)
    patients = np.arange(80) // 2
    ax = plots.roc(y, {"SVM": given, "coin": np.full_like(given, 0.5)}, groups=patients, title="t")
    np.testing.assert_array_equal(ax.lines[0].get_xydata().T, sk.roc_curve(y, scores)[:2])
    auc = metrics.interval(metrics.auc, y, scores, groups=patients)
    assert entries(ax) == [f"SVM AUC {auc}", "coin AUC 0.50 (0.50–0.50)", "chance"]
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("t", "1 − specificity", "recall (sensitivity)")
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()  # not by colour alone


def test_one_model_needs_no_name():
    y, scores = cases()
    assert entries(plots.roc(y, scores))[0].startswith("AUC 0.")
    assert entries(plots.calibration(y, scores)) == ["as often as said"]


@pytest.mark.parametrize("classes", [2, 3])
def test_calibration_draws_shares_with_their_intervals(classes):
    y, scores = cases(classes)
    patients = np.arange(80) // 2
    ax = plots.calibration(y, {"SVM": scores}, groups=patients, bins=4)
    expected = classify.calibration_curve(y, scores, groups=patients, bins=4)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), expected[["predicted", "observed"]])
    ends = np.array([path.vertices[:, 1] for path in ax.collections[0].get_paths()])
    np.testing.assert_array_equal(ends, expected[["low", "high"]])
    assert entries(ax) == ["SVM", "as often as said"]


def test_confusion_writes_counts_and_shares():
    y, scores = np.array([0, 0, 0, 1]), np.array([0.1, 0.2, 0.5, 0.8])
    ax = plots.confusion(y, scores, class_names=["benign", "malignant"])
    assert [text.get_text() for text in ax.texts] == ["2\n67%", "1\n33%", "0\n0%", "1\n100%"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["benign", "malignant"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("said", "truth")
    np.testing.assert_allclose(ax.images[0].get_array(), [[2 / 3, 1 / 3], [0, 1]])
    assert len(plots.confusion(np.array([0, 2]), np.eye(4)[[0, 1]]).texts) == 16
    assert len(plots.confusion(np.zeros(3, int), np.zeros(3, int)).texts) == 4
    for labels, names in ((y, "abc"), (np.eye(2, dtype=int), None)):
        with pytest.raises(ValueError, match="a name for each of 2 classes is needed"):
            plots.confusion(labels, np.eye(2) if names is None else scores, class_names=names)


def test_forest_marks_what_leaves_out_the_reference():
    numbers = {"a": Paired(0.1, 0.02, 0.2, 0.01), "b": Paired(0.1, -0.1, 0.2, 0.4), "c": Paired(-0.1, -0.2, -0.05, 0.0)}
    ax = plots.forest(numbers, x_label="difference in AUC")
    *drawn, reference = ax.lines
    bars, points = drawn[::2], drawn[1::2]
    assert [point.get_marker() for point in points] == ["D", "o", "D"]
    assert [tuple(bar.get_xdata()) for bar in bars] == [(n.low, n.high) for n in numbers.values()]
    assert [point.get_xdata()[0] for point in points] == [0.1, 0.1, -0.1]
    assert list(reference.get_xdata()) == [0, 0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top
    assert ax.get_xlabel() == "difference in AUC\ndiamonds: the interval leaves out 0"


def test_forest_of_results_has_a_line_only_where_asked():
    numbers = {"a": Interval(0.9, 0.8, 0.95), "b": Interval(0.6, 0.4, 0.7)}
    assert len(plots.forest(numbers, x_label="AUC").lines) == 4
    ax = plots.forest(numbers, x_label="AUC", reference=0.5)
    assert [line.get_marker() for line in ax.lines[1:4:2]] == ["D", "o"]
    assert list(ax.lines[-1].get_xdata()) == [0.5, 0.5]
    unknown = plots.forest({"one patient": Paired(0.2, np.nan, np.nan, np.nan)}, x_label="AUC")
    assert unknown.lines[1].get_marker() == "o"


def test_everything_draws_into_the_axes_given():
    y, scores = cases()
    _, ax = plt.subplots()
    for draw in (plots.roc, plots.calibration, plots.confusion):
        assert draw(y, scores, ax=ax) is ax
    assert plots.forest({"a": Interval(0.5, 0.4, 0.6)}, x_label="x", ax=ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("draw", [plots.roc, plots.calibration])
def test_curves_refuse_what_does_not_fit(draw):
    y, scores = cases()
    with pytest.raises(ValueError, match="as many"):
        draw(y[:-1], {"SVM": scores})
    with pytest.raises(ValueError, match="at least one model"):
        draw(y, {})


def test_roc_is_of_two_classes():
    y, scores = cases(3)
    with pytest.raises(ValueError, match=r"two classes, got scores \(80, 3\); give labels == k and scores\[:, k\]"):
        plots.roc(y, scores)
    with pytest.raises(ValueError, match="one class only"):
        plots.roc(np.ones(3, int), np.zeros(3))
    assert plots.roc(y == 2, scores[:, 2])


@pytest.mark.parametrize("numbers", [{}, {"a": 0.5}, {"a": (0.1, 0.0, 0.2)}])
def test_forest_refuses_numbers_without_intervals(numbers):
    with pytest.raises(ValueError, match="Interval or Paired"):
        plots.forest(numbers, x_label="x")
