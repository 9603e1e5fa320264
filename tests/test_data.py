"""A data set has one shape, whatever it came from; what does not fit is refused with the reason."""

import numpy as np
import pandas as pd
import pytest

from medlab.data.dataset import Lazy
from tests.data_sets import toy

pytestmark = pytest.mark.filterwarnings("ignore:.*its MD5 is", "ignore:.*officially", "ignore:BreastMNIST. malignant")


def test_a_part_is_a_data_set_with_the_same_rows_everywhere():
    whole = toy(table=pd.DataFrame({"row": range(12)}), spacing=(2.0, 1.0), split=["train"] * 9 + ["test"] * 3)
    for indices in ([3, 1], np.arange(12) > 5, slice(2, 9, 3), np.array([], int)):
        part = whole[indices]
        rows = np.arange(12)[indices]
        assert len(part) == len(rows)
        np.testing.assert_array_equal(part.images, whole.images[rows])
        np.testing.assert_array_equal(part.labels, whole.labels[rows])
        assert part.table["row"].tolist() == rows.tolist()
        assert part.patients.tolist() == whole.patients[rows].tolist()
        assert part.split.tolist() == whole.split[rows].tolist()
        assert part.spacing == (2.0, 1.0)


def test_images_of_unequal_size_stay_a_sequence():
    images = [np.full((n, 3), n) for n in (2, 3, 4)]
    part = toy(3, images=images, masks=[image > 2 for image in images], spacing=[(1, 1), (2, 1), (3, 1)])[[2, 0]]
    assert [image.shape for image in part.images] == [(4, 3), (2, 3)]
    assert part.spacing_of(0) == (3.0, 1.0)
    assert part.masks[0].all()


def test_a_spacing_is_for_all_images_or_for_each():
    assert toy(spacing=[2, 1]).spacing == (2.0, 1.0)
    assert toy(3, spacing=((2, 1), (3, 1), (4, 1)))[[2, 0]].spacing_of(0) == (4.0, 1.0)
    assert toy(2, spacing=((2, 1), None)).spacing_of(1) is None
    assert toy(2, images=np.zeros((2, 4, 5, 3)), spacing=(2, 1)).spacing == (2.0, 1.0)  # colour has no spacing


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"spacing": (1, 0)}, r"toy: spacing must be 2 numbers above 0 mm, one an axis, got \(1, 0\)"),
        ({"spacing": (1, float("inf"))}, "spacing must be 2 numbers above 0"),
        ({"spacing": ("a", 1)}, "12 images but 2 spacing"),
        ({"spacing": ()}, "12 images but 0 spacing"),
        ({"spacing": (1, 1, 1)}, r"spacing \(1\.0, 1\.0, 1\.0\) has 3 numbers, but the images are \(4, 5\)"),
        ({"spacing": ((1, 1), (2, 2))}, "12 images but 2 spacing"),
        ({"labels": np.zeros(11, int)}, "12 images but 11 labels"),
        ({"patients": ["a"] * 13}, "12 images but 13 patients"),
        ({"patients": [*["a"] * 11, None]}, "patients missing for 1 images.*position 11"),
        ({"patients": [*["a"] * 11, float("nan")]}, "patients missing"),
        ({"masks": np.zeros((3, 4, 5))}, "12 images but 3 masks"),
        ({"task": "guess"}, "task must be one of 'binary', .* got 'guess'"),
        ({"labels": np.arange(12)}, "labels run from 0 to 11, allowed are 0 to 1"),
        ({"labels": np.full(12, -1)}, "labels run from -1"),
        ({"labels": np.full(12, 0.5)}, "whole numbers"),
        ({"class_names": ()}, "class_names are missing"),
        ({"class_names": "abc"}, "two classes"),
        ({"labels": np.zeros((12, 2), int)}, r"\(images,\), got \(12, 2\)"),
        ({"task": "multilabel"}, r"\(images, classes\), got \(12,\)"),
        ({"task": "multilabel", "labels": np.zeros((12, 3), int)}, "3 columns, class_names has 2"),
        ({"task": "regression", "labels": np.full(12, np.nan)}, "12 labels are NaN"),
    ],
)
def test_what_does_not_fit_is_refused(changed, says):
    with pytest.raises(ValueError, match=says):
        toy(**changed)


def test_a_patient_is_the_same_text_under_every_type():
    arrays = [np.array([7, 8], np.float32), np.array([b"7", b"8"]), np.array([" 7", "8 "])]
    for same in ([7, 8], [7.0, 8.0], [b"7", b"8"], ["7", 8], pd.Series([7, 8], dtype="Int64"), *arrays):
        assert toy(2, patients=same).patients.tolist() == ["7", "8"]
    assert toy(2, patients=["007", 1.5]).patients.tolist() == ["007", "1.5"]
    for missing in (None, np.nan, pd.NA, pd.NaT, "", "  ", "nan"):
        with pytest.raises(ValueError, match=r"toy: patients missing for 1 images \(the first at position 1\)"):
            toy(2, patients=["a", missing])
    with pytest.raises(ValueError, match="patients missing"):
        toy(2, patients=np.array(["a", "nan"]))
    for wrong in ([["a"], ["b"]], np.array("ab"), "ab"):
        with pytest.raises(ValueError, match="patients must be a list or array of one axis"):
            toy(2, patients=wrong)


def test_one_image_is_asked_of_images():
    with pytest.raises(TypeError, match=r"dataset\.images\[3\]"):
        toy()[3]


def test_it_says_what_it_is():
    assert repr(toy(split=["train"] * 8 + ["val"] * 2 + ["test"] * 2)) == (
        "toy: 12 images 4 × 5, binary (benign 6, malignant 6), 6 patients, official split 8/2/2"
    )
    assert "0.5 to 2" in repr(toy(2, labels=[0.5, 2.0], task="regression", class_names=()))
    assert "a 2, b 1" in repr(toy(2, labels=[[1, 0], [1, 1]], task="multilabel", class_names="ab"))


def test_lazy_items_are_made_one_by_one():
    made = []
    items = Lazy(lambda i: made.append(i) or np.full(2, i), 1_000_000)
    assert items[7][0] == 7
    assert items[-1][0] == 999_999
    assert [int(item[0]) for item in items[[5, 3]][::-1]] == [3, 5]
    assert made == [7, 999_999, 3, 5]
    assert np.asarray(items[:3]).tolist() == [[0, 0], [1, 1], [2, 2]]
    with pytest.raises(IndexError):
        items[1_000_000]
    with pytest.raises(ValueError, match=r"image 1 is \(1,\) and image 0 is \(0,\).*data\.crops"):
        np.asarray(Lazy(np.zeros, 2))
