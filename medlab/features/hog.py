"""Histograms of oriented gradients: which way the edges run, cell by cell."""

from collections.abc import Sequence

import numpy as np

from medlab import arguments


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

    images = arguments.images(images, colour=None)
    cell, block = _pair(pixels_per_cell, "pixels_per_cell"), _pair(cells_per_block, "cells_per_block")
    orientations = arguments.whole(orientations, "orientations", low=1)
    smallest = (cell[0] * block[0], cell[1] * block[1])
    if images.shape[1] < smallest[0] or images.shape[2] < smallest[1]:
        raise ValueError(f"images are {images.shape[1:3]} pixels, one block of cells needs {smallest}")
    channel_axis = -1 if images.ndim == 4 else None
    return np.array(
        [hog(image.astype(float), orientations, cell, block, channel_axis=channel_axis) for image in images], np.float32
    )


def _pair(value: tuple[int, int], name: str) -> tuple[int, int]:
    if np.shape(value) != (2,):
        raise ValueError(f"{name} must be two whole numbers (y, x) of 1 or more, got {value}")
    return arguments.whole(value[0], f"{name}[0]", low=1), arguments.whole(value[1], f"{name}[1]", low=1)
