"""Windows of an image or a volume: where they lie, and what is cut out of them."""

import numpy as np

from medlab import arguments
from medlab.detect.boxes import as_boxes


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
    image = arguments.image(image, ndim=(2, 3), dtype=float)
    size = arguments.whole(size, "size", low=1)
    boxes = as_boxes(boxes, axes=image.ndim)
    out = np.empty((len(boxes), size, size) if image.ndim == 2 else (len(boxes), 3, size, size))
    if len(boxes) == 0:
        return out
    low, high = np.split(boxes, 2, axis=1)
    sides = high - low
    if boxes.dtype.kind != "i" or sides.min() < size:
        raise ValueError(
            f"boxes must be whole numbers with sides of at least size={size}, got {boxes.dtype} {sides.min()}"
        )
    middle = low + sides // 2
    if (middle < 0).any() or (middle >= image.shape).any():
        raise ValueError(f"the middle of every box must lie in the image {image.shape}")
    table, origin = integral_around(image, low, high)
    if image.ndim == 2:
        low, sides = np.insert(low, 0, 0, axis=1), np.insert(sides, 0, 1, axis=1)
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


def window_side(size: float, spacing: tuple[float, ...], smallest: int) -> np.ndarray:
    """Side in voxels along each axis of a window of `size` mm; refused where it is less than `smallest`."""
    side = np.rint(arguments.number(size, "sizes", above=0) / np.array(spacing)).astype(int)
    if side.min() < smallest:
        raise ValueError(
            f"sizes must give windows of at least {smallest} voxels, those the cascade learned from; {size:g} gives "
            f"{side.min()}: ask for larger ones, or resample the image to a finer spacing"
        )
    return side


def window_corners(shape: tuple[int, ...], mask: np.ndarray | None, side: np.ndarray, hops: np.ndarray) -> np.ndarray:
    """First voxels of windows whose middles lie on a grid, every `hops` voxels, and in the mask.

    Without a mask only windows that lie wholly in the image.
    """
    if mask is not None:
        return np.argwhere(mask[tuple(slice(None, None, hop) for hop in hops)]) * hops - side // 2
    if (side > shape).any():
        raise ValueError(f"sizes: a window of {side.tolist()} voxels does not fit into the image {shape}")
    axes = [np.arange(0, n, hop) - s // 2 for n, hop, s in zip(shape, hops, side)]
    axes = [low[(low >= 0) & (low + s <= n)] for low, s, n in zip(axes, side, shape)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(shape))


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
    sums = image[np.ix_(*places)].cumsum(axis=0).cumsum(axis=1).cumsum(axis=2)
    return np.pad(sums, ((1, 0), (1, 0), (1, 0))), first
