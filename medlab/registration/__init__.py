"""Find the same places in two pictures and lay one on the other: key points, RANSAC, follow-up scans.

on_first = registration.register_volumes(later, first, spacing_moving=(1, 1, 1), spacing_fixed=(1, 1, 1))
there = registration.apply(on_first.in_voxels, (24, 20, 31))  # where a voxel of the later scan lies in the first
same_grid = registration.warp(later, on_first, shape=first.shape)
"""

from medlab.registration.images import phase_correlation, register, register_volumes
from medlab.registration.keypoints import KeyPoints, keypoints, match
from medlab.registration.transforms import Registration, apply, warp

__all__ = [
    "KeyPoints",
    "Registration",
    "apply",
    "keypoints",
    "match",
    "phase_correlation",
    "register",
    "register_volumes",
    "warp",
]
