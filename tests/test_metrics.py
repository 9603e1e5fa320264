"""Metrics against scikit-learn, scikit-image, brute force and numbers worked out on paper."""

import itertools

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from medlab import metrics


def cases(seed: int, n: int = 300, classes: int = 2, *, ties: bool = False):
    """Labels and probabilities that know something; (N,) for two classes, (N, K) beyond."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + 1.2 * np.eye(classes)[labels]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if ties:
        scores = scores.round(1)
        scores /= scores.sum(axis=1, keepdims=True)
    return labels, scores[:, 1] if classes == 2 else scores


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_two_classes_as_scikit_learn(seed, ties):
    labels, scores = cases(seed, ties=ties)
    said = (scores >= 0.5).astype(int)
    expected = {
        metrics.auc: sk.roc_auc_score(labels, scores),
        metrics.accuracy: sk.accuracy_score(labels, said),
        metrics.recall: sk.recall_score(labels, said),
        metrics.precision: sk.precision_score(labels, said),
        metrics.specificity: sk.recall_score(1 - labels, 1 - said),
        metrics.f1: sk.f1_score(labels, said),
        metrics.brier: sk.brier_score_loss(labels, scores),
    }
    for metric, value in expected.items():
        assert metric(labels, scores) == pytest.approx(value), metric.__name__
        if metric not in (metrics.auc, metrics.brier):
            assert metric(labels, said) == metric(labels, scores)


@pytest.mark.parametrize("ties", [False, True])
def test_more_classes_as_scikit_learn(ties):
    labels, scores = cases(0, classes=4, ties=ties)
    said = scores.argmax(axis=1)
    assert metrics.auc(labels, scores) == pytest.approx(sk.roc_auc_score(labels, scores, multi_class="ovr"))
    assert metrics.accuracy(labels, scores) == pytest.approx(sk.accuracy_score(labels, said))
    assert metrics.recall(labels, scores) == pytest.approx(sk.recall_score(labels, said, average="macro"))
    assert metrics.precision(labels, scores) == pytest.approx(sk.precision_score(labels, said, average="macro"))
    assert metrics.f1(labels, scores) == pytest.approx(sk.f1_score(labels, said, average="macro"))
    one_hot = np.eye(4)[labels]
    assert metrics.brier(labels, scores) == pytest.approx(((scores - one_hot) ** 2).sum(axis=1).mean())
    rest = [np.mean(said[labels != k] != k) for k in range(4)]
    assert metrics.specificity(labels, scores) == pytest.approx(np.mean(rest))


def test_several_labels_as_scikit_learn():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (200, 3))
    scores = 1 / (1 + np.exp(-(rng.normal(size=(200, 3)) + 2 * labels - 1)))
    said = (scores >= 0.5).astype(int)
    assert metrics.auc(labels, scores) == pytest.approx(sk.roc_auc_score(labels, scores, average="macro"))
    assert metrics.accuracy(labels, scores) == pytest.approx((said == labels).mean())
    assert metrics.f1(labels, scores) == pytest.approx(sk.f1_score(labels, said, average="macro"))
    assert metrics.brier(labels, scores) == pytest.approx(((scores - labels) ** 2).mean())


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=25))
@settings(max_examples=100, deadline=None)
def test_auc_counts_pairs(pairs):
    """By its definition, pair by pair; ties are half a win."""
    labels, scores = np.array(pairs).T
    wins = [(p > q) + 0.5 * (p == q) for p, q in itertools.product(scores[labels == 1], scores[labels == 0])]
    if wins:
        assert metrics.auc(labels, scores.astype(float)) == pytest.approx(np.mean(wins))
    else:
        assert np.isnan(metrics.auc(labels, scores.astype(float)))


def test_what_is_not_defined_is_nan():
    ones, never = np.ones(5, int), np.zeros(5)
    assert np.isnan(metrics.auc(ones, np.linspace(0, 1, 5)))
    assert np.isnan(metrics.specificity(ones, never))
    assert np.isnan(metrics.precision(ones, never))
    assert np.isnan(metrics.recall(0 * ones, never))
    assert np.isnan(metrics.f1(0 * ones, never))
    assert metrics.f1(ones, never) == 0  # cases there are, none found
    assert metrics.recall(ones, never) == 0


@pytest.mark.parametrize("classes", [2, 4])
def test_weights_count_a_case_so_often(classes):
    labels, scores = cases(1, n=60, classes=classes, ties=True)
    weights = np.random.default_rng(2).integers(0, 4, (5, 60))
    chosen = [metrics.auc, metrics.accuracy, metrics.recall, metrics.precision, metrics.specificity, metrics.f1]
    for metric in [*chosen, metrics.brier, metrics.calibration_error]:
        together = metric(labels, scores, weights=weights)
        for row, value in zip(weights, together, strict=True):
            picked = np.repeat(np.arange(60), row)
            assert value == pytest.approx(metric(labels[picked], scores[picked])), metric.__name__


def test_calibration_error_by_hand():
    labels = np.array([0, 1, 1, 1, 0])
    scores = np.array([0.05, 0.05, 0.85, 0.85, 1.0])
    # bin 0: 0.05 stated, 0.5 happened, 2 cases; bin 8: 0.85, 1, 2 cases; bin 9: 1, 0, 1 case
    assert metrics.calibration_error(labels, scores) == pytest.approx((2 * 0.45 + 2 * 0.15 + 1) / 5)
    rng = np.random.default_rng(0)
    p = rng.uniform(size=200_000)
    assert metrics.calibration_error((rng.uniform(size=p.size) < p).astype(int), p) < 0.005


def test_calibration_error_of_many_classes_looks_at_the_chosen_one():
    labels, scores = np.array([0, 2]), np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    assert metrics.calibration_error(labels, scores) == pytest.approx((0.3 + 0.8) / 2)


@pytest.mark.parametrize(
    ("labels", "scores", "says"),
    [
        ([], [], "at least one"),
        ([0, 1], [0.5], "as many"),
        ([0.5, 1], [0.5, 0.5], "whole numbers"),
        ([-1, 1], [0.5, 0.5], "from 0"),
        (["no", "yes"], [0.5, 0.5], "whole numbers"),
        ([0, 1], [0.5, float("nan")], "finite"),
        ([[0, 1], [1, 0]], [[0.1], [0.2]], "several labels"),
        ([0, 1], [[0.1], [0.2]], "one column: ravel"),
        ([0, 5], [[0.1, 0.9], [0.2, 0.8]], "each class up to 5"),
        ([0, 1, 2], [0.1, 0.5, 0.9], r"3 classes need scores \(N, 3\)"),
    ],
)
def test_bad_input(labels, scores, says):
    with pytest.raises(ValueError, match=says):
        metrics.auc(np.array(labels), np.array(scores))


def test_probabilities_are_asked_for():
    with pytest.raises(ValueError, match="between 0 and 1"):
        metrics.brier(np.array([0, 1]), np.array([-0.1, 1.2]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        metrics.calibration_error(np.array([0, 1]), np.array([0, 1]))
    with pytest.raises(ValueError, match="sum to 1"):
        metrics.brier(np.array([0, 2]), np.array([[0.9, 0.5, 0.4], [0.1, 0.1, 0.8]]))


# ------------------------------------------------------------------ intervals


def test_interval_is_repeatable_and_needs_no_order():
    labels, scores = cases(3)
    first = metrics.interval(metrics.auc, labels, scores, seed=1)
    assert first == metrics.interval(metrics.auc, labels, scores, seed=1)
    assert first != metrics.interval(metrics.auc, labels, scores, seed=2)
    assert first.low < first.value < first.high
    assert first.value == metrics.auc(labels, scores)


def test_fast_and_plain_bootstrap_agree():
    """A metric without weights is resampled case by case: the same draws give the same interval."""
    labels, scores = cases(4, n=80)
    groups = np.repeat(np.arange(20), 4)
    fast = metrics.interval(metrics.auc, labels, scores, groups=groups, n=200)
    plain = metrics.interval(lambda y, s: metrics.auc(y, s), labels, scores, groups=groups, n=200)
    assert (fast.low, fast.high) == pytest.approx((plain.low, plain.high))


def test_interval_of_patients_is_wider_than_of_images():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 10)
    labels = rng.integers(0, 2, 40)[patients]
    scores = labels + rng.normal(size=40)[patients] + 0.1 * rng.normal(size=400)  # ten images of one patient agree
    by_patient = metrics.interval(metrics.auc, labels, scores, groups=patients)
    by_image = metrics.interval(metrics.auc, labels, scores)
    assert by_patient.high - by_patient.low > 2 * (by_image.high - by_image.low)


def covered(metric, truth: float, draw, n_draws: int = 500) -> float:
    """Share of simulated studies whose interval holds the truth."""
    held = 0
    for seed in range(n_draws):
        labels, scores, groups = draw(np.random.default_rng(seed))
        found = metrics.interval(metric, labels, scores, groups=groups, n=1000, seed=seed)
        held += found.low <= truth <= found.high
    return held / n_draws


def test_coverage_of_recall_with_few_positives():
    """Twenty positives among five hundred, true recall 0.95: perfect scores are common, and still only an estimate."""

    def draw(rng):
        labels = np.r_[np.ones(20, int), np.zeros(480, int)]
        return labels, (rng.uniform(size=500) < np.where(labels == 1, 0.95, 0.02)).astype(int), None

    assert covered(metrics.recall, 0.95, draw, n_draws=300) >= 0.93  # 0.66 when perfect scores count all 500 cases


def test_coverage_of_the_auc():
    """Two normal distributions, true AUC 0.96; a plain percentile interval holds 89 %."""
    from scipy.stats import norm

    n, apart = 40, 2.5

    def draw(rng):
        labels = np.repeat([0, 1], n)
        return labels, rng.normal(size=2 * n) + apart * labels, None

    assert 0.93 <= covered(metrics.auc, norm.cdf(apart / np.sqrt(2)), draw) <= 0.97


def test_coverage_by_patient():
    """Three images a patient that share half of their variance: the true accuracy is known."""
    from scipy.stats import norm

    def draw(rng):
        patients = np.repeat(np.arange(100), 3)
        error = (rng.normal(size=100)[patients] + rng.normal(size=300)) / np.sqrt(2)
        return np.ones(300, int), (error < 0.7).astype(int), patients

    assert 0.93 <= covered(metrics.accuracy, norm.cdf(0.7), draw) <= 0.97


def as_scipy(values: np.ndarray) -> tuple[float, float]:
    """SciPy's BCa interval of a mean, by the draws of `seed=1`."""
    found = bootstrap((values,), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(1))
    return tuple(found.confidence_interval)


