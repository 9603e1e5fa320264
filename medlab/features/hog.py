"""Histograms of oriented gradients: which way the edges run, cell by cell."""

from collections.abc import Sequence

import numpy as np


def hog_features(
    images: np.ndarray | Sequence[np.ndarray],
    *,
    orientations: int = 9,
    pixels_per_cell: tuple[int, int] = (8, 8),
    cells_per_block: tuple[int, int] = (2, 2),
) -> np.ndarray:
    """Histograms of gradient directions in each cell, normalized in overlapping blocks of cells, for a batch of images.

    Each pixel votes for the direction of its edge with the strength of its edge. Of a colour image, the channel with
    the strongest gradient votes. Pixels beyond the last whole cell are left out.

    Args:
        images: (N, y, x), or colour (N, y, x, 3); integers or floats in any unit. A list of images of one size works.
        orientations: Bins over half a turn, 1 or more.
        pixels_per_cell: Size of a cell (y, x).
        cells_per_block: Cells (y, x) that are normalized together (L2, clipped at 0.2, L2 again).

    Returns:
        (N, F) float32, F = blocks_y × blocks_x × cells_per_block × orientations. A constant image gives zeros.

    Raises:
        ValueError: If images are not finite, not of one size, or smaller than one block.

    Source: Dalal and Triggs 2005, doi:10.1109/CVPR.2005.177; `skimage.feature.hog`.

    >>> ramp = np.tile(np.arange(16.0), (16, 1))  # gets brighter to the right: every edge is vertical
    >>> hog_features(ramp[None], orientations=4, cells_per_block=(1, 1)).reshape(4, 4).argmax(axis=1).tolist()
    [0, 0, 0, 0]
    """
    from skimage.feature import hog

    images, colour = _checked(images)
    cell, block = _pair(pixels_per_cell, "pixels_per_cell"), _pair(cells_per_block, "cells_per_block")
    if not (isinstance(orientations, (int, np.integer)) and orientations >= 1):
        raise ValueError(f"orientations must be a whole number of 1 or more, got {orientations}")
    smallest = tuple(c * b for c, b in zip(cell, block, strict=True))
    if any(side < least for side, least in zip(images.shape[1:3], smallest, strict=True)):
        raise ValueError(f"images are {images.shape[1:3]} pixels, one block of cells needs {smallest}")
    rows = [
        hog(
            image.astype(float),
            orientations=int(orientations),
            pixels_per_cell=cell,
            cells_per_block=block,
            channel_axis=-1 if colour else None,
        )
        for image in images
    ]
    return np.array(rows, np.float32)


def _checked(images: np.ndarray | Sequence[np.ndarray]) -> tuple[np.ndarray, bool]:
    if not isinstance(images, np.ndarray):
        shapes = {np.shape(image) for image in images}
        if len(shapes) > 1:
            raise ValueError(f"images must all have one size, got {len(shapes)} sizes, such as {sorted(shapes)[:2]}")
    images = np.asarray(images)
    colour = images.ndim == 4 and images.shape[-1] == 3
    if not (images.ndim == 3 or colour) or 0 in images.shape:
        raise ValueError(f"images must be (N, y, x) or (N, y, x, 3) and not empty, got shape {images.shape}")
    if images.dtype.kind not in "iufb":
        raise ValueError(f"images must hold real numbers, got {images.dtype}")
    if not np.isfinite(images).all():
        raise ValueError(f"images must be finite, got {(~np.isfinite(images)).sum()} NaN or infinite values")
    return images, colour


def _pair(value: tuple[int, int], what: str) -> tuple[int, int]:
    if np.shape(value) != (2,) or not all(float(n).is_integer() and n >= 1 for n in value):
        raise ValueError(f"{what} must be two whole numbers (y, x) of 1 or more, got {value}")
    return int(value[0]), int(value[1])
