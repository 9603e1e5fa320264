"""Edges against SciPy and scikit-image, ramps, discs and numbers worked out on paper; then what is refused."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import feature

from medlab import segment


def ball(shape, radius, spacing=None):
    """1 inside a ball (in an image a disc) around the middle voxel, 0 outside."""
    steps = spacing or (1,) * len(shape)
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    square = sum(((axis - n // 2) * step) ** 2 for axis, n, step in zip(axes, shape, steps))
    return (square <= radius**2).astype(float)


def ramp(shape, slopes, spacing):
    """Grows along each axis by so many units a mm."""
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    return sum(axis * step * slope for axis, step, slope in zip(axes, spacing, slopes)) + np.zeros(shape)


@pytest.mark.parametrize(
    ("shape", "spacing", "slopes"),
    [((9, 11), (1.0, 1.0), (3, 4)), ((9, 11), (2.5, 0.7), (3, -4)), ((7, 8, 9), (2.5, 0.7, 0.7), (2, 3, 6))],
)
def test_sobel_of_a_ramp_is_its_slope(shape, spacing, slopes):
    found = segment.sobel(ramp(shape, slopes, spacing), spacing=spacing)
    inside = (slice(1, -1),) * len(shape)
    np.testing.assert_allclose(found[inside], np.sqrt(np.sum(np.square(slopes))), rtol=1e-6)


def test_sobel_by_hand():
    image = np.zeros((5, 5))
    image[2, 2] = 8  # one bright pixel: weights 1 2 1 beside it, eight in all
    found = segment.sobel(image)
    np.testing.assert_allclose(found[1:4, 1:4], np.sqrt([[2, 4, 2], [4, 0, 4], [2, 4, 2]]))
    np.testing.assert_array_equal(found[0], 0)


def test_unsigned_pixels_do_not_wrap():
    image = np.array([[0, 0, 0], [200, 200, 200], [255, 255, 255]], np.uint8).T
    np.testing.assert_allclose(segment.sobel(image), segment.sobel(image.astype(float)))
    np.testing.assert_allclose(segment.sobel(image[:, ::-1]), segment.sobel(image)[:, ::-1])


@pytest.mark.parametrize("step", [1.0, 0.5])
def test_canny_as_scikit_image(step):
    rng = np.random.default_rng(0)
    image = 100 * ball((48, 64), 15) + rng.normal(0, 10, (48, 64))
    ours = segment.canny(image, sigma=2 * step, low=4 / step, high=8 / step, spacing=(step, step))
    theirs = feature.canny(image, sigma=2, low_threshold=32, high_threshold=64, mode="nearest")  # 8 × per pixel
    np.testing.assert_array_equal(ours, theirs)
    assert ours.any()


def test_canny_thresholds_are_gradients():
    """An edge of known steepness is found just below it and lost just above it."""
    x = np.arange(60) * 0.5
    image = np.broadcast_to(100 / (1 + np.exp(-(x - 15))), (20, 60))  # steepest at 15 mm: 25 units a mm
    steepest = segment.sobel(ndimage.gaussian_filter(image, 2), spacing=(0.5, 0.5)).max()
    assert 15 < steepest < 25
    for share, found in ((0.98, True), (1.02, False)):
        edges = segment.canny(image, sigma=1, low=1, high=share * steepest, spacing=(0.5, 0.5))
        assert edges.any() == found
    on = np.nonzero(segment.canny(image, sigma=1, low=1, high=5, spacing=(0.5, 0.5)))[1]
    assert abs(on * 0.5 - 15).max() <= 0.5


def test_canny_finds_the_circle_and_goes_slice_by_slice():
    disc = 100 * ball((64, 64), 20)
    edges = segment.canny(disc, sigma=1.5, low=5, high=10)
    away = np.hypot(*(np.argwhere(edges) - 32).T)
    assert abs(away - 20).max() < 1.5
    assert 2 * np.pi * 20 * 0.8 < edges.sum() < 2 * np.pi * 20 * 1.2
    volume = np.stack([disc, np.zeros_like(disc), disc[::-1]])
    found = segment.canny(volume, sigma=1.5, low=5, high=10, spacing=(3, 1, 1))
    np.testing.assert_array_equal(found[0], edges)
    assert not found[1].any()


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 2.0), (1.0, 1.0, 1.0)])
def test_laplacian_of_gaussian_as_scipy(spacing):
    image = np.random.default_rng(1).normal(size=(20, 24, 22)[: len(spacing)])
    ours = segment.laplacian_of_gaussian(image, sigma=2 * spacing[0], spacing=spacing)
    theirs = 4 * ndimage.gaussian_laplace(image, 2, mode="nearest")
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize(
    ("shape", "spacing", "radius"), [((81, 81), (1, 1), 10), ((81, 161), (1, 0.5), 10), ((41, 61, 61), (1.5, 1, 1), 9)]
)
def test_a_blob_answers_most_at_its_own_size(shape, spacing, radius):
    image = ball(shape, radius, spacing)
    middle = tuple(n // 2 for n in shape)
    sigmas = radius / np.sqrt(len(shape)) * np.linspace(0.7, 1.4, 29)
    answers = [segment.laplacian_of_gaussian(image, sigma=s, spacing=spacing)[middle] for s in sigmas]
    assert sigmas[np.argmin(answers)] == pytest.approx(radius / np.sqrt(len(shape)), rel=0.06)
    if len(shape) == 2:  # the integral of the filter over the disc: -r²/σ² exp(-r²/2σ²), -2/e at its best
        assert min(answers) == pytest.approx(-2 / np.e, rel=0.03)


def test_zero_crossings_by_hand():
    response = np.array([[-4.0, -1.0, 3.0, 3.0], [-4.0, 0.0, 4.0, 4.0], [-1.0, -1.0, -1.0, 0.0]])
    expected = [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    np.testing.assert_array_equal(segment.zero_crossings(response), np.array(expected, bool))
    # only steps of 5 and more: -1|3 goes, 4|-1 stays, and so does the 0 between -4 and 4
    np.testing.assert_array_equal(segment.zero_crossings(response, min_step=5).sum(axis=1), [0, 1, 1])
    assert not segment.zero_crossings(np.zeros((4, 4))).any()
    assert segment.zero_crossings(np.array([[-1e-300, 1e-300]])).sum() == 1


def test_zero_crossings_lie_on_the_sphere():
    image = ball((41, 41, 41), 12)
    found = segment.zero_crossings(segment.laplacian_of_gaussian(image, sigma=2), min_step=0.02)
    away = np.linalg.norm(np.argwhere(found) - 20, axis=1)
    assert found.sum() > 1000
    assert abs(away - 12).max() < 1.5


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: segment.sobel(np.array([[1.0, np.nan]])), "image must be finite, got 1 voxels"),
        (lambda: segment.sobel(np.zeros(5)), r"image must be .*got shape \(5,\)"),
        (lambda: segment.sobel(np.zeros((0, 4))), "at least one voxel"),
        (lambda: segment.sobel(np.zeros((2, 2), complex)), "real numbers, got complex128"),
        (lambda: segment.sobel(np.zeros((3, 3)), spacing=(1, 0)), "spacing must be 2 numbers above 0"),
        (lambda: segment.sobel(np.zeros((3, 3)), spacing=(1, 1, 1)), "spacing must be 2 numbers"),
        (lambda: segment.canny(np.zeros((9, 9)), sigma=0, low=1, high=2), "sigma must be above 0, got 0"),
        (lambda: segment.canny(np.zeros((9, 9)), sigma=1, low=3, high=2), r"high must be at least low \(3\), got 2"),
        (lambda: segment.canny(np.zeros((9, 9)), sigma=1, low=-1, high=2), "low must be at least 0, got -1"),
        (lambda: segment.canny(np.zeros((9, 9)), sigma=1, low=1, high=2, spacing=(1, 2)), "square pixels"),
        (lambda: segment.laplacian_of_gaussian(np.zeros((9, 9)), sigma=np.nan), "sigma must be above 0, got nan"),
        (lambda: segment.zero_crossings(np.full((3, 3), np.inf)), "response must be finite"),
        (lambda: segment.zero_crossings(np.zeros((3, 3)), min_step=-1), "min_step must be at least 0"),
    ],
)
def test_what_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
