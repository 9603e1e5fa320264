"""Lay one volume on another, such as a follow-up CT on the first, by key points in slabs."""

import numpy as np

from medlab.registration.keypoints import KeyPoints, found, known_method, match
from medlab.registration.ransac import agreed
from medlab.registration.registration import Grid, Registration, grids
from medlab.preprocess import inputs


def register_volumes(
    moving: np.ndarray,
    fixed: np.ndarray,
    *,
    spacing_moving: tuple[float, float, float],
    spacing_fixed: tuple[float, float, float],
    changed_moving: np.ndarray | None = None,
    changed_fixed: np.ndarray | None = None,
    margin_mm: float = 4.0,
    model: str = "similarity",
    method: str = "sift",
    n: int = 60,
    step_mm: float = 0.5,
    slab_mm: float = 3.0,
    max_ratio: float = 0.9,
    tolerance_mm: float = 2.0,
    max_scale: float = 1.1,
    min_inliers: int = 12,
    seed: int = 0,
) -> Registration:
    """Lay one volume on another, such as a follow-up CT on the first.

    Key points are sought in thin slabs (maximum intensity, which shows vessels as lines) across each of the three axes;
    every slab of one volume is compared with every slab of the other along the same axis, so that a shift across the
    slabs is found too. All pairs together then vote on one map in 3-D (RANSAC).

    Args:
        moving: (z, y, x), any unit, what is to be matched bright; window a CT first. `fixed` likewise.
        changed_moving: Mask, the shape of `moving`, of what has changed itself, such as a nodule that grew: a large one
            would win the vote, and the map would follow it and not the lung. `changed_fixed` likewise; None: nothing.
        margin_mm: Key points so near to the masks do not vote either.
        model: As in `register`. "similarity" allows for another breath; the scale is that of the surroundings.
        method, n, max_ratio: As in `keypoints` and `match`; `n` counts for one slab.
        step_mm: Voxel size on which key points are sought. 0.5 suits a region of 5 cm, 1.5 a whole chest.
        slab_mm: Thickness of a slab; neighbours overlap by two thirds.
        tolerance_mm, min_inliers, seed: As in `register`.
        max_scale: As in `register`; another breath stretches the lung by a few percent.

    Raises:
        ValueError: If an input is wrong, there are too few matches, or too few of them agree.
    """
    n, method = inputs.whole(n, "n", at_least=1), known_method(method)
    slab_mm, margin_mm = inputs.above_zero(slab_mm, "slab_mm", "mm"), inputs.zero_or_more(margin_mm, "margin_mm", "mm")
    on_moving, on_fixed = grids(moving, fixed, spacing_moving, spacing_fixed, step_mm, ndim=3)
    left_out = (
        _near(changed_moving, on_moving, margin_mm, "changed_moving"),
        _near(changed_fixed, on_fixed, margin_mm, "changed_fixed"),
    )
    from_points, to_points = [], []
    for axis in range(3):
        a, b = (_in_slabs(g, out, axis, slab_mm, n, method) for g, out in zip((on_moving, on_fixed), left_out))
        pairs = match(a, b, max_ratio=max_ratio)
        from_points.append(a.points[pairs[:, 0]])
        to_points.append(b.points[pairs[:, 1]])
    points = np.concatenate(from_points), np.concatenate(to_points)
    matrix, kept = agreed(*points, model, tolerance_mm, max_scale, min_inliers, seed)
    return Registration(matrix, on_moving.spacing, on_fixed.spacing, *points, kept)


def _near(mask: np.ndarray | None, grid: Grid, margin_mm: float, name: str) -> np.ndarray | None:
    """Where a mask is no more than `margin_mm` away."""
    from scipy.ndimage import distance_transform_edt

    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.shape != grid.shape or mask.dtype != bool:
        raise ValueError(f"{name} must be a bool mask of shape {grid.shape}, got {mask.dtype} {mask.shape}")
    return distance_transform_edt(~mask, sampling=grid.spacing) <= margin_mm if mask.any() else None


def _in_slabs(grid: Grid, left_out: np.ndarray | None, axis: int, slab_mm: float, n: int, method: str) -> KeyPoints:
    """Key points of the maximum intensity of slabs across an axis, as points of the volume in mm."""
    planes = np.moveaxis(grid.image, axis, 0)
    thick = min(max(1, round(slab_mm / grid.step)), len(planes))
    points, descriptors = [], []
    for first in range(0, len(planes) - thick + 1, max(1, thick // 3)):
        flat = found(planes[first : first + thick].max(axis=0), n, method, upsampling=1)  # `step_mm` has done that
        points.append(np.insert(flat.points, axis, first + (thick - 1) / 2, axis=1))
        descriptors.append(flat.descriptors)
    in_mm, descriptors = grid.in_mm(np.concatenate(points)), np.concatenate(descriptors)
    if left_out is not None:
        voxels = np.clip(np.round(in_mm / grid.spacing).astype(int), 0, np.array(grid.shape) - 1)
        steady = ~left_out[tuple(voxels.T)]
        in_mm, descriptors = in_mm[steady], descriptors[steady]
    return KeyPoints(in_mm, descriptors)
