"""Resampling in mm against analytic pictures, and against scikit-image where sides divide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import transform

from medlab import preprocess


def millimeters(shape, spacing) -> list[np.ndarray]:
    """Coordinates in mm from the center of the grid."""
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing)]
    return np.meshgrid(*axes, indexing="ij")


def smooth(shape, spacing) -> np.ndarray:
    """A smooth picture in HU, defined in mm."""
    grid = millimeters(shape, spacing)
    return -400 + 300 * np.prod([np.cos(2 * np.pi * (g + 3) / 40) for g in grid], axis=0) + 2 * grid[-1]


def ball(shape, spacing, radius) -> np.ndarray:
    return np.sum(np.square(millimeters(shape, spacing)), axis=0) <= radius**2


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize(
    ("shape", "spacing", "new"),
    [((60, 80), (1, 0.7), (0.8, 0.8)), ((24, 40, 44), (2.5, 1, 0.9), (1.25, 1.1, 1))],
)
def test_a_picture_in_mm_stays_where_it_is(shape, spacing, new, order):
    result = preprocess.resample(smooth(shape, spacing), spacing=spacing, new_spacing=new, order=order)
    assert result.dtype == np.float32
    assert result.shape == tuple(round(n * s / t) for n, s, t in zip(shape, spacing, new))
    inner = (slice(4, -4),) * len(shape)
    np.testing.assert_allclose(result[inner], smooth(result.shape, new)[inner], atol=8 if order == 1 else 2.5)


def test_there_and_back():
    shape, spacing, new = (20, 48, 52), (2.5, 1.0, 1.0), (1.25, 0.5, 0.5)
    image = smooth(shape, spacing)
    fine = preprocess.resample(image, spacing=spacing, new_spacing=new, order=3)
    back = preprocess.resample(fine, spacing=new, new_spacing=spacing, order=3)
    assert back.shape == shape
    inner = (slice(3, -3),) * 3
    np.testing.assert_allclose(back[inner], image[inner], atol=3)
    np.testing.assert_allclose(
        preprocess.resample(image, spacing=spacing, new_spacing=spacing), image.astype(np.float32), rtol=1e-6
    )


@pytest.mark.parametrize(("spacing", "new"), [((2.5, 0.7, 0.7), (1, 1, 1)), ((1, 1, 1), (2.5, 0.8, 1.3))])
def test_a_ball_keeps_its_volume_in_mm(spacing, new):
    radius = 14.0
    shape = tuple(int(44 / s) for s in spacing)
    mask = ball(shape, spacing, radius)
    result = preprocess.resample(mask, spacing=spacing, new_spacing=new)
    assert result.dtype == bool
    truth = 4 / 3 * np.pi * radius**3
    assert mask.sum() * np.prod(spacing) == pytest.approx(truth, rel=0.02)
    assert result.sum() * np.prod(new) == pytest.approx(truth, rel=0.02)
    image = preprocess.resample(mask * 1000 - 1000, spacing=spacing, new_spacing=new)
    assert (image + 1000).sum(dtype=float) / 1000 * np.prod(new) == pytest.approx(truth, rel=0.02)


def test_coarser_is_smoothed_finer_is_not():
    """Stripes of one pixel: every second pixel is all bright or all dark, and their mean is what there is."""
    stripes = np.tile([0.0, 100.0], (64, 32))
    coarse = preprocess.resample(stripes, spacing=(1, 1), new_spacing=(3, 3))
    assert np.abs(coarse[3:-3, 3:-3] - 50).max() < 12
    assert np.ptp(stripes[1::3, 1::3]) == 100
    fine = preprocess.resample(stripes, spacing=(1, 1), new_spacing=(0.5, 0.5))
    assert fine.max() - fine.min() == 100


def test_nearest_by_hand():
    """Twice as fine repeats each voxel, twice as coarse takes the first of two, three times the middle of three."""
    labels = np.array([[0, 1, 2, 3, 4, 5]], dtype=np.uint8)
    fine = preprocess.resample(labels, spacing=(1, 1), new_spacing=(1, 0.5), order=0)
    assert fine.tolist() == [[0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]]
    assert fine.dtype == np.uint8
    assert preprocess.resample(labels, spacing=(1, 0.7), new_spacing=(1, 1.4), order=0).tolist() == [[0, 2, 4]]
    assert preprocess.resample(labels, spacing=(1, 1), new_spacing=(1, 3), order=0).tolist() == [[1, 4]]


def test_at_least_one_voxel_is_left():
    thin = np.arange(12.0).reshape(1, 3, 4)
    result = preprocess.resample(thin, spacing=(1, 1, 1), new_spacing=(10, 10, 10))
    assert result.shape == (1, 1, 1)
    assert result.item() == pytest.approx(thin.mean(), abs=0.5)


@given(
    n=st.tuples(*[st.integers(1, 9)] * 2),
    spacing=st.tuples(*[st.floats(0.3, 4)] * 2),
    new=st.tuples(*[st.floats(0.3, 4)] * 2),
    order=st.integers(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_values_stay_in_range_and_a_flipped_image_gives_the_flipped_result(n, spacing, new, order):
    image = np.random.default_rng(0).normal(size=n).astype(np.float32)
    result = preprocess.resample(image, spacing=spacing, new_spacing=new, order=order)
    assert image.min() - 1e-5 <= result.min() <= result.max() <= image.max() + 1e-5
    if order:
        flipped = preprocess.resample(image[:, ::-1], spacing=spacing, new_spacing=new, order=order)
        np.testing.assert_allclose(flipped[:, ::-1], result, atol=1e-4)  # the centers coincide


def test_where_sides_divide_it_is_scikit_images_resize():
    hu = np.random.default_rng(0).normal(-500, 300, (48, 60)).astype(np.int16)
    ours = preprocess.resample(hu, spacing=(1, 1), new_spacing=(2, 3))
    theirs = transform.resize(hu.astype(float), (24, 20), mode="edge", anti_aliasing=True)
    np.testing.assert_allclose(ours, theirs, atol=0.01)


IMAGE = np.ones((6, 7))


@pytest.mark.parametrize("spacing", [(0, 1), (1, -2), (1,), (1, 1, 1), (np.inf, 1)])
def test_bad_spacing(spacing):
    with pytest.raises(ValueError, match=r"^spacing must be 2 numbers above 0 mm"):
        preprocess.resample(IMAGE, spacing=spacing, new_spacing=(1, 1))
    with pytest.raises(ValueError, match="new_spacing must be 2 numbers above 0 mm"):
        preprocess.resample(IMAGE, spacing=(1, 1), new_spacing=spacing)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: preprocess.resample(IMAGE, spacing=(1, 1), new_spacing=(1, 1), order=6),
            "order must be a whole number",
        ),
        (lambda: preprocess.resample(IMAGE * np.nan, spacing=(1, 1), new_spacing=(1, 1)), "image must be finite"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
