"""Blobs and connected parts in mm, and shapes grown and shrunk by a ball in mm."""

import numpy as np

from medlab import arguments

ROUNDING = 1e-6  # mm: a voxel at exactly `radius` belongs to the ball, whatever the last bit says


def laplacian_of_gaussian(image: np.ndarray, *, sigma: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Blob filter: the sum of second derivatives after smoothing, times sigma² so that scales can be compared.

    Inside a bright blob it is negative, outside positive, and it crosses zero at the edge. Of all sigmas, a ball of
    radius r answers most at sigma = r / √2 in an image and r / √3 in a volume. (SciPy's `gaussian_laplace` takes a
    sigma an axis, but derives by voxels and not by mm.)

    Args:
        image: (y, x) or (z, y, x), real numbers.
        sigma: Width of the Gaussian in mm (without spacing in voxels), above 0.
        spacing: Voxel size in mm, one number an axis.

    Returns:
        Same shape, in units of the image.

    Raises:
        ValueError: If `sigma` is not above 0, the image is not finite, or the spacing does not fit it.

    Source: Marr and Hildreth 1980, doi:10.1098/rspb.1980.0020; scales: Lindeberg 1998, doi:10.1023/A:1008045108935.
    """
    from scipy.ndimage import gaussian_filter

    image = arguments.image(image, ndim=(2, 3))
    steps = arguments.spacing(spacing, image.ndim)
    sigma = arguments.number(sigma, "sigma", above=0)
    total = np.zeros_like(image)
    for axis, step in enumerate(steps):
        order = [2 if a == axis else 0 for a in range(image.ndim)]
        total += gaussian_filter(image, [sigma / s for s in steps], order=order, mode="nearest") / step**2
    return sigma**2 * total


def remove_small(mask: np.ndarray, *, min_size: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Take away connected parts (by faces) below a size.

    Args:
        mask: (y, x) or (z, y, x), bool or 0 and 1.
        min_size: Smallest part that stays, in mm³ (of an image mm², without spacing voxels), 0 or more.
        spacing: Voxel size in mm, one number an axis.

    Raises:
        ValueError: If the mask is no mask, the size negative, or the spacing does not fit.
    """
    from scipy.ndimage import label

    mask = arguments.mask(mask, ndim=(2, 3))
    voxel = float(np.prod(arguments.spacing(spacing, mask.ndim)))
    min_size = arguments.number(min_size, "min_size", low=0)
    parts, _ = label(mask)
    large = np.bincount(parts.ravel()) * voxel >= min_size * (1 - 1e-9)
    large[0] = False
    return large[parts]


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest part that is connected by faces; of equal ones the first.

    Raises:
        ValueError: If the mask, (y, x) or (z, y, x), is empty or not made of 0 and 1.
    """
    from scipy.ndimage import label

    parts, _ = label(arguments.mask(mask, ndim=(2, 3), empty=False))
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])


def dilation(mask: np.ndarray, radius: float, steps: tuple[float, ...]) -> np.ndarray:
    """All voxels at most `radius` mm from the mask.

    `isotropic_dilation` for part of a large array; it would find something around an empty mask too.
    """
    from skimage.morphology import isotropic_dilation

    grown = np.zeros(mask.shape, bool)
    if mask.any():
        rims = [int(radius / step) + 1 for step in steps]
        near = tuple(slice(max(b.start - rim, 0), b.stop + rim) for b, rim in zip(arguments.box(mask), rims))
        grown[near] = isotropic_dilation(mask[near], radius + ROUNDING, spacing=steps)
    return grown


def closing(mask: np.ndarray, radius: float, steps: tuple[float, ...]) -> np.ndarray:
    """What a ball of `radius` mm cannot reach outside the mask filled: gaps, dents, clefts.

    Outside the array the mask goes on as it is at the border: a lung that the field of view cuts off is not eaten away
    there, and nothing grows in from outside.
    """
    rims = [int(radius / step) + 1 for step in steps]
    inner = tuple(slice(rim, rim + n) for rim, n in zip(rims, mask.shape))
    grown = dilation(np.pad(mask, [(rim, rim) for rim in rims], mode="edge"), radius, steps)
    return ~dilation(~grown, radius, steps)[inner]


def opening(mask: np.ndarray, radius: float, steps: tuple[float, ...]) -> np.ndarray:
    """What a ball of `radius` mm can reach inside the mask: the closing of what is not in it."""
    return ~closing(~mask, radius, steps)
