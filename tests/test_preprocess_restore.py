"""Deblurring against scikit-image and the image before the blur, the bilateral filter against ITK and brute force."""

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


def gaussian_psf(sigma: float, ndim: int = 2) -> np.ndarray:
    """What becomes of a single point."""
    reach = int(np.ceil(4 * sigma))
    point = np.zeros((2 * reach + 1,) * ndim)
    point[(reach,) * ndim] = 1
    return ndimage.gaussian_filter(point, sigma)


@pytest.mark.parametrize("shape", [(48, 56), (6, 48, 56)])
@pytest.mark.parametrize(
    ("deblur", "decibels"),
    [
        (lambda x, psf: preprocess.wiener(x, psf, noise_to_signal=1e-5), 4),
        (lambda x, psf: preprocess.richardson_lucy(x, psf, iterations=40), 2.5),
    ],
    ids=["wiener", "richardson-lucy"],
)
def test_undoing_a_known_blur_gains(deblur, decibels, shape):
    image = scene(shape)
    psf = gaussian_psf(1.5, len(shape))
    blurred = ndimage.convolve(image, psf)
    restored = deblur(blurred, psf)
    assert (restored.shape, restored.dtype) == (shape, np.float32)
    gain = psnr(image, restored, data_range=800) - psnr(image, blurred, data_range=800)
    assert gain > decibels
    rim = np.abs(restored - image)[..., 0, :].mean()
    assert rim <= np.abs(blurred - image)[..., 0, :].mean() + 1  # no dark or ringing frame


def test_wiener_without_noise_is_the_exact_inverse():
    image = scene() - 1000
    psf = gaussian_psf(0.6)
    restored = preprocess.wiener(ndimage.convolve(image, psf), psf, noise_to_signal=0)
    np.testing.assert_allclose(restored, image, atol=1e-3)


def test_wiener_is_scikit_images_inside():
    """Inside, where the edges differ; scikit-image's regularization by a point is the constant K."""
    image = scene()
    psf = np.random.default_rng(0).random((5, 7))
    psf /= psf.sum()
    blurred = ndimage.convolve(image, psf) + np.random.default_rng(1).normal(0, 5, image.shape)
    middle = blurred.mean()
    padded = np.pad(blurred - middle, 48, mode="symmetric")
    theirs = restoration.wiener(padded, psf, 0.05, reg=np.ones((1, 1)), clip=False)[48:-48, 48:-48] + middle
    ours = preprocess.wiener(blurred, psf, noise_to_signal=0.05)
    inner = (slice(10, -10), slice(10, -10))
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=0.5)


def test_the_inverse_filter_blows_up_noise_and_wiener_does_not():
    image, psf = scene(), gaussian_psf(1.2)
    noisy = ndimage.convolve(image, psf) + np.random.default_rng(0).normal(0, 10, image.shape)
    before = psnr(image, noisy, data_range=800)
    assert psnr(image, preprocess.wiener(noisy, psf, noise_to_signal=0), data_range=800) < before - 20
    assert psnr(image, preprocess.wiener(noisy, psf, noise_to_signal=1e-2), data_range=800) > before + 0.5


def test_wiener_keeps_the_scale_and_the_offset():
    psf = gaussian_psf(1)
    image = scene()
    first = preprocess.wiener(image, psf, noise_to_signal=0.1)
    second = preprocess.wiener(3 * image - 1000, psf, noise_to_signal=0.1)
    np.testing.assert_allclose(second, 3 * first - 1000, atol=0.01)
    np.testing.assert_allclose(preprocess.wiener(np.full((9, 9), 70), psf, noise_to_signal=0.1), 70, atol=1e-4)


def test_wiener_takes_a_psf_larger_than_twice_the_image():
    image = np.random.default_rng(0).random((5, 6))
    psf = gaussian_psf(3)
    blurred = ndimage.convolve(image, psf)
    assert psnr(image, preprocess.wiener(blurred, psf, noise_to_signal=1e-9), data_range=1) > psnr(
        image, blurred, data_range=1
    )


def test_richardson_lucy_is_scikit_images_where_nothing_is_near_the_edge():
    image = np.zeros((41, 41))
    image[18:24, 15:22] = np.random.default_rng(0).random((6, 7)) * 300
    psf = np.random.default_rng(1).random((3, 5))
    psf /= psf.sum()
    blurred = ndimage.convolve(image, psf)
    ours = preprocess.richardson_lucy(blurred, psf, iterations=15)
    theirs = restoration.richardson_lucy(blurred, psf, num_iter=15, clip=False, filter_epsilon=1e-9)
    np.testing.assert_allclose(ours[10:-10, 10:-10], theirs[10:-10, 10:-10], atol=0.05)
    assert ours.max() > 250  # not clipped at 1


@pytest.mark.parametrize("iterations", [1, 25])
def test_richardson_lucy_keeps_the_total_and_the_sign(iterations):
    psf = gaussian_psf(1.5)
    counts = np.random.default_rng(0).poisson(ndimage.convolve(scene() / 20, psf)).astype(np.uint8)
    restored = preprocess.richardson_lucy(counts, psf, iterations=iterations)
    assert restored.min() >= 0
    assert restored.sum(dtype=float) == pytest.approx(counts.sum(dtype=float), rel=1e-5)


def test_richardson_lucy_of_darkness():
    assert (preprocess.richardson_lucy(np.zeros((9, 9)), gaussian_psf(1), iterations=5) == 0).all()