@pytest.mark.parametrize(("cases", "right"), [(12, 10), (15, 12), (20, 17), (30, 27)])
def test_interval_with_ties_as_scipy(cases, right):
    """Of few cases many draws repeat the estimate: they count half to each side."""
    said = np.r_[np.ones(right, int), np.zeros(cases - right, int)]
    found = metrics.interval(metrics.accuracy, np.ones(cases, int), said, seed=1)
    assert (found.low, found.high) == pytest.approx(as_scipy(said))


def test_interval_of_a_skewed_error_as_scipy():
    errors = np.random.default_rng(0).exponential(size=25)
    found = metrics.interval(metrics.mae, np.zeros(25), errors, seed=1)
    assert (found.low, found.high) == pytest.approx(as_scipy(errors))


def test_a_perfect_score_on_few_cases_keeps_its_doubt():
    """Twenty of twenty right: the exact (Clopper and Pearson) lower end is 0.025 ** (1 / 20)."""
    labels = np.repeat([0, 1], 10)
    found = metrics.interval(metrics.accuracy, labels, labels)
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(0.8316, abs=1e-4)
    with pytest.warns(UserWarning, match="5 patients"):
        by_patient = metrics.interval(metrics.accuracy, labels, labels, groups=np.repeat(np.arange(5), 4))
    assert by_patient.low == pytest.approx(0.025 ** (1 / 5))
    assert metrics.interval(metrics.accuracy, labels, 1 - labels).high == pytest.approx(1 - 0.8316, abs=1e-4)
    three = metrics.interval(metrics.recall, np.r_[1, 1, 1, np.zeros(997, int)], np.r_[1, 1, 1, np.zeros(997, int)])
    assert three.low == pytest.approx(0.025 ** (1 / 3))  # it rests on three cases, whatever the others
    alarms = metrics.interval(metrics.precision, labels, np.r_[np.zeros(17, int), 1, 1, 1])
    assert alarms.low == pytest.approx(0.025 ** (1 / 3))  # three alarms, all right
    exact = metrics.interval(metrics.mae, labels, labels)
    assert (exact.low, exact.high) == (0, 0)  # an error in mm has no such bound


