"""Prepare pixel values: windows and gray curves, noise and its removal, deblurring, one scale, one grid, augmentation.

    noisy = preprocess.gaussian_noise(hu, sd=30, rng=rng)
    smooth = preprocess.gaussian_filter(noisy, sigma=1.5, spacing=(1.25, 0.7, 0.7))  # mm
    same_grid = preprocess.resample(smooth, spacing=(1.25, 0.7, 0.7), new_spacing=(1, 1, 1))

Thin over scikit-image and SciPy, in one call style: gray images (y, x) and volumes (z, y, x) of any number type go in,
float32 comes out, in the unit that went in (HU stay HU, nothing is clipped or rescaled unless the name says so).
"""

from medlab.preprocess.augment import augment
from medlab.preprocess.deblur import blur, gaussian_psf, richardson_lucy, unsharp_mask, wiener
from medlab.preprocess.denoise import (
    bilateral,
    gaussian_filter,
    median_filter,
    nonlocal_means,
    total_variation,
    wavelet,
)
from medlab.preprocess.geometry import affine, moved_boxes, moved_image, moved_mask
from medlab.preprocess.intensity import (
    WINDOWS,
    brightness,
    clahe,
    contrast,
    equalize,
    gamma,
    log,
    match_histogram,
    window,
)
from medlab.preprocess.noise import gaussian_noise, poisson_noise, rician_noise, salt_and_pepper, speckle
from medlab.preprocess.normalize import Statistics, rescale, rescale_percentiles, standardize, statistics
from medlab.preprocess.resample import resample, resize

__all__ = [
    "WINDOWS",
    "Statistics",
    "affine",
    "augment",
    "bilateral",
    "blur",
    "brightness",
    "clahe",
    "contrast",
    "equalize",
    "gamma",
    "gaussian_filter",
    "gaussian_noise",
    "gaussian_psf",
    "log",
    "match_histogram",
    "median_filter",
    "moved_boxes",
    "moved_image",
    "moved_mask",
    "nonlocal_means",
    "poisson_noise",
    "resample",
    "rescale",
    "rescale_percentiles",
    "resize",
    "richardson_lucy",
    "rician_noise",
    "salt_and_pepper",
    "speckle",
    "standardize",
    "statistics",
    "total_variation",
    "unsharp_mask",
    "wavelet",
    "wiener",
    "window",
]
