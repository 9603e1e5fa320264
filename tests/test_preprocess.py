"""Windows against pydicom's own implementation of the standard, z-scores by hand, noise against theory."""

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_windowing
from scipy import stats

from medlab import preprocess


@pytest.mark.parametrize(("center", "width"), [*preprocess.WINDOWS.values(), (0, 1), (10.5, 3.7)])
def test_window_is_dicoms_linear_exact(center, width):
    hu = np.arange(-2000, 3000, 7, dtype=np.int16)
    ds = pydicom.Dataset()
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = center, width, "LINEAR_EXACT"
    ds.PhotometricInterpretation, ds.BitsStored, ds.PixelRepresentation = "MONOCHROME2", 16, 1
    ds.BitsAllocated = 16
    theirs = apply_windowing(hu, ds)
    expected = (theirs - theirs.min()) / (theirs.max() - theirs.min())
    np.testing.assert_allclose(preprocess.window(hu, center=center, width=width), expected, atol=1e-6)


def test_window_gives_float32_between_0_and_1_and_leaves_the_input():
    hu = np.array([[-32768, 0, 32767]], dtype=np.int16)
    shown = preprocess.window(hu, center=np.float64(40), width=np.float64(400))
    assert shown.dtype == np.float32
    assert (shown.min(), shown.max()) == (0, 1)
    assert hu.tolist() == [[-32768, 0, 32767]]


HU = np.random.default_rng(0).normal(-600, 250, (5, 12, 13)).round().astype(np.int16)
PART = HU > -700


@pytest.mark.parametrize("mask", [None, PART, PART.astype(np.uint8)])
def test_standardize(mask):
    scaled = preprocess.standardize(HU, mask=mask)
    assert (scaled.shape, scaled.dtype) == (HU.shape, np.float32)
    counts = scaled.astype(float) if mask is None else scaled[PART].astype(float)
    assert counts.mean() == pytest.approx(0, abs=1e-5)
    assert counts.std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(preprocess.standardize(HU * 2.5 + 4000, mask=mask), scaled, atol=1e-4)


def test_standardize_by_numbers_of_other_images():
    np.testing.assert_allclose(preprocess.standardize(HU, mean=-600, sd=250), (HU + 600) / 250, atol=1e-5)
    np.testing.assert_array_equal(preprocess.standardize(np.full(3, 8), mean=2, sd=3), [2, 2, 2])
    np.testing.assert_array_equal(preprocess.standardize(np.array([0, 255], dtype=np.uint8)), [-1, 1])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("noise", "value", "mean", "variance"),
    [
        (lambda a: preprocess.poisson_noise(a, photons=50, rng=rng()), 0.3, 0.3, 0.3 / 50),
        (lambda a: preprocess.poisson_noise(a, photons=0.5, rng=rng()), 4, 4, 8),
        (lambda a: preprocess.speckle(a, looks=3.5, rng=rng()), 7, 7, 49 / 3.5),
        (lambda a: preprocess.rician_noise(a, sd=2, rng=rng()), 0, 2 * np.sqrt(np.pi / 2), 4 * (2 - np.pi / 2)),
        (lambda a: preprocess.rician_noise(a, sd=2, rng=rng()), 3, *stats.rice.stats(3 / 2, scale=2)),
        (lambda a: preprocess.rician_noise(a, sd=2, rng=rng()), 200, 200 + 4 / 400, 4),
    ],
    ids=["poisson", "poisson few", "speckle 3.5", "rayleigh", "rice", "rice far"],
)
def test_mean_and_variance_are_those_of_theory(noise, value, mean, variance):
    """Within five standard errors: once in a million."""
    noisy = noise(np.full((200, 500), value))
    assert noisy.dtype == np.float32
    sample = noisy.astype(float).ravel()
    spread = ((sample - sample.mean()) ** 2).std()
    assert abs(sample.mean() - mean) < 5 * sample.std() / np.sqrt(sample.size)
    assert abs(sample.var() - variance) < 5 * spread / np.sqrt(sample.size)


@pytest.mark.parametrize(
    ("noise", "law"),
    [
        (lambda a: preprocess.speckle(a, looks=1, rng=rng(1)), stats.expon(scale=2)),
        (lambda a: preprocess.rician_noise(a, sd=3, rng=rng(1)), stats.rice(2 / 3, scale=3)),
    ],
    ids=["exponential", "rice"],
)
def test_the_whole_distribution_is_that_of_theory(noise, law):
    assert stats.kstest(noise(np.full(20_000, 2.0)), law.cdf).pvalue > 1e-3


def test_poisson_noise_counts():
    counts = preprocess.poisson_noise(np.full((50, 50), 0.7), photons=10, rng=rng()) * 10
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-5)
    assert (preprocess.poisson_noise(np.zeros((5, 5)), photons=10, rng=rng()) == 0).all()


SOME = [
    lambda a, r: preprocess.rician_noise(a, sd=9, rng=r),
    lambda a, r: preprocess.poisson_noise(a, photons=1, rng=r),
    lambda a, r: preprocess.speckle(a, looks=2, rng=r),
]


@pytest.mark.parametrize("noise", SOME)
def test_a_seed_repeats_and_the_input_is_left_alone(noise):
    image = np.arange(200, 256, dtype=np.uint8).reshape(7, 8)
    before = image.copy()
    first, second, other = noise(image, rng(3)), noise(image, rng(3)), noise(image, rng(4))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
    np.testing.assert_array_equal(image, before)
    assert first.shape == image.shape
    with pytest.raises(ValueError, match=r"np\.random\.default_rng"):
        noise(image, 0)
    with pytest.raises(ValueError, match="image must be finite"):
        noise(image * np.nan, rng())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preprocess.window(HU, center=0, width=0), "width must be a number above 0 HU, got 0"),
        (lambda: preprocess.window(HU, center=0, width=np.nan), "width must be a number above 0 HU, got nan"),
        (lambda: preprocess.standardize(np.full((3, 3), 0.1)), "constant one"),
        (lambda: preprocess.standardize(HU, mask=np.arange(HU.size).reshape(HU.shape) == 7), "constant one"),
        (lambda: preprocess.standardize(HU, sd=0), "sd must be a number above 0"),
        (lambda: preprocess.standardize(HU, mean=np.inf), "mean must be a finite number"),
        (lambda: preprocess.standardize(HU, mask=PART & False), "at least one pixel"),
        (lambda: preprocess.standardize(HU, mask=PART[0]), "mask must have the shape"),
        (lambda: preprocess.standardize(np.array([1, np.nan])), "image must be finite"),
        (lambda: preprocess.rician_noise(HU % 9, sd=np.nan, rng=rng()), "sd must be a number from 0"),
        (lambda: preprocess.rician_noise(HU, sd=1, rng=rng()), "magnitude"),
        (lambda: preprocess.poisson_noise(HU % 9, photons=0, rng=rng()), "photons must be a number above 0"),
        (lambda: preprocess.poisson_noise(HU, photons=9, rng=rng()), "HU are not"),
        (lambda: preprocess.speckle(HU % 9, looks=0, rng=rng()), "looks must be a number above 0"),
        (lambda: preprocess.speckle(HU, looks=1, rng=rng()), "echo"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
