"""Regions grown from points: by value, by distance, by the image's own barriers."""

import numpy as np

from medlab.segment.arguments import at_least, image_of, mask_of, spacing_of, steps_between, voxel_of


def region_growing(
    image: np.ndarray, point: tuple[int, ...], *, low: float, high: float, connectivity: int = 1
) -> np.ndarray:
    """All voxels with values from `low` to `high` that are linked with the point through such voxels.

    Args:
        image: (y, x) or (z, y, x), such as HU.
        point: Voxel index to start from; its own value must lie in the range.
        low: Smallest value that belongs to the region, in units of the image.
        high: Largest value that belongs to it, not below `low`.
        connectivity: 1 links voxels by faces, 2 by edges too, 3 by corners too.

    Raises:
        ValueError: If the point lies outside the image or its value outside the range, or the image is not finite.

    >>> region_growing(np.array([[5, 6, 0, 6], [0, 7, 0, 6]]), (0, 0), low=5, high=7).astype(int).tolist()
    [[1, 1, 0, 0], [0, 1, 0, 0]]
    """
    from scipy.ndimage import label

    image = image_of(image)
    point = voxel_of(point, image.shape)
    if not low <= high:
        raise ValueError(f"low must not be above high, got {low} and {high}")
    if not low <= image[point] <= high:
        raise ValueError(f"point {point} has the value {image[point]:g}, outside the range from {low:g} to {high:g}")
    parts, _ = label((image >= low) & (image <= high), steps_between(connectivity, image.ndim))
    return parts == parts[point]


def watershed(mask: np.ndarray, *, spacing: tuple[float, ...] | None = None, min_distance: float) -> np.ndarray:
    """Part round objects that touch: each voxel goes to the middle that it would run to, uphill in depth.

    Depth is the distance to the outside; its peaks are the middles. Long objects have several peaks and are cut where
    `min_distance` is shorter than they are.

    Args:
        mask: (y, x) or (z, y, x), bool or 0 and 1, not empty.
        spacing: Voxel size in mm, one number an axis.
        min_distance: Two middles in one connected part are at least so far apart, in mm (without spacing in voxels),
            above 0; about the radius of the smallest object.

    Returns:
        Labels, int32: 0 outside, 1 to n, the object with the deepest middle first.

    Raises:
        ValueError: If the mask is empty, or `min_distance` is not above 0.

    Source: Vincent and Soille 1991, doi:10.1109/34.87344.
    """
    from scipy.ndimage import distance_transform_edt, label
    from skimage import segmentation

    mask = mask_of(mask)
    steps = spacing_of(spacing, mask.ndim)
    at_least(min_distance, 0, "min_distance", open_end=True)
    if not mask.any():
        raise ValueError("mask is empty: there is nothing to part")
    rim = np.pad(mask, 1)  # objects end at the border of the array
    inner = (slice(1, -1),) * mask.ndim
    depth = distance_transform_edt(rim, sampling=steps)[inner]
    parts, _ = label(mask, steps_between(mask.ndim, mask.ndim))
    middles = np.zeros(mask.shape, np.int32)
    for number, peak in enumerate(_peaks(depth, parts, np.array(steps), min_distance), start=1):
        middles[tuple(peak)] = number
    return segmentation.watershed(-depth, middles, mask=mask, connectivity=mask.ndim)


def _peaks(depth: np.ndarray, parts: np.ndarray, steps: np.ndarray, min_distance: float) -> np.ndarray:
    """Voxels of greatest depth, deepest first, in each part at least `min_distance` mm apart."""
    from scipy.spatial import cKDTree
    from skimage.feature import peak_local_max

    # scikit-image counts the distance of peaks in voxels, here it is mm: take all peaks and thin them out
    peaks = peak_local_max(depth, min_distance=1, threshold_abs=0, exclude_border=False)
    near = cKDTree(peaks * steps)
    part = parts[tuple(peaks.T)]
    kept, open_ = [], np.ones(len(peaks), bool)
    for i in range(len(peaks)):
        if open_[i]:
            kept.append(i)
            around = np.array(near.query_ball_point(peaks[i] * steps, min_distance))
            open_[around[part[around] == part[i]]] = False
    return peaks[kept]


def random_walker(
    image: np.ndarray, seeds: np.ndarray, *, beta: float = 130.0, spacing: tuple[float, ...] | None = None
) -> np.ndarray:
    """Each voxel gets the seed that a random walker from there would probably reach first; edges are hard to cross.

    Args:
        image: (y, x) or (z, y, x), not constant. It is divided by its standard deviation, so `beta` means the same in
            HU and in grey values from 0 to 1.
        seeds: Whole numbers, same shape: 0 unknown, 1 and above the seeds, of two kinds at least.
        beta: How much an edge hinders, above 0: higher keeps closer to edges, lower makes borders smoother.
        spacing: Voxel size in mm, one number an axis: a step in the image hinders less along an axis of longer voxels.

    Returns:
        Labels, same shape, with the numbers of the seeds.

    Raises:
        ValueError: If shapes differ, the image is constant, or seeds are negative or of one kind only.

    Source: Grady 2006, doi:10.1109/TPAMI.2006.233.
    """
    from skimage import segmentation

    image = image_of(image).astype(np.float64)
    steps = spacing_of(spacing, image.ndim)
    seeds = np.asarray(seeds)
    if seeds.shape != image.shape:
        raise ValueError(f"seeds must have the shape of the image {image.shape}, got {seeds.shape}")
    if seeds.dtype.kind not in "iu" or seeds.min() < 0:
        raise ValueError(f"seeds must be whole numbers, 0 or above, got {seeds.dtype} from {seeds.min()}")
    at_least(beta, 0, "beta", open_end=True)
    numbers, dense = np.unique(seeds, return_inverse=True)
    if 0 not in numbers:
        return seeds.copy()
    if len(numbers) < 3:
        raise ValueError(f"seeds must be of two kinds at least, beside 0 for unknown, got {numbers[1:].tolist()}")
    if image.min() == image.max():
        raise ValueError(f"image is constant ({image.flat[0]:g}): it has no edges to keep to")
    relative = np.array(steps) / min(steps)  # beta then does not depend on the size of the voxels
    dense = dense.reshape(seeds.shape).astype(np.int32)  # the walker answers with 1, 2, 3, ...
    found = segmentation.random_walker(image / image.std(), dense, beta=beta, mode="cg_j", tol=1e-6, spacing=relative)
    return numbers[found]
