"""Blur and deblurring: against SciPy and scikit-image, and against the image before the blur."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import restoration

from medlab import preprocess
from medlab.metrics import psnr


def scene(shape=(48, 56)) -> np.ndarray:
    """Two bright boxes on gray, reaching the edge, 100 to 900."""
    image = np.full(shape, 100.0)
    image[..., shape[-2] // 4 : shape[-2] // 2, 10:30] = 900
    image[..., shape[-2] // 2 :, 40:] = 500
    return image


@pytest.mark.parametrize(("sigma", "ndim", "spacing"), [(1, 2, None), (0.6, 3, (2.5, 0.7, 0.6)), (3.3, 1, None)])
def test_gaussian_psf_has_its_sum_and_width(sigma, ndim, spacing):
    psf = preprocess.gaussian_psf(sigma, ndim=ndim, spacing=spacing)
    assert psf.sum() == pytest.approx(1)
    for axis, (side, step) in enumerate(zip(psf.shape, spacing or (1,) * ndim)):
        assert side % 2 == 1
        assert side // 2 * step >= 4 * sigma
        mm = (np.arange(side) - side // 2) * step
        profile = psf.sum(tuple(a for a in range(ndim) if a != axis))
        if step <= sigma:  # finer than the blur, or its width is that of a voxel
            assert np.sqrt((profile * mm**2).sum()) == pytest.approx(sigma, rel=0.01)


def test_blur_is_convolution_with_mirrored_edges():
    rng = np.random.default_rng(0)
    for shape, sides in [((20, 23), (5, 3)), ((7, 8, 9), (3, 5, 1)), ((4, 4), (11, 3)), ((64, 64), (31, 31))]:
        image, psf = rng.normal(-500, 300, shape), rng.random(sides)  # not symmetric: convolution is not correlation
        psf /= psf.sum()
        ours = preprocess.blur(image, psf)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, ndimage.convolve(image, psf, mode="reflect"), atol=1e-3)


def test_blur_of_counts_stays_a_count():
    image = np.zeros((64, 64))
    image[30, 30] = 1e6
    assert preprocess.blur(image, preprocess.gaussian_psf(3)).min() >= 0


def test_unsharp_mask_overshoots_by_hand():
    image = np.zeros((1, 40))
    image[:, 20:] = 100
    sharp = preprocess.unsharp_mask(image, sigma=2, amount=1.5)
    blurred = ndimage.gaussian_filter(image, 2)
    np.testing.assert_allclose(sharp, image + 1.5 * (image - blurred), atol=1e-3)
    assert sharp.min() < -50  # not clipped
    assert sharp.max() > 150
    np.testing.assert_array_equal(preprocess.unsharp_mask(image, sigma=2, amount=0), image)
    pixels = np.tile(np.array([0, 250], dtype=np.uint8), (8, 4))
    assert preprocess.unsharp_mask(pixels, sigma=1, amount=1).max() > 255
    mm = preprocess.unsharp_mask(image, sigma=2, amount=1, spacing=(3, 0.5))
    np.testing.assert_allclose(mm, 2 * image - ndimage.gaussian_filter(image, (2 / 3, 4)), atol=1e-3)


@pytest.mark.parametrize("shape", [(48, 56), (6, 48, 56)])
@pytest.mark.parametrize(
    ("deblur", "decibels"),
    [
        (lambda x, psf: preprocess.wiener(x, psf, noise_to_signal=1e-5), 4),
        (lambda x, psf: preprocess.richardson_lucy(x, psf, iterations=40), 2.5),
        (lambda x, psf: preprocess.unsharp_mask(x, sigma=1.5, amount=1), 1),
    ],
    ids=["wiener", "richardson-lucy", "unsharp"],
)
def test_undoing_a_known_blur_gains(deblur, decibels, shape):
    image = scene(shape)
    psf = preprocess.gaussian_psf(1.5, ndim=len(shape))
    blurred = preprocess.blur(image, psf)
    restored = deblur(blurred, psf)
    assert (restored.shape, restored.dtype) == (shape, np.float32)
    gain = psnr(image, restored, data_range=800) - psnr(image, blurred, data_range=800)
    assert gain > decibels
    rim = np.abs(restored - image)[..., 0, :].mean()
    assert rim <= np.abs(blurred - image)[..., 0, :].mean() + 1  # no dark or ringing frame


def test_wiener_without_noise_is_the_exact_inverse():
    image = scene() - 1000
    psf = preprocess.gaussian_psf(0.6)
    restored = preprocess.wiener(ndimage.convolve(image, psf, mode="reflect"), psf, noise_to_signal=0)
    np.testing.assert_allclose(restored, image, atol=1e-3)


def test_wiener_is_scikit_images_inside():
    """Inside, where the edges differ; scikit-image's regularization by a point is the constant K."""
    image = scene()
    psf = np.random.default_rng(0).random((5, 7))
    psf /= psf.sum()
    blurred = preprocess.blur(image, psf) + np.random.default_rng(1).normal(0, 5, image.shape)
    middle = blurred.mean()
    padded = np.pad(blurred - middle, 48, mode="symmetric")
    theirs = restoration.wiener(padded, psf, 0.05, reg=np.ones((1, 1)), clip=False)[48:-48, 48:-48] + middle
    ours = preprocess.wiener(blurred, psf, noise_to_signal=0.05)
    inner = (slice(10, -10), slice(10, -10))
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=0.5)


