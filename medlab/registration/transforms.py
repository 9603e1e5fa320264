"""Maps in mm from one image to another: the one on which most pairs of points agree, and what to do with it.

Millimetres count from the center of an image's first voxel, along its own axes. A map is a matrix of n + 1 rows for n
axes; it takes homogeneous points (z, y, x, 1) in mm of the moving image to those of the fixed one.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medlab import arguments

MODELS = ("rigid", "similarity")


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
    return ndimage.affine_transform(arguments.image(image, dtype=np.float32), order=1, mode="nearest", **where)


def most_agreed(
    moving: np.ndarray, fixed: np.ndarray, *, model: str, tolerance_mm: float, max_scale: float, least: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The map on which most pairs of points agree, fitted to all of these, and which pairs they are (RANSAC).

    Raises:
        ValueError: If an option is out of range, or fewer than `least` pairs came or agree.

    Source: Fischler and Bolles 1981, doi:10.1145/358669.358692.
    """
    from skimage.measure import ransac

    arguments.choice(model, "model", MODELS)
    tolerance_mm = arguments.number(tolerance_mm, "tolerance_mm", above=0, unit="mm")
    max_scale = arguments.number(max_scale, "max_scale", low=1)
    if len(moving) < least:
        raise ValueError(f"too few key points match: {len(moving)}, at least {least} are needed")
    limited = type("_Limited", (_Similarity,), {"max_scale": max_scale if model == "similarity" else 1.0})
    needed = moving.shape[1]  # pairs that fix the map
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "No inliers found" is said below
        kept = ransac(
            (moving, fixed), limited, needed, tolerance_mm, max_trials=2000, stop_probability=0.999, rng=seed
        )[1]
    agree = 0 if kept is None else int(kept.sum())
    fitted = limited()
    if agree < least or not fitted.estimate(moving[kept], fixed[kept]):
        raise ValueError(
            f"of {len(moving)} matches only {agree} agree on a map of model {model!r}, at least {least} must: "
            "the two images may not show the same thing"
        )
    return fitted.params, kept


class _Similarity:
    """One map for RANSAC, which wants `from_estimate` (scikit-image from 0.26 on) or `estimate` (before).

    A turn, a shift and one scale within `max_scale`. scikit-image's own could only refuse a map whose scale is out of
    range, and with it the pairs that it was fitted to. Source: Umeyama 1991, doi:10.1109/34.88573.
    """

    max_scale = 1.0

    @classmethod
    def from_estimate(cls, moving: np.ndarray, fixed: np.ndarray):
        made = cls()
        return made if made.estimate(moving, fixed) else None

    def estimate(self, moving: np.ndarray, fixed: np.ndarray) -> bool:
        n = moving.shape[1]
        from_middle, to_middle = moving.mean(axis=0), fixed.mean(axis=0)
        p, q = moving - from_middle, fixed - to_middle
        u, s, vt = np.linalg.svd(q.T @ p)
        if s[n - 2] < 1e-6:  # on one point, in 3-D on one line: any turn fits
            return False
        signs = np.ones(n)
        signs[-1] = np.sign(np.linalg.det(u @ vt))  # no mirror images
        scale = np.clip((s * signs).sum() / (p**2).sum(), 1 / self.max_scale, self.max_scale)
        linear = (u * signs) @ vt * scale
        self.params = np.eye(n + 1)
        self.params[:n, :n], self.params[:n, n] = linear, to_middle - linear @ from_middle
        return bool(np.linalg.det(linear) > 0)

    def residuals(self, moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
        return np.linalg.norm(apply(self.params, moving) - fixed, axis=1)
