"""Filters against scikit-image, SciPy, ITK and brute force, on images and anisotropic volumes in HU."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import restoration

from medlab import preprocess
from medlab.metrics import psnr

FILTERS = {
    "gaussian": (lambda x, unit=1: preprocess.gaussian_filter(x, sigma=1.2)),
    "median": (lambda x, unit=1: preprocess.median_filter(x, radius=1.5)),
    "bilateral": (lambda x, unit=1: preprocess.bilateral(x, sigma=1, sigma_value=90 * unit)),
    "nonlocal": (lambda x, unit=1: preprocess.nonlocal_means(x, sd=40 * unit, patch=3, reach=3)),
    "variation": (lambda x, unit=1: preprocess.total_variation(x, weight=40 * unit)),
    "wavelet": (lambda x, unit=1: preprocess.wavelet(x, sd=40 * unit)),
    "wavelet, sd estimated": (lambda x, unit=1: preprocess.wavelet(x)),
}
every_filter = pytest.mark.parametrize("smooth", FILTERS.values(), ids=FILTERS.keys())


def scene(shape=(40, 44), sd=40.0) -> tuple[np.ndarray, np.ndarray]:
    """A disc or ball of soft tissue in lung, in HU, without and with noise."""
    grid = np.meshgrid(*[np.arange(n) - n / 2 for n in shape], indexing="ij")
    clean = np.where(np.sqrt(np.sum(np.square(grid), axis=0)) < min(shape) / 3, 40.0, -800.0)
    return clean, clean + np.random.default_rng(0).normal(0, sd, shape)


@every_filter
@pytest.mark.parametrize("shape", [(40, 44), (19, 20, 22)])
def test_less_noise_in_the_unit_of_the_image(smooth, shape):
    clean, noisy = scene(shape)
    result = smooth(noisy)
    assert (result.shape, result.dtype) == (shape, np.float32)
    far = ndimage.maximum_filter(clean, 5) == ndimage.minimum_filter(clean, 5)  # away from the edge
    assert far.mean() > 0.2
    assert (result - clean)[far].std() < 0.85 * (noisy - clean)[far].std()
    assert abs((result - clean)[far].mean()) < 15


@pytest.mark.parametrize("name", ["bilateral", "nonlocal", "variation", "wavelet"])
def test_filters_that_keep_edges_win(name):
    clean, noisy = scene()
    ours = psnr(clean, FILTERS[name](noisy), data_range=1500)
    assert ours > psnr(clean, noisy, data_range=1500) + 1.5
    assert ours > psnr(clean, FILTERS["gaussian"](noisy), data_range=1500) + 1.5


@every_filter
def test_another_unit_gives_the_same_in_that_unit(smooth):
    _, noisy = scene()
    expected = 2.5 * smooth(noisy).astype(float) + 1000
    np.testing.assert_allclose(smooth(2.5 * noisy + 1000, 2.5), expected, atol=0.05)


@every_filter
def test_integers_are_not_rescaled_and_do_not_wrap(smooth):
    _, noisy = scene()
    hu = noisy.round().astype(np.int16)
    before = hu.copy()
    np.testing.assert_array_equal(smooth(hu), smooth(hu.astype(float)))
    np.testing.assert_array_equal(hu, before)
    bright = np.random.default_rng(0).integers(200, 256, (16, 16), dtype=np.uint8)
    assert 200 <= smooth(bright).mean() <= 256


@every_filter
def test_a_constant_image_stays(smooth):
    np.testing.assert_allclose(smooth(np.full((12, 13), -1000)), -1000, atol=1e-3)


@pytest.mark.parametrize("spacing", [None, (1.0, 1.0), (2.5, 0.7)])
def test_gaussian_filter_in_mm(spacing):
    _, noisy = scene()
    ours = preprocess.gaussian_filter(noisy, sigma=1.4, spacing=spacing)
    expected = ndimage.gaussian_filter(noisy, 1.4 / np.array(spacing or (1, 1)))
    np.testing.assert_allclose(ours, expected, atol=1e-3)


def test_a_point_becomes_round_in_mm():
    spacing = (2.0, 1.0, 0.5)
    point = np.zeros((21, 41, 81))
    point[10, 20, 40] = 1
    result = preprocess.gaussian_filter(point, sigma=3, spacing=spacing).astype(float)
    for axis, step in enumerate(spacing):
        profile = result.sum(tuple(a for a in range(3) if a != axis))
        mm = (np.arange(len(profile)) - len(profile) // 2) * step
        assert np.sqrt((profile * mm**2).sum()) == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize(
    ("shape", "spacing", "radius", "voxels"),
    [((9, 10), None, 1, 5), ((9, 10), None, 2, 13), ((9, 10), (0.5, 1.0), 1, 7), ((5, 6, 7), (2.5, 1, 1), 1, 5)],
)
def test_median_by_brute_force(shape, spacing, radius, voxels):
    """The disc of radius 1 has 5 pixels, that of radius 2 has 13; 1 mm holds two pixels of 0.5 mm, none of 2.5 mm."""
    image = np.random.default_rng(0).normal(size=shape)
    padded = np.pad(image, 4, mode="symmetric")
    offsets = [
        offset
        for offset in np.ndindex(*(9,) * len(shape))
        if sum(((o - 4) * s) ** 2 for o, s in zip(offset, spacing or (1,) * 3)) <= radius**2
    ]
    assert len(offsets) == voxels
    shifted = [padded[tuple(slice(o, o + n) for o, n in zip(offset, shape))] for offset in offsets]
    ours = preprocess.median_filter(image, radius=radius, spacing=spacing)
    np.testing.assert_allclose(ours, np.median(shifted, axis=0), atol=1e-6)


def test_median_removes_salt_and_keeps_a_straight_edge():
    image = np.zeros((20, 20))
    image[:, 10:] = 100
    noisy = image.copy()
    noisy[4, 5], noisy[12, 15] = 3000, -3000
    np.testing.assert_array_equal(preprocess.median_filter(noisy, radius=1.5), image)


@pytest.mark.parametrize(("shape", "spacing"), [((40, 44), (1.0, 1.0)), ((14, 24, 26), (2.0, 1.0, 0.8))])
@pytest.mark.parametrize(("sigma", "sigma_value"), [(1.0, 90), (2.0, 200)])
def test_bilateral_is_itks(shape, spacing, sigma, sigma_value):
    """Not scikit-image's: up to 0.26 at least, its table of distances is one wider than the window it is read with."""
    sitk = pytest.importorskip("SimpleITK")
    _, noisy = scene(shape)
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


