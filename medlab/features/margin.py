"""What the border of a lesion looks like in the image: sharp or blurred, smooth or spiculated."""

from collections.abc import Sequence

import numpy as np

from medlab import arguments
from medlab.features.intensity import box_with_rim
from medlab.features.shape import in_mm


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
    image = arguments.image(image, ndim=(2, 3), dtype=float)
    mask = arguments.mask(mask, shape=image.shape, empty=False)
    steps = in_mm(spacing, mask.ndim)
    smoothing = arguments.number(smoothing, "smoothing", low=0, unit="mm")
    if mask.all():
        raise ValueError(f"the mask fills the image of {mask.shape} voxels: there is no border in it")
    near = box_with_rim(mask, np.ceil((3 + 4 * smoothing) / steps).astype(int) + 2)
    image, mask = image[near], mask[near]
    distance = _signed_distance(mask, steps)
    measures = _directions(image, mask, distance, steps, smoothing)
    measures["edge_drop"] = _mean(image[mask & (distance >= -1)]) - _mean(image[~mask & (distance <= 1)])
    measures["dense_rim_share"] = _mean(image[(distance > 1) & (distance <= 3)] > dense_above)
    return {name: float(value) for name, value in measures.items()}


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

    padded = np.pad(mask, 1, mode="edge")  # where the image ends, the mask may go on
    inside = distance_transform_edt(padded, sampling=steps)[(slice(1, -1),) * mask.ndim]
    outside = distance_transform_edt(~mask, sampling=steps)
    # both reach to the middle of the next voxel on the other side; the surface lies half a voxel before that
    return np.where(mask, steps.min() / 2 - inside, outside - steps.min() / 2)


def _gradient(image: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Change per mm along each axis, (axes, ...); 0 along an axis of a single voxel."""
    slopes = np.zeros((image.ndim, *image.shape))
    for axis, step in enumerate(steps):
        if image.shape[axis] > 1:
            slopes[axis] = np.gradient(image, step, axis=axis)
    return slopes


def _unit(vectors: np.ndarray) -> np.ndarray:
    sizes = np.linalg.norm(vectors, axis=0)
    return vectors / np.where(sizes > 0, sizes, 1)


def _mean(values: np.ndarray) -> float:
    return values.mean() if len(values) else np.nan
