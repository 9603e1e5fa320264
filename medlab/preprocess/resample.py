"""Another grid: voxels of a given size in mm, or a given number of pixels. 2-D and 3-D.

Where the new grid is coarser, an image is smoothed first (a Gaussian of half a new pixel less half an old one), or fine
texture would turn into false coarse texture. Masks and labels take the nearest voxel and keep their type.
"""

import numpy as np

from medlab.preprocess import inputs


def resample(
    image: np.ndarray, *, spacing: tuple[float, ...], new_spacing: tuple[float, ...], order: int = 1
) -> np.ndarray:
    """Sample an image on a grid of another spacing.

    The old and the new grid share their center, voxel i of the new one lies (i - (m - 1) / 2) new_spacing from it, and
    `new_spacing` is met exactly. Along an axis of n voxels the new grid has m = n spacing / new_spacing of them,
    rounded (half to even), at least 1. Its extent may therefore differ from the old one by a quarter of a new voxel on
    each side; beyond the outermost voxels the image is continued with their values.

    Args:
        image: Image or volume. Integers (CT in HU) become float32; a bool mask stays one, whatever `order`.
        spacing: Voxel size in mm, one number an axis.
        new_spacing: Wanted voxel size in mm, one number an axis.
        order: 0 nearest (labels: the type is kept, nothing is smoothed), 1 linear, up to 5 (3 is a cubic spline).

    Returns:
        float32; for a bool mask or order 0, the type of the image.

    Raises:
        ValueError: If a spacing is not above 0 or has other axes than the image.
    """
    image = np.asarray(image)
    floats, order = inputs.finite(image), _order(order)
    steps = inputs.spacing_of(spacing, image.ndim)
    factors = inputs.spacing_of(new_spacing, image.ndim, name="new_spacing") / steps
    shape = np.maximum(1, np.round(np.array(image.shape) / factors)).astype(int)
    if image.dtype == bool or order == 0:
        return _nearest(image, shape, factors)
    return _interpolated(floats, shape, factors, order)


def resize(image: np.ndarray, *, shape: tuple[int, ...], order: int = 1, anti_aliasing: bool = True) -> np.ndarray:
    """Stretch an image to a number of pixels; the outer edges of the first and last pixels stay where they are.

    Args:
        image: Image or volume, any unit; the range is kept. A bool mask stays one, whatever `order`.
        shape: Pixels along each axis. Sides in another ratio than those of the image distort it.
        order: 0 nearest (labels: the type is kept, nothing is smoothed), 1 linear, up to 5.
        anti_aliasing: Smooth first where the image shrinks.

    Returns:
        float32; for a bool mask or order 0, the type of the image.
    """
    from skimage import transform

    image = np.asarray(image)
    floats, order = inputs.finite(image), _order(order)
    if np.shape(shape) != (image.ndim,):
        raise ValueError(f"shape must be {image.ndim} whole numbers, one an axis of the image, got {shape}")
    shape = tuple(inputs.whole(side, "shape", at_least=1) for side in shape)
    if image.dtype == bool or order == 0:
        return _nearest(image, shape, np.array(image.shape) / shape)
    options = {"order": order, "mode": "edge", "preserve_range": True, "anti_aliasing": bool(anti_aliasing)}
    return transform.resize(floats, shape, **options).astype(np.float32)


def _order(order: int) -> int:
    if order not in range(6):
        raise ValueError(f"order must be 0 (nearest), 1 (linear) or up to 5 (splines), got {order}")
    return int(order)


def _places(n: int, m: int, factor: float) -> np.ndarray:
    """Where m new points lie in an axis of n old ones, in old voxel indices; the centers coincide."""
    return (n - 1) / 2 + (np.arange(m) - (m - 1) / 2) * factor


def _nearest(image: np.ndarray, shape: tuple[int, ...], factors: np.ndarray) -> np.ndarray:
    # halfway between two voxels rounding errors must not choose: always the lower index
    places = [np.ceil(_places(n, m, f) - 0.5 - 1e-6) for n, m, f in zip(image.shape, shape, factors)]
    return image[np.ix_(*[np.clip(p, 0, n - 1).astype(int) for p, n in zip(places, image.shape)])]


def _interpolated(image: np.ndarray, shape: tuple[int, ...], factors: np.ndarray, order: int) -> np.ndarray:
    from scipy import ndimage

    image = ndimage.gaussian_filter(image, np.maximum(0, (factors - 1) / 2), mode="nearest")
    offset = [_places(n, m, f)[0] for n, m, f in zip(image.shape, shape, factors)]
    return ndimage.affine_transform(image, factors, offset, tuple(shape), order=order, mode="nearest")
