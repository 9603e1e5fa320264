"""Blobs, connected parts and balls in mm against SciPy, scikit-image and numbers worked out on paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import morphology

from medlab import segment
from medlab.segment.parts import closing, dilation, opening

ANISOTROPIC = (2.5, 0.7, 0.7)
SQUARE = (1.0, 1.0)


def distances(shape, center, spacing=None):
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    return np.sqrt(sum(((axis - c) * s) ** 2 for axis, c, s in zip(axes, center, spacing or (1,) * len(shape))))


def ball(shape, center, radius, spacing=None):
    return distances(shape, center, spacing) <= radius


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 2.0), (1.0, 1.0, 1.0)])
def test_laplacian_of_gaussian_as_scipy(spacing):
    image = np.random.default_rng(1).normal(size=(20, 24, 22)[: len(spacing)])
    ours = segment.laplacian_of_gaussian(image, sigma=2 * spacing[0], spacing=spacing)
    theirs = 4 * ndimage.gaussian_laplace(image, 2, mode="nearest")
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize(
    ("shape", "spacing", "radius"), [((81, 81), (1, 1), 10), ((81, 161), (1, 0.5), 10), ((25, 37, 37), (1.5, 1, 1), 5)]
)
def test_a_blob_answers_most_at_its_own_size(shape, spacing, radius):
    middle = tuple(n // 2 for n in shape)
    image = ball(shape, middle, radius, spacing).astype(float)
    sigmas = radius / np.sqrt(len(shape)) * np.linspace(0.7, 1.4, 15)
    answers = [segment.laplacian_of_gaussian(image, sigma=s, spacing=spacing)[middle] for s in sigmas]
    assert sigmas[np.argmin(answers)] == pytest.approx(radius / np.sqrt(len(shape)), rel=0.06)
    if len(shape) == 2:  # the integral of the filter over the disc: -r²/σ² exp(-r²/2σ²), -2/e at its best
        assert min(answers) == pytest.approx(-2 / np.e, rel=0.03)


def test_small_parts_and_the_largest():
    mask = np.zeros((4, 20, 20), bool)
    mask[1, 2:4, 2:4] = True  # 4 voxels of 1.225 mm³
    mask[1:3, 10:15, 10:15] = True  # 50
    kept = segment.remove_small(mask, min_size=5, spacing=ANISOTROPIC)
    assert kept.sum() == 50
    assert segment.remove_small(mask, min_size=4 * 2.5 * 0.7 * 0.7, spacing=ANISOTROPIC).sum() == 54
    assert segment.remove_small(mask, min_size=51).sum() == 0
    np.testing.assert_array_equal(segment.largest_component(mask), kept)
    steps = np.eye(4, dtype=bool)
    steps[0, 1] = True
    assert segment.largest_component(steps).sum() == 3  # (0, 0), (0, 1), (1, 1) touch by faces


@pytest.mark.parametrize("radius", [1, 1.5, 3])
def test_balls_as_scikit_image(radius):
    mask = np.random.default_rng(2).random((40, 40)) < 0.6
    mask[[0, -1]] = mask[:, [0, -1]] = False
    mask = np.pad(mask, 10)  # far from the border, where rules differ
    reach = int(radius)
    element = ball((2 * reach + 1,) * 2, (reach, reach), radius)
    np.testing.assert_array_equal(dilation(mask, radius, SQUARE), morphology.dilation(mask, element))
    np.testing.assert_array_equal(opening(mask, radius, SQUARE), morphology.opening(mask, element))
    np.testing.assert_array_equal(closing(mask, radius, SQUARE), morphology.closing(mask, element))


def test_millimetres_not_voxels():
    """A point grown is a ball in mm, exactly; a radius below the voxel does nothing along that axis."""
    shape, middle = (31, 81, 81), (15, 40, 40)
    grown = dilation(ball(shape, middle, 0), 10, ANISOTROPIC)
    np.testing.assert_array_equal(grown, ball(shape, middle, 10 + 1e-6, ANISOTROPIC))
    assert dilation(ball(shape, middle, 0), 0.7, ANISOTROPIC).sum() == 5
    assert dilation(ball((9, 9), (4, 4), 0), 0.3, (0.1, 0.1))[4, [1, 7]].all()  # 3 * 0.1 is a bit more than 0.3


def test_the_mask_goes_on_beyond_the_border():
    half = np.zeros((20, 30), bool)
    half[:, 10:] = True
    np.testing.assert_array_equal(opening(half, 4, SQUARE), half)  # corners at the border stay
    np.testing.assert_array_equal(closing(half, 4, SQUARE), half)
    near = ball((20, 30), (10, 4), 2)  # a gap to the border is not filled
    np.testing.assert_array_equal(closing(near, 3, SQUARE)[:, 0], False)
    everything = np.ones((4, 5), bool)
    for change in (dilation, opening, closing):
        assert change(everything, 3, SQUARE).all()
        assert not change(~everything, 3, SQUARE).any()


@given(st.integers(0, 10_000), st.floats(0.5, 4), st.sampled_from([(1.0, 1.0), (2.0, 0.6)]))
@settings(max_examples=30, deadline=None)
def test_balls_at_the_border_are_those_far_inside(seed, radius, spacing):
    mask = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(24, 30)), 1.5) > 0.02
    far, inner = np.pad(mask, 20, mode="edge"), (slice(20, -20), slice(20, -20))
    ball_mm = {"radius": radius + 1e-6, "spacing": spacing}
    np.testing.assert_array_equal(dilation(mask, radius, spacing), morphology.isotropic_dilation(mask, **ball_mm))
    np.testing.assert_array_equal(closing(mask, radius, spacing), morphology.isotropic_closing(far, **ball_mm)[inner])
    np.testing.assert_array_equal(opening(mask, radius, spacing), morphology.isotropic_opening(far, **ball_mm)[inner])


MASK = np.eye(4, dtype=bool)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: segment.laplacian_of_gaussian(np.array([[1.0, np.nan]]), sigma=1), "image must be finite, got 1 pix"),
        (lambda: segment.laplacian_of_gaussian(np.zeros(5), sigma=1), r"image must be .*got shape \(5,\)"),
        (lambda: segment.laplacian_of_gaussian(np.zeros((9, 9)), sigma=np.nan), "sigma must be a number above 0, got"),
        (lambda: segment.laplacian_of_gaussian(MASK, sigma=1, spacing=(1, 1, 1)), "spacing must be 2 numbers"),
        (lambda: segment.remove_small(MASK, min_size=-1), "min_size must be a number from 0"),
        (lambda: segment.remove_small(np.arange(4).reshape(2, 2), min_size=1), "mask must hold 0 and 1 only"),
        (lambda: segment.remove_small(MASK, min_size=1, spacing=(1, 0)), "spacing must be 2 numbers above 0"),
        (lambda: segment.largest_component(MASK & False), "mask must mark at least one pixel"),
        (lambda: segment.largest_component(np.ones(4, bool)), r"got shape \(4,\)"),
    ],
)
def test_what_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
