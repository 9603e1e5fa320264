"""Segmentation before learning, in mm: blobs, connected parts, the lungs and a nodule.

    lungs = segment.lungs(hu, spacing=(1.25, 0.7, 0.7))
    mask = segment.nodule(hu, (40, 210, 133), spacing=(1.25, 0.7, 0.7))

Only what scikit-image and SciPy do not have: for Otsu, Canny, Sobel, watershed, flooding, morphology and so on call
`skimage.filters`, `skimage.feature`, `skimage.segmentation` and `skimage.morphology`. Masks are bool. Lengths are in mm
with a spacing, in voxels without.
"""

from medlab.segment.lungs import lungs
from medlab.segment.nodule import nodule
from medlab.segment.parts import laplacian_of_gaussian, largest_component, remove_small

__all__ = ["laplacian_of_gaussian", "largest_component", "lungs", "nodule", "remove_small"]
