"""Shapes grown and shrunk by a distance in mm.

A ball of `radius` mm is not a ball of voxels where voxels are longer along z than across, so each step asks the
Euclidean distance transform how far the nearest voxel of the other kind is. Distances run between voxel centers; a
radius below the voxel size does nothing along that axis.

What lies outside the array is taken to go on as it is at the border: a lung that the field of view cuts off is not
eaten away there, and nothing grows in from outside.
"""

import numpy as np

from medlab.segment.arguments import at_least, mask_of, spacing_of, steps_between

_ROUNDING = 1e-6  # mm: a voxel at exactly `radius` belongs to the ball, whatever the last bit says


def erode(mask: np.ndarray, *, radius: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Take away all voxels within `radius` of the outside.

    Args:
        mask: (y, x) or (z, y, x), bool or 0 and 1.
        radius: In mm (without spacing in voxels), 0 or more.
        spacing: Voxel size in mm, one number an axis.

    Raises:
        ValueError: If the mask is no mask, the radius negative, or the spacing does not fit. The same for all below.
    """
    mask, steps = _checked(mask, radius, spacing)
    return mask & ~_within(~mask, radius, steps)


def dilate(mask: np.ndarray, *, radius: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Add all voxels within `radius` of the mask; arguments as in `erode`."""
    mask, steps = _checked(mask, radius, spacing)
    return _within(mask, radius, steps)


def opening(mask: np.ndarray, *, radius: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Keep what a ball of `radius` can reach inside the mask: cuts thin bridges and spikes; arguments as in `erode`."""
    mask, steps = _checked(mask, radius, spacing)
    grown, inner = _gone_on(mask, radius, steps)
    return _within(~_within(~grown, radius, steps), radius, steps)[inner]


def closing(mask: np.ndarray, *, radius: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Fill what a ball of `radius` cannot reach outside the mask: gaps, dents, clefts; arguments as in `erode`."""
    mask, steps = _checked(mask, radius, spacing)
    grown, inner = _gone_on(mask, radius, steps)
    return ~_within(~_within(grown, radius, steps), radius, steps)[inner]


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """Fill what no way through the faces of voxels links with the border of the array.

    In a volume a hole must be closed on all sides; a tunnel stays open. For slices one by one, call it on each.

    Raises:
        ValueError: If the mask is no mask.
    """
    from scipy.ndimage import binary_fill_holes

    return binary_fill_holes(mask_of(mask))


def remove_small(mask: np.ndarray, *, min_size: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Take away connected parts (by faces) below a size.

    Args:
        mask: (y, x) or (z, y, x), bool or 0 and 1.
        min_size: Smallest part that stays, in mm³ (of an image mm², without spacing voxels), 0 or more.
        spacing: Voxel size in mm, one number an axis.

    Raises:
        ValueError: If the mask is no mask, the size negative, or the spacing does not fit.
    """
    from scipy.ndimage import label

    mask = mask_of(mask)
    voxel = float(np.prod(spacing_of(spacing, mask.ndim)))
    at_least(min_size, 0, "min_size")
    parts, _ = label(mask)
    large = np.bincount(parts.ravel()) * voxel >= min_size * (1 - 1e-9)
    large[0] = False
    return large[parts]


def largest_component(mask: np.ndarray, *, connectivity: int = 1) -> np.ndarray:
    """The largest connected part; of equal ones the first.

    Args:
        mask: (y, x) or (z, y, x), bool or 0 and 1, not empty.
        connectivity: 1 links voxels by faces, 2 by edges too, 3 by corners too.

    Raises:
        ValueError: If the mask is empty, or there is no such connectivity.
    """
    from scipy.ndimage import label

    mask = mask_of(mask)
    parts, n = label(mask, steps_between(connectivity, mask.ndim))
    if n == 0:
        raise ValueError("mask is empty: it has no component")
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])


def _checked(mask, radius, spacing) -> tuple[np.ndarray, tuple[float, ...]]:
    mask = mask_of(mask)
    at_least(radius, 0, "radius")
    return mask, spacing_of(spacing, mask.ndim)


def _within(mask: np.ndarray, radius: float, steps: tuple[float, ...]) -> np.ndarray:
    """All voxels at most `radius` from the mask, the mask included."""
    from scipy.ndimage import distance_transform_edt

    if not mask.any() or mask.all():  # the transform has nothing to measure to
        return mask.copy()
    rims, found = _rims(radius, steps), np.zeros(mask.shape, bool)
    lines = (np.flatnonzero(mask.any(tuple(b for b in range(mask.ndim) if b != axis))) for axis in range(mask.ndim))
    near = tuple(slice(max(line[0] - rim, 0), line[-1] + rim + 1) for line, rim in zip(lines, rims))
    found[near] = distance_transform_edt(~mask[near], sampling=steps) <= radius + _ROUNDING
    return found


def _rims(radius: float, steps: tuple[float, ...]) -> list[int]:
    """Voxels along each axis that the ball reaches, and one more."""
    return [int(radius / step) + 1 for step in steps]


def _gone_on(mask: np.ndarray, radius: float, steps: tuple[float, ...]) -> tuple[np.ndarray, tuple[slice, ...]]:
    """The mask with a rim in which it goes on as at the border, wide enough for the ball, and where the mask lies."""
    rims = _rims(radius, steps)
    inner = tuple(slice(rim, rim + n) for rim, n in zip(rims, mask.shape))
    return np.pad(mask, [(rim, rim) for rim in rims], mode="edge"), inner
