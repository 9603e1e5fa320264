"""Haar-like features: differences of sums over neighbouring boxes, each a few look-ups in an integral image.

A window of 24×24 pixels has 162,336 of them. Values and their order are those of scikit-image, which takes one window
at a time; here a whole batch is computed at once, or only the features that were chosen.
"""

from collections.abc import Sequence

import numpy as np

from medlab import arguments

HAAR_TYPES = ("type-2-x", "type-2-y", "type-3-x", "type-3-y", "type-4")
_ROWS, _COLUMNS = (1, 2, 1, 3, 2), (2, 1, 3, 1, 2)  # boxes that a type has below and beside each other
_COORDS = np.dtype([("type", int), ("y", int), ("x", int), ("height", int), ("width", int)])
_BLOCK = 2**21  # features and pixels that a thread takes at a time: some milliseconds


def integral_image(images: np.ndarray) -> np.ndarray:
    """Sum of all pixels above and to the left of each pixel, itself included.

    Args:
        images: Integers or floats, (..., y, x): one image, or a batch.

    Returns:
        Same shape, int64 for integers and bool, float64 for floats.

    Raises:
        ValueError: If there are fewer than two axes, or a sum does not fit into int64.

    Source: Crow 1984, doi:10.1145/800031.808600; Viola and Jones 2001, doi:10.1109/CVPR.2001.990517.

    >>> integral_image(np.array([[1, 2], [3, 4]])).tolist()
    [[1, 3], [4, 10]]
    """
    images = np.asarray(images)
    if images.ndim < 2 or images.dtype.kind not in "biuf":
        raise ValueError(f"images must be numbers with axes (..., y, x), got {images.shape} {images.dtype}")
    return _padded_integral(images)[..., 1:, 1:]


def haar_features(
    images: np.ndarray | Sequence[np.ndarray],
    *,
    types: str | Sequence[str] | None = None,
    coords: np.ndarray | None = None,
    chunk: int | None = None,
) -> np.ndarray:
    """Haar-like features of a batch of windows: all of some types, or the chosen ones.

    Equal to the last bit to `skimage.feature.haar_like_feature(integral_image(image), 0, 0, width, height)`.

    Args:
        images: Windows of one size, (N, y, x), integers or floats.
        types: One or several of `HAAR_TYPES`; all five when left out.
        coords: Chosen features instead, as rows of `haar_coords`: only these are computed.
        chunk: Images that each thread takes at a time; bounds the memory beside the result (integral images).

    Returns:
        (N, F), int64 for integers and float64 for floats. A feature is the sum over its bright boxes less the sum over
        its dark ones, see `haar_boxes`.

    Raises:
        ValueError: If no feature fits, a chosen one does not, or an argument is out of range.
        MemoryError: If the result is larger than the free memory; the message says by how much.

    Source: Viola and Jones 2001, doi:10.1109/CVPR.2001.990517.

    >>> window = np.array([[1, 2], [3, 4]])
    >>> haar_features(window[None], types=["type-2-x", "type-2-y"]).tolist()  # right - left, then lower - upper
    [[1, 2, 1, 2, 4, 2]]
    """
    from medlab import kernels
    from medlab.features import _haar_kernel

    images = arguments.images(images)
    n, shape = len(images), images.shape[1:]
    if coords is not None and types is not None:
        raise ValueError("give types or coords, not both: coords name the type of each feature")
    if coords is None:
        kinds = _numbers(types)
        count = sum(_count(shape, kind) for kind in kinds)
        if count == 0:
            raise ValueError(f"no Haar feature fits into images of {shape} pixels")
    else:
        coords = _fitting(coords, shape)
        count = len(coords)
    _refuse_too_large(n * count * 8, f"{count} Haar features of {n} images of {shape} pixels")
    out = np.empty((n, count), np.float64 if images.dtype.kind == "f" else np.int64)

    if coords is None:
        rows, columns, kinds = (np.array(numbers) for numbers in (_ROWS, _COLUMNS, kinds))

        def work(start: int, stop: int) -> None:
            tables = _padded_integral(images[start:stop])
            _haar_kernel.all_features(tables, kinds, rows, columns, out[start:stop])
    else:
        kinds, places = coords["type"].copy(), np.stack([coords[name] for name in ("y", "x", "height", "width")], 1)

        def work(start: int, stop: int) -> None:
            _haar_kernel.some_features(_padded_integral(images[start:stop]), kinds, places, out[start:stop])

    size = 1 + _BLOCK // (count + shape[0] * shape[1]) if chunk is None else arguments.whole(chunk, "chunk", low=1)
    kernels.share(work, n, size)
    return out