def test_the_inverse_filter_blows_up_noise_and_wiener_does_not():
    image, psf = scene(), preprocess.gaussian_psf(1.2)
    noisy = preprocess.blur(image, psf) + np.random.default_rng(0).normal(0, 10, image.shape)
    before = psnr(image, noisy, data_range=800)
    assert psnr(image, preprocess.wiener(noisy, psf, noise_to_signal=0), data_range=800) < before - 20
    assert psnr(image, preprocess.wiener(noisy, psf, noise_to_signal=1e-2), data_range=800) > before + 0.5


def test_wiener_keeps_the_scale_and_the_offset():
    psf = preprocess.gaussian_psf(1)
    image = scene()
    first = preprocess.wiener(image, psf, noise_to_signal=0.1)
    second = preprocess.wiener(3 * image - 1000, psf, noise_to_signal=0.1)
    np.testing.assert_allclose(second, 3 * first - 1000, atol=0.01)
    np.testing.assert_allclose(preprocess.wiener(np.full((9, 9), 70), psf, noise_to_signal=0.1), 70, atol=1e-4)


def test_wiener_takes_a_psf_larger_than_twice_the_image():
    image = np.random.default_rng(0).random((5, 6))
    psf = preprocess.gaussian_psf(3)
    blurred = ndimage.convolve(image, psf, mode="reflect")
    assert psnr(image, preprocess.wiener(blurred, psf, noise_to_signal=1e-9), data_range=1) > psnr(
        image, blurred, data_range=1
    )


def test_richardson_lucy_is_scikit_images_where_nothing_is_near_the_edge():
    image = np.zeros((41, 41))
    image[18:24, 15:22] = np.random.default_rng(0).random((6, 7)) * 300
    psf = np.random.default_rng(1).random((3, 5))
    psf /= psf.sum()
    blurred = preprocess.blur(image, psf).astype(float)
    ours = preprocess.richardson_lucy(blurred, psf, iterations=15)
    theirs = restoration.richardson_lucy(blurred, psf, num_iter=15, clip=False, filter_epsilon=1e-9)
    np.testing.assert_allclose(ours[10:-10, 10:-10], theirs[10:-10, 10:-10], atol=0.05)
    assert ours.max() > 250  # not clipped at 1


@pytest.mark.parametrize("iterations", [1, 25])
def test_richardson_lucy_keeps_the_total_and_the_sign(iterations):
    psf = preprocess.gaussian_psf(1.5)
    counts = np.random.default_rng(0).poisson(preprocess.blur(scene() / 20, psf)).astype(np.uint8)
    restored = preprocess.richardson_lucy(counts, psf, iterations=iterations)
    assert restored.min() >= 0
    assert restored.sum(dtype=float) == pytest.approx(counts.sum(dtype=float), rel=1e-5)


def test_richardson_lucy_of_darkness():
    assert (preprocess.richardson_lucy(np.zeros((9, 9)), preprocess.gaussian_psf(1), iterations=5) == 0).all()


PSF = preprocess.gaussian_psf(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: preprocess.gaussian_psf(0), "sigma must be a number above 0"),
        (lambda x: preprocess.gaussian_psf(1, spacing=(1, 1, 1)), "spacing must be 2 numbers"),
        (lambda x: preprocess.gaussian_psf(1, ndim=3, spacing=(0, 1, 1)), "spacing must be 3 numbers above 0"),
        (lambda x: preprocess.blur(x, np.ones((3, 3))), "psf must sum to 1, got 9"),
        (lambda x: preprocess.blur(x, np.full((2, 3), 1 / 6)), "odd sides"),
        (lambda x: preprocess.blur(x, np.full(3, 1 / 3)), "2 axes as the image"),
        (lambda x: preprocess.blur(x * np.nan, PSF), "image must hold finite"),
        (lambda x: preprocess.blur(x, PSF * np.nan), "psf must hold finite"),
        (lambda x: preprocess.unsharp_mask(x, sigma=1, amount=-1), "amount must be a number of 0 or more"),
        (lambda x: preprocess.unsharp_mask(x, sigma=0, amount=1), "sigma must be a number above 0"),
        (lambda x: preprocess.unsharp_mask(x, sigma=1, amount=1, spacing=(1, 0)), "spacing must be 2"),
        (lambda x: preprocess.wiener(x, PSF, noise_to_signal=-1), "noise_to_signal must be a number of 0"),
        (lambda x: preprocess.wiener(x * np.nan, PSF, noise_to_signal=1), "image must hold finite"),
        (lambda x: preprocess.richardson_lucy(x - 2, PSF, iterations=3), "count of photons"),
        (lambda x: preprocess.richardson_lucy(x, np.array([[-1.0, 3, -1]]), iterations=3), "psf must not be negative"),
        (lambda x: preprocess.richardson_lucy(x, PSF, iterations=0), "iterations must be a whole number, at least 1"),
        (lambda x: preprocess.richardson_lucy(x, PSF, iterations=2.5), "iterations must be a whole number"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((12, 12)))
