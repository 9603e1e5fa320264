"""Vary a training image as patients and scanners do, its mask and boxes with it."""

import numpy as np

from medlab import arguments
from medlab.preprocess.geometry import affine, moved_boxes, moved_image, moved_mask


def augment(
    image: np.ndarray,
    mask: np.ndarray | None = None,
    boxes: np.ndarray | None = None,
    *,
    rng: np.random.Generator,
    flips: bool = False,
    degrees: float = 10.0,
    scale: float = 0.1,
    shift: float = 0.05,
    spacing: tuple[float, ...] | None = None,
    brightness: float = 0.0,
    contrast: float = 0.0,
    channels: bool = False,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """One random variant of a training image; mask and boxes move with it.

    One affine map is drawn (a rotation about the center in the plane of the last two axes, a scaling of all axes alike,
    a shift, perhaps a flip) and applied to the image (linear, edge continued), the mask (nearest, 0 outside) and the
    boxes (around their moved corners). Then values change: image = mean + gain (image - mean) + offset.

    Args:
        image: One gray image (y, x) or volume (z, y, x), or one with colors last where `channels`; no batches.
        mask: bool or whole-number labels, same shape (without colors), or None.
        boxes: (N, 4) or (N, 6), half open, or None. Number and order stay: one that leaves the image gets size 0.
        rng: Where the randomness comes from; the same state gives the same result, and the same geometry whatever
            the intensity options.
        flips: Mirror left and right in half of all cases. Off by default: heart and liver lie on one side, and a
            flipped chest radiograph shows another patient, one with situs inversus; R and L markers read backwards.
        degrees: Largest angle of the rotation, either way, 0 to 180.
        scale: Largest change of size: the factor lies in 1 ± scale; 0 to 0.9.
        shift: Largest shift along each axis as a share of the side, either way, 0 to 1.
        spacing: Voxel size in mm, one number an axis; needed where pixels are not square, or rotation would shear.
        brightness: Largest offset, either way, in the unit of the image.
        contrast: Largest change of contrast: the gain lies in 1 ± contrast; 0 to 1. HU have a fixed scale, so
            little of it for CT.
        channels: The last axis holds colors: they move together and share gain and offset.

    Returns:
        (image, mask, boxes): image float32, not clipped; mask in its type; boxes as an array; None where None came.

    Raises:
        ValueError: If a range is impossible, shapes do not agree, or a gray image is asked for and colors came.

    >>> image = np.arange(12.0).reshape(3, 4)
    >>> same, _, _ = augment(image, rng=np.random.default_rng(0), degrees=0, scale=0, shift=0)
    >>> bool((same == image).all())
    True
    """
    rng = arguments.generator(rng)
    image = arguments.image(image, ndim=None if channels else (2, 3), dtype=np.float32)
    if not channels and image.ndim == 3 and image.shape[-1] in (3, 4):
        raise ValueError(f"image of shape {image.shape} looks like color: give channels=True")
    grid = image.shape[:-1] if channels else image.shape
    for name, value, most in (
        ("degrees", degrees, 180),
        ("scale", scale, 0.9),
        ("shift", shift, 1),
        ("contrast", contrast, 1),
        ("brightness", brightness, np.inf),
    ):
        arguments.number(value, name, low=0, high=most)
    if mask is not None and np.shape(mask) != grid:
        raise ValueError(f"mask must have the shape of the image, {grid}, got {np.shape(mask)}")

    # every number is drawn, wanted or not, so that one option does not change what the others do
    turn, size, gain, offset, side, *moves = rng.uniform(-1, 1, 5 + len(grid))
    matrix = affine(
        grid,
        degrees=degrees * turn,
        factor=1 + scale * size,
        shift=shift * np.multiply(moves, grid),
        flip=flips and side < 0,
        spacing=spacing,
    )
    if channels:
        image = np.stack([moved_image(channel, matrix) for channel in np.moveaxis(image, -1, 0)], axis=-1)
    else:
        image = moved_image(image, matrix)
    mask = None if mask is None else moved_mask(mask, matrix)
    boxes = None if boxes is None else moved_boxes(boxes, matrix, grid)
    if contrast or brightness:
        mean = image.mean(dtype=float)
        image = ((image - mean) * (1 + contrast * gain) + mean + brightness * offset).astype(np.float32)
    return image, mask, boxes
