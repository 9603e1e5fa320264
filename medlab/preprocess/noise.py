"""Noise as each modality has it, with its mean and variance; `rng` makes it repeat.

All take an image or volume of any shape and return float32 of the same shape, in the unit of the image, not clipped.
Below, a is the value without noise.
"""

import numpy as np

from medlab.preprocess import inputs


def gaussian_noise(image: np.ndarray, *, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Add normal noise: mean a, variance sd². Electronics; to a first approximation CT.

    In a real CT neighboring pixels share their noise, and it grows where much tissue absorbs.

    Args:
        image: Any shape and unit.
        sd: Standard deviation in the unit of the image, 0 or more (a chest CT has some 10 to 50 HU).
        rng: Where the randomness comes from.
    """
    image, sd = inputs.finite(image), inputs.zero_or_more(sd, "sd")
    return image + np.float32(sd) * inputs.generator(rng).standard_normal(image.shape, dtype=np.float32)


def salt_and_pepper(
    image: np.ndarray, *, fraction: float, rng: np.random.Generator, low: float | None = None, high: float | None = None
) -> np.ndarray:
    """Replace a share of the pixels by the lowest or the highest value: dead pixels of a detector, lost bits.

    A pixel keeps its value with probability 1 - fraction, else it is `low` or `high`, as likely: mean
    (1 - fraction) a + fraction (low + high) / 2.

    Args:
        image: Any shape and unit.
        fraction: Share of the pixels replaced on average, 0 to 1.
        rng: Where the randomness comes from.
        low: Pepper, in the unit of the image; None: the smallest value of the image.
        high: Salt, above `low`; None: the largest value of the image.
    """
    image = inputs.finite(image)
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must be between 0 and 1, got {fraction}")
    low = float(image.min()) if low is None else inputs.number(low, "low")
    high = float(image.max()) if high is None else inputs.number(high, "high")
    if not low < high:
        raise ValueError(f"low must be below high, got {low:g} and {high:g} (a constant image needs both)")
    draw = inputs.generator(rng).random(image.shape)
    return np.select([draw < fraction / 2, draw >= 1 - fraction / 2], [np.float32(low), np.float32(high)], image)


def poisson_noise(image: np.ndarray, *, photons: float, rng: np.random.Generator) -> np.ndarray:
    """Count photons: Poisson(a photons) / photons, with mean a and variance a / photons. X-ray, PET, SPECT.

    The more photons, the less noise: four times the dose halves the standard deviation.

    Args:
        image: Any shape, 0 or more: proportional to the expected count. HU are not counts.
        photons: Mean number of photons in a pixel whose value is 1, above 0.
        rng: Where the randomness comes from.
    """
    image, photons = inputs.finite(image), inputs.above_zero(photons, "photons")
    inputs.not_negative(image, "it is a count of photons; HU are not")
    return (inputs.generator(rng).poisson(image.astype(float) * photons) / photons).astype(np.float32)


def speckle(image: np.ndarray, *, looks: float, rng: np.random.Generator) -> np.ndarray:
    """Multiply by gamma noise of mean 1 and variance 1 / looks: mean a, variance a² / looks. Ultrasound, OCT, radar.

    Echoes of many scatterers in one pixel interfere; one look is fully developed speckle in intensity (an exponential
    distribution), averaging several looks calms it.

    Args:
        image: Any shape, 0 or more: intensity of the echo, before the logarithm of the display.
        looks: Independent pictures averaged, above 0; need not be whole.
        rng: Where the randomness comes from.

    Source: Goodman 1976, doi:10.1364/JOSA.66.001145.
    """
    image, looks = inputs.finite(image), inputs.above_zero(looks, "looks")
    inputs.not_negative(image, "it is the intensity of an echo")
    return (image * inputs.generator(rng).gamma(looks, 1 / looks, image.shape)).astype(np.float32)


def rician_noise(image: np.ndarray, *, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Magnitude of a complex signal with normal noise in both parts: sqrt((a + n1)² + n2²). MR.

    The mean square is a² + 2 sd². Where a is 0 the noise is Rayleigh, with mean sd sqrt(π / 2) and variance
    (2 - π / 2) sd²: the background of an MR image is not black. Far above the noise it is normal, with mean
    a + sd² / (2 a) and variance sd².

    Args:
        image: Any shape, 0 or more: magnitude of the signal.
        sd: Standard deviation of the noise in each part, in the unit of the image, 0 or more.
        rng: Where the randomness comes from.

    Source: Gudbjartsson and Patz 1995, doi:10.1002/mrm.1910340618.
    """
    image, sd = inputs.finite(image), inputs.zero_or_more(sd, "sd")
    inputs.not_negative(image, "it is a magnitude")
    real, imaginary = np.float32(sd) * inputs.generator(rng).standard_normal((2, *image.shape), dtype=np.float32)
    return np.hypot(image + real, imaginary)