def test_bilateral_limits():
    """With every value alike it is the Gaussian, with none alike it is the image."""
    _, noisy = scene()
    blurred = ndimage.gaussian_filter(noisy, 1.0, truncate=3)
    np.testing.assert_allclose(preprocess.bilateral(noisy, sigma=1, sigma_value=1e7), blurred, atol=0.01)
    np.testing.assert_allclose(preprocess.bilateral(noisy, sigma=1, sigma_value=1e-4), noisy, atol=0.01)


def test_nonlocal_means_is_scikit_images():
    _, noisy = scene()
    scaled = noisy / 2000
    theirs = restoration.denoise_nl_means(scaled, 5, 6, h=0.8 * 40 / 2000, sigma=40 / 2000)
    np.testing.assert_allclose(preprocess.nonlocal_means(noisy, sd=40), theirs * 2000, atol=1e-3)


def test_total_variation_lowers_a_step_by_weight_over_width():
    """Two halves of 4 columns: each pixel pays weight once for 4 pixels, so each half moves by weight / 4."""
    step = np.zeros((6, 8))
    step[:, 4:] = 100
    expected = np.where(step > 0, 95, 5)
    np.testing.assert_allclose(preprocess.total_variation(step, weight=20), expected, atol=0.3)


def test_wavelet_keeps_an_image_without_noise_and_estimates_it_where_it_is():
    step = np.zeros((32, 32))
    step[:, 16:] = 100
    np.testing.assert_allclose(preprocess.wavelet(step), step, atol=1e-4)
    _, noisy = scene((64, 64))
    np.testing.assert_allclose(preprocess.wavelet(noisy), preprocess.wavelet(noisy, sd=40), atol=15)


BAD = np.ones((12, 12))
BAD[3, 3] = np.nan


@every_filter
def test_nan_is_refused(smooth):
    with pytest.raises(ValueError, match="image must hold finite numbers, got 1 pixels"):
        smooth(BAD)


@pytest.mark.parametrize("spacing", [(0, 1), (1, -1), (1,), (1, 1, 1), (np.nan, 1), 1.0])
@pytest.mark.parametrize(
    "smooth",
    [
        lambda x, s: preprocess.gaussian_filter(x, sigma=1, spacing=s),
        lambda x, s: preprocess.median_filter(x, radius=1, spacing=s),
        lambda x, s: preprocess.bilateral(x, sigma=1, sigma_value=1, spacing=s),
    ],
)
def test_bad_spacing(smooth, spacing):
    with pytest.raises(ValueError, match="spacing must be 2 numbers above 0 mm"):
        smooth(np.ones((5, 5)), spacing)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: preprocess.gaussian_filter(x, sigma=0), "sigma must be a number above 0"),
        (lambda x: preprocess.gaussian_filter(x, sigma=np.nan), "sigma must be a number above 0"),
        (lambda x: preprocess.median_filter(x, radius=0.9), "reach a neighbor, at least 1"),
        (lambda x: preprocess.median_filter(x, radius=-1), "radius must be a number above 0"),
        (lambda x: preprocess.bilateral(x, sigma=1, sigma_value=0), "sigma_value must be a number above 0"),
        (lambda x: preprocess.nonlocal_means(x, sd=0), "sd must be a number above 0"),
        (lambda x: preprocess.nonlocal_means(x, sd=1, patch=4), "patch must be odd"),
        (lambda x: preprocess.nonlocal_means(x, sd=1, reach=0), "reach must be a whole number, at least 1"),
        (lambda x: preprocess.nonlocal_means(np.ones((8, 8, 3)), sd=1), "looks like color"),
        (lambda x: preprocess.nonlocal_means(np.ones(8), sd=1), r"image \(y, x\) or a volume"),
        (lambda x: preprocess.total_variation(x, weight=0), "weight must be a number above 0"),
        (lambda x: preprocess.wavelet(x, sd=0), "sd must be a number above 0"),
        (lambda x: preprocess.wavelet(x[:5]), "at least 6 pixels"),
    ],
)
def test_bad_options(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((8, 8)))