def haar_count(shape: tuple[int, int], *, types: str | Sequence[str] | None = None) -> int:
    """How many Haar-like features fit into a window of (y, x) pixels.

    >>> haar_count((24, 24))
    162336
    """
    return sum(_count(_window(shape), kind) for kind in _numbers(types))


def haar_coords(
    shape: tuple[int, int],
    *,
    types: str | Sequence[str] | None = None,
    chosen: Sequence[int] | np.ndarray | None = None,
) -> np.ndarray:
    """What each column of `haar_features` measures. `coords[chosen]` computes only these features.

    Args:
        shape: Window (y, x) in pixels.
        types: One or several of `HAAR_TYPES`; all five when left out.
        chosen: Numbers of the columns to describe, below `haar_count(shape)`; all when left out. Large windows have too
            many features to list: draw some with `rng.integers(haar_count(shape), size=1000)`.

    Returns:
        Structured array, (F,), with the integer fields `type` (position in `HAAR_TYPES`), `y` and `x` (upper left
        corner), `height` and `width` (of one box, in pixels).

    Raises:
        ValueError: If a type is unknown, or a number out of range.
        MemoryError: If the list is larger than the free memory.

    >>> haar_coords((2, 2), types="type-2-x")[["y", "x", "height", "width"]].tolist()
    [(0, 0, 1, 1), (0, 0, 2, 1), (1, 0, 1, 1)]
    """
    shape, kinds = _window(shape), _numbers(types)
    ends = np.cumsum([_count(shape, kind) for kind in kinds])
    if chosen is None:
        _refuse_too_large(int(ends[-1]) * 3 * _COORDS.itemsize, f"the list of {ends[-1]} Haar features")
        chosen = np.arange(ends[-1])
    chosen = np.asarray(chosen)
    if chosen.size == 0:
        return np.empty(0, _COORDS)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= ends[-1]:
        raise ValueError(f"chosen must be whole numbers from 0 to {ends[-1] - 1}, (F,), got {chosen.dtype} {chosen}")
    coords = np.empty(len(chosen), _COORDS)
    which = np.searchsorted(ends, chosen, side="right")
    for position, kind in enumerate(kinds):
        here = which == position
        before = ends[position - 1] if position else 0
        coords[here] = _decoded(chosen[here] - before, shape, kind)
    return coords


