"""Prepare pixel values: windows, noise as modalities have it, deblurring, one scale, one grid in mm, augmentation.

    grey = preprocess.window(hu, center=-600, width=1500)
    same_grid = preprocess.resample(grey, spacing=(1.25, 0.7, 0.7), new_spacing=(1, 1, 1))

Only what scikit-image, SciPy and NumPy do not have, or get wrong: for gamma, CLAHE, the median filter and so on call
`skimage.exposure`, `skimage.restoration` and `scipy.ndimage`. Gray images (y, x) and volumes (z, y, x) of any number
type go in, float32 comes out, in the unit that went in (HU stay HU, nothing is clipped unless the name says so).
"""

from medlab.preprocess.augment import augment
from medlab.preprocess.geometry import affine, moved_boxes, moved_image, moved_mask, resample
from medlab.preprocess.intensity import WINDOWS, standardize, window
from medlab.preprocess.noise import poisson_noise, rician_noise, speckle
from medlab.preprocess.restore import bilateral, richardson_lucy, wiener

__all__ = [
    "WINDOWS",
    "affine",
    "augment",
    "bilateral",
    "moved_boxes",
    "moved_image",
    "moved_mask",
    "poisson_noise",
    "resample",
    "richardson_lucy",
    "rician_noise",
    "speckle",
    "standardize",
    "wiener",
    "window",
]
