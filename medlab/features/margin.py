"""What the border of a lesion looks like in the image: sharp or blurred, smooth or spiculated."""

from collections.abc import Sequence

import numpy as np

from medlab.features.intensity import checked_pair
from medlab.features.shape import checked_spacing


def margin_features(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    spacing: Sequence[float],
    smoothing: float = 0.7,
    dense_above: float = -500.0,
) -> dict[str, float]:
    """Measure the border of a lesion that is brighter than its surroundings, from the image's gradient there.

    At the border of a smooth round lesion the image falls off straight away from the center. Spicules have flanks,
    where it falls off sideways.

    - `radial_gradient_index`: gradient along the radius, as a share of all gradient; 1 is a ball, 0 no border at all,
      below 0 a dark lesion. `radial_angle`: mean angle between the two in degrees, 0 to 180, each voxel alike, and
      `radial_angle_sd`: its standard deviation.
    - `normal_gradient_index`: the same along the normal of the mask's surface, so that long lesions are not punished.
    - `edge_slope`: how fast the image falls off along that normal, HU per mm; `edge_slope_variation`: its standard
      deviation over the border / its mean size.
    - `edge_drop`: mean in the outermost 1 mm of the lesion - mean in the first 1 mm outside, HU.
    - `dense_rim_share`: share of dense voxels 1 to 3 mm outside: spicules, vessels, pleura.

    Args:
        image: HU, (z, y, x) or (y, x).
        mask: The lesion, same shape.
        spacing: Voxel size in mm, one number an axis.
        smoothing: Standard deviation of the Gaussian before the gradient, in mm, 0 or above.
        dense_above: HU above which a voxel outside is dense.

    Returns:
        One number a name; NaN where the image has no border to measure (constant; no voxels that far outside).

    Raises:
        ValueError: If the image is not finite or of another shape, the mask is empty or fills the image, or numbers are
            out of range.

    Source: the index: Kupinski and Giger 1998, doi:10.1109/42.730396; angles at the border: Huo et al. 1995, Med Phys
    22:1569.
    """
    image, mask = checked_pair(image, mask)
    steps = checked_spacing(spacing, mask.ndim)
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise ValueError(f"smoothing must be 0 mm or above, got {smoothing}")
    if mask.all():
        raise ValueError(f"the mask fills the image of {mask.shape} voxels: there is no border in it")
    image, mask = _surroundings(image, mask, steps, reach=3 + 4 * smoothing)
    distance = _signed_distance(mask, steps)
    found = _directions(image, mask, distance, steps, smoothing)
    found["edge_drop"] = _mean(image[mask & (distance >= -1)]) - _mean(image[~mask & (distance <= 1)])
    found["dense_rim_share"] = _mean(image[(distance > 1) & (distance <= 3)] > dense_above)
    return {name: float(value) for name, value in found.items()}


def _directions(
    image: np.ndarray, mask: np.ndarray, distance: np.ndarray, steps: np.ndarray, smoothing: float
) -> dict[str, float]:
    from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

    # one voxel on both sides; where the image ends the lesion may go on, so that is no border
    border = binary_dilation(mask) & ~binary_erosion(mask, border_value=1)
    falls = -_gradient(gaussian_filter(image, smoothing / steps, mode="nearest"), steps)[:, border]
    sizes = np.linalg.norm(falls, axis=0)
    outward = _unit(_gradient(gaussian_filter(distance, 1 / steps, mode="nearest"), steps)[:, border])
    center = np.argwhere(mask).mean(axis=0)
    radial = _unit((np.argwhere(border) - center).T * steps[:, None])
    along_normal, along_radius = (falls * outward).sum(axis=0), (falls * radial).sum(axis=0)
    moving = sizes > 1e-9 * np.abs(image).max()  # of a constant image only rounding is left
    if not moving.any():
        names = ("radial_gradient_index", "radial_angle", "radial_angle_sd", "normal_gradient_index")
        return dict.fromkeys(names, np.nan) | {"edge_slope": 0.0, "edge_slope_variation": np.nan}
    angles = np.degrees(np.arccos(np.clip(along_radius[moving] / sizes[moving], -1, 1)))
    return {
        "radial_gradient_index": along_radius.sum() / sizes.sum(),
        "radial_angle": angles.mean(),
        "radial_angle_sd": angles.std(),
        "normal_gradient_index": along_normal.sum() / sizes.sum(),
        "edge_slope": along_normal.mean(),
        "edge_slope_variation": along_normal.std() / np.abs(along_normal).mean(),
    }


def _signed_distance(mask: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Distance in mm to the surface of the mask, below 0 inside."""
    from scipy.ndimage import distance_transform_edt

    inside = distance_transform_edt(np.pad(mask, 1, mode="edge"), sampling=steps)
    inside = inside[(slice(1, -1),) * mask.ndim]
    outside = distance_transform_edt(~mask, sampling=steps)
    # both reach to the middle of the next voxel on the other side; the surface lies half a voxel before that
    return np.where(mask, steps.min() / 2 - inside, outside - steps.min() / 2)


def _surroundings(
    image: np.ndarray, mask: np.ndarray, steps: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """The lesion and what lies within `reach` mm of it: more of the image changes nothing and takes time."""
    margins = np.ceil(reach / steps).astype(int) + 2
    found = np.nonzero(mask)
    box = tuple(slice(max(0, axis.min() - n), axis.max() + n + 1) for axis, n in zip(found, margins, strict=True))
    return image[box], mask[box]


def _gradient(image: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Change per mm along each axis, (axes, ...); 0 along an axis of a single voxel."""
    found = np.zeros((image.ndim, *image.shape))
    for axis, step in enumerate(steps):
        if image.shape[axis] > 1:
            found[axis] = np.gradient(image, step, axis=axis)
    return found


def _unit(vectors: np.ndarray) -> np.ndarray:
    sizes = np.linalg.norm(vectors, axis=0)
    return vectors / np.where(sizes > 0, sizes, 1)


def _mean(values: np.ndarray) -> float:
    return values.mean() if len(values) else np.nan
