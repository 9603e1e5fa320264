"""Every lesion in a cube of the same millimetres, whatever the grid of its scan; or one slice through it."""

import warnings
from dataclasses import replace

import numpy as np

from medlab import arguments
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
    from scipy.ndimage import affine_transform

    if not len(dataset):
        raise ValueError(f"{dataset.name}: there are no images to cut crops from")
    if dataset.spacing is None:
        raise ValueError(f"{dataset.name}: the spacing is unknown, so millimetres cannot be cut; set dataset.spacing")
    n_axes = len(dataset.spacing_of(0) or (0, 0, 0))
    sides = _each_axis(size_mm, n_axes, "size_mm")
    sides = np.array([arguments.number(side, "size_mm", above=0, unit="mm") for side in sides])
    counts = tuple(arguments.whole(n, "shape", low=1) for n in _each_axis(shape, n_axes, "shape"))
    points = _points(dataset, n_axes)
    images = np.empty((len(dataset), *counts), np.float32)
    masks = None if dataset.masks is None else np.empty(images.shape, bool)
    cut_off = 0
    for i in range(len(dataset)):
        image, mask, spacing = _lesion(dataset, i, n_axes)
        if mask is not None and mask.any():
            box = arguments.box(mask)
            first, after = np.array([[side.start, side.stop] for side in box]).T
            center = (first + after - 1) / 2
            cut_off += bool(((after - first) * spacing > sides + 1e-6).any())
        elif points is not None:
            center = _inside(dataset, i, points[i], image.shape)
        else:
            raise ValueError(f"{_row(dataset, i)}: the mask is empty and no point is known; leave it out")
        steps = sides / counts / spacing
        grid = {"matrix": steps, "offset": center - (np.array(counts) - 1) / 2 * steps, "output_shape": counts}
        images[i] = affine_transform(image.astype(np.float32), order=1, mode="nearest", prefilter=False, **grid)
        if mask is not None:
            masks[i] = affine_transform(mask.view(np.uint8), order=0, mode="grid-constant", prefilter=False, **grid)
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


def lesion_slice(dataset: Dataset, i: int) -> tuple[np.ndarray, np.ndarray | None, tuple[float, float] | None]:
    """The axial slice of image `i` in which its mask is largest; the middle slice without a mask, a 2-D image itself.

    Returns:
        Image (y, x) in its own unit, mask (y, x) or None, spacing (y, x) in mm or None.

    Raises:
        ValueError: If the image is in colour or has other than two or three axes, or the mask another shape.
    """
    image, spacing = np.asarray(dataset.images[i]), dataset.spacing_of(i)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] in (3, 4) and spacing is None):
        raise ValueError(f"{_row(dataset, i)} must be grey, (y, x) or (z, y, x), got shape {image.shape}")
    mask = _mask(dataset, i, image)
    if image.ndim == 3:
        z = len(image) // 2 if mask is None else int(mask.sum(axis=(1, 2)).argmax())
        image, mask = image[z], None if mask is None else mask[z]
    return image, mask, spacing and spacing[-2:]


def _each_axis(value: float | tuple[float, ...], n_axes: int, name: str) -> tuple[float, ...]:
    """The number for each axis, where one may stand for all."""
    values = (value,) * n_axes if np.ndim(value) == 0 else tuple(value)
    if len(values) != n_axes:
        raise ValueError(f"{name} must be one number, or {n_axes} (one an axis of the images), got {value}")
    return values


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


def _lesion(dataset: Dataset, i: int, n_axes: int) -> tuple[np.ndarray, np.ndarray | None, tuple[float, ...]]:
    """Image, mask and spacing of one row, if they fit each other."""
    image, spacing = np.asarray(dataset.images[i]), dataset.spacing_of(i)
    if spacing is None or image.ndim != n_axes or len(spacing) != n_axes:
        raise ValueError(
            f"{_row(dataset, i)}: crops are cut from grey images of {n_axes} axes with a spacing, "
            f"got shape {image.shape} and spacing {spacing}"
        )
    return image, _mask(dataset, i, image), arguments.spacing(spacing, n_axes, f"{_row(dataset, i)}: spacing")


def _mask(dataset: Dataset, i: int, image: np.ndarray) -> np.ndarray | None:
    if dataset.masks is None:
        return None
    return arguments.mask(dataset.masks[i], f"{_row(dataset, i)}: the mask", shape=image.shape)


def _row(dataset: Dataset, i: int) -> str:
    return f"{dataset.name}: image {i}" + (f" of {dataset.patients[i]}" if dataset.patients is not None else "")
