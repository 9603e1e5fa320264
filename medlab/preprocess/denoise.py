"""Filters against noise, for gray images (y, x) and volumes (z, y, x), in the unit of the image.

Lengths are in mm where `spacing` is given, else in pixels. Beyond the edge the image is mirrored. All return float32 of
the same shape; the scale is kept, so HU stay HU, and a shift of all values shifts the result.
"""

import numpy as np

from medlab.preprocess import inputs


def gaussian_filter(image: np.ndarray, *, sigma: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Weighted mean of the neighborhood, the weights a Gaussian: noise and edges become smooth alike.

    Args:
        image: Image or volume, any unit.
        sigma: Standard deviation of the Gaussian in mm (pixels without `spacing`), above 0.
        spacing: Voxel size in mm, one number an axis.
    """
    from scipy import ndimage

    image = inputs.finite(image)
    sigmas = inputs.above_zero(sigma, "sigma") / inputs.spacing_of(spacing, image.ndim)
    return ndimage.gaussian_filter(image, sigmas)


def median_filter(image: np.ndarray, *, radius: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Median of all voxels within a radius: removes single wrong pixels, keeps straight edges, rounds off corners.

    Args:
        image: Image or volume, any unit.
        radius: Of the disc or ball in mm (pixels without `spacing`); it must reach at least one neighbor.
        spacing: Voxel size in mm, one number an axis.
    """
    from scipy import ndimage

    image = inputs.finite(image)
    steps, radius = inputs.spacing_of(spacing, image.ndim), inputs.above_zero(radius, "radius")
    if radius < steps.min():
        raise ValueError(f"radius must reach a neighbor, at least {steps.min():g}, got {radius:g}")
    return ndimage.median_filter(image, footprint=_ball(radius, steps))


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
    image = inputs.finite(image)
    sigmas = inputs.above_zero(sigma, "sigma") / inputs.spacing_of(spacing, image.ndim)
    falloff = np.float32(-0.5 / inputs.above_zero(sigma_value, "sigma_value") ** 2)
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


def nonlocal_means(
    image: np.ndarray, *, sd: float, strength: float = 0.8, patch: int = 5, reach: int = 6
) -> np.ndarray:
    """Weighted mean of the voxels whose surroundings look alike: texture that repeats is kept.

    Args:
        image: Image (y, x) or volume (z, y, x), any unit.
        sd: Standard deviation of the noise in the unit of the image, above 0.
        strength: How different two patches may be, in units of `sd`, above 0; more is smoother.
        patch: Side of the patches compared, in pixels, odd.
        reach: How far away they are looked for, in pixels; time goes with (2 reach + 1) to the number of axes.

    Source: Buades, Coll and Morel 2005, doi:10.1109/CVPR.2005.38; the fast form: Darbon et al. 2008,
    doi:10.1109/ISBI.2008.4541250.
    """
    from skimage.restoration import denoise_nl_means

    image = inputs.finite(image, dtype=float)  # its sums over the whole image would lose HU in float32
    inputs.gray(image, "nonlocal_means")
    sd, strength = inputs.above_zero(sd, "sd"), inputs.above_zero(strength, "strength")
    patch, reach = inputs.whole(patch, "patch", at_least=1), inputs.whole(reach, "reach", at_least=1)
    if patch % 2 == 0:
        raise ValueError(f"patch must be odd, so that it has a middle, got {patch}")
    middle = image.mean()
    scaled = (image - middle) / sd  # the sums stay small
    smooth = denoise_nl_means(scaled, patch, reach, h=strength, sigma=1.0, fast_mode=True, preserve_range=True)
    return (smooth * sd + middle).astype(np.float32)


def total_variation(image: np.ndarray, *, weight: float) -> np.ndarray:
    """The image near the given one that varies least: flat regions, sharp edges, staircases on slopes.

    It minimizes half the squared difference to the image plus `weight` times the total variation (the sum over pixels
    of the length of the gradient). A flat region of n pixels with an edge of p pixels moves by weight p / n towards its
    surroundings: a small nodule loses more contrast than a large one.

    Args:
        image: Image or volume, any unit.
        weight: In the unit of the image, above 0: about the standard deviation of the noise. Twice the image with twice
            the weight gives twice the result.

    Source: Rudin, Osher and Fatemi 1992, doi:10.1016/0167-2789(92)90242-F; solved as in Chambolle 2004,
    doi:10.1023/B:JMIV.0000011325.36760.1e.
    """
    from skimage.restoration import denoise_tv_chambolle

    image, weight = inputs.finite(image, dtype=float), inputs.above_zero(weight, "weight")
    return denoise_tv_chambolle(image, weight=weight).astype(np.float32)


def wavelet(image: np.ndarray, *, sd: float | None = None) -> np.ndarray:
    """Shrink small wavelet coefficients towards 0, level by level (BayesShrink, Daubechies 2).

    Args:
        image: Image (y, x) or volume (z, y, x) of at least 6 pixels a side, any unit.
        sd: Standard deviation of the noise in the unit of the image, above 0; None: estimated from the finest wavelet
            coefficients, which is too low where neighboring pixels share their noise, as in CT.

    Source: Chang, Yu and Vetterli 2000, doi:10.1109/83.862633; the estimate: Donoho and Johnstone 1994,
    doi:10.1093/biomet/81.3.425.
    """
    from skimage.restoration import denoise_wavelet, estimate_sigma

    image = inputs.finite(image, dtype=float)  # integers would be rescaled to [0, 1], and sd with them
    inputs.gray(image, "wavelet")
    if min(image.shape) < 6:
        raise ValueError(f"wavelet needs at least 6 pixels a side, got shape {image.shape}")
    sd = float(estimate_sigma(image)) if sd is None else inputs.above_zero(sd, "sd")
    if sd == 0:
        return image.astype(np.float32)  # no noise was found
    smooth = denoise_wavelet(image / sd, sigma=1.0, wavelet="db2", method="BayesShrink", mode="soft")
    return (smooth * sd).astype(np.float32)


def _ball(radius: float, steps: np.ndarray) -> np.ndarray:
    """Which neighbors lie within the radius, as a mask with odd sides."""
    reach = np.floor(radius / steps + 1e-9).astype(int)
    grid = np.meshgrid(*[np.arange(-r, r + 1) * step for r, step in zip(reach, steps)], indexing="ij")
    return np.sum(np.square(grid), axis=0) <= radius**2 * (1 + 1e-9)
