"""Segmentation before learning: edges, thresholds, shapes, regions, contours, and with them the lungs and a nodule.

    lungs = segment.lungs(hu, spacing=(1.25, 0.7, 0.7))
    mask = segment.nodule(hu, (40, 210, 133), spacing=(1.25, 0.7, 0.7))

Masks are bool. Lengths are in mm with a spacing, in voxels without.
"""

from medlab.segment.contours import chan_vese
from medlab.segment.edges import canny, laplacian_of_gaussian, sobel, zero_crossings
from medlab.segment.lungs import lungs
from medlab.segment.morphology import closing, dilate, erode, fill_holes, largest_component, opening, remove_small
from medlab.segment.nodule import nodule
from medlab.segment.regions import random_walker, region_growing, watershed
from medlab.segment.threshold import multi_otsu, otsu

__all__ = [
    "canny",
    "chan_vese",
    "closing",
    "dilate",
    "erode",
    "fill_holes",
    "laplacian_of_gaussian",
    "largest_component",
    "lungs",
    "multi_otsu",
    "nodule",
    "opening",
    "otsu",
    "random_walker",
    "region_growing",
    "remove_small",
    "sobel",
    "watershed",
    "zero_crossings",
]
