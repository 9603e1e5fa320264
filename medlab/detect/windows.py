"""Windows that slide over an image, and what is cut out of them."""

from collections.abc import Sequence

import numpy as np


def windows(
    shape: tuple[int, ...],
    *,
    size: int | Sequence[int] | None = None,
    sizes: Sequence[int] | None = None,
    step: int = 1,
) -> np.ndarray:
    """Boxes of all windows that fit into an image when one slides over it, row by row.

    Args:
        shape: Of the image, (y, x) or (z, y, x).
        size: Side of the window in pixels, or one an axis.
        sizes: Several sides instead, one after the other: lesions are not all of one size.
        step: Pixels from one window to the next, along every axis.

    Returns:
        (n, 4) or (n, 6), half open: (y0, x0, y1, x1) or (z0, y0, x0, z1, y1, x1).

    Raises:
        ValueError: If a size is larger than the image, or size and step are not whole numbers above 0.

    >>> windows((4, 6), size=3, step=2).tolist()
    [[0, 0, 3, 3], [0, 2, 3, 5]]
    """
    shape = tuple(shape)
    if len(shape) not in (2, 3) or not all(_is_whole(n) for n in shape):
        raise ValueError(f"shape must be (y, x) or (z, y, x) of at least one pixel, got {shape}")
    if (size is None) == (sizes is None):
        raise ValueError("give size, or sizes for several of them, not both")
    if not _is_whole(step):
        raise ValueError(f"step must be a whole number of pixels, 1 or more, got {step!r}")
    if size is None:
        if len(sizes) == 0:
            raise ValueError("sizes must name at least one size, got none")
        return np.concatenate([windows(shape, size=one, step=step) for one in sizes])
    sides = tuple(size) if np.ndim(size) else (size,) * len(shape)
    if len(sides) != len(shape) or not all(_is_whole(side) and side <= n for side, n in zip(sides, shape)):
        raise ValueError(f"size must be whole numbers from 1 to the image's {shape}, got {size!r}")
    places = np.meshgrid(*(np.arange(0, n - side + 1, step) for n, side in zip(shape, sides)), indexing="ij")
    low = np.stack(places, axis=-1).reshape(-1, len(shape))
    return np.concatenate([low, low + sides], axis=1)


def cut_windows(image: np.ndarray, boxes: np.ndarray, *, size: int) -> np.ndarray:
    """The windows of an image, all brought to one size: each pixel is the mean of those that it covers.

    A window of a volume is seen in three planes through its middle, axial (y, x), coronal (z, x) and sagittal (z, y),
    each as thick as its two middle cells: a nodule is round in all three, a vessel in one at most.

    Args:
        image: (y, x) or (z, y, x), finite numbers.
        boxes: (n, 4) or (n, 6), whole numbers, half open, no side shorter than `size`. What reaches beyond the image
            shows its border pixels repeated.
        size: Side of the windows that come out, in pixels.

    Returns:
        (n, size, size), or (n, 3, size, size) from a volume; float64.

    Raises:
        ValueError: If a box is too small, its middle lies outside the image, or the image is not finite.

    >>> cut_windows(np.array([[1, 3, 5, 7], [1, 3, 5, 7]]), np.array([[0, 0, 2, 4]]), size=2).tolist()
    [[[2.0, 6.0], [2.0, 6.0]]]
    """
    image = finite_image(image)
    if not _is_whole(size):
        raise ValueError(f"size must be a whole number of pixels, 1 or more, got {size!r}")
    boxes = as_boxes(boxes, axes=image.ndim)
    planes = (size, size) if image.ndim == 2 else (3, size, size)
    if len(boxes) == 0:
        return np.zeros((0, *planes))
    low, sides = boxes[:, : image.ndim], boxes[:, image.ndim :] - boxes[:, : image.ndim]
    middle = low + sides // 2
    if boxes.dtype.kind != "i" or sides.min() < size:
        raise ValueError(
            f"boxes must be whole numbers with sides of at least size={size}, got {boxes.dtype} {sides.min()}"
        )
    if (middle < 0).any() or (middle >= image.shape).any():
        raise ValueError(f"the middle of every box must lie in the image {image.shape}")
    table, origin = integral_around(image, low, low + sides)
    if image.ndim == 2:
        low, sides = np.insert(low, 0, 0, axis=1), np.insert(sides, 0, 1, axis=1)
    out = np.empty((len(boxes), *planes))
    views = out.reshape(len(boxes), -1, size, size)
    for plane in range(views.shape[1]):
        ends = []
        for axis in range(3):
            cells = cell_edges(sides[:, axis, None], size if image.ndim == 3 or axis else 1)
            if axis == plane and image.ndim == 3:
                cells = cells[:, middle_cells(size)]
            ends.append(cells + (low[:, axis] - origin[axis])[:, None])
        z, y, x = ends
        sums = table[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]]
        for axis in (1, 2, 3):
            sums = np.diff(sums, axis=axis)
        counts = np.diff(z)[:, :, None, None] * np.diff(y)[:, None, :, None] * np.diff(x)[:, None, None, :]
        views[:, plane] = (sums / counts).reshape(len(boxes), size, size)
    return out


