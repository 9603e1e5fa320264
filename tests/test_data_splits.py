"""No patient on two sides, ever; classes in proportion; leaks are found."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlab import data
from medlab.data.splits import fold_rows

ANY = pytest.mark.filterwarnings("ignore:.*missing from some parts", "ignore:.*patients are not known")


def table(patients, labels, *, task="multiclass", classes=None, **known) -> data.Dataset:
    """A data set whose image `i` holds the number i."""
    labels = np.asarray(labels)
    n_classes = classes or (labels.shape[1] if task == "multilabel" else max(2, int(labels.max(initial=0)) + 1))
    names = () if task == "regression" else [f"c{i}" for i in range(n_classes)]
    images = np.arange(len(labels), dtype=np.int32).reshape(-1, 1, 1)
    return data.Dataset("toy", images, labels, patients, class_names=names, task=task, **known)


def rows(part: data.Dataset) -> list[int]:
    return part.images[:, 0, 0].tolist()


def assert_apart(whole: data.Dataset, parts) -> None:
    """Every image in exactly one part, no patient in two."""
    assert sorted(row for part in parts for row in rows(part)) == list(range(len(whole)))
    if whole.patients is not None:
        of_part = [set(part.patients) for part in parts]
        assert sum(map(len, of_part)) == len(set(whole.patients))
    for part in parts:
        np.testing.assert_array_equal(part.labels, whole.labels[rows(part)])


samples = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=60)


@ANY
@settings(max_examples=70, deadline=None)
@given(samples, st.integers(0, 5), st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.0, 0.5), (0.05, 0.05, 0.9)]))
def test_no_patient_stands_on_two_sides_of_a_split(found, seed, fractions):
    patients, labels = map(list, zip(*found, strict=True))
    whole = table([f"p{p}" for p in patients], labels)
    n, parts = len(set(patients)), sum(f > 0 for f in fractions)
    if n < max(2, parts) or len(set(labels)) < 2:
        with pytest.raises(ValueError, match=r"one patient|one class|cannot be divided"):
            data.split(whole, fractions=fractions, seed=seed)
        return
    parts = data.split(whole, fractions=fractions, seed=seed)
    assert_apart(whole, parts)
    assert [len(part) > 0 for part in parts] == [f > 0 for f in fractions]
    assert [rows(part) for part in data.split(whole, fractions=fractions, seed=seed)] == [rows(p) for p in parts]


@ANY
@settings(max_examples=70, deadline=None)
@given(samples, st.integers(0, 5), st.integers(2, 6))
def test_no_patient_stands_in_two_folds(found, seed, k):
    patients, labels = map(list, zip(*found, strict=True))
    whole = table(np.array(patients), labels)
    if len(set(patients)) < k or len(set(labels)) < 2:
        with pytest.raises(ValueError, match=r"one patient|one class|cannot be divided"):
            data.folds(whole, k=k, seed=seed)
        return
    pairs = list(data.folds(whole, k=k, seed=seed))
    assert_apart(whole, [test for _, test in pairs])
    for train, test in pairs:
        assert_apart(whole, [train, test])
        assert len(test) > 0
        data.refuse_leak(train, test)


@ANY
@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=8, max_size=60), st.sampled_from(["multiclass", "multilabel", "regression"])
)
def test_without_patients_every_image_is_in_one_part(labels, task):
    if task == "multilabel":
        labels = [[label & 1, label >> 1] for label in labels]
    elif task == "multiclass":
        labels[:2] = [0, 1]
    whole = table(None, np.array(labels, float if task == "regression" else int), task=task)
    with pytest.warns(UserWarning, match="patients are not known, so it is divided by image"):
        assert_apart(whole, data.split(whole))
    assert_apart(whole, [test for _, test in data.folds(whole, k=4)])


def test_classes_and_sizes_are_in_proportion():
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 300, 2000)  # seven images a patient
    labels = (rng.random(300) < 0.3)[patients].astype(int)  # a patient has one class
    labels[rng.random(2000) < 0.02] = 2
    whole = table(patients, labels)
    share = np.bincount(labels) / 2000
    for part, fraction in zip(data.split(whole), (0.7, 0.1, 0.2), strict=True):
        assert len(part) / 2000 == pytest.approx(fraction, abs=0.01)
        assert np.bincount(part.labels) / len(part) == pytest.approx(share, abs=0.01)
    for _, test in data.folds(whole, k=10):
        assert len(test) == pytest.approx(200, abs=4)
        assert np.bincount(test.labels) / len(test) == pytest.approx(share, abs=0.015)


def test_balance_is_that_of_scikit_learn_or_better():
    selection = pytest.importorskip("sklearn.model_selection")
    rng = np.random.default_rng(1)
    patients = rng.zipf(1.6, 1500) % 120  # a few patients with many images
    labels = rng.integers(0, 4, 1500)
    whole = table(patients, labels)

    def spread(tests) -> float:
        return float(np.std([np.bincount(labels[t], minlength=4) for t in tests], axis=0).sum())

    ours = spread([rows(test) for _, test in data.folds(whole, k=5)])
    other = selection.StratifiedGroupKFold(5, shuffle=True, random_state=0)
    assert ours <= 1.05 * spread([test for _, test in other.split(labels, labels, patients)])


def test_the_seed_decides():
    whole = table(np.arange(100), np.arange(100) % 2)
    first, again, other = (rows(data.split(whole, seed=seed)[2]) for seed in (0, 0, 1))
    assert first == again != other
    assert len(first) == 20


def test_an_official_split_is_kept():
    names = ["test", "train", "val", "train", "test", "val"]
    whole = table(list("abcdef"), [0, 1] * 3, split=names)
    train, val, test = data.split(whole, fractions=(0.1, 0.1, 0.8))
    assert [rows(part) for part in (train, val, test)] == [[1, 3], [2, 5], [0, 4]]
    with pytest.raises(ValueError, match=r"official split names \['tune'\]"):
        data.split(table(list("abcdef"), [0, 1] * 3, split=["tune"] * 6))


def test_an_official_split_that_shares_patients_is_refused():
    whole = table(list("abacbd"), [0, 1] * 3, split=["train", "train", "test", "test", "val", "test"])
    with pytest.raises(ValueError, match=r"toy: 1 patients stand in train and in val of the official split \(b\)"):
        data.split(whole)
    with pytest.raises(data.LeakError, match=r"1 patients stand in both \(a\)"):
        data.refuse_leak(whole[whole.split == "train"], whole[whole.split == "test"])


@pytest.mark.parametrize(("only", "missing"), [("train", "test"), ("test", "train")])
def test_an_official_split_without_train_or_test_is_refused(only, missing):
    whole = table(list("abcdef"), [0, 1] * 3, split=[only] * 6)
    with pytest.raises(ValueError, match=f"official split has no {missing} part; dataset.split=None divides it anew"):
        data.split(whole)
    if only == "train":  # no test data wanted: that is fine
        assert len(data.split(whole, fractions=(1, 0, 0))[0]) == 6


@ANY
def test_a_missing_validation_part_is_cut_from_training_by_patient():
    whole = table(np.arange(60) // 2, np.arange(60) // 2 % 2, split=["train"] * 40 + ["test"] * 20)
    train, val, test = data.split(whole)
    assert rows(test) == list(range(40, 60))
    assert_apart(whole, (train, val, test))
    assert len(val) == 40 / 8 - 1 or len(val) == 40 / 8 + 1  # two images a patient
    assert set(val.split) == {"val"}


@pytest.mark.parametrize(
    ("patients", "labels", "says"),
    [
        (["a"] * 6, [0, 1] * 3, r"one patient \(a\)"),
        (list("abcdef"), [1] * 6, r"one class \(c1\)"),
        (list("aabbaa"), [0, 1] * 3, "2 patients cannot be divided into [35] parts"),
        ([], [], "no images"),
    ],
)
def test_what_cannot_be_divided_says_why(patients, labels, says):
    whole = table(patients, np.array(labels, int))
    with pytest.raises(ValueError, match=says):
        data.split(whole)
    with pytest.raises(ValueError, match=says):
        data.folds(whole)


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (0.8, 0.2), (1.2, -0.2, 0), (0.7, 0.1, float("nan"))])
def test_fractions_must_sum_to_one(fractions):
    with pytest.raises(ValueError, match="sum to 1"):
        data.split(table(list("abcdef"), [0, 1] * 3), fractions=fractions)


def test_folds_are_at_least_two():
    with pytest.raises(ValueError, match="k must be a whole number of 2 or more"):
        data.folds(table(list("abcdef"), [0, 1] * 3), k=1)


def test_a_class_too_rare_for_every_part_is_named():
    whole = table(np.arange(30), [2, *[0, 1] * 14, 0])
    with pytest.warns(UserWarning, match=r"c2 from 4 of 5"):
        data.folds(whole)


@ANY
def test_rows_for_plain_arrays_are_those_of_the_folds():
    rng = np.random.default_rng(2)
    patients, labels = rng.integers(0, 15, 60), rng.integers(0, 3, 60)  # as text, patient 10 comes before 2
    for ids in (patients, patients.astype(float), None):
        pairs = data.folds(table(ids, labels), k=4, seed=3)
        for (train, test), ours in zip(pairs, fold_rows(labels, ids, k=4, seed=3), strict=True):
            assert [rows(train), rows(test)] == [part.tolist() for part in ours]


@pytest.mark.parametrize(
    ("labels", "patients", "k", "says"),
    [
        ([0, 1] * 3, list("abcabc"), 4, "3 patients cannot be divided into 4 folds"),
        ([0, 1] * 3, None, 7, "6 cases cannot be divided into 7 folds"),
        ([0, 0, 1, 1], list("abcc"), 2, "every class needs at least 2 patients, .* class 1: 1"),
        ([0, 1, 0, 1], list("aabb"), 1, "k must be a whole number of 2 or more, got 1"),
        ([0, 1, 0, 1], list("aabb"), True, "k must be a whole number of 2 or more, got True"),
    ],
)
def test_rows_that_nothing_could_be_learnt_from_are_refused(labels, patients, k, says):
    with pytest.raises(ValueError, match=says):
        fold_rows(np.array(labels), None if patients is None else np.array(patients), k=k)


# leaks


def test_shared_patients_are_refused():
    whole = table(list("aabbcc"), [0, 1] * 3)
    data.refuse_leak(whole[:2], whole[2:])
    with pytest.raises(data.LeakError, match=r"1 patients stand in both \(b\)"):
        data.refuse_leak(whole[:3], whole[3:])


def test_identical_images_are_refused():
    whole = table(list("abcdef"), [0, 1] * 3)
    whole.images[4] = whole.images[1]
    with pytest.raises(data.LeakError, match=r"1 images of the second are in the first.*positions 1\)"):
        data.refuse_leak(whole[:3], whole[3:])
    whole.images[4] += 1_000_000
    data.refuse_leak(whole[:3], whole[3:])


def test_images_of_other_shapes_or_types_are_other_images():
    flat = table(None, [0, 1])
    flat.images = [np.zeros((2, 3), np.int16), np.ones((2, 3), np.int16)]
    other = table(None, [0, 1])
    other.images = [np.zeros((3, 2), np.int16), np.ones((2, 3), np.uint16)]
    data.refuse_leak(flat, other)
    other.images[0] = np.zeros((3, 2), np.int16).T  # the same numbers, laid out otherwise in memory
    with pytest.raises(data.LeakError):
        data.refuse_leak(flat, other)


def test_an_official_split_that_leaks_is_only_warned_about():
    whole = table(None, [0, 1] * 3, split=["train", "train", "val", "val", "test", "test"])
    whole.images[2] = whole.images[0]
    train, val, test = data.split(whole)
    with pytest.warns(UserWarning, match=r"1 images of the second.*official split"):
        data.refuse_leak(train, val)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        data.refuse_leak(train, test)
    with pytest.raises(data.LeakError):  # parts mixed by hand are no official split
        data.refuse_leak(whole[[0, 3, 4]], whole[[1, 2, 5]])
