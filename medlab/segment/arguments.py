"""What all parts of this package ask of an image, a mask and a spacing before they work on it."""

import numpy as np


def image_of(image: np.ndarray, *, name: str = "image", ndims: tuple[int, ...] = (2, 3)) -> np.ndarray:
    """The image as float32 (float64 where that would lose digits): unsigned pixels cannot wrap below zero then."""
    image = np.asarray(image)
    if image.ndim not in ndims or image.size == 0:
        axes = " or ".join({2: "(y, x)", 3: "(z, y, x)"}[n] for n in ndims)
        raise ValueError(f"{name} must be {axes} with at least one voxel, got shape {image.shape}")
    if image.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got {image.dtype}")
    image = image.astype(np.result_type(image.dtype, np.float32), copy=False)
    if not np.isfinite(image).all():
        raise ValueError(
            f"{name} must be finite, got {int((~np.isfinite(image)).sum())} voxels that are NaN or infinite"
        )
    return image


def mask_of(mask: np.ndarray, *, name: str = "mask", shape: tuple[int, ...] | None = None) -> np.ndarray:
    """The mask as bool; numbers are taken as a mask if they are 0 and 1 only."""
    mask = np.asarray(mask)
    if shape is not None and mask.shape != shape:
        raise ValueError(f"{name} must have the shape of the image {shape}, got {mask.shape}")
    if mask.ndim not in (2, 3) or mask.size == 0:
        raise ValueError(f"{name} must be (y, x) or (z, y, x) with at least one voxel, got shape {mask.shape}")
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise ValueError(f"{name} must hold 0 and 1 only, got {mask.dtype} from {mask.min()} to {mask.max()}")
    return mask.astype(bool)


def spacing_of(spacing: tuple[float, ...] | None, ndim: int) -> tuple[float, ...]:
    """One step an axis in mm; 1 everywhere, that is in voxels, where None came."""
    if spacing is None:
        return (1.0,) * ndim
    steps = tuple(float(step) for step in np.atleast_1d(spacing))
    if len(steps) != ndim or not all(0 < step < np.inf for step in steps):
        raise ValueError(f"spacing must be {ndim} numbers above 0 mm, one an axis, got {spacing}")
    return steps


def voxel_of(point: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The point as voxel index; refused outside the image and between voxels."""
    at = np.atleast_1d(np.asarray(point))
    if at.shape != (len(shape),) or at.dtype.kind not in "iuf" or not (at == np.round(at)).all():
        raise ValueError(f"point must be {len(shape)} whole numbers, a voxel index, got {point}")
    if not all(0 <= i < n for i, n in zip(at, shape)):
        raise ValueError(f"point {tuple(at.tolist())} lies outside the image of shape {shape}")
    return tuple(int(i) for i in at)


def at_least(value: float, low: float, name: str, *, open_end: bool = False) -> float:
    """The number; refused below `low` (with `open_end` also at it), NaN and infinity too."""
    if not (value > low if open_end else value >= low) or not np.isfinite(value):
        raise ValueError(f"{name} must be {'above' if open_end else 'at least'} {low:g}, got {value}")
    return value


def steps_between(connectivity: int, ndim: int) -> np.ndarray:
    """Which voxels touch: 1 by faces, 2 by edges too, 3 by corners too."""
    from scipy.ndimage import generate_binary_structure

    if connectivity not in range(1, ndim + 1):
        raise ValueError(f"connectivity must be 1 (faces) to {ndim} (corners too) in {ndim} axes, got {connectivity}")
    return generate_binary_structure(ndim, connectivity)
