"""Local binary patterns: which of the points on a circle around each pixel are at least as bright as the pixel.

Brightness and contrast drop out; edges, spots and flat areas stay. Codes are those of scikit-image.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from medlab import arguments

LBP_METHODS = ("default", "ror", "uniform")
_TABLE_POINTS = 16  # up to here the code of every pattern is worked out beforehand
_BLOCK = 2**17  # pixels that a thread takes at a time: a tenth of a millisecond or more


def lbp_codes(
    images: np.ndarray | Sequence[np.ndarray], *, points: int = 8, radius: float = 1, method: str = "uniform"
) -> np.ndarray:
    """The local binary pattern around each pixel, as a number.

    Equal to `skimage.feature.local_binary_pattern`, pixel by pixel, ties included. Points between pixels are
    interpolated (bilinear); outside of the image is 0.

    Args:
        images: (N, y, x), integers or floats in any unit.
        points: Points on the circle, 1 to 31.
        radius: Of the circle in pixels, above 0.
        method: "default": bit i is point i, counted from the right (+x) against the clock. "ror": the smallest number
            that turning the circle gives. "uniform": the number of bright points where they lie side by side, else
            points + 1.

    Returns:
        (N, y, x) int32: below 2^points ("default", "ror") or points + 2 ("uniform").

    Raises:
        ValueError: If an argument is out of range, or images hold NaN.

    Source: Ojala, Pietikäinen and Mäenpää 2002, doi:10.1109/TPAMI.2002.1017623.

    >>> spot = np.zeros((1, 3, 3))
    >>> spot[0, 1, 1] = 1
    >>> lbp_codes(spot)[0].tolist()  # no point around the spot is as bright; around its neighbours all are
    [[8, 8, 8], [8, 0, 8], [8, 8, 8]]
    """
    images = arguments.images(images)
    points, radius = _checked(points, radius, method)
    codes = np.empty(images.shape, np.int32)
    compute = _compute(images, points, radius, method, _table(points, method))
    _share(images, lambda which, rows, band: compute(which, rows, codes[which, rows]))
    return codes


def lbp_histogram(
    images: np.ndarray | Sequence[np.ndarray],
    *,
    points: int = 8,
    radius: float = 1,
    method: str = "uniform",
    cells: tuple[int, int] = (1, 1),
    masks: np.ndarray | Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """The share of the pixels that each local binary pattern has, in each cell of a grid over the image.

    Args:
        images: (N, y, x), integers or floats in any unit.
        points: Points on the circle, 1 to 31; 16 at most for "default" and "ror".
        radius: Of the circle in pixels, above 0.
        method: As in `lbp_codes`. "ror" has a bin for each code that occurs at all, 36 for 8 points.
        cells: Rows and columns of the grid.
        masks: (N, y, x): only these pixels are counted (their neighbours outside still shape the codes). A cell
            without any has zeros.

    Returns:
        (N, F) float64, cell by cell, bin by bin: shares that sum to 1 in each cell. Bins are 2^points ("default")
        or points + 2 ("uniform").

    Raises:
        ValueError: If an argument is out of range, images hold NaN, or a mask is empty or of another shape.

    Source: as `lbp_codes`; the grid: Ahonen, Hadid and Pietikäinen 2006, doi:10.1109/TPAMI.2006.244.

    >>> lbp_histogram(np.zeros((1, 4, 4)))[0].tolist()  # flat: every point is as bright as its pixel
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """
    from medlab.features import _lbp_kernel

    images = arguments.images(images)
    masks = arguments.masks(masks, images.shape)
    points, radius = _checked(points, radius, method)
    n, height, width = images.shape
    if len(cells) != 2:
        raise ValueError(f"cells must be rows and columns of a grid, got {cells}")
    rows_of_cells = arguments.whole(cells[0], "cells[0]", low=1, high=height)
    columns_of_cells = arguments.whole(cells[1], "cells[1]", low=1, high=width)
    bin_of, bins = _bins(points, method)
    cell_y, cell_x = np.arange(height) * rows_of_cells // height, np.arange(width) * columns_of_cells // width
    compute = _compute(images, points, radius, method, bin_of)
    # a band of rows has counts of its own, since two threads may be at work on one image
    counts = np.zeros((_bands(images), n, rows_of_cells, columns_of_cells, bins))

    def work(which: slice, rows: slice, band: int) -> None:
        codes = np.empty((which.stop - which.start, rows.stop - rows.start, width), np.int32)
        compute(which, rows, codes)  # of one block at a time
        inside = np.empty((0, 0, 0), bool) if masks is None else masks[which, rows].copy()
        _lbp_kernel.count(codes, inside, cell_y[rows], cell_x, counts[band, which])

    _share(images, work)
    total = counts.sum(axis=0)
    return (total / np.maximum(total.sum(axis=-1, keepdims=True), 1)).reshape(n, -1)


def _bands(images: np.ndarray) -> int:
    """How many bands of rows each image is cut into."""
    height, width = images.shape[1:]
    return min(height, -(-height * width // _BLOCK))


def _share(images: np.ndarray, work: Callable[[slice, slice, int], None]) -> None:
    """Call `work(which, rows, band)` for blocks of images, or bands of rows of images larger than a block."""
    from medlab import kernels

    n, height, width = images.shape
    bands = _bands(images)

    def block(start: int, stop: int) -> None:
        band = start % bands
        rows = slice(band * height // bands, (band + 1) * height // bands)
        work(slice(start // bands, -(-stop // bands)), rows, band)

    kernels.share(block, n * bands, max(1, _BLOCK // (height * width)))


def _compute(
    images: np.ndarray, points: int, radius: float, method: str, table: np.ndarray
) -> Callable[[slice, slice, np.ndarray], None]:
    """The function that writes the codes of some rows of some images into an array."""
    from medlab.features import _lbp_kernel

    up, weight_y, right, weight_x = _circle(images.shape[1:], points, radius)
    margin = int(radius) + 1
    near = images.dtype == np.uint8 and (points, radius) == (8, 1)
    kernel = _lbp_kernel.near_codes_of if near else _lbp_kernel.codes_of
    # there is one loop for bytes and one for all other numbers
    dtype = np.uint8 if images.dtype == np.uint8 else np.float64

    def compute(which: slice, rows: slice, codes: np.ndarray) -> None:
        top = max(0, rows.start - margin)
        block = np.require(images[which, top : rows.stop + margin], dtype, ["C", "W"])
        kernel(block, rows.start - top, up, weight_y[:, rows].copy(), right, weight_x, table, codes)
        if not table.size:
            codes[...] = _codes(codes, points, method)

    return compute


@lru_cache(maxsize=8)
def _circle(shape: tuple[int, int], points: int, radius: float) -> tuple[np.ndarray, ...]:
    """Where the points lie: whole rows from the pixel (P,) and weight of the next row (P, y); columns alike.

    The weights differ in the last bit from row to row, and in flat areas that bit decides. So each step is rounded as
    scikit-image rounds it: the circle to five decimals, the position to float64.
    """
    turn = 2 * np.pi * np.arange(points) / points
    parts = []
    for side, offset in zip(shape, (-radius * np.sin(turn), radius * np.cos(turn)), strict=True):
        offset = np.round(offset, 5)
        position = np.arange(side) + offset[:, None]
        parts += [np.floor(offset).astype(np.int64), position - np.floor(position)]
    return tuple(parts)


@lru_cache(maxsize=8)
def _table(points: int, method: str) -> np.ndarray:
    """The code of each of the 2^points patterns; empty where they are too many."""
    if points > _TABLE_POINTS:
        return np.empty(0, np.int32)
    return _codes(np.arange(2**points, dtype=np.int32), points, method)


def _bins(points: int, method: str) -> tuple[np.ndarray, int]:
    """A table as `_table`, of bins instead of codes, and how many bins there are."""
    if points > _TABLE_POINTS and method in ("default", "ror"):
        raise ValueError(f"method {method!r} has too many bins with {points} points; {_TABLE_POINTS} points at most")
    table = _table(points, method)
    if method == "ror":  # most numbers below 2^points are the smallest turn of no pattern
        occurring, table = np.unique(table, return_inverse=True)
        return table.astype(np.int32), len(occurring)
    return table, 2**points if method == "default" else points + 2


def _codes(patterns: np.ndarray, points: int, method: str) -> np.ndarray:
    """The code of each pattern, a number with one bit a point."""
    if method == "default":
        return patterns
    if method == "ror":
        smallest = turned = patterns
        for _ in range(points - 1):
            turned = (turned >> 1) | ((turned & 1) << (points - 1))
            smallest = np.minimum(smallest, turned)
        return smallest
    ones = np.bitwise_count(patterns).astype(np.int32)
    changes = np.bitwise_count((patterns ^ (patterns >> 1)) & (2 ** (points - 1) - 1))  # along the circle, not around
    return np.where(changes <= 2, ones, np.int32(points + 1))


def _checked(points: int, radius: float, method: str) -> tuple[int, float]:
    arguments.choice(method, "method", LBP_METHODS)
    points = arguments.whole(points, "points", low=1, high=31)
    return points, arguments.number(radius, "radius", above=0, high=1e4, unit="pixels")