def test_interval_leaves_out_draws_with_one_class():
    labels, scores = np.array([1, 0, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.3, 0.95])
    found = metrics.interval(metrics.auc, labels, scores)
    assert found.value == 0.75
    assert 0 <= found.low <= found.high <= 1
    nothing = metrics.interval(metrics.auc, np.ones(4, int), np.linspace(0, 1, 4))
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


def test_interval_bad_input():
    with pytest.raises(ValueError, match="patient of each of the 3 cases, got shape"):
        metrics.interval(metrics.accuracy, [0, 1, 1], [0, 1, 1], groups=["a", "b"])
    with pytest.raises(ValueError, match="at least one, got 0 and 0"):
        metrics.interval(metrics.accuracy, [], [])
    with pytest.raises(ValueError, match="level"):
        metrics.interval(metrics.accuracy, [0, 1], [0, 1], n=10)
    with pytest.raises(ValueError, match="low to high"):
        metrics.Interval(0.5, 0.6, 0.4)


def test_one_patient_has_no_interval():
    labels, scores = cases(0, n=40)
    with pytest.warns(UserWarning, match="1 patients"):
        found = metrics.interval(metrics.auc, labels, scores, groups=["a"] * 40)
    assert np.isnan([found.low, found.high]).all()
    with pytest.warns(UserWarning, match="1 patients"):
        assert np.isnan(metrics.paired(metrics.auc, labels, scores, 1 - scores, groups=["a"] * 40).p)


