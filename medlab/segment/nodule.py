"""A nodule around a clicked voxel (first working version)."""

import numpy as np

from medlab.segment.arguments import image_of, spacing_of, voxel_of
from medlab.segment.morphology import opening


def nodule(
    hu: np.ndarray, point: tuple[int, ...], *, spacing: tuple[float, ...], max_diameter_mm: float = 40.0
) -> np.ndarray:
    """The nodule around a clicked voxel of a CT."""
    from scipy.ndimage import label

    hu = image_of(hu, name="hu", ndims=(3,))
    steps = spacing_of(spacing, 3)
    point = voxel_of(point, hu.shape)
    parts, _ = label(opening(hu > -450, radius=1.5, spacing=steps))
    if not parts[point]:
        raise ValueError(f"point {point} is in air")
    return parts == parts[point]
