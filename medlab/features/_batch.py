"""What every texture function asks of its images and masks."""

from collections.abc import Sequence

import numpy as np


def as_images(images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """The batch as an array (N, y, x) of integers or floats, all finite.

    Raises:
        ValueError: If images are not a batch of grey images of one size, or hold NaN or infinity.
    """
    try:
        images = np.asarray(images)
    except ValueError:
        raise ValueError(f"images must have one size, got {sorted({np.shape(image) for image in images})}") from None
    if images.dtype.kind not in "biuf":
        raise ValueError(f"images must hold integers or floats, got {images.dtype}")
    if images.ndim != 3 or images.size == 0:
        raise ValueError(
            f"images must be a batch (N, y, x) with at least one pixel, got {images.shape}; one image: image[None]"
        )
    # minimum and maximum carry NaN along and need no array of the batch's size
    if images.dtype.kind == "f" and not (np.isfinite(images.min()) and np.isfinite(images.max())):
        raise ValueError("images hold NaN or infinity; every pixel must be finite")
    return images


def as_masks(masks: np.ndarray | None, images: np.ndarray) -> np.ndarray:
    """The masks as a bool array of the images' shape; none at all gives an array of length 0.

    Raises:
        ValueError: If shapes differ, values are not 0 and 1, or a mask is empty.
    """
    if masks is None:
        return np.empty((0, *images.shape[1:]), bool)
    masks = np.asarray(masks)
    if masks.shape != images.shape:
        raise ValueError(f"masks must have the shape of images, {images.shape}, got {masks.shape}")
    if masks.dtype != bool and not np.isin(masks, (0, 1)).all():
        raise ValueError(f"masks hold 0 and 1 only, got {masks.dtype} from {masks.min()} to {masks.max()}")
    masks = masks.astype(bool, copy=False)
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if empty.size:
        raise ValueError(f"masks must have at least one pixel each, that of image {empty[0]} is empty")
    return masks


def whole(value: int, name: str, low: int, high: int) -> int:
    """`value`, if it is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, got {value!r}")
    return int(value)
