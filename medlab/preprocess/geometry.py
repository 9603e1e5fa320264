"""Move an image, its mask and its boxes by the same affine map.

A map is a matrix of n + 1 rows for n axes, and takes homogeneous voxel indices (z, y, x, 1) of the old image to those
of the new one, which has the same shape.
"""

from collections.abc import Sequence

import numpy as np

from medlab.preprocess import inputs


def affine(
    shape: tuple[int, ...],
    *,
    degrees: float = 0.0,
    factor: float = 1.0,
    shift: Sequence[float] | None = None,
    flip: bool = False,
    spacing: tuple[float, ...] | None = None,
) -> np.ndarray:
    """The map that flips, rotates and scales about the center of an image, and then shifts.

    Args:
        shape: Of the image, (y, x) or (z, y, x).
        degrees: Rotation in the plane of the last two axes, from y towards x: counterclockwise on a screen.
        factor: Scaling of all axes alike, above 0; 2 shows everything twice as large.
        shift: In voxels, one number an axis; None: no shift.
        flip: Mirror the last axis (left and right).
        spacing: Voxel size in mm, one number an axis; None: all sides alike. Rotation happens in mm, or what is round
            would not stay round on anisotropic pixels.

    Returns:
        (n + 1, n + 1) matrix, float64.
    """
    n = len(shape)
    if n not in (2, 3):
        raise ValueError(f"shape must be (y, x) or (z, y, x), got {tuple(shape)}")
    steps = inputs.spacing_of(spacing, n)
    move = np.zeros(n) if shift is None else np.asarray(shift, dtype=float)
    if move.shape != (n,) or not np.isfinite(move).all():
        raise ValueError(f"shift must be {n} finite numbers in voxels, got {shift}")
    angle = np.deg2rad(inputs.number(degrees, "degrees"))
    turn = np.eye(n)
    turn[-2:, -2:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    if flip:
        turn[:, -1] *= -1  # the flip comes first
    in_voxels = inputs.above_zero(factor, "factor") * turn * steps / steps[:, None]
    center = (np.array(shape) - 1) / 2
    matrix = np.eye(n + 1)
    matrix[:n, :n] = in_voxels
    matrix[:n, n] = center - in_voxels @ center + move
    return matrix


def moved_image(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The image under the map: linear interpolation, float32, continued with its edge."""
    return _moved(inputs.finite(image), matrix, order=1, mode="nearest")


def moved_mask(mask: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The mask (bool, or labels from 0) under the map: nearest voxel, same type, 0 outside."""
    mask = np.asarray(mask)
    if mask.dtype.kind not in "biu":
        raise ValueError(f"mask must be bool or hold whole-number labels, got {mask.dtype}")
    if mask.dtype == bool:
        return _moved(mask.view(np.uint8), matrix, order=0, mode="grid-constant").view(bool)
    return _moved(mask, matrix, order=0, mode="grid-constant")


def moved_boxes(boxes: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The boxes around the moved corners of boxes, clipped to the image.

    After a rotation the box around a turned box is larger than the one around what is in it.

    Args:
        boxes: (N, 4) for (y0, x0, y1, x1) or (N, 6) for (z0, y0, x0, z1, y1, x1), half open, within the image.
        matrix: The map, as from `affine`.
        shape: Of the image.

    Returns:
        (N, 4) or (N, 6), same order. Whole numbers stay whole, rounded outwards, so that a moved mask lies inside its
        moved box; fractions stay fractions. A box that has left the image has size 0, all its sides.

    Raises:
        ValueError: If a box is of other axes, ends before it starts, or reaches out of the image.
    """
    n = len(shape)
    boxes = np.asarray(boxes)
    boxes = boxes.reshape(0, 2 * n) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 2 * n or boxes.dtype.kind not in "iuf":
        raise ValueError(
            f"boxes must be (N, {2 * n}) numbers for an image of {n} axes, got {boxes.dtype} {boxes.shape}"
        )
    low, high = boxes[:, :n], boxes[:, n:]
    if not ((low >= 0) & (low <= high) & (high <= np.array(shape))).all():
        raise ValueError(f"boxes must be (starts, ends), half open and within {tuple(shape)}, got {boxes.tolist()}")
    corners = np.stack([low, high], axis=1).astype(float) - 0.5  # edges of voxels, in voxel indices
    picks = np.array(list(np.ndindex(*(2,) * n)))  # which end along each axis, for each of the 2^n corners
    corners = corners[:, picks, np.arange(n)] @ matrix[:n, :n].T + matrix[:n, n] + 0.5
    low, high = corners.min(axis=1), corners.max(axis=1)
    if boxes.dtype.kind != "f":
        low, high = np.floor(low + 1e-6), np.ceil(high - 1e-6)
    low, high = low.clip(0, shape), high.clip(0, shape)
    gone = (high <= low).any(axis=1) | (boxes[:, :n] == boxes[:, n:]).any(axis=1)
    high[gone] = low[gone]
    return np.concatenate([low, high], axis=1).astype(boxes.dtype if boxes.dtype.kind != "u" else int)


def _moved(image: np.ndarray, matrix: np.ndarray, **how) -> np.ndarray:
    from scipy import ndimage

    n = image.ndim
    if np.shape(matrix) != (n + 1, n + 1):
        raise ValueError(f"matrix must be {n + 1} x {n + 1} for an image of {n} axes, got {np.shape(matrix)}")
    back = np.linalg.inv(matrix)  # SciPy asks for each new voxel where it comes from
    return ndimage.affine_transform(image, back[:n, :n], back[:n, n], **how)