def test_patients_that_are_not_known_are_no_patient():
    labels, scores = cases(0, n=4)
    for groups in ([1.0, float("nan"), 2.0, 3.0], [None, "a", "b", "c"], np.zeros((4, 1))):
        with pytest.raises(ValueError, match="name the patient of each"):
            metrics.interval(metrics.accuracy, labels, scores, groups=groups)


def test_interval_prints():
    assert str(metrics.Interval(0.931, 0.904, 0.952)) == "0.93 (0.90–0.95)"
    assert str(metrics.Interval(0.5, float("nan"), 1.0)) == "0.50 (nan–1.00)"
    assert str(metrics.Interval(-0.03, -0.05, -0.01)) == "-0.03 (-0.05 to -0.01)"
    assert str(metrics.Interval(-0.001, -0.004, 0.02)) == "0.00 (0.00–0.02)"  # no minus before nothing
    assert str(metrics.Paired(-0.0001, -0.02, 0.02, 0.9)).startswith("+0.000 (-0.020 to +0.020), p = 0.900: no clear")


def test_paired_sees_a_difference_that_single_intervals_hide():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 150)
    shared = labels + rng.normal(size=300)
    better, worse = shared, shared + 0.6 * rng.normal(size=300)
    found = metrics.paired(metrics.auc, labels, better, worse)
    assert found.difference == pytest.approx(metrics.auc(labels, better) - metrics.auc(labels, worse))
    assert found.low > 0
    assert found.p < 0.05
    assert "first is better" in str(found)
    a, b = (metrics.interval(metrics.auc, labels, s) for s in (better, worse))
    assert a.low < b.high  # side by side they overlap
    back = metrics.paired(metrics.auc, labels, worse, better)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


def test_paired_keeps_its_error_rate():
    """Two equally good models: p is below 0.05 in about one study of twenty."""
    alarms = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        labels = np.repeat([0, 1], 60)
        a, b = (labels + rng.normal(size=120) for _ in range(2))
        alarms += metrics.paired(metrics.auc, labels, a, b, n=400, seed=seed).p < 0.05
    assert 0.02 <= alarms / 300 <= 0.09


def test_paired_as_scipy():
    """A difference of mean errors is the mean of differences."""
    a, b = np.random.default_rng(0).exponential(size=(2, 25))
    found = metrics.paired(metrics.mae, np.zeros(25), a, b, seed=1)
    assert found.difference == pytest.approx((a - b).mean())
    assert (found.low, found.high) == pytest.approx(as_scipy(a - b))


@pytest.mark.parametrize("shift", [-0.02, 0.02, 0.05])
def test_p_is_that_of_a_t_test(shift):
    """Of many cases and a mean, two-sided."""
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(0)
    a, b = rng.uniform(1, 3, 400) + shift, rng.uniform(1, 3, 400)
    found = metrics.paired(metrics.mae, np.zeros(400), a, b, n=20_000)
    assert found.p == pytest.approx(ttest_rel(a, b).pvalue, rel=0.1)


def test_equal_models_have_p_one():
    labels, scores = cases(0)
    found = metrics.paired(metrics.auc, labels, scores, scores)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert "no clear difference" in str(found)


