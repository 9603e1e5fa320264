"""Retrieval against brute force, scikit-learn's average precision, and rankings worked out on paper."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.metrics import average_precision_score

from medlab import metrics, retrieval

SCIPY = {"euclidean": "euclidean", "manhattan": "cityblock", "cosine": "cosine"}


def table(seed: int, n: int = 40, f: int = 6) -> np.ndarray:
    """Features of very different scales."""
    return np.random.default_rng(seed).normal(size=(n, f)) * 10.0 ** np.arange(f) + 3


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("metric", retrieval.METRICS)
def test_nearest_as_brute_force(metric, scale):
    archive, queries = table(0), table(1, 7)
    if metric == "mahalanobis" and not scale:
        archive, queries = archive / 10.0 ** np.arange(6), queries / 10.0 ** np.arange(6)
    found = retrieval.fit(archive, metric=metric, scale=scale).query(queries, k=4)
    if scale:
        archive, queries = ((rows - archive.mean(0)) / archive.std(0) for rows in (archive, queries))
    if metric == "mahalanobis":
        expected = cdist(queries, archive, metric, VI=np.linalg.inv(LedoitWolf().fit(archive).covariance_))
    else:
        expected = cdist(queries, archive, SCIPY[metric])
    assert np.array_equal(found.indices, expected.argsort(axis=1)[:, :4])
    assert found.distances == pytest.approx(np.sort(expected, axis=1)[:, :4])


@given(st.integers(0, 10_000), st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_own_patient_is_never_an_answer(seed, k):
    rng = np.random.default_rng(seed)
    features, patients = rng.normal(size=(24, 3)), rng.permutation(np.repeat(np.arange(8), 3))
    found = retrieval.fit(features, patients=patients).query(features, k=k, patients=patients.astype(str))
    assert (patients[found.indices] != patients[:, None]).all()
    scaled = (features - features.mean(0)) / features.std(0)
    distances = cdist(scaled, scaled)
    distances[patients[:, None] == patients] = np.inf
    assert np.array_equal(found.indices, distances.argsort(axis=1)[:, :k])
    assert found.distances == pytest.approx(np.sort(distances, axis=1)[:, :k])


def test_patients_of_unequal_size():
    """One patient owns nearly everything near; the answers are still full."""
    features = np.arange(10.0)[:, None]
    patients = ["a"] * 8 + ["b", "c"]
    index = retrieval.fit(features, patients=patients, scale=False)
    assert index.query([[0.0], [9.0]], k=2, patients=["a", "c"]).indices.tolist() == [[8, 9], [8, 7]]
    assert index.query([[8.6]], k=1, patients=["new"]).indices.tolist() == [[9]]
    with pytest.raises(ValueError, match="k must be at most 2"):
        index.query([[0.0], [9.0]], k=3, patients=["a", "c"])


def test_without_patients_a_picture_finds_itself():
    features = table(0)
    found = retrieval.fit(features).query(features, k=1)
    assert np.array_equal(found.indices[:, 0], np.arange(len(features)))


def test_scale_comes_from_the_archive_only():
    """The same query has the same answers, whatever stands beside it."""
    archive, queries = table(0), table(1, 5)
    index = retrieval.fit(archive)
    together, alone = index.query(queries), index.query(queries[:1])
    assert np.array_equal(alone.indices[0], together.indices[0])
    assert alone.distances[0] == pytest.approx(together.distances[0])
    # by hand: archive 0, 2, 4 has mean 2 and spread sqrt(8/3)
    hand = retrieval.fit([[0.0], [2.0], [4.0]]).query([[100.0]], k=1)
    assert hand.indices.item() == 2
    assert hand.distances.item() == pytest.approx(96 / np.sqrt(8 / 3))


def test_a_large_feature_decides_only_without_scaling():
    archive = np.array([[0.0, 1000.0], [1.0, 1100.0], [0.1, 1300.0], [0.9, 1400.0]])
    query = [[0.05, 1120.0]]
    assert retrieval.fit(archive, scale=False).query(query, k=1).indices.item() == 1
    assert retrieval.fit(archive).query(query, k=1).indices.item() == 0


def test_a_feature_constant_in_the_archive_is_left_out():
    """0.1 is not a sum of powers of two: its spread over the archive is a rounding error, not 0."""
    archive = np.column_stack([np.arange(30.0), np.full(30, 0.1)])
    far, near = (retrieval.fit(archive).query([[7.2, value]], k=1) for value in (50.0, 0.1))
    assert far.indices.item() == near.indices.item() == 7
    assert far.distances == pytest.approx(near.distances)


def test_data_frames():
    frame = pd.DataFrame(table(0), columns=list("abcdef"))
    index = retrieval.fit(frame)
    assert index.query(frame.iloc[[3]], k=1).indices.item() == 3
    assert index.query(frame.to_numpy()[[3]], k=1).indices.item() == 3
    with pytest.raises(ValueError, match="columns in its order"):
        index.query(frame[list("fedcba")])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_whole_numbers_do_not_wrap(dtype):
    found = retrieval.fit(np.array([[0, 9], [120, 7]], dtype), scale=False).query(np.array([[100, 8]], dtype), k=2)
    assert found.indices.tolist() == [[1, 0]]
    assert found.distances[0] == pytest.approx([np.hypot(20, 1), np.hypot(100, 1)])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"features": np.ones(5)}, r"features must be a table \(n, f\), one row an image, got shape \(5,\)"),
        ({"features": np.ones((5, 2))}, "all 2 are constant"),
        ({"features": [[1.0, 2.0]]}, "at least 2 rows"),
        ({"features": [[1.0], [np.nan]]}, "finite"),
        ({"features": np.empty((0, 3))}, "features"),
        ({"metric": "hamming"}, "'mahalanobis', got 'hamming'"),
        ({"patients": ["a"]}, "each of the 40 cases"),
        ({"patients": [None] * 40}, "40 are missing"),
        ({"patients": [np.nan] + [1.0] * 39}, "1 are missing"),
        ({"patients": np.arange(40.0)}, "text or whole numbers"),
        ({"features": [[0.0, 0.0], [1.0, 2.0]], "metric": "cosine", "scale": False}, "row 0 have no direction"),
    ],
)
def test_bad_archives(how, message):
    with pytest.raises(ValueError, match=message):
        retrieval.fit(**({"features": table(0)} | how))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"features": table(1)[:, :4]}, r"\(n, 6\) as the archive"),
        ({"features": table(1)[0]}, "features must be"),
        ({"features": np.full((1, 6), np.inf)}, "finite"),
        ({"k": 0}, "k must be"),
        ({"k": 1.5}, "k must be"),
        ({"k": 41}, "k must be at most 40"),
        ({"patients": ["a"] * 40}, "in query only"),
    ],
)
def test_bad_queries(how, message):
    with pytest.raises(ValueError, match=message):
        retrieval.fit(table(0)).query(**({"features": table(1)} | how))


def test_archive_with_patients_wants_those_of_the_queries():
    index = retrieval.fit(table(0), patients=np.arange(40))
    with pytest.raises(ValueError, match="in fit only"):
        index.query(table(1))
    with pytest.raises(ValueError, match="each of the 40 cases"):
        index.query(table(1), patients=["a"])


def test_measures_by_hand():
    labels, answers = ["m", "b", "b"], [["m", "b", "m", "b"], ["m", "m", "b", "b"], ["m", "m", "m", "m"]]
    assert retrieval.precision_at_k(labels, answers, 1).tolist() == [1, 0, 0]
    assert retrieval.precision_at_k(labels, answers, 3) == pytest.approx([2 / 3, 1 / 3, 0])
    expected = [(1 + 2 / 3) / 2, (1 / 3 + 2 / 4) / 2, 0]
    assert retrieval.average_precision(labels, answers) == pytest.approx(expected)
    assert retrieval.mean_average_precision(labels, answers) == pytest.approx(np.mean(expected))


@given(st.lists(st.integers(0, 1), min_size=1, max_size=20).filter(any))
@settings(max_examples=30, deadline=None)
def test_average_precision_as_scikit_learn(right):
    ranks = np.arange(len(right), 0, -1)  # a score that falls along the list
    expected = average_precision_score(right, ranks)
    assert retrieval.average_precision([1], [right]).item() == pytest.approx(expected)


def test_interval_by_patient():
    """The mean over the queries can be bootstrapped by patient."""
    rng = np.random.default_rng(0)
    labels, patients = rng.integers(0, 2, 60), np.repeat(np.arange(20), 3)
    features = rng.normal(size=(60, 2)) + 2 * labels[:, None]
    found = retrieval.fit(features, patients=patients).query(features, k=5, patients=patients)
    values = retrieval.precision_at_k(labels, labels[found.indices], 5)
    result = metrics.interval(lambda _, v: v.mean(), labels, values, groups=patients, n=200)
    assert result.value == pytest.approx(values.mean())
    assert 0.6 < result.low < result.value < result.high <= 1


@pytest.mark.parametrize(
    ("labels", "answers"), [([1, 0], [[1]]), ([1], [1]), ([], np.empty((0, 3))), ([[1]], [[1]]), ([np.nan], [[1.0]])]
)
def test_bad_labels(labels, answers):
    for measure in (retrieval.average_precision, lambda a, b: retrieval.precision_at_k(a, b, 1)):
        with pytest.raises(ValueError, match="labels"):
            measure(labels, answers)


def test_bad_counts():
    for k in (0, 3, 1.5):
        with pytest.raises(ValueError, match="k must be"):
            retrieval.precision_at_k([1], [[1, 0]], k)
