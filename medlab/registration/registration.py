"""Lay one image on another: a map in mm, found by key points or by phase correlation, and what to do with it.

Millimetres count from the center of an image's first voxel, along its own axes. A map is a matrix of n + 1 rows for n
axes; it takes homogeneous points (z, y, x, 1) in mm of the moving image to those of the fixed one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medlab.registration.keypoints import found, known_method, match, unit_range
from medlab.registration.ransac import agreed
from medlab.preprocess import inputs, resample

LARGEST = 2e8  # voxels of one resampled image: 0.8 GB


@dataclass(frozen=True)
class Registration:
    """How a moving image lies on a fixed one.

    Args:
        matrix: (n + 1, n + 1), mm of the moving image to mm of the fixed one.
        spacing_moving: Voxel size of the moving image in mm; `spacing_fixed` of the fixed one.
        moving_points: (n_matches, n) matched key points in mm of the moving image; `fixed_points` their partners.
        kept: (n_matches,) bool: the pairs that agree with the matrix, from which it was computed.
    """

    matrix: np.ndarray
    spacing_moving: tuple[float, ...]
    spacing_fixed: tuple[float, ...]
    moving_points: np.ndarray
    fixed_points: np.ndarray
    kept: np.ndarray

    @property
    def inliers(self) -> int:
        """Number of matches that agree with the matrix."""
        return int(self.kept.sum())

    @property
    def n_matches(self) -> int:
        return len(self.kept)

    @property
    def in_voxels(self) -> np.ndarray:
        """The same map from voxel indices of the moving image to those of the fixed one."""
        return np.diag([*(1 / np.array(self.spacing_fixed)), 1]) @ self.matrix @ np.diag([*self.spacing_moving, 1])


def register(
    moving: np.ndarray,
    fixed: np.ndarray,
    *,
    spacing_moving: tuple[float, float],
    spacing_fixed: tuple[float, float],
    model: str = "rigid",
    method: str = "sift",
    n: int = 300,
    step_mm: float | None = None,
    max_ratio: float = 0.8,
    tolerance_mm: float = 2.0,
    max_scale: float = 1.25,
    min_inliers: int = 8,
    seed: int = 0,
) -> Registration:
    """Lay one image on another by key points that agree on one map (RANSAC).

    Args:
        moving: (y, x), any unit; window a CT first. `fixed` likewise; shapes and spacings may differ.
        model: "translation", "rigid" (with rotation), "similarity" (and one scale) or "affine" (and shear).
        method, n, max_ratio: As in `keypoints` and `match`.
        step_mm: Pixel size on which key points are sought, in both images; None: the smallest of theirs.
        tolerance_mm: How far apart a mapped key point and its partner may lie and still agree.
        max_scale: No direction may grow or shrink by more than this factor; 1 or more.
        min_inliers: Matches that must agree, or the images are held to show different things.
        seed: Of RANSAC's draws.

    Raises:
        ValueError: If an input is wrong, there are too few matches, or too few of them agree.

    Source: Fischler and Bolles 1981 (RANSAC), doi:10.1145/358669.358692; Umeyama 1991, doi:10.1109/34.88573.
    """
    n, method = inputs.whole(n, "n", at_least=1), known_method(method)
    on_moving, on_fixed = grids(moving, fixed, spacing_moving, spacing_fixed, step_mm, ndim=2)
    a, b = found(on_moving.image, n, method), found(on_fixed.image, n, method)
    pairs = match(a, b, max_ratio=max_ratio)
    points = on_moving.in_mm(a.points[pairs[:, 0]]), on_fixed.in_mm(b.points[pairs[:, 1]])
    matrix, kept = agreed(*points, model, tolerance_mm, max_scale, min_inliers, seed)
    return Registration(matrix, on_moving.spacing, on_fixed.spacing, *points, kept)


def phase_correlation(moving: np.ndarray, fixed: np.ndarray, *, spacing: tuple[float, ...]) -> Registration:
    """Shift one image onto another without any key point: by the phase of their Fourier transforms, to 0.1 voxel.

    Args:
        moving: (y, x) or (z, y, x); faded out towards the edges, where the two show different things.
        fixed: The same shape.
        spacing: Voxel size of both in mm.

    Source: Kuglin and Hines 1975; Guizar-Sicairos et al. 2008, doi:10.1364/OL.33.000156.
    """
    from skimage.registration import phase_cross_correlation

    images = [unit_range(moving, "moving"), unit_range(fixed, "fixed")]
    ndim, shape = images[0].ndim, images[0].shape
    if images[1].shape != shape:
        raise ValueError(f"moving and fixed must have the same shape, got {shape} and {images[1].shape}")
    steps = inputs.spacing_of(spacing, ndim)
    for axis, side in enumerate(shape):
        fade = np.hanning(side + 2)[1:-1].reshape([-1 if a == axis else 1 for a in range(ndim)])
        images = [(image - image.mean() if axis == 0 else image) * fade for image in images]
    shift = phase_cross_correlation(images[1], images[0], upsample_factor=10, normalization="phase")[0]
    matrix = np.eye(ndim + 1)
    matrix[:ndim, ndim] = shift * steps
    none = np.empty((0, ndim))
    return Registration(matrix, tuple(steps.tolist()), tuple(steps.tolist()), none, none, np.empty(0, bool))


def apply(matrix: np.ndarray, points: Sequence) -> np.ndarray:
    """Points under a map: (n,) or (N, n), in mm for `Registration.matrix`, voxel indices for `Registration.in_voxels`.

    >>> apply(np.array([[1, 0, 5], [0, 2, 0], [0, 0, 1]]), (1, 1)).tolist()
    [6.0, 2.0]
    """
    matrix, points = np.asarray(matrix, dtype=float), np.asarray(points, dtype=float)
    n = len(matrix) - 1
    if matrix.shape != (n + 1, n + 1) or points.ndim not in (1, 2) or points.shape[-1] != n:
        raise ValueError(
            f"points must be (n,) or (N, n) for a matrix of n + 1 rows, got {points.shape} and {matrix.shape}"
        )
    return points @ matrix[:n, :n].T + matrix[:n, n]


def warp(image: np.ndarray, registration: Registration, *, shape: tuple[int, ...]) -> np.ndarray:
    """A moving image, or a mask that belongs to it, on the grid of the fixed one.

    Args:
        image: In the voxels of the moving image. A bool mask stays one (nearest voxel, False outside); all else becomes
            float32 (linear interpolation, continued with its edge).
        shape: Of the fixed image.
    """
    from scipy import ndimage

    image = np.asarray(image)
    n = len(registration.spacing_moving)
    if image.ndim != n or len(shape) != n:
        raise ValueError(f"image and shape must have {n} axes as the registration, got {image.shape} and {shape}")
    back = np.linalg.inv(registration.in_voxels)  # SciPy asks for each new voxel where it comes from
    where = {"matrix": back[:n, :n], "offset": back[:n, n], "output_shape": tuple(shape)}
    if image.dtype == bool:
        return ndimage.affine_transform(image.view(np.uint8), order=0, mode="grid-constant", **where).view(bool)
    return ndimage.affine_transform(inputs.finite(image), order=1, mode="nearest", **where)


@dataclass(frozen=True)
class Grid:
    """An image from 0 to 1 on pixels of equal sides, and the way from its indices back to mm."""

    image: np.ndarray
    shape: tuple[int, ...]  # of the image as it came
    spacing: tuple[float, ...]
    step: float

    def in_mm(self, points: np.ndarray) -> np.ndarray:
        """Indices on this grid, whose center is that of the image, as mm from the image's first voxel."""
        middle = (np.array(self.shape) - 1) / 2 * self.spacing
        return middle + (points - (np.array(self.image.shape) - 1) / 2) * self.step


def grids(moving, fixed, spacing_moving, spacing_fixed, step_mm: float | None, *, ndim: int) -> tuple[Grid, Grid]:
    """Both images on pixels of the same size; None: the smallest that one of them has."""
    images = unit_range(moving, "moving", ndim=ndim), unit_range(fixed, "fixed", ndim=ndim)
    spacings = [
        tuple(inputs.spacing_of(spacing, ndim, name=name).tolist())
        for spacing, name in ((spacing_moving, "spacing_moving"), (spacing_fixed, "spacing_fixed"))
    ]
    step = min(map(min, spacings)) if step_mm is None else inputs.above_zero(step_mm, "step_mm", "mm")
    for image, spacing in zip(images, spacings):
        voxels = np.prod(np.array(image.shape) * spacing / step)
        if voxels > LARGEST:
            raise ValueError(f"step_mm must be larger: {step:g} mm makes {voxels:.1g} voxels, more than {LARGEST:.0g}")
    return tuple(
        Grid(resample(image, spacing=spacing, new_spacing=(step,) * ndim), image.shape, spacing, step)
        for image, spacing in zip(images, spacings)
    )
