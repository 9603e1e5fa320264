"""Put an image on another grid in mm, or move it, its mask and its boxes by the same affine map.

A map is a matrix of n + 1 rows for n axes, and takes homogeneous voxel indices (z, y, x, 1) of the old image to those
of the new one, which has the same shape.
"""

from collections.abc import Sequence

import numpy as np

from medlab import arguments


def resample(
    image: np.ndarray, *, spacing: tuple[float, ...], new_spacing: tuple[float, ...], order: int = 1
) -> np.ndarray:
    """Sample an image on a grid of another spacing.

    The old and the new grid share their center, voxel i of the new one lies (i - (m - 1) / 2) new_spacing from it, and
    `new_spacing` is met exactly. Along an axis of n voxels the new grid has m = n spacing / new_spacing of them,
    rounded (half to even), at least 1. Its extent may therefore differ from the old one by a quarter of a new voxel on
    each side; beyond the outermost voxels the image is continued with their values. Where the new grid is coarser, an
    image is smoothed first (a Gaussian of half a new voxel less half an old one), or fine texture would turn into false
    coarse texture.

    Args:
        image: Image or volume. Integers (CT in HU) become float32; a bool mask stays one, whatever `order`.
        spacing: Voxel size in mm, one number an axis.
        new_spacing: Wanted voxel size in mm, one number an axis.
        order: 0 nearest (labels: the type is kept, nothing is smoothed), 1 linear, up to 5 (3 is a cubic spline).

    Returns:
        float32; for a bool mask or order 0, the type of the image.

    Raises:
        ValueError: If a spacing is not above 0 or has other axes than the image.
    """
    from scipy import ndimage

    image = np.asarray(image)
    floats, order = arguments.image(image, dtype=np.float32), arguments.whole(order, "order", high=5)
    old = arguments.spacing(spacing, image.ndim)
    factors = np.divide(arguments.spacing(new_spacing, image.ndim, "new_spacing"), old)
    shape = np.maximum(1, np.round(image.shape / factors)).astype(int)
    places = [  # of the new voxels along each axis, in old voxel indices; the centers coincide
        (n - 1) / 2 + (np.arange(m) - (m - 1) / 2) * factor for n, m, factor in zip(image.shape, shape, factors)
    ]
    if image.dtype == bool or order == 0:
        # halfway between two voxels rounding errors must not choose: always the lower index
        nearest = [np.ceil(place - 0.5 - 1e-6).clip(0, n - 1).astype(int) for place, n in zip(places, image.shape)]
        return image[np.ix_(*nearest)]
    floats = ndimage.gaussian_filter(floats, np.maximum(0, (factors - 1) / 2), mode="nearest")
    first = [place[0] for place in places]
    return ndimage.affine_transform(floats, factors, first, tuple(shape), order=order, mode="nearest")


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
    steps = np.array(arguments.spacing(spacing, n))
    move = np.zeros(n) if shift is None else np.asarray(shift, dtype=float)
    if move.shape != (n,) or not np.isfinite(move).all():
        raise ValueError(f"shift must be {n} finite numbers in voxels, got {shift}")
    angle = np.deg2rad(arguments.number(degrees, "degrees"))
    turn = np.eye(n)
    turn[-2:, -2:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    if flip:
        turn[:, -1] *= -1  # the flip comes first
    in_voxels = arguments.number(factor, "factor", above=0) * turn * steps / steps[:, None]
    center = (np.array(shape) - 1) / 2
    matrix = np.eye(n + 1)
    matrix[:n, :n] = in_voxels
    matrix[:n, n] = center - in_voxels @ center + move
    return matrix


def moved_image(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The image under the map: linear interpolation, float32, continued with its edge."""
    return _moved(arguments.image(image, dtype=np.float32), matrix, order=1, mode="nearest")


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


def _moved(image: np.ndarray, matrix: np.ndarray, *, order: int, mode: str) -> np.ndarray:
    from scipy import ndimage

    n = image.ndim
    if np.shape(matrix) != (n + 1, n + 1):
        raise ValueError(f"matrix must be {n + 1} x {n + 1} for an image of {n} axes, got {np.shape(matrix)}")
    back = np.linalg.inv(matrix)  # SciPy asks for each new voxel where it comes from
    return ndimage.affine_transform(image, back[:n, :n], back[:n, n], order=order, mode=mode)
