"""Blur, and three ways back: unsharp masking, Wiener's filter, Richardson and Lucy's iteration. 2-D and 3-D.

A point spread function (PSF) is what the picture of a single point looks like: an array with odd sides, so that it has
a middle, that sums to 1, so that blurring keeps the mean. Beyond the edge the image is mirrored. All return float32.
"""

import numpy as np

from medlab.preprocess import inputs
from medlab.preprocess.denoise import gaussian_filter


def gaussian_psf(sigma: float, *, ndim: int = 2, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """A Gaussian point spread function, float64, cut off beyond 4 sigma.

    Args:
        sigma: Standard deviation in mm (pixels without `spacing`), above 0.
        ndim: 2 for images, 3 for volumes.
        spacing: Voxel size in mm, `ndim` numbers.

    >>> gaussian_psf(1.0).shape
    (9, 9)
    """
    ndim = inputs.whole(ndim, "ndim", at_least=1)
    sigmas = inputs.above_zero(sigma, "sigma") / inputs.spacing_of(spacing, ndim)
    psf = np.ones(())
    for s in sigmas:
        reach = int(np.ceil(4 * s))
        psf = np.multiply.outer(psf, np.exp(-0.5 * (np.arange(-reach, reach + 1) / s) ** 2))
    return psf / psf.sum()


def blur(image: np.ndarray, psf: np.ndarray) -> np.ndarray:
    """Convolve with a point spread function.

    Args:
        image: Image or volume, any unit.
        psf: As many axes as the image, odd sides, sum 1.

    Raises:
        ValueError: If the PSF has other axes than the image, an even side, or another sum than 1.
    """
    image = inputs.finite(image, dtype=float)
    return _convolve(image, _psf(psf, image.ndim)).astype(np.float32)


def unsharp_mask(
    image: np.ndarray, *, sigma: float, amount: float, spacing: tuple[float, ...] | None = None
) -> np.ndarray:
    """Add what a Gaussian filter takes away: image + amount (image - filtered). Not clipped.

    Edges become steeper and overshoot on both sides; noise grows by up to 1 + amount.

    Args:
        image: Image or volume, any unit.
        sigma: Of the Gaussian in mm (pixels without `spacing`), above 0.
        amount: 0 or more; 0 changes nothing.
        spacing: Voxel size in mm, one number an axis.
    """
    image, amount = inputs.finite(image), inputs.zero_or_more(amount, "amount")
    return image + np.float32(amount) * (image - gaussian_filter(image, sigma=sigma, spacing=spacing))


def wiener(image: np.ndarray, psf: np.ndarray, *, noise_to_signal: float) -> np.ndarray:
    """Undo a known blur with the least squared error, given the noise: multiply the spectrum by H* / (|H|² + K).

    H is the spectrum of the PSF. Where the blur left little (|H|² far below K) the filter gives up. The mean is left
    out and put back, so a shift of all values shifts the result. The image is mirrored to twice its sides, which takes
    4 times its memory in 2-D and 8 times in 3-D.

    Args:
        image: Image or volume, any unit.
        psf: As many axes as the image, odd sides, sum 1.
        noise_to_signal: K, power of the noise over power of the signal, taken as the same at all frequencies, 0 or
            more. 0 is the plain inverse filter 1 / H, which blows up noise, in the end that of rounding.

    Source: Wiener 1949, Extrapolation, Interpolation, and Smoothing of Stationary Time Series.
    """
    from scipy import fft

    image = inputs.finite(image, dtype=float)
    psf, ratio = _psf(psf, image.ndim), inputs.zero_or_more(noise_to_signal, "noise_to_signal")
    middle = image.mean()
    # the mirrored image repeats without a step, as the FFT takes it to do
    mirrored = np.pad(image - middle, [(0, n) for n in image.shape], mode="symmetric")
    transfer = fft.rfftn(_wrapped(psf, mirrored.shape))
    power = np.abs(transfer) ** 2 + ratio
    kept = power > 0  # K = 0: what the blur erased altogether stays erased
    inverse = np.divide(transfer.conj(), power, out=np.zeros_like(transfer), where=kept)
    restored = fft.irfftn(fft.rfftn(mirrored) * inverse, s=mirrored.shape)
    return (restored[tuple(slice(n) for n in image.shape)] + middle).astype(np.float32)


def richardson_lucy(image: np.ndarray, psf: np.ndarray, *, iterations: int) -> np.ndarray:
    """Undo a known blur of counted photons: the likeliest image, step by step. Not clipped.

    Each step blurs the estimate, compares it with the image by division, and multiplies the estimate by the comparison
    blurred with the mirrored PSF. It never turns negative. More steps are sharper and noisier: stopping early is what
    holds the noise down. (scikit-image's `richardson_lucy` is the same but for the edges, which it takes for black, and
    a clip at 1.)

    Args:
        image: Image or volume, 0 or more, in counts or proportional to them; HU are not.
        psf: As many axes as the image, odd sides, sum 1, nowhere negative.
        iterations: Number of steps, 1 or more (10 to 50 are usual).

    Raises:
        ValueError: If the image or the PSF is negative somewhere.

    Source: Richardson 1972, doi:10.1364/JOSA.62.000055; Lucy 1974, doi:10.1086/111605.
    """
    image = inputs.finite(image, dtype=float)
    psf, iterations = _psf(psf, image.ndim), inputs.whole(iterations, "iterations", at_least=1)
    inputs.not_negative(image, "Richardson-Lucy takes it for a count of photons; use wiener for HU")
    if psf.min() < 0:
        raise ValueError(f"psf must not be negative for Richardson-Lucy, got values from {psf.min():g}")
    smallest = max(1e-12 * image.max(), np.finfo(float).tiny)  # below is the rounding of the convolution
    estimate = np.full(image.shape, image.mean())
    for _ in range(iterations):
        estimate *= _convolve(image / np.maximum(_convolve(estimate, psf), smallest), np.flip(psf))
    return estimate.astype(np.float32)


def _psf(psf: np.ndarray, ndim: int) -> np.ndarray:
    psf = inputs.finite(psf, name="psf", dtype=float)
    if psf.ndim != ndim or any(side % 2 == 0 for side in psf.shape):
        raise ValueError(f"psf must have {ndim} axes as the image, and odd sides, got shape {psf.shape}")
    if abs(psf.sum() - 1) > 1e-3:
        raise ValueError(f"psf must sum to 1, got {psf.sum():g}: divide it by its sum")
    return psf / psf.sum()


def _convolve(image: np.ndarray, psf: np.ndarray) -> np.ndarray:
    from scipy.signal import convolve

    padded = np.pad(image, [(side // 2, side // 2) for side in psf.shape], mode="symmetric")
    smooth = convolve(padded, psf, mode="valid")
    if psf.min() < 0:
        return smooth
    return smooth.clip(image.min(), image.max())  # weighted means: the FFT's rounding must not make counts negative


def _wrapped(psf: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The PSF on a grid of `shape`, its middle at index 0; what does not fit comes in again from the other side."""
    grid = np.zeros(shape)
    places = [(np.arange(side) - side // 2) % n for side, n in zip(psf.shape, shape)]
    np.add.at(grid, np.ix_(*places), psf)
    return grid