# ------------------------------------------------------------------ regression, overlap, quality, detection


def test_mae_and_bland_altman_by_hand():
    truth, measured = np.array([8.0, 10.0, 12.0, 20.0]), np.array([9.0, 10.0, 15.0, 20.0])
    assert metrics.mae(truth, measured) == 1.0
    assert metrics.mae(truth, measured, weights=np.array([[1, 1, 1, 1], [0, 0, 2, 0]])).tolist() == [1.0, 3.0]
    found = metrics.bland_altman(truth, measured)
    spread = np.sqrt(2.0)  # of 1, 0, 3, 0 around 1
    assert found.bias.value == 1.0
    assert found.upper.value == pytest.approx(1 + 1.96 * spread)
    assert found.bias.high == pytest.approx(1 + 3.182446 * spread / 2)  # t with 3 degrees of freedom
    assert found.lower.high - found.lower.value == pytest.approx(3.182446 * spread * np.sqrt(1 / 4 + 1.96**2 / 6))
    with pytest.raises(ValueError, match="at least 2"):
        metrics.bland_altman([1.0], [2.0])
    with pytest.raises(ValueError, match="rows of numbers"):
        metrics.mae(np.zeros((2, 2)), np.zeros((2, 2)))


def ball(shape, center, radius_mm, spacing) -> np.ndarray:
    grid = np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij")
    return sum((g - c) ** 2 for g, c in zip(grid, center, strict=True)) <= radius_mm**2


def test_overlap_by_hand_and_empty_masks():
    a, b = np.array([[1, 1, 0], [0, 0, 0]]), np.array([[0, 1, 1], [0, 0, 0]])
    assert metrics.dice(a, b) == 0.5
    assert metrics.iou(a, b) == pytest.approx(1 / 3)
    empty = np.zeros((4, 5), bool)
    one = empty.copy()
    one[2, 2] = True
    options = {"spacing": (1.0, 1.0)}
    assert (metrics.dice(empty, empty), metrics.iou(empty, empty)) == (1, 1)
    assert (metrics.dice(empty, one), metrics.iou(one, empty)) == (0, 0)
    assert metrics.boundary_f1(empty, empty, **options) == 1
    assert metrics.boundary_f1(empty, one, **options) == 0
    for distance in (metrics.hausdorff95, metrics.surface_distance):
        assert distance(empty, empty, **options) == 0
        assert distance(empty, one, **options) == np.inf
        assert distance(one, one, **options) == 0


def test_distances_of_shifted_and_grown_boxes_in_mm():
    a = np.zeros((20, 20, 20), bool)
    a[5:12, 5:12, 5:12] = True
    b = np.roll(a, 3, axis=0)
    spacing = (2.5, 0.7, 0.7)
    assert metrics.hausdorff95(a, b, spacing=spacing) == pytest.approx(3 * 2.5)
    assert 0 < metrics.surface_distance(a, b, spacing=spacing) < 7.5
    assert metrics.boundary_f1(a, b, spacing=spacing, tolerance_mm=7.5) == 1
    assert metrics.boundary_f1(a, b, spacing=spacing, tolerance_mm=0.1) < 1


def test_distances_by_brute_force():
    """Every pair of surface voxels, on two balls that reach the border of an anisotropic volume."""
    from scipy.ndimage import binary_erosion
    from scipy.spatial.distance import cdist

    spacing = (2.0, 0.8, 0.9)
    a, b = ball((8, 18, 17), (6, 6, 6), 5.6, spacing), ball((8, 18, 17), (9, 8, 4), 5.0, spacing)
    points = [np.argwhere(m & ~binary_erosion(m)) * spacing for m in (a, b)]
    pairs = cdist(*points)
    from_a, from_b = pairs.min(axis=1), pairs.min(axis=0)
    expected = max(np.percentile(from_a, 95), np.percentile(from_b, 95))
    assert metrics.hausdorff95(a, b, spacing=spacing) == pytest.approx(expected)
    assert metrics.surface_distance(a, b, spacing=spacing) == pytest.approx(np.r_[from_a, from_b].mean())
    near = [(d <= 1.5).mean() for d in (from_a, from_b)]
    found = metrics.boundary_f1(a, b, spacing=spacing, tolerance_mm=1.5)
    assert found == pytest.approx(2 * near[0] * near[1] / sum(near))


