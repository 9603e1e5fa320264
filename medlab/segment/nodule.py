"""A nodule around a clicked voxel of a CT, in five steps that can each be drawn.

1. A window around the click, on a grid of about 1 mm a side: thick slices would make steps of 2 mm and more.
2. A threshold between this nodule and this lung: ground glass is far below any threshold that is right for solid ones.
3. The lung closed by a ball, as in `lungs`: what the ball cannot reach belongs to the lung, the chest wall does not.
4. What is linked with the click.
5. Vessels off: only where the nodule is thick does it stay linked, and from there it grows back.
"""

import numpy as np

from medlab import arguments
from medlab.segment.parts import closing, dilation

STEP_MM = 1.0  # finest step along an axis that is split no further
SMOOTH_MM = 0.5  # Gaussian against noise
CORE_MM = 1.5  # radius around the click whose upper quartile is the nodule's level
SOFT_TISSUE = 50.0  # HU: a calcified nodule would lift the threshold out of its own rim
LUNG = (-1000.0, -600.0)  # HU: whose median in the window is the lung's level
CONTRAST = 100.0  # HU: less above the lung is no nodule
WALL = -400.0  # HU: half way from lung to soft tissue
BALL_MM = 12.0  # radius of the ball that does not fit into the dent which a nodule makes in the chest wall
NEAR_MM = 3.0  # so far from the nodule may a click be
THICK = 0.6  # a vessel thinner than this part of the nodule comes off
REACH = 2.5  # radii from the middle: longer than this is a vessel as thick as the nodule
RIM_MM = 0.7  # what comes back beyond the ball: corners that it does not fill


def nodule(
    hu: np.ndarray,
    point: tuple[int, ...],
    *,
    spacing: tuple[float, ...],
    max_diameter_mm: float = 40.0,
    level: float = 1 / 3,
) -> np.ndarray:
    """The nodule at or next to a clicked voxel, without the vessels and the chest wall it hangs on.

    Args:
        hu: CT numbers in HU, (z, y, x), with some lung around the nodule.
        point: Voxel index on the nodule, or at most 3 mm beside it; the nearer to the middle the better.
        spacing: Voxel size in mm, (z, y, x).
        max_diameter_mm: Nothing further from the point than half of this is looked at, above 0.
        level: Where the threshold lies on the way from lung (0) to nodule (1). The edge itself is at 1/2; readers
            outline generously and draw it between 1/4 and 1/3.

    Returns:
        bool, same shape. A click on a vessel, the chest wall or the heart gives a piece of that.

    Raises:
        ValueError: If the point lies outside or on air with nothing near, no lung is around it, the CT numbers there
            are not finite, or the spacing does not fit.
    """
    from scipy.ndimage import binary_fill_holes, gaussian_filter, label

    hu = np.asarray(hu)
    if hu.ndim != 3:
        raise ValueError(f"hu must be (z, y, x), got shape {hu.shape}")
    steps = arguments.spacing(spacing, 3)
    click = arguments.point(point, hu.shape)
    max_diameter_mm = arguments.number(max_diameter_mm, "max_diameter_mm", above=0, unit="mm")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 (lung) and 1 (nodule), got {level}")
    window = tuple(
        slice(max(at - int(max_diameter_mm / 2 / step) - 1, 0), at + int(max_diameter_mm / 2 / step) + 2)
        for at, step in zip(click, steps)
    )
    part, splits = _finer(arguments.image(hu[window], "hu"), steps)
    steps = tuple(step / split for step, split in zip(steps, splits))
    at = tuple((i - side.start) * split for i, side, split in zip(click, window, splits))

    part = gaussian_filter(part, [SMOOTH_MM / step for step in steps], mode="nearest")
    away = _distance(part.shape, at, steps)
    low = _lung_level(part, point)
    high = _level(part, away)
    if high < low + CONTRAST:  # beside the nodule, or in its cavity
        at = _densest(part, away)
        high = _level(part, _distance(part.shape, at, steps))
    if high < low + CONTRAST:
        raise ValueError(
            f"no nodule at point {click}: at most {high:.0f} HU within {NEAR_MM:g} mm of it, {low:.0f} HU in the lung; "
            f"a nodule is at least {CONTRAST:g} HU above that"
        )
    dense = (part > low + level * (high - low)) & (away <= max_diameter_mm / 2)
    in_lung = dense & closing(part < WALL, BALL_MM, steps)
    if in_lung[at]:  # a large nodule on the mediastinum may lie outside; only the next steps can help there
        dense = in_lung
    if not dense[at]:
        at = _densest(np.where(dense, part, -np.inf), away)
    parts, _ = label(dense)
    if not parts[at]:
        raise ValueError(f"no nodule at point {click}: nothing dense within {max_diameter_mm / 2:g} mm of it")
    whole = binary_fill_holes(parts == parts[at])  # a cavity belongs to it
    found = _without_vessels(whole, at, steps)
    mask = np.zeros(hu.shape, bool)
    mask[window] = found[tuple(slice(None, None, split) for split in splits)]
    return mask


def _finer(hu: np.ndarray, steps: tuple[float, ...]) -> tuple[np.ndarray, list[int]]:
    """Steps split into whole parts of about `STEP_MM`, so that every old voxel is one of the new; and the parts."""
    from scipy.ndimage import zoom

    splits = [max(1, round(step / STEP_MM)) for step in steps]
    shape = [(n - 1) * split + 1 for n, split in zip(hu.shape, splits)]
    return zoom(hu, [new / old for new, old in zip(shape, hu.shape)], order=1), splits


def _distance(shape: tuple[int, ...], at: tuple[int, ...], steps: tuple[float, ...]) -> np.ndarray:
    """Distance of each voxel from one of them in mm."""
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    return np.sqrt(sum(np.square((axis - i) * step) for axis, i, step in zip(axes, at, steps)))


def _lung_level(hu: np.ndarray, point: tuple[int, ...]) -> float:
    """Middle CT number of the lung in the window."""
    lung = hu[(hu > LUNG[0]) & (hu < LUNG[1])]
    if not lung.size:
        raise ValueError(f"no lung around point {tuple(point)}: no value from {LUNG[0]:g} to {LUNG[1]:g} HU")
    return float(np.median(lung))


def _level(hu: np.ndarray, away: np.ndarray) -> float:
    """CT number of what is within `CORE_MM`."""
    return min(float(np.percentile(hu[away <= CORE_MM], 75)), SOFT_TISSUE)


def _densest(hu: np.ndarray, away: np.ndarray) -> tuple[int, ...]:
    """The densest voxel within `NEAR_MM` of the click."""
    at = np.unravel_index(np.argmax(np.where(away <= NEAR_MM, hu, -np.inf)), hu.shape)
    return tuple(int(i) for i in at)


def _without_vessels(mask: np.ndarray, at: tuple[int, ...], steps: tuple[float, ...]) -> np.ndarray:
    """The thick part around the click, with the rim that belongs to it."""
    from scipy.ndimage import distance_transform_edt, label

    depth = distance_transform_edt(np.pad(mask, 1, mode="edge"), sampling=steps)[1:-1, 1:-1, 1:-1]
    close = mask & (_distance(mask.shape, at, steps) <= max(depth[at], CORE_MM))
    middle = np.unravel_index(np.argmax(np.where(close, depth, 0)), mask.shape)  # uphill from the click
    radius = float(depth[middle])
    thick = (depth > THICK * radius) & (_distance(mask.shape, middle, steps) <= REACH * radius + 1)
    parts, _ = label(thick)
    return mask & dilation(parts == parts[middle], THICK * radius + RIM_MM, steps)
