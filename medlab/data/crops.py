"""Every lesion in a cube of the same millimetres, whatever the grid of its scan."""

import warnings
from dataclasses import replace

import numpy as np

from medlab.data.dataset import Dataset


def crops(dataset: Dataset, *, size_mm: float | tuple[float, ...], shape: int | tuple[int, ...]) -> Dataset:
    """Cut a cube (in images: a square) of fixed size in mm around each lesion, on a grid of fixed shape.

    The middle of the cube is the middle of the box around the lesion's mask; without masks, or where one is empty, it
    is the voxel in the columns z, y, x of `dataset.table` (of images y, x). Images are interpolated linearly, masks
    take the nearest voxel. What lies outside the scan is continued from its edge: a constant such as -1000 HU, which no
    lung has, would show where the scan ended, and scans that were cut to their lesion end where the lesion does.

    Args:
        dataset: Grey images with a spacing, and masks or points. One row is one lesion.
        size_mm: Side of the cube, or one number an axis, in mm.
        shape: Voxels a side, or one number an axis.

    Returns:
        The same rows with `images` as one float32 array (N, *shape), masks as one bool array, spacing size_mm / shape.
        Columns z, y, x of the table become the middle of the crop.

    Raises:
        ValueError: If spacing, masks and points are missing, a mask is empty, or sizes are not above 0.

    Warns when lesions are larger than the cube. A grid much coarser than the scan's is not smoothed first.
    """
    if not len(dataset):
        raise ValueError(f"{dataset.name}: there are no images to cut crops from")
    if dataset.spacing is None:
        raise ValueError(f"{dataset.name}: the spacing is unknown, so millimetres cannot be cut; set dataset.spacing")
    n_axes = len(dataset.spacing_of(0) or (0, 0, 0))
    sides, counts = _one_an_axis(size_mm, n_axes, "size_mm"), _one_an_axis(shape, n_axes, "shape")
    if (counts != np.round(counts)).any():
        raise ValueError(f"shape must be whole numbers of voxels, got {shape}")
    counts = tuple(int(n) for n in counts)
    points = _points(dataset, n_axes)
    images = np.empty((len(dataset), *counts), np.float32)
    masks = None if dataset.masks is None else np.empty(images.shape, bool)
    cut_off = 0
    for i in range(len(dataset)):
        image, spacing = np.asarray(dataset.images[i]), dataset.spacing_of(i)
        _check(dataset, i, image, spacing, n_axes)
        mask = None if masks is None else _mask(dataset, i, image)
        box = None if mask is None else _box(mask)
        if box is None and points is None:
            raise ValueError(f"{_row(dataset, i)}: the mask is empty and no point is known; leave it out")
        center = _inside(dataset, i, points[i], image.shape) if box is None else (box[0] + box[1] - 1) / 2
        steps = sides / counts / spacing
        first = center - (np.array(counts) - 1) / 2 * steps
        images[i] = _sample(image.astype(np.float32), first, steps, counts, order=1, mode="nearest")
        if mask is not None:
            masks[i] = _sample(mask.astype(np.uint8), first, steps, counts, order=0, mode="grid-constant")
        cut_off += box is not None and bool(((box[1] - box[0]) * spacing > sides + 1e-6).any())
    if cut_off:
        warnings.warn(
            f"{dataset.name}: {cut_off} of {len(dataset)} lesions are larger than the cube of "
            f"{' × '.join(f'{side:g}' for side in sides)} mm and cut off",
            stacklevel=2,
        )
    table = dataset.table
    if points is not None:
        table = table.assign(**{name: (n - 1) / 2 for name, n in zip("zyx"[-n_axes:], counts, strict=True)})
    spacing = tuple(float(side / n) for side, n in zip(sides, counts, strict=True))
    return replace(dataset, images=images, masks=masks, spacing=spacing, table=table)


def _one_an_axis(value: float | tuple[float, ...], n_axes: int, what: str) -> np.ndarray:
    numbers = np.asarray(value, float)
    if numbers.shape not in ((), (n_axes,)):
        raise ValueError(f"{what} must be one number, or {n_axes} (one an axis of the images), got {value}")
    if not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise ValueError(f"{what} must be above 0 and finite, got {value}")
    return np.broadcast_to(numbers, n_axes)


def _sample(image: np.ndarray, first: np.ndarray, steps: np.ndarray, counts: tuple[int, ...], **how) -> np.ndarray:
    """Values at `counts` points a side, from the voxel index `first` on, `steps` voxels apart."""
    from scipy.ndimage import affine_transform

    return affine_transform(image, steps, offset=first, output_shape=counts, prefilter=False, **how)


def _box(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """First voxel, and the one after the last, along each axis; None where the mask is empty."""
    if not mask.any():
        return None
    spans = [np.flatnonzero(mask.any(tuple(a for a in range(mask.ndim) if a != axis))) for axis in range(mask.ndim)]
    return np.array([s[0] for s in spans]), np.array([s[-1] + 1 for s in spans])


def _points(dataset: Dataset, n_axes: int) -> np.ndarray | None:
    names = list("zyx"[-n_axes:])
    if dataset.table is not None and set(names) <= set(dataset.table.columns):
        return dataset.table[names].to_numpy(float)
    if dataset.masks is None:
        raise ValueError(f"{dataset.name}: where are the lesions? Masks or the columns {', '.join(names)} are needed")
    return None


def _inside(dataset: Dataset, i: int, point: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if not ((point >= -0.5) & (point <= np.array(shape) - 0.5)).all():
        raise ValueError(
            f"{_row(dataset, i)}: the point {tuple(point.tolist())} lies outside the image of {shape} voxels; "
            f"a point is a voxel index in the order of the axes, not millimetres"
        )
    return point


def _mask(dataset: Dataset, i: int, image: np.ndarray) -> np.ndarray:
    mask = np.asarray(dataset.masks[i]) > 0
    if mask.shape != image.shape:
        raise ValueError(f"{_row(dataset, i)}: the mask is {mask.shape}, its image {image.shape}")
    return mask


def _check(dataset: Dataset, i: int, image: np.ndarray, spacing: tuple[float, ...] | None, n_axes: int) -> None:
    if spacing is None or image.ndim != n_axes or len(spacing) != n_axes:
        raise ValueError(
            f"{_row(dataset, i)}: crops are cut from grey images of {n_axes} axes with a spacing, "
            f"got shape {image.shape} and spacing {spacing}"
        )

    if not all(np.isfinite(step) and step > 0 for step in spacing):
        raise ValueError(f"{_row(dataset, i)}: spacing must be numbers above 0 in mm, got {spacing}")


def _row(dataset: Dataset, i: int) -> str:
    return f"{dataset.name}: image {i}" + (f" of {dataset.patients[i]}" if dataset.patients is not None else "")
