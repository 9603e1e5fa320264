"""Noise of X-ray and PET, of ultrasound, of MR, with its mean and variance; `rng` makes it repeat.

scikit-image's `random_noise` has none of the three: its Poisson noise guesses the number of photons from the number of
different values, its speckle is a normal distribution. All take an image or volume of any shape, 0 or more, and return
float32 of the same shape, in the unit of the image, not clipped. Below, a is the value without noise.
"""

import numpy as np

from medlab import arguments


def poisson_noise(image: np.ndarray, *, photons: float, rng: np.random.Generator) -> np.ndarray:
    """Count photons: Poisson(a photons) / photons, with mean a and variance a / photons. X-ray, PET, SPECT.

    The more photons, the less noise: four times the dose halves the standard deviation.

    Args:
        image: Any shape, 0 or more: proportional to the expected count. HU are not counts.
        photons: Mean number of photons in a pixel whose value is 1, above 0.
        rng: Where the randomness comes from.
    """
    image = _not_negative(image, "it is a count of photons; HU are not")
    photons = arguments.number(photons, "photons", above=0)
    return (arguments.generator(rng).poisson(image.astype(float) * photons) / photons).astype(np.float32)


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
    image = _not_negative(image, "it is the intensity of an echo")
    looks = arguments.number(looks, "looks", above=0)
    return (image * arguments.generator(rng).gamma(looks, 1 / looks, image.shape)).astype(np.float32)


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
    image = _not_negative(image, "it is a magnitude")
    sd = np.float32(arguments.number(sd, "sd", low=0))
    real, imaginary = sd * arguments.generator(rng).standard_normal((2, *image.shape), dtype=np.float32)
    return np.hypot(image + real, imaginary)


def _not_negative(image: np.ndarray, why: str) -> np.ndarray:
    image = arguments.image(image, dtype=np.float32)
    if image.min() < 0:
        raise ValueError(f"image must not be negative ({why}), got values from {image.min():g}")
    return image
