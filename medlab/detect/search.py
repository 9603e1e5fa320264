"""A cascade slid over an image or a volume, at several sizes: one table of sums serves them all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medlab.detect.windows import cell_edges, finite_image, integral_around, middle_cells

if TYPE_CHECKING:
    from medlab.detect.cascade import Cascade

_BLOCK = 8192  # windows that a thread takes at a time
_PLANES = ((1, 2), (0, 2), (0, 1))  # axes of rows and columns: axial, coronal, sagittal


class Found(NamedTuple):
    """What a cascade found.

    Attributes:
        boxes: Windows that passed every stage, in voxels: (n, 4) in an image, (n, 6) in a volume.
        scores: (n,): by how many votes they beat the stages, in all.
        examined: (stages,): how many windows each stage looked at.
    """

    boxes: np.ndarray
    scores: np.ndarray
    examined: np.ndarray


def search(
    cascade: "Cascade",
    image: np.ndarray,
    *,
    sizes: Sequence[float],
    spacing: tuple[float, ...] | None,
    mask: np.ndarray | None,
    step: float,
) -> Found:
    """Every window through the cascade; see `Cascade.find`."""
    from medlab.detect._cascade_kernel import run
    from medlab.kernels import share

    image = finite_image(image)
    if image.ndim != (3 if cascade.planes == 3 else 2):
        raise ValueError(f"image must be {'(z, y, x)' if cascade.planes == 3 else '(y, x)'}, got {image.shape}")
    if not 0 < step < np.inf:
        raise ValueError(f"step must be above 0 pixels of a window, got {step}")
    sides = [_side(size, spacing, image.ndim, cascade.size) for size in _sizes(sizes)]
    corners = [_corners(image.shape, mask, side, step, cascade.size) for side in sides]
    stages = len(cascade.stages)
    boxes = [np.concatenate([low, low + side], axis=1) for low, side in zip(corners, sides)]
    passed = [np.zeros(len(low), np.int64) for low in corners]
    scores = [np.zeros(len(low)) for low in corners]
    everything = np.concatenate(boxes)
    if len(everything) and stages:
        half = image.ndim
        table, origin = integral_around(cascade.clipped(image), everything[:, :half], everything[:, half:])
        for low, side, reached, margins in zip(corners, sides, passed, scores):
            if half == 2:
                low, side = np.insert(low, 0, 0, axis=1), np.insert(side, 0, 1)
            start = np.ascontiguousarray(low - origin)
            stumps = _enlarged(cascade, side)

            def work(a: int, b: int, given=(table, start, *stumps, reached, margins)) -> None:
                run(*given, a, b)

            if len(low):  # the coarse grid of a large window may miss a small mask
                share(work, len(low), _BLOCK)
    passed, scores = np.concatenate(passed), np.concatenate(scores)
    examined = np.array([(passed >= stage).sum() for stage in range(stages)], int)
    good = passed == stages
    return Found(everything[good], scores[good], examined)


def _enlarged(cascade: "Cascade", side: np.ndarray) -> tuple[np.ndarray, ...]:
    """The stumps of a cascade for windows of these sides, as the loop wants them.

    Boxes grow with the window and end at whole voxels. Each stands for its mean times the area that it has in the
    window the cascade learned from, so thresholds stay as they are.
    """
    from medlab.features import haar_boxes

    stumps = [stump for stage in cascade.stages for stump in stage.stumps]
    numbers = np.array([stump.feature for stump in stumps], int)
    flat, signs = haar_boxes(cascade.coords[numbers])
    cells = np.zeros((len(stumps), 4, 6), int)  # in cells of the window
    thick = middle_cells(cascade.size) if cascade.planes == 3 else [0, 1]
    for plane, (row, column) in enumerate(_PLANES[: cascade.planes]):
        here = cascade.plane[numbers] == plane
        cells[here] = np.tile(thick, (3, 1)).T.ravel()
        for place, axis in enumerate((row, column, 3 + row, 3 + column)):
            cells[here, :, axis] = flat[here, :, place]
    ends = [cell_edges(int(n), cascade.size if cascade.planes == 3 or axis else 1) for axis, n in enumerate(side)]
    voxels = np.stack([ends[axis % 3][cells[..., axis]] for axis in range(6)], axis=-1)
    counts = np.prod(voxels[..., 3:] - voxels[..., :3], axis=-1)
    areas = (flat[..., 2] - flat[..., 0]) * (flat[..., 3] - flat[..., 1])
    return (
        voxels,
        signs * areas / np.maximum(counts, 1),
        (signs != 0).sum(axis=1),
        np.array([stump.threshold for stump in stumps], float),
        np.array([stump.polarity > 0 for stump in stumps], bool),
        np.array([stump.weight for stump in stumps], float),
        np.cumsum([len(stage.stumps) for stage in cascade.stages]),
        np.array([stage.threshold for stage in cascade.stages], float),
    )


def _sizes(sizes: Sequence[float]) -> list[float]:
    found = [float(size) for size in np.atleast_1d(sizes)]
    if not found or not all(0 < size < np.inf for size in found):
        raise ValueError(f"sizes must be numbers above 0, at least one, got {sizes!r}")
    return found


def _side(size: float, spacing: tuple[float, ...] | None, axes: int, smallest: int) -> np.ndarray:
    """Side of a window in voxels along each axis."""
    steps = np.ones(axes) if spacing is None else np.asarray(spacing, float)
    if steps.shape != (axes,) or not all(0 < one < np.inf for one in steps):
        raise ValueError(f"spacing must be {axes} numbers above 0 mm, one an axis, got {spacing}")
    side = np.rint(size / steps).astype(int)
    if side.min() < smallest:
        raise ValueError(
            f"sizes must give windows of at least {smallest} voxels, those the cascade learned from; {size:g} gives "
            f"{side.min()}: ask for larger ones, or resample the image to a finer spacing"
        )
    return side


def _corners(shape, mask: np.ndarray | None, side: np.ndarray, step: float, size: int) -> np.ndarray:
    """First voxels of the windows to look at: their middles lie on a grid that is coarser for larger windows."""
    hops = np.maximum(1, np.rint(step * side / size)).astype(int)
    axes = [np.arange(0, n, hop) for n, hop in zip(shape, hops)]
    if mask is None:
        if (side > shape).any():
            raise ValueError(f"sizes: a window of {side.tolist()} voxels does not fit into the image {tuple(shape)}")
        axes = [a[(a >= s // 2) & (a - s // 2 + s <= n)] for a, s, n in zip(axes, side, shape)]
        middles = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(shape))
        return middles - side // 2
    mask = np.asarray(mask)
    if mask.shape != tuple(shape) or mask.dtype != bool:
        raise ValueError(f"mask must be bool with the shape of the image {tuple(shape)}, got {mask.shape} {mask.dtype}")
    return np.argwhere(mask[tuple(slice(None, None, hop) for hop in hops)]) * hops - side // 2