def disc(shape=(40, 44)) -> np.ndarray:
    """A disc or ball of soft tissue in lung, in HU, with noise."""
    grid = np.meshgrid(*[np.arange(n) - n / 2 for n in shape], indexing="ij")
    clean = np.where(np.sqrt(np.sum(np.square(grid), axis=0)) < min(shape) / 3, 40.0, -800.0)
    return clean + np.random.default_rng(0).normal(0, 40, shape)


@pytest.mark.parametrize(("shape", "spacing"), [((40, 44), (1.0, 1.0)), ((14, 24, 26), (2.0, 1.0, 0.8))])
@pytest.mark.parametrize(("sigma", "sigma_value"), [(1.0, 90), (2.0, 200)])
def test_bilateral_is_itks(shape, spacing, sigma, sigma_value):
    """Not scikit-image's: up to 0.26 at least, its table of distances is one wider than the window it is read with."""
    sitk = pytest.importorskip("SimpleITK")
    noisy = disc(shape)
    picture = sitk.GetImageFromArray(noisy)
    picture.SetSpacing(spacing[::-1])
    theirs = sitk.GetArrayFromImage(sitk.Bilateral(picture, sigma, sigma_value, 2000))
    ours = preprocess.bilateral(noisy, sigma=sigma, sigma_value=sigma_value, spacing=spacing)
    inner = tuple(slice(int(3 * sigma / step) + 1, -int(3 * sigma / step) - 1) for step in spacing)  # other edges
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=0.5)


def test_bilateral_in_3d_by_brute_force_in_mm():
    image, spacing = np.random.default_rng(0).normal(0, 50, (5, 6, 7)), np.array([2.5, 1.0, 0.8])
    reach = np.ceil(3 * 1.1 / spacing).astype(int)
    padded = np.pad(image, [(r, r) for r in reach], mode="symmetric")
    expected = np.empty_like(image)
    for place in np.ndindex(image.shape):
        around = padded[tuple(slice(p, p + 2 * r + 1) for p, r in zip(place, reach))]
        mm = [(np.arange(-r, r + 1) * step) ** 2 for r, step in zip(reach, spacing)]
        distance = mm[0][:, None, None] + mm[1][:, None] + mm[2]
        weight = np.exp(-distance / (2 * 1.1**2) - (around - image[place]) ** 2 / (2 * 80**2))
        expected[place] = (weight * around).sum() / weight.sum()
    ours = preprocess.bilateral(image, sigma=1.1, sigma_value=80, spacing=tuple(spacing))
    np.testing.assert_allclose(ours, expected, atol=1e-3)


def test_bilateral_keeps_unit_offset_and_input():
    hu = disc().round().astype(np.int16)
    before = hu.copy()
    smooth = preprocess.bilateral(hu, sigma=1, sigma_value=90)
    assert (smooth.shape, smooth.dtype) == (hu.shape, np.float32)
    np.testing.assert_array_equal(hu, before)
    scaled = preprocess.bilateral(2.5 * hu + 1000, sigma=1, sigma_value=225)
    np.testing.assert_allclose(scaled, 2.5 * smooth.astype(float) + 1000, atol=0.05)


def test_bilateral_limits():
    """With every value alike it is the Gaussian, with none alike it is the image."""
    noisy = disc()
    blurred = ndimage.gaussian_filter(noisy, 1.0, truncate=3)
    np.testing.assert_allclose(preprocess.bilateral(noisy, sigma=1, sigma_value=1e7), blurred, atol=0.01)
    np.testing.assert_allclose(preprocess.bilateral(noisy, sigma=1, sigma_value=1e-4), noisy, atol=0.01)


PSF = gaussian_psf(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: preprocess.wiener(x, np.ones((3, 3)), noise_to_signal=1), "psf must sum to 1, got 9"),
        (lambda x: preprocess.wiener(x, np.full((2, 3), 1 / 6), noise_to_signal=1), "odd sides"),
        (lambda x: preprocess.richardson_lucy(x, np.full(3, 1 / 3), iterations=1), "2 axes as the image"),
        (lambda x: preprocess.wiener(x, PSF * np.nan, noise_to_signal=1), "psf must be finite"),
        (lambda x: preprocess.wiener(x, PSF, noise_to_signal=-1), "noise_to_signal must be a number from 0"),
        (lambda x: preprocess.wiener(x * np.nan, PSF, noise_to_signal=1), "image must be finite"),
        (lambda x: preprocess.richardson_lucy(x - 2, PSF, iterations=3), "count of photons"),
        (lambda x: preprocess.richardson_lucy(x, np.array([[-1.0, 3, -1]]), iterations=3), "psf must not be negative"),
        (lambda x: preprocess.richardson_lucy(x, PSF, iterations=0), "iterations must be a whole number of 1 or more"),
        (lambda x: preprocess.richardson_lucy(x, PSF, iterations=2.5), "iterations must be a whole number"),
        (lambda x: preprocess.bilateral(x * np.nan, sigma=1, sigma_value=1), "image must be finite"),
        (lambda x: preprocess.bilateral(x, sigma=0, sigma_value=1), "sigma must be a number above 0"),
        (lambda x: preprocess.bilateral(x, sigma=1, sigma_value=0), "sigma_value must be a number above 0"),
        (lambda x: preprocess.bilateral(x, sigma=1, sigma_value=1, spacing=(1, 0)), "spacing must be 2 numbers above"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((12, 12)))
