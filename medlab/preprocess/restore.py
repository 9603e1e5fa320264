"""What scikit-image gets wrong: undoing a known blur up to the edge, and the bilateral filter. 2-D and 3-D.

A point spread function (PSF) is what the picture of a single point looks like: an array with odd sides, so that it has
a middle, that sums to 1, so that blurring keeps the mean. Beyond the edge the image is mirrored, as
`scipy.ndimage.convolve` has it (scikit-image's `wiener` lets the far edge come in, its `richardson_lucy` takes the
outside for black). All return float32.
"""

import numpy as np

from medlab import arguments


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

    image = arguments.image(image, dtype=float)
    psf, ratio = _psf(psf, image.ndim), arguments.number(noise_to_signal, "noise_to_signal", low=0)
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
    image = arguments.image(image, dtype=float)
    psf, iterations = _psf(psf, image.ndim), arguments.whole(iterations, "iterations", low=1)
    if image.min() < 0:
        raise ValueError(
            f"image must not be negative (Richardson-Lucy takes it for a count of photons; use wiener for HU), "
            f"got values from {image.min():g}"
        )
    if psf.min() < 0:
        raise ValueError(f"psf must not be negative for Richardson-Lucy, got values from {psf.min():g}")
    smallest = max(1e-12 * image.max(), np.finfo(float).tiny)  # below is the rounding of the convolution
    estimate = np.full(image.shape, image.mean())
    for _ in range(iterations):
        estimate *= _convolve(image / np.maximum(_convolve(estimate, psf), smallest), np.flip(psf))
    return estimate.astype(np.float32)


def bilateral(
    image: np.ndarray, *, sigma: float, sigma_value: float, spacing: tuple[float, ...] | None = None
) -> np.ndarray:
    """Weighted mean of the voxels that are near and alike: noise becomes smooth, edges stay.

    The weight is a Gaussian of the distance times a Gaussian of the difference in value; voxels up to 3 sigma away
    along each axis are looked at. Time goes with the number of these, 343 for a volume at one sigma a voxel.

    Args:
        image: Image or volume, any unit.
        sigma: Of the distance, in mm (pixels without `spacing`), above 0.
        sigma_value: Of the difference in value, in the unit of the image, above 0: some two times the noise; edges
            that are much higher are kept.
        spacing: Voxel size in mm, one number an axis.

    Source: Tomasi and Manduchi 1998, doi:10.1109/ICCV.1998.710815. (scikit-image's `denoise_bilateral` is 2-D only, and
    up to 0.26 at least reads its table of distances with the wrong row length.)
    """
    image = arguments.image(image, dtype=np.float32)
    sigmas = arguments.number(sigma, "sigma", above=0) / np.array(arguments.spacing(spacing, image.ndim))
    falloff = np.float32(-0.5 / arguments.number(sigma_value, "sigma_value", above=0) ** 2)
    reach = np.ceil(3 * sigmas).astype(int)
    padded = np.pad(image, [(r, r) for r in reach], mode="symmetric")
    total, change = np.zeros_like(image), np.zeros_like(image)
    for place in np.ndindex(*(2 * reach + 1)):
        near = np.exp(-0.5 * np.sum(((place - reach) / sigmas) ** 2))
        difference = padded[tuple(slice(start, start + n) for start, n in zip(place, image.shape))] - image
        weight = np.square(difference)
        weight *= falloff
        np.exp(weight, out=weight)
        weight *= np.float32(near)
        total += weight
        difference *= weight
        change += difference  # differences, not values: 1000 HU more must not cost precision
    return image + change / total


def _psf(psf: np.ndarray, ndim: int) -> np.ndarray:
    psf = arguments.image(psf, "psf", dtype=float)
    if psf.ndim != ndim or any(side % 2 == 0 for side in psf.shape):
        raise ValueError(f"psf must have {ndim} axes as the image, and odd sides, got shape {psf.shape}")
    if abs(psf.sum() - 1) > 1e-3:
        raise ValueError(f"psf must sum to 1, got {psf.sum():g}: divide it by its sum")
    return psf / psf.sum()


def _convolve(image: np.ndarray, psf: np.ndarray) -> np.ndarray:
    from scipy.signal import convolve

    padded = np.pad(image, [(side // 2, side // 2) for side in psf.shape], mode="symmetric")
    smooth = convolve(padded, psf, mode="valid")
    return smooth.clip(image.min(), image.max())  # weighted means: the FFT's rounding must not make counts negative


def _wrapped(psf: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The PSF on a grid of `shape`, its middle at index 0; what does not fit comes in again from the other side."""
    grid = np.zeros(shape)
    places = [(np.arange(side) - side // 2) % n for side, n in zip(psf.shape, shape)]
    np.add.at(grid, np.ix_(*places), psf)
    return grid