def test_concentric_balls_are_their_radii_apart():
    shape, spacing, center = (40, 40, 40), (0.5, 0.5, 0.5), (10, 10, 10)
    a, b = ball(shape, center, 4, spacing), ball(shape, center, 7, spacing)
    assert metrics.surface_distance(a, b, spacing=spacing) == pytest.approx(3, abs=0.25)
    assert metrics.dice(a, b) == pytest.approx(2 * 4**3 / (4**3 + 7**3), abs=0.01)


@pytest.mark.parametrize("metric", [metrics.dice, metrics.iou])
def test_masks_that_are_none(metric):
    with pytest.raises(ValueError, match="same shape"):
        metric(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="0 and 1 only"):
        metric(np.full((2, 2), 2), np.zeros((2, 2)))


def test_spacing_that_is_none():
    with pytest.raises(ValueError, match="2 numbers above 0 mm"):
        metrics.hausdorff95(np.eye(3, dtype=bool), np.eye(3, dtype=bool), spacing=(1, 1, 1))


def test_image_quality():
    rng = np.random.default_rng(0)
    clean = rng.uniform(0, 100, (32, 32))
    noisy = clean + 5
    assert metrics.psnr(clean, noisy, data_range=100) == pytest.approx(10 * np.log10(100**2 / 25))
    assert metrics.psnr(clean, clean, data_range=100) == np.inf
    assert metrics.ssim(clean, clean, data_range=100) == pytest.approx(1)
    assert metrics.ssim(clean, clean + 20 * rng.normal(size=clean.shape), data_range=100) < 0.98
    image, region = np.zeros((4, 10)), np.zeros((4, 10), bool)
    region[:, :5] = True
    image[:, 5:] = np.tile([-1, 1, -1, 1, 0], (4, 1))
    image[region] = 6.0
    assert metrics.cnr(image, region, ~region) == pytest.approx(6 / image[~region].std(ddof=1))
    with pytest.raises(ValueError, match="two regions apart"):
        metrics.cnr(image, region, region)
    with pytest.raises(ValueError, match="data_range"):
        metrics.psnr(clean, noisy, data_range=0)
    with pytest.raises(ValueError, match="same shape"):
        metrics.ssim(clean, noisy[1:], data_range=1)
    with pytest.raises(ValueError, match="smaller"):
        metrics.ssim(clean[:5], noisy[:5], data_range=1)


def test_froc_by_hand():
    truth = [("a", (0, 0, 10, 10)), ("a", (20, 20, 30, 30)), ("b", (0, 0, 5, 5))]
    found = [
        ("a", (5, 5), 0.9),  # hit
        ("a", (6, 6), 0.8),  # the same lesion again: nothing
        ("a", (50, 50), 0.7),  # false alarm
        ("b", (2, 2), 0.6),  # hit
        ("b", (5, 0), 0.5),  # a box is half open: false alarm
        ("c", (2, 2), 0.4),  # another scan: false alarm
    ]
    curve = metrics.froc(found, truth, n_scans=4)
    assert curve.at(0) == pytest.approx(1 / 3)
    assert curve.at(0.25) == pytest.approx(2 / 3)
    assert curve.at(8) == pytest.approx(2 / 3)
    assert curve.false_alarms[-1] == pytest.approx(3 / 4)
    assert curve.score == pytest.approx((1 / 3 + 6 * 2 / 3) / 7)
    assert (np.diff(curve.false_alarms) >= 0).all()
    assert (np.diff(curve.sensitivity) >= 0).all()


def test_froc_limits():
    truth = [("a", (0, 0, 2, 2))]
    assert metrics.froc([], truth, n_scans=1).score == 0
    assert metrics.froc([("a", (1, 1), 0.5)], truth, n_scans=1).score == 1
    both = [("a", (0, 0, 4, 4)), ("a", (2, 2, 6, 6))]
    assert metrics.froc([("a", (3, 3), 0.5)], both, n_scans=1).at(0) == 1  # one mark in two boxes
    with pytest.raises(ValueError, match="needs a lesion"):
        metrics.froc([], [], n_scans=1)
    with pytest.raises(ValueError, match="at least 2"):
        metrics.froc([("b", (1, 1), 0.5)], truth, n_scans=1)
    with pytest.raises(ValueError, match="finite"):
        metrics.froc([("a", (1, 1), float("nan"))], truth, n_scans=1)
    with pytest.raises(ValueError, match="does not fit a box"):
        metrics.froc([("a", (1, 1, 1), 0.5)], truth, n_scans=1)
