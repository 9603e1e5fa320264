"""Noise: its mean and variance against theory, within five standard errors (once in a million)."""

import numpy as np
import pytest
from scipy import stats

from medlab import preprocess

N = 200_000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def assert_moments(sample: np.ndarray, mean: float, variance: float) -> None:
    sample = sample.astype(float).ravel()
    spread = ((sample - sample.mean()) ** 2).std()
    assert abs(sample.mean() - mean) < 5 * sample.std() / np.sqrt(sample.size)
    assert abs(sample.var() - variance) < 5 * spread / np.sqrt(sample.size)


@pytest.mark.parametrize(
    ("noise", "value", "mean", "variance"),
    [
        (lambda a: preprocess.gaussian_noise(a, sd=30, rng=rng()), -1000, -1000, 900),
        (lambda a: preprocess.poisson_noise(a, photons=50, rng=rng()), 0.3, 0.3, 0.3 / 50),
        (lambda a: preprocess.poisson_noise(a, photons=0.5, rng=rng()), 4, 4, 8),
        (lambda a: preprocess.speckle(a, looks=1, rng=rng()), 7, 7, 49),
        (lambda a: preprocess.speckle(a, looks=3.5, rng=rng()), 7, 7, 49 / 3.5),
        (lambda a: preprocess.rician_noise(a, sd=2, rng=rng()), 0, 2 * np.sqrt(np.pi / 2), 4 * (2 - np.pi / 2)),
        (lambda a: preprocess.rician_noise(a, sd=2, rng=rng()), 3, *stats.rice.stats(3 / 2, scale=2)),
        (lambda a: preprocess.rician_noise(a, sd=2, rng=rng()), 200, 200 + 4 / 400, 4),
        (
            lambda a: preprocess.salt_and_pepper(a, fraction=0.2, low=-10, high=30, rng=rng()),
            5,
            0.8 * 5 + 0.2 * 10,
            0.8 * 25 + 0.1 * 100 + 0.1 * 900 - 6**2,
        ),
    ],
    ids=["normal", "poisson", "poisson few", "speckle 1", "speckle 3.5", "rayleigh", "rice", "rice far", "salt"],
)
def test_mean_and_variance_are_those_of_theory(noise, value, mean, variance):
    noisy = noise(np.full((200, N // 200), value))
    assert noisy.dtype == np.float32
    assert_moments(noisy, mean, variance)


@pytest.mark.parametrize(
    ("noise", "law"),
    [
        (lambda a: preprocess.gaussian_noise(a, sd=3, rng=rng(1)), stats.norm(2, 3)),
        (lambda a: preprocess.speckle(a, looks=1, rng=rng(1)), stats.expon(scale=2)),
        (lambda a: preprocess.rician_noise(a, sd=3, rng=rng(1)), stats.rice(2 / 3, scale=3)),
    ],
    ids=["normal", "exponential", "rice"],
)
def test_the_whole_distribution_is_that_of_theory(noise, law):
    assert stats.kstest(noise(np.full(20_000, 2.0)), law.cdf).pvalue > 1e-3


def test_poisson_noise_counts():
    counts = preprocess.poisson_noise(np.full((50, 50), 0.7), photons=10, rng=rng()) * 10
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-5)
    assert (preprocess.poisson_noise(np.zeros((5, 5)), photons=10, rng=rng()) == 0).all()


def test_salt_and_pepper_touches_its_share_only():
    image = np.arange(10_000).reshape(20, 20, 25) % 200 + 20
    noisy = preprocess.salt_and_pepper(image.astype(np.uint8), fraction=0.1, rng=rng(), low=0, high=255)
    changed = noisy != image
    assert noisy.dtype == np.float32
    assert changed.mean() == pytest.approx(0.1, abs=5 * np.sqrt(0.1 * 0.9 / image.size))
    assert set(np.unique(noisy[changed])) == {0, 255}
    assert (noisy == 255).sum() == pytest.approx((noisy == 0).sum(), abs=5 * np.sqrt(1000))
    whole = preprocess.salt_and_pepper(image, fraction=1, rng=rng())
    assert set(np.unique(whole)) == {image.min(), image.max()}


NONE_AT_ALL = [
    lambda a, r: preprocess.gaussian_noise(a, sd=0, rng=r),
    lambda a, r: preprocess.rician_noise(a, sd=0, rng=r),
    lambda a, r: preprocess.salt_and_pepper(a, fraction=0, rng=r),
]
SOME = [
    lambda a, r: preprocess.gaussian_noise(a, sd=9, rng=r),
    lambda a, r: preprocess.rician_noise(a, sd=9, rng=r),
    lambda a, r: preprocess.salt_and_pepper(a, fraction=0.3, rng=r),
    lambda a, r: preprocess.poisson_noise(a, photons=1, rng=r),
    lambda a, r: preprocess.speckle(a, looks=2, rng=r),
]


@pytest.mark.parametrize("noise", NONE_AT_ALL)
def test_no_noise_changes_nothing(noise):
    image = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    np.testing.assert_array_equal(noise(image, rng()), image)


@pytest.mark.parametrize("noise", SOME)
def test_a_seed_repeats_and_the_input_is_left_alone(noise):
    image = np.arange(200, 256, dtype=np.uint8).reshape(7, 8)
    before = image.copy()
    first, second, other = noise(image, rng(3)), noise(image, rng(3)), noise(image, rng(4))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
    np.testing.assert_array_equal(image, before)
    assert first.shape == image.shape


@pytest.mark.parametrize("noise", SOME)
@pytest.mark.parametrize(
    ("image", "generator", "message"),
    [
        (np.array([[0.0, np.nan]]), rng(), "finite"),
        (np.zeros((0, 2)), rng(), "at least one"),
        (np.arange(4.0), 0, "np.random.default_rng"),
        (np.arange(4.0), None, "np.random.default_rng"),
    ],
)
def test_bad_image_or_generator(noise, image, generator, message):
    with pytest.raises(ValueError, match=message):
        noise(image, generator)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: preprocess.gaussian_noise(a, sd=-1, rng=rng()), "sd must be a number of 0 or more"),
        (lambda a: preprocess.rician_noise(a, sd=np.nan, rng=rng()), "sd must be a number of 0 or more"),
        (lambda a: preprocess.rician_noise(a - 9, sd=1, rng=rng()), "magnitude"),
        (lambda a: preprocess.poisson_noise(a, photons=0, rng=rng()), "photons must be a number above 0"),
        (lambda a: preprocess.poisson_noise(a - 1000, photons=9, rng=rng()), "HU are not"),
        (lambda a: preprocess.speckle(a, looks=0, rng=rng()), "looks must be a number above 0"),
        (lambda a: preprocess.speckle(a - 9, looks=1, rng=rng()), "echo"),
        (lambda a: preprocess.salt_and_pepper(a, fraction=1.1, rng=rng()), "fraction must be between"),
        (lambda a: preprocess.salt_and_pepper(a * 0, fraction=0.1, rng=rng()), "low must be below high"),
        (lambda a: preprocess.salt_and_pepper(a, fraction=0.1, low=5, high=5, rng=rng()), "low must be below high"),
    ],
)
def test_bad_options(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.arange(6.0))
