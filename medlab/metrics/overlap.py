"""How well two masks agree: overlap, and distance of their surfaces in mm. 2-D and 3-D.

Two empty masks agree perfectly (overlap 1, distance 0); if only one is empty, the overlap is 0 and the distance
infinite.
"""

import numpy as np

from medlab import arguments


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Overlap of two masks, 2 |A and B| / (|A| + |B|), from 0 to 1.

    Source: Dice 1945, doi:10.2307/1932409.

    >>> dice(np.array([1, 1, 0]), np.array([0, 1, 0])) == 2 / 3
    True
    """
    a, b = _masks(a, b)
    size = a.sum() + b.sum()
    return 1.0 if size == 0 else float(2 * (a & b).sum() / size)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks (Jaccard), from 0 to 1."""
    a, b = _masks(a, b)
    union = (a | b).sum()
    return 1.0 if union == 0 else float((a & b).sum() / union)


def boundary_f1(a: np.ndarray, b: np.ndarray, *, spacing: tuple[float, ...], tolerance_mm: float = 1.0) -> float:
    """Harmonic mean of the shares of each surface that lie within a tolerance of the other, from 0 to 1.

    Args:
        spacing: Voxel size in mm, one number per axis.
        tolerance_mm: How far apart two surfaces may be and still count as the same.

    Source: Csurka et al. 2013 (BMVC); with voxel surfaces as below.
    """
    a, b = _masks(a, b)
    if not (a.any() and b.any()):
        return float(a.any() == b.any())
    from_a, from_b = _surface_distances(a, b, spacing)
    near_a, near_b = (from_a <= tolerance_mm).mean(), (from_b <= tolerance_mm).mean()
    return float(2 * near_a * near_b / (near_a + near_b)) if near_a + near_b > 0 else 0.0


def hausdorff95(a: np.ndarray, b: np.ndarray, *, spacing: tuple[float, ...]) -> float:
    """95th percentile of the distances of one surface to the other in mm, the larger of the two directions.

    The plain Hausdorff distance is their maximum, which a single stray voxel decides.

    Args:
        spacing: Voxel size in mm, one number per axis.

    Source: Huttenlocher et al. 1993, doi:10.1109/34.232073; the percentile: Maier-Hein et al. 2024 (Metrics Reloaded),
    doi:10.1038/s41592-023-02151-z.
    """
    a, b = _masks(a, b)
    if not (a.any() and b.any()):
        return 0.0 if a.any() == b.any() else float("inf")
    return float(max(np.percentile(distances, 95) for distances in _surface_distances(a, b, spacing)))


def surface_distance(a: np.ndarray, b: np.ndarray, *, spacing: tuple[float, ...]) -> float:
    """Average distance of all surface voxels of both masks to the other surface, in mm (ASSD).

    Args:
        spacing: Voxel size in mm, one number per axis.

    Source: Heimann et al. 2009, doi:10.1109/TMI.2009.2013851.
    """
    a, b = _masks(a, b)
    if not (a.any() and b.any()):
        return 0.0 if a.any() == b.any() else float("inf")
    return float(np.concatenate(_surface_distances(a, b, spacing)).mean())


def _masks(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a = arguments.mask(a, "a", ndim=(1, 2, 3))
    if np.shape(b) != a.shape:
        raise ValueError(f"masks must have the same shape, got {a.shape} and {np.shape(b)}")
    return a, arguments.mask(b, "b")


def _surface_distances(a: np.ndarray, b: np.ndarray, spacing: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Distances in mm of the surface voxels (those with a neighbour outside) of each mask to the other surface."""
    from scipy.ndimage import binary_erosion, distance_transform_edt

    box = arguments.box(a | b)  # far from both masks there is nothing to measure
    surfaces = [mask & ~binary_erosion(mask) for mask in (a[box], b[box])]
    spacing = arguments.spacing(spacing, a.ndim)
    to_a, to_b = (distance_transform_edt(~surface, sampling=spacing) for surface in surfaces)
    return to_b[surfaces[0]], to_a[surfaces[1]]
