"""The checks that everything shares: what passes comes back ready for use, what does not is named with what came."""

import re

import numpy as np
import pytest

from medlab import arguments


def test_images_are_floats_before_any_arithmetic():
    assert arguments.image(np.uint8([[0, 255]])).dtype == np.float32
    assert arguments.image(np.int32([[2**30 + 1]])).dtype == np.float64  # float32 would lose the 1
    assert arguments.image([1, 2], dtype=np.float32).dtype == np.float32
    image = np.zeros((2, 2), np.float32)
    assert arguments.image(image) is image


def test_masks_become_bool():
    for made_of in (bool, np.uint8, int, float):
        mask = arguments.mask(np.array([[0, 1]], made_of), shape=(1, 2))
        assert mask.dtype == bool
        assert mask.tolist() == [[False, True]]
    assert arguments.masks(None, (3, 2, 2)) is None


def test_numbers_and_their_ends():
    assert arguments.number(3, "x", low=3, high=3) == 3.0
    assert arguments.number(np.float32(0.5), "x", above=0, below=1) == 0.5
    assert arguments.whole(np.int64(4), "k", low=4) == 4
    assert arguments.whole(4.0, "k") == 4
    assert arguments.spacing(None, 2) == (1.0, 1.0)
    assert arguments.spacing([2, 0.5], 2) == (2.0, 0.5)
    assert arguments.point(np.array([1.0, 2.0]), (2, 3)) == (1, 2)


def test_labels_and_patients():
    assert arguments.labels([0.0, 1.0, 1.0]).tolist() == [0, 1, 1]
    assert arguments.patients(None, 3) is None
    assert arguments.patients(np.array(["a", 7], object), 2).tolist() == ["a", "7"]


def test_the_box_of_a_mask():
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 2, 3] = mask[3, 2, 6] = True
    assert arguments.box(mask) == (slice(1, 4), slice(2, 3), slice(3, 7))


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (lambda: arguments.image("ct"), "image must hold real numbers, got <U2"),
        (lambda: arguments.image(np.zeros((0, 3))), "image must be an array with at least one pixel, got shape (0, 3)"),
        (
            lambda: arguments.image(np.zeros(3), ndim=(2, 3)),
            "image must be (y, x) or (z, y, x) with at least one pixel",
        ),
        (lambda: arguments.image([[NAN, INF, 1]]), "image must be finite, got 2 pixels that are NaN, infinite"),
        (lambda: arguments.image([[1e300]], "hu", dtype=np.float32), "hu must be finite, got 1 pixels"),
        (lambda: arguments.mask([[0, 2]]), "mask must hold 0 and 1 only, got int64 from 0 to 2"),
        (lambda: arguments.mask([["a"]]), "mask must hold 0 and 1 only, got <U1"),
        (lambda: arguments.mask([[1]], shape=(2, 2)), "mask must have the shape of the image, (2, 2), got (1, 1)"),
        (lambda: arguments.mask([1], ndim=(2,)), "mask must be (y, x) with at least one pixel, got shape (1,)"),
        (lambda: arguments.mask([[0]], empty=False), "mask must mark at least one pixel, got an empty one"),
        (
            lambda: arguments.images(np.zeros((2, 2))),
            "images must be a batch (N, y, x) with at least one pixel, got (2, 2)",
        ),
        (
            lambda: arguments.images([np.zeros((2, 2)), np.zeros((3, 2))]),
            "images must have one size, got [(2, 2), (3, 2)]",
        ),
        (lambda: arguments.images(np.full((1, 2, 2), NAN)), "images must be finite, got 4 pixels"),
        (
            lambda: arguments.masks(np.zeros((2, 1, 1)), (2, 1, 1)),
            "masks must mark at least one pixel each, that of image 0",
        ),
        (lambda: arguments.spacing((1, 0), 2), "spacing must be 2 numbers above 0 mm, one an axis, got (1, 0)"),
        (lambda: arguments.spacing((1, NAN), 2), "spacing must be 2 numbers above 0 mm"),
        (lambda: arguments.spacing("mm", 2), "spacing must be 2 numbers above 0 mm, one an axis, got mm"),
        (lambda: arguments.number(0, "width", above=0, unit="HU"), "width must be a number above 0 HU, got 0"),
        (lambda: arguments.number(1, "share", low=0, below=1), "share must be a number from 0 to below 1, got 1"),
        (lambda: arguments.number(2, "level", low=0, high=1), "level must be a number from 0 to 1, got 2"),
        (lambda: arguments.number(NAN, "x"), "x must be a finite number, got nan"),
        (lambda: arguments.number("1", "x", low=0), "x must be a number from 0 on, got '1'"),
        (lambda: arguments.whole(2.5, "k"), "k must be a whole number of 0 or more, got 2.5"),
        (lambda: arguments.whole(True, "k"), "k must be a whole number of 0 or more, got True"),
        (lambda: arguments.whole(INF, "k"), "k must be a whole number of 0 or more, got inf"),
        (lambda: arguments.whole(9, "k", low=2, high=8), "k must be a whole number from 2 to 8, got 9"),
        (
            lambda: arguments.choice("sgdx", "optimizer", ["adamw", "sgd"]),
            "optimizer must be one of 'adamw', 'sgd', got",
        ),
        (lambda: arguments.generator(0), "rng must be a generator such as np.random.default_rng(0), got 0"),
        (lambda: arguments.point((1, 5), (2, 3)), "point (1, 5) lies outside the image of shape (2, 3)"),
        (lambda: arguments.point((0.5, 1), (2, 3)), "point must be 2 whole numbers, a voxel index, got (0.5, 1)"),
        (lambda: arguments.labels([0, 0]), "y holds one class only (0); there is nothing to tell apart"),
        (lambda: arguments.labels([0, 2]), "y must hold every class from 0 to 2, there is no case of [1]"),
        (lambda: arguments.labels([0, NAN]), "y must be known for each case, 1 are NaN or infinite"),
        (lambda: arguments.labels([[0], [1]]), "y must be a row (N,) with the class of each case, got shape (2, 1)"),
        (lambda: arguments.labels([-1, 1]), "y must be whole numbers from 0, got int64 from -1 to 1"),
        (lambda: arguments.patients(["a"], 2), "groups must name the patient of each of the 2 cases, got shape (1,)"),
        (
            lambda: arguments.patients(np.array(["a", None], object), 2),
            "groups must name the patient of each case, 1 are",
        ),
    ],
)
def test_what_is_refused_is_said_in_one_sentence(check, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        check()
