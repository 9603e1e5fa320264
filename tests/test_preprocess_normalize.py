"""Normalization by hand, and statistics of a data set against all its pixels at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from medlab import preprocess

HU = np.random.default_rng(0).normal(-600, 250, (5, 12, 13)).round().astype(np.int16)
PART = HU > -700


def test_rescale_by_hand():
    image = np.array([[-1000, 0, 400, 3000]], dtype=np.int16)
    np.testing.assert_allclose(preprocess.rescale(image), [[0, 0.25, 0.35, 1]], atol=1e-6)
    np.testing.assert_allclose(preprocess.rescale(image, low=-1000, high=1000), [[0, 0.5, 0.7, 1]], atol=1e-6)
    inside = np.array([[False, True, True, False]])
    np.testing.assert_array_equal(preprocess.rescale(image, mask=inside), [[0, 0, 1, 1]])
    extreme = np.array([-32768, 0, 32767], dtype=np.int16)
    np.testing.assert_allclose(preprocess.rescale(extreme), [0, 0.5, 1], atol=1e-4)


def test_rescale_percentiles_ignores_a_bright_spot():
    image = np.arange(1001.0)
    spot = np.append(image, 1e6)
    np.testing.assert_allclose(preprocess.rescale_percentiles(image), ((image - 10) / 980).clip(0, 1), atol=1e-6)
    np.testing.assert_allclose(
        preprocess.rescale_percentiles(spot)[:-1], preprocess.rescale_percentiles(image), atol=3e-3
    )
    half = image >= 500
    np.testing.assert_allclose(
        preprocess.rescale_percentiles(image, low=0, high=100, mask=half), ((image - 500) / 500).clip(0, 1), atol=1e-6
    )


@pytest.mark.parametrize("f", [preprocess.rescale, preprocess.rescale_percentiles, preprocess.standardize])
@pytest.mark.parametrize("mask", [None, PART])
def test_unit_and_offset_of_the_input_do_not_matter(f, mask):
    result = f(HU, mask=mask)
    assert (result.shape, result.dtype) == (HU.shape, np.float32)
    np.testing.assert_allclose(f(HU * 2.5 + 4000, mask=mask), result, atol=1e-4)


def test_standardize():
    scaled = preprocess.standardize(HU).astype(float)
    assert scaled.mean() == pytest.approx(0, abs=1e-5)
    assert scaled.std() == pytest.approx(1, abs=1e-5)
    scaled = preprocess.standardize(HU, mask=PART.astype(np.uint8)).astype(float)
    assert scaled[PART].mean() == pytest.approx(0, abs=1e-5)
    assert scaled[PART].std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(preprocess.standardize(HU, mean=-600, sd=250), (HU + 600) / 250, atol=1e-5)
    np.testing.assert_array_equal(preprocess.standardize(np.full(3, 8), mean=2, sd=3), [2, 2, 2])
    pixels = np.array([0, 255], dtype=np.uint8)
    np.testing.assert_array_equal(preprocess.standardize(pixels), [-1, 1])


SIZES = st.lists(arrays.arrays(np.int16, arrays.array_shapes(max_dims=3, max_side=5)), min_size=1, max_size=6)


@given(SIZES)
@settings(max_examples=60, deadline=None)
def test_statistics_are_those_of_all_pixels_at_once(images):
    everything = np.concatenate([image.ravel() for image in images]).astype(float)
    found = preprocess.statistics(iter(images))
    assert found.n == everything.size
    assert found.mean == pytest.approx(everything.mean(), abs=1e-6)
    assert found.sd == pytest.approx(everything.std(), abs=1e-6)


def test_statistics_are_stable_far_from_zero():
    """The mean square less the square of the mean would be lost in rounding."""
    images = [np.array([1e9, 1e9 + 2]), np.array([1e9 + 4, 1e9 + 6])]
    assert preprocess.statistics(images).sd == pytest.approx(np.sqrt(5))
    assert preprocess.statistics(np.full((4, 3, 3), 255, np.uint8)) == (255, 0, 36)


def test_statistics_feed_standardize():
    found = preprocess.statistics(HU)
    np.testing.assert_allclose(
        preprocess.standardize(HU, mean=found.mean, sd=found.sd), preprocess.standardize(HU), atol=1e-5
    )


NAN = np.array([1.0, np.nan])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preprocess.rescale(np.full((3, 3), 7)), "low must be below high, got 7 and 7"),
        (lambda: preprocess.rescale(HU, low=5, high=5), "low must be below high"),
        (lambda: preprocess.rescale(HU, low=np.nan), "low must be a finite number"),
        (lambda: preprocess.rescale(NAN), "image must hold finite"),
        (lambda: preprocess.rescale(HU, mask=PART[0]), "mask must have the shape of the image"),
        (lambda: preprocess.rescale(HU, mask=PART & False), "at least one pixel"),
        (lambda: preprocess.rescale(HU, mask=HU), "0 and 1 only"),
        (lambda: preprocess.rescale_percentiles(HU, low=60, high=40), "0 <= low < high <= 100"),
        (lambda: preprocess.rescale_percentiles(HU, high=101), "0 <= low < high <= 100"),
        (lambda: preprocess.rescale_percentiles(np.append(np.zeros(999), 5)), "both 0: give a mask"),
        (lambda: preprocess.rescale_percentiles(HU, mask=PART[0]), "mask must have the shape"),
        (lambda: preprocess.rescale_percentiles(NAN), "image must hold finite"),
        (lambda: preprocess.standardize(np.full((3, 3), 0.1)), "constant one"),
        (lambda: preprocess.standardize(HU, mask=np.arange(HU.size).reshape(HU.shape) == 7), "constant one"),
        (lambda: preprocess.standardize(HU, sd=0), "sd must be a number above 0"),
        (lambda: preprocess.standardize(HU, mean=np.inf), "mean must be a finite number"),
        (lambda: preprocess.standardize(HU, mask=PART & False), "at least one pixel"),
        (lambda: preprocess.standardize(NAN), "image must hold finite"),
        (lambda: preprocess.statistics([]), "at least one image"),
        (lambda: preprocess.statistics([HU, NAN]), "image 1 must hold finite"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
