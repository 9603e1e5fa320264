"""Local binary patterns: which of the points on a circle around each pixel are at least as bright as the pixel.

Brightness and contrast drop out; edges, spots and flat areas stay. Codes are those of scikit-image.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from medlab.features._batch import as_images, as_masks, whole

LBP_METHODS = ("default", "ror", "uniform", "nri_uniform")
_TABLE_POINTS = 16  # up to here the code of every pattern is worked out beforehand
_BLOCK = 2**21  # pixels that a thread takes at a time: some milliseconds


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
            points + 1. "nri_uniform": the same, told apart by where they lie.

    Returns:
        (N, y, x) int32: below 2^points ("default", "ror"), points + 2 ("uniform") or points × (points - 1) + 3.

    Raises:
        ValueError: If an argument is out of range, or images hold NaN.

    Source: Ojala, Pietikäinen and Mäenpää 2002, doi:10.1109/TPAMI.2002.1017623; "nri_uniform": Ahonen, Hadid and
    Pietikäinen 2006, doi:10.1109/TPAMI.2006.244.

    >>> spot = np.zeros((1, 3, 3))
    >>> spot[0, 1, 1] = 1
    >>> lbp_codes(spot)[0].tolist()  # no point around the spot is as bright; around its neighbours all are
    [[8, 8, 8], [8, 0, 8], [8, 8, 8]]
    """
    from medlab import kernels
    from medlab.features import _lbp_kernel

    images = as_images(images)
    points, radius, method = _checked(points, radius, method)
    n, height, width = images.shape
    circle, table = _circle((height, width), points, radius), _table(points, method)
    codes = np.empty(images.shape, np.int32)

    def work(start: int, stop: int) -> None:
        _lbp_kernel.codes_of(_plain(images[start:stop]), *circle, table, method, codes[start:stop])

    kernels.share(work, n, 1 + _BLOCK // (height * width))
    return codes


def lbp_histogram(
    images: np.ndarray | Sequence[np.ndarray],
    *,
    points: int | Sequence[int] = 8,
    radius: float | Sequence[float] = 1,
    method: str = "uniform",
    cells: tuple[int, int] = (1, 1),
    masks: np.ndarray | Sequence[np.ndarray] | None = None,
    normalize: bool = True,
) -> np.ndarray:
    """How often each local binary pattern occurs, in each cell of a grid over the image.

    Args:
        images: (N, y, x), integers or floats in any unit.
        points: Points on the circle; several for several scales, `points=(8, 16), radius=(1, 2)`.
        radius: Of the circle in pixels, above 0; as many as points.
        method: As in `lbp_codes`; "default" and "ror" with 16 points at most. "ror" has a bin for each code that occurs
            at all, 36 for 8 points.
        cells: Rows and columns of the grid.
        masks: (N, y, x): only these pixels are counted (their neighbours outside still shape the codes). A cell
            without any has zeros.
        normalize: Shares that sum to 1 in each cell and scale; counts if False.

    Returns:
        (N, F) float64: scale by scale, cell by cell, bin by bin. A scale has rows × columns × bins, and bins are
        2^points ("default"), points + 2 ("uniform"), points × (points - 1) + 3 ("nri_uniform").

    Raises:
        ValueError: If an argument is out of range, images hold NaN, or a mask is empty or of another shape.

    Source: as `lbp_codes`; the grid: Ahonen, Hadid and Pietikäinen 2006.

    >>> lbp_histogram(np.zeros((1, 4, 4)))[0].tolist()  # flat: every point is as bright as its pixel
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """
    images = as_images(images)
    masks = as_masks(masks, images)
    several_points = (points,) if np.ndim(points) == 0 else tuple(points)
    several_radii = (radius,) if np.ndim(radius) == 0 else tuple(radius)
    if len(several_points) != len(several_radii) or not several_points:
        raise ValueError(f"points and radius must be as many as there are scales, got {points} and {radius}")
    if len(cells) != 2:
        raise ValueError(f"cells must be rows and columns of a grid, got {cells}")
    grid = whole(cells[0], "cells[0]", 1, images.shape[1]), whole(cells[1], "cells[1]", 1, images.shape[2])
    scales = [_histogram(images, masks, p, r, method, grid) for p, r in zip(several_points, several_radii, strict=True)]
    if normalize:
        scales = [counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1) for counts in scales]
    return np.concatenate([counts.reshape(len(images), -1) for counts in scales], axis=1)


def _histogram(
    images: np.ndarray, masks: np.ndarray, points: int, radius: float, method: str, grid: tuple[int, int]
) -> np.ndarray:
    """Counts (N, rows, columns, bins) of one scale; codes are held for one block of images at a time."""
    from medlab import kernels
    from medlab.features import _lbp_kernel

    points, radius, method = _checked(points, radius, method)
    if method < 2 and points > _TABLE_POINTS:
        raise ValueError(f"method {LBP_METHODS[method]!r} has too many bins with {points} points; 16 points at most")
    n, height, width = images.shape
    bin_of, bins = _table(points, method), (2**points, 0, points + 2, points * (points - 1) + 3)[method]
    if method == 1:  # most numbers below 2^points are the smallest turn of no pattern
        occurring, bin_of = np.unique(bin_of, return_inverse=True)
        bin_of, bins = bin_of.astype(np.int32), len(occurring)
    cell_y, cell_x = np.arange(height) * grid[0] // height, np.arange(width) * grid[1] // width
    counts = np.zeros((n, *grid, bins))

    circle = _circle((height, width), points, radius)

    def work(start: int, stop: int) -> None:
        codes = np.empty((stop - start, height, width), np.int32)
        _lbp_kernel.codes_of(_plain(images[start:stop]), *circle, bin_of, method, codes)
        _lbp_kernel.count(codes, masks[start:stop].copy(), cell_y, cell_x, counts[start:stop])

    kernels.share(work, n, 1 + _BLOCK // (height * width))
    return counts


def _plain(images: np.ndarray) -> np.ndarray:
    """A copy as the compiled loops take it: there is one loop for bytes and one for all other numbers."""
    return np.require(images, np.uint8 if images.dtype == np.uint8 else np.float64, ["C", "W"])


@lru_cache(maxsize=8)
def _circle(shape: tuple[int, int], points: int, radius: float) -> tuple[np.ndarray, ...]:
    """Where the points lie: whole rows from the pixel (P,) and weight of the next row (P, y); columns alike.

    The weights differ in the last bit from row to row, and in flat areas that bit decides. So each step is rounded as
    scikit-image rounds it: the circle to five decimals, the position to float64.
    """
    turn = 2 * np.pi * np.arange(points) / points
    found = []
    for side, offset in zip(shape, (-radius * np.sin(turn), radius * np.cos(turn)), strict=True):
        offset = np.round(offset, 5)
        position = np.arange(side) + offset[:, None]
        found += [np.floor(offset).astype(np.int64), position - np.floor(position)]
    return tuple(found)


@lru_cache(maxsize=8)
def _table(points: int, method: int) -> np.ndarray:
    from medlab.features import _lbp_kernel

    return _lbp_kernel.code_table(points, method) if points <= _TABLE_POINTS else np.empty(0, np.int32)


def _checked(points: int, radius: float, method: str) -> tuple[int, float, int]:
    """Number of points, radius and number of the method."""
    points = whole(points, "points", 1, 31)
    if not 0 < radius < 1e4:
        raise ValueError(f"radius must be above 0 and below 10,000 pixels, got {radius}")
    if method not in LBP_METHODS:
        raise ValueError(f"method must be one of {', '.join(LBP_METHODS)}, got {method!r}")
    return points, radius, LBP_METHODS.index(method)
