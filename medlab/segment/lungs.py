"""Both lungs in a chest CT, from what is known of a chest: air inside the body, less the airways, plus what is dense.

A threshold finds the air in the lungs. It leaves out what is dense and belongs to them: vessels, and nodules. Deep
inside they are holes, which are filled. A nodule on the chest wall is a dent of the lung: a closing with a ball larger
than the nodule fills it, and leaves out what the ball fits into, such as heart and diaphragm.
"""

import numpy as np

from medlab import arguments
from medlab.segment.parts import closing, dilation, largest_component, opening, remove_small

TISSUE = -400.0  # HU: half way from lung (-870) to soft tissue (50)
LUNG_MM2 = 1000.0  # less air than this in the average slice is no lung
SHARE = 0.1  # of the larger lung: smaller pieces of air (stomach, bowel, trachea) are no lung
AIRWAY_MM = 2.5  # radius; narrower airways stay with the lung
AIRWAYS_ML = 60.0  # trachea and main bronchi hold less; more means that the growing leaked into the lung
WALL_MM = 2.0  # of an airway, with the voxels that it fills in part
DENT_MM = 15.0  # radius of a ball that does not fit into a nodule on the chest wall, but into heart and diaphragm
SIDE_MM = (30.0, 2000.0)  # of a slice that shows a whole chest, children included; no millimetres outside
THINNEST_MM = 0.05  # from slice to slice
NODULE_MM2 = 1300.0  # section of the largest nodule: 40 mm across


def lungs(hu: np.ndarray, *, spacing: tuple[float, ...]) -> np.ndarray:
    """Both lungs with the vessels and nodules in them and on the chest wall, without trachea and main bronchi.

    Args:
        hu: CT numbers of a chest (z, y, x), or of one axial slice (y, x), in HU. The body lies whole in each slice;
            along z it may be cut off.
        spacing: Voxel size in mm, one number an axis.

    Returns:
        bool, same shape. Nodules at the edge of a lung are in it up to 30 mm across; consolidation and fluid are not.

    Raises:
        ValueError: If there are no lungs in it, `hu` is not finite, or the spacing does not fit or is not in mm.

    Source of the order of steps: Hu, Hoffman and Reinhardt 2001, doi:10.1109/42.929615.
    """
    from scipy.ndimage import find_objects, label

    hu = arguments.image(hu, "hu", ndim=(2, 3))
    steps = arguments.spacing(spacing, hu.ndim)
    sides = [n * step for n, step in zip(hu.shape[-2:], steps[-2:])]
    if not all(SIDE_MM[0] <= side <= SIDE_MM[1] for side in sides) or steps[0] < THINNEST_MM:
        what = f"{steps} makes slices of {sides[0]:.3g} × {sides[1]:.3g} mm, {steps[0]:.3g} mm apart"
        raise ValueError(f"spacing must be in mm and the image a whole chest; {what} (a chest: {SIDE_MM} mm)")
    if hu.ndim == 2:
        return lungs(hu[None], spacing=(2 * DENT_MM, *steps))[0]  # so thick that no ball reaches the next slice
    air = _air_in_body(hu)
    lung = _large_parts(air & ~dilation(_airways(hu, air, steps), WALL_MM, steps))
    section = lung.sum() / len(hu) * steps[1] * steps[2]
    if section < LUNG_MM2:
        raise ValueError(
            f"hu holds no lungs: {section:.0f} mm² a slice inside the body are below {TISSUE:g} HU, at least "
            f"{LUNG_MM2:g} are expected; values run from {hu.min():g} to {hu.max():g} HU, and each slice must show the "
            f"whole body"
        )
    parts, _ = label(lung)
    found = np.zeros(hu.shape, bool)
    for number, box in enumerate(find_objects(parts), start=1):  # one lung at a time: no bridge across the middle
        box = (box[0], *(slice(max(side.start - 1, 0), side.stop + 1) for side in box[1:]))
        found[box] |= closing(parts[box] == number, DENT_MM, steps)
    return _filled(found, steps)


def _air_in_body(hu: np.ndarray) -> np.ndarray:
    """Air that the body encloses in its slice: lungs, airways, bowel; not what is around it or in a hollow table."""
    from scipy.ndimage import generate_binary_structure, label

    tissue = hu >= TISSUE
    if not tissue.any():
        return tissue
    in_slice = generate_binary_structure(3, 1)
    in_slice[[0, 2]] = False
    parts, n = label(~largest_component(tissue), in_slice)
    inside = np.ones(n + 1, bool)
    for axis in (1, 2):
        for end in (0, -1):
            inside[np.take(parts, end, axis)] = False  # linked with the border of its slice
    inside[0] = False
    return inside[parts] & ~tissue


def _large_parts(mask: np.ndarray) -> np.ndarray:
    """Connected parts not much smaller than the largest."""
    from scipy.ndimage import label

    parts, _ = label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= max(SHARE * sizes.max(), 1))[parts]


def _airways(hu: np.ndarray, air: np.ndarray, steps: tuple[float, ...]) -> np.ndarray:
    """Lumen of the trachea and what it leads to: darker than lung, and wide enough for a ball of `AIRWAY_MM`."""
    from scipy.ndimage import gaussian_filter, label

    if not air.any():
        return air
    darker = (np.median(hu[air]) - 1000) / 2
    smooth = gaussian_filter(hu, [1 / step for step in steps])  # noise alone makes single voxels of lung as dark
    lumen = opening(air & (smooth < darker), AIRWAY_MM, steps)
    parts, n = label(lumen)
    wanted = np.zeros(n + 1, bool)
    wanted[parts[_trachea(air, steps)]] = True
    wanted[0] = False
    found = wanted[parts]
    return found if found.sum() * np.prod(steps) / 1000 < AIRWAYS_ML else np.zeros_like(found)


def _trachea(air: np.ndarray, steps: tuple[float, ...]) -> np.ndarray:
    """Round holes between the lungs, slice by slice: the trachea, and a main bronchus that is cut across."""
    from skimage.measure import label, regionprops

    found = np.zeros(air.shape, bool)
    wide = np.flatnonzero(air.any(axis=(0, 1)))
    pixel = steps[1] * steps[2]
    for one, mark in zip(air, found):
        for hole in regionprops(label(one)):
            middle = (hole.centroid[1] - wide[0]) / (wide[-1] - wide[0] + 1)
            if 80 < hole.area * pixel < 900 and 0.3 < middle < 0.7 and hole.solidity > 0.85:
                mark[hole.slice] |= hole.image
    return found


def _filled(mask: np.ndarray, steps: tuple[float, ...]) -> np.ndarray:
    """Holes filled: those closed on all sides, and in the outermost slices those no larger than a nodule.

    The first slice may cut a nodule, and also the dome of the diaphragm: a hole in that slice, but not in the lung.
    """
    from scipy.ndimage import binary_fill_holes

    filled = binary_fill_holes(mask)
    for end in (0, -1):
        holes = binary_fill_holes(filled[end]) & ~filled[end]
        filled[end] |= holes & ~remove_small(holes, min_size=NODULE_MM2, spacing=steps[1:])
    return filled
