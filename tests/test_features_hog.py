"""HOG against scikit-image, and against edges whose direction is known."""

import numpy as np
import pytest
from skimage.feature import hog

from medlab import features


@pytest.mark.parametrize("shape", [(3, 32, 40), (2, 33, 47), (2, 24, 24, 3)])
@pytest.mark.parametrize(
    ("orientations", "cell", "block"), [(9, (8, 8), (2, 2)), (6, (4, 8), (1, 2)), (1, (8, 6), (3, 3))]
)
def test_as_scikit_image(shape, orientations, cell, block):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = features.hog_features(images, orientations=orientations, pixels_per_cell=cell, cells_per_block=block)
    expected = [
        hog(i, orientations, cell, block, block_norm="L2-Hys", channel_axis=-1 if len(shape) == 4 else None)
        for i in images
    ]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("degrees", [10, 30, 70, 110, 150])
def test_stripes_vote_for_their_direction(degrees):
    """The gradient of stripes is across them; of nine bins of 20 degrees one gets nearly all."""
    y, x = np.mgrid[:48, :48]
    angle = np.radians(degrees)
    stripes = np.sin(0.5 * (x * np.cos(angle) + y * np.sin(angle)))
    found = features.hog_features(stripes[None], cells_per_block=(1, 1)).reshape(-1, 9)
    assert (found.argmax(axis=1) == degrees // 20).all()


def test_brightness_and_contrast_do_not_matter():
    images = np.random.default_rng(1).normal(-500, 300, (2, 32, 32))
    found = features.hog_features(images)
    np.testing.assert_allclose(features.hog_features(2 * images + 700), found, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_types_do_not_overflow(dtype):
    images = np.random.default_rng(2).integers(0, 256, (2, 16, 16))
    np.testing.assert_allclose(features.hog_features(images.astype(dtype)), features.hog_features(images), atol=1e-6)


def test_constant_image_is_zero_and_a_list_is_a_batch():
    images = [np.full((16, 24), 7), np.random.default_rng(3).integers(0, 9, (16, 24))]
    found = features.hog_features(images)
    assert not found[0].any()
    np.testing.assert_array_equal(found, features.hog_features(np.stack(images)))


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((16, 16)), {}, r"\(N, y, x\) or in colour, \(N, y, x, 3\)"),
        (np.zeros((0, 16, 16)), {}, "at least one pixel"),
        (np.zeros((2, 16, 16, 2)), {}, r"in colour, \(N, y, x, 3\)"),
        (np.full((1, 16, 16), np.nan), {}, "finite, got 256 pixels"),
        (np.zeros((1, 16, 16), complex), {}, "real numbers"),
        ([np.zeros((16, 16)), np.zeros((16, 17))], {}, "must have one size"),
        (np.zeros((1, 16, 15)), {}, r"\(16, 15\) pixels, one block of cells needs \(16, 16\)"),
        (np.zeros((1, 16, 16)), {"orientations": 0}, "orientations must be"),
        (np.zeros((1, 16, 16)), {"orientations": 4.5}, "orientations must be"),
        (np.zeros((1, 16, 16)), {"pixels_per_cell": (0, 8)}, r"pixels_per_cell\[0\] must be a whole number of 1"),
        (np.zeros((1, 16, 16)), {"pixels_per_cell": 8}, "pixels_per_cell must be two"),
        (np.zeros((1, 16, 16)), {"cells_per_block": (2, 2, 2)}, "cells_per_block must be two"),
    ],
)
def test_bad_input(images, options, message):
    with pytest.raises(ValueError, match=message):
        features.hog_features(images, **options)