def cell_edges(sides: np.ndarray | int, size: int) -> np.ndarray:
    """Where the `size` cells of windows with these sides begin and end, (..., size + 1): whole pixels from 0."""
    return (2 * np.arange(size + 1) * sides + size) // (2 * size)


def middle_cells(size: int) -> list[int]:
    """First and last edge of what a plane through the middle of a volume is averaged over."""
    return [(size - 1) // 2, size // 2 + 1]


def integral_around(image: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integral volume of the part of an image that boxes cover, and the voxel (z, y, x) at which it begins.

    The image is continued by its border pixels where boxes reach beyond it. A slice (y, x) is a volume of one layer.
    `table[k + 1, j + 1, i + 1]` is the sum of all voxels up to (k, j, i) of the part, itself included.
    """
    if image.ndim == 2:
        image, low, high = image[None], np.insert(low, 0, 0, axis=1), np.insert(high, 0, 1, axis=1)
    first, last = low.min(axis=0), high.max(axis=0)
    places = [np.clip(np.arange(a, b), 0, n - 1) for a, b, n in zip(first, last, image.shape)]
    part = image[np.ix_(*places)]
    table = np.zeros(np.array(part.shape) + 1)
    sums = table[1:, 1:, 1:]
    np.cumsum(part, axis=0, dtype=float, out=sums)
    np.cumsum(sums, axis=1, out=sums)
    np.cumsum(sums, axis=2, out=sums)
    return table, first


def finite_image(image: np.ndarray) -> np.ndarray:
    """The image, refused if it is not (y, x) or (z, y, x), or not finite."""
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.size == 0 or image.dtype.kind not in "biuf":
        raise ValueError(f"image must be numbers with axes (y, x) or (z, y, x), got {image.shape} {image.dtype}")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ValueError(
            f"image must be finite, got {int((~np.isfinite(image)).sum())} pixels that are NaN or infinite"
        )
    return image


def as_boxes(boxes: np.ndarray, *, axes: int | None = None) -> np.ndarray:
    """Boxes as an array (n, 4) or (n, 6), each with an extent along every axis; of so many axes where given."""
    boxes = np.asarray(boxes)
    if boxes.size == 0:
        return np.zeros((0, 2 * axes if axes else boxes.shape[-1] if boxes.ndim == 2 else 4), int)
    if boxes.ndim != 2 or boxes.shape[1] not in ((2 * axes,) if axes else (4, 6)) or boxes.dtype.kind not in "iuf":
        raise ValueError(f"boxes must be (n, {2 * axes if axes else '4) or (n, 6'}), got {boxes.shape} {boxes.dtype}")
    if boxes.dtype.kind == "u":
        boxes = boxes.astype(np.int64)
    half = boxes.shape[1] // 2
    good = np.isfinite(boxes).all(axis=1) & (boxes[:, half:] > boxes[:, :half]).all(axis=1)
    if not good.all():
        first = np.flatnonzero(~good)[0]
        raise ValueError(f"boxes must end after they begin along every axis, got {boxes[first].tolist()}")
    return boxes


def _is_whole(value: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > 0