def haar_boxes(coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The boxes behind features, to draw them.

    Args:
        coords: Rows of `haar_coords`, (F,).

    Returns:
        Boxes (F, 4, 4) as (y0, x0, y1, x1), half open, and their signs (F, 4): 1 is added, -1 subtracted, 0 unused.

    >>> boxes, signs = haar_boxes(haar_coords((2, 2), types="type-2-x")[1:2])
    >>> boxes[0, :2].tolist(), signs[0].tolist()
    ([[0, 0, 2, 1], [0, 1, 2, 2]], [-1, 1, 0, 0])
    """
    coords = _structured(coords)
    boxes = np.zeros((len(coords), 4, 4), int)
    signs = np.zeros((len(coords), 4), int)
    for kind, (rows, columns) in enumerate(zip(_ROWS, _COLUMNS, strict=True)):
        here = coords["type"] == kind
        of_kind = coords[here]
        for position, (row, column) in enumerate(np.ndindex(rows, columns)):
            y, x = of_kind["y"] + row * of_kind["height"], of_kind["x"] + column * of_kind["width"]
            boxes[here, position] = np.stack([y, x, y + of_kind["height"], x + of_kind["width"]], axis=1)
            signs[here, position] = 1 if (row + column) % 2 else -1
    return boxes, signs


def _padded_integral(images: np.ndarray) -> np.ndarray:
    """Integral images with a row and a column of 0 in front: boxes at the border need no case of their own."""
    *batch, height, width = images.shape
    dtype = np.float64 if images.dtype.kind == "f" else np.int64
    if images.dtype.kind in "iu" and images.itemsize == 8 and images.size:
        largest = max(-int(images.min()), int(images.max())) * height * width
        if largest >= 2**63:
            raise ValueError(f"images are too large to sum: {images.dtype} up to {images.max()} over {height}×{width}")
    tables = np.zeros((*batch, height + 1, width + 1), dtype)
    sums = tables[..., 1:, 1:]
    np.cumsum(images, axis=-2, dtype=dtype, out=sums)
    np.cumsum(sums, axis=-1, out=sums)
    return tables


def _numbers(types: str | Sequence[str] | None) -> list[int]:
    names = HAAR_TYPES if types is None else (types,) if isinstance(types, str) else tuple(types)
    if not names or not set(names) <= set(HAAR_TYPES) or len(set(names)) < len(names):
        raise ValueError(f"types must be different ones of {', '.join(HAAR_TYPES)}, got {types!r}")
    return [HAAR_TYPES.index(name) for name in names]


def _window(shape: tuple[int, int]) -> tuple[int, int]:
    if len(shape) != 2:
        raise ValueError(f"shape must be that of a window, (y, x), got {shape}")
    return tuple(arguments.whole(side, "shape", low=1, high=2**15) for side in shape)


def _count(shape: tuple[int, int], kind: int) -> int:
    heights, widths = _sizes(shape, kind)
    return int(heights.sum()) * int(widths.sum())


def _sizes(shape: tuple[int, int], kind: int) -> tuple[np.ndarray, np.ndarray]:
    """How many heights of a box fit below each y, and how many widths to the right of each x."""
    return (shape[0] - np.arange(shape[0])) // _ROWS[kind], (shape[1] - np.arange(shape[1])) // _COLUMNS[kind]


def _decoded(numbers: np.ndarray, shape: tuple[int, int], kind: int) -> np.ndarray:
    """The features of one type with these numbers; they run over y, x, height and width, the last one fastest."""
    heights, widths = _sizes(shape, kind)
    at_place = (heights[:, None] * widths).ravel()
    ends = np.cumsum(at_place)
    place = np.searchsorted(ends, numbers, side="right")
    coords = np.empty(len(numbers), _COORDS)
    coords["type"] = kind
    coords["y"], coords["x"] = np.divmod(place, shape[1])
    height, width = np.divmod(numbers - (ends - at_place)[place], widths[coords["x"]])
    coords["height"], coords["width"] = height + 1, width + 1
    return coords


def _structured(coords: np.ndarray) -> np.ndarray:
    coords = np.asarray(coords)
    if coords.dtype.names != _COORDS.names or coords.ndim != 1:
        raise ValueError(f"coords must be rows of haar_coords, (F,), got {coords.shape} {coords.dtype}")
    return coords.astype(_COORDS)


def _fitting(coords: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    coords = _structured(coords)
    kinds = coords["type"]
    known = (kinds >= 0) & (kinds < len(HAAR_TYPES))
    kinds = np.where(known, kinds, 0)
    inside = known & (coords["y"] >= 0) & (coords["x"] >= 0) & (coords["height"] > 0) & (coords["width"] > 0)
    inside &= coords["y"] + np.take(_ROWS, kinds) * coords["height"] <= shape[0]
    inside &= coords["x"] + np.take(_COLUMNS, kinds) * coords["width"] <= shape[1]
    if not inside.all():
        first = np.flatnonzero(~inside)[0]
        raise ValueError(f"coords[{first}] = {coords[first]} does not fit into images of {shape} pixels")
    return coords


def _refuse_too_large(size: int, what: str) -> None:
    """The system grants more memory than it has and ends the process when it is used: ask before."""
    if size < 2**30:
        return
    import psutil  # comes with ipykernel

    free = psutil.virtual_memory().available
    if size > free:
        raise MemoryError(
            f"{what} need {size / 1e9:.1f} GB, free are {free / 1e9:.1f} GB; take fewer images at a time, or choose "
            "features by number: haar_features(images, coords=haar_coords(shape, chosen=numbers))"
        )
