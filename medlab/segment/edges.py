"""Edges: where the image changes. 2-D and 3-D, in units of the image per mm."""

import numpy as np

from medlab.segment.arguments import at_least, image_of, spacing_of


def sobel(image: np.ndarray, *, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Size of the gradient by Sobel's filters: a difference along one axis, smoothed along the others.

    Args:
        image: (y, x) or (z, y, x), real numbers.
        spacing: Voxel size in mm, one number an axis; without it the gradient is per voxel.

    Returns:
        Same shape, in units of the image per mm. A ramp gives its slope everywhere but on the outermost voxels: there
        the image goes on as its last voxel, and the slope across the border is halved.

    Raises:
        ValueError: If the image is not finite, or the spacing does not fit it.

    >>> sobel(np.arange(5.0) * np.ones((5, 1)), spacing=(1, 0.5))[2].tolist()
    [1.0, 2.0, 2.0, 2.0, 1.0]
    """
    from scipy import ndimage

    image = image_of(image)
    steps = spacing_of(spacing, image.ndim)
    # the filter as SciPy has it: 1, 0, -1 spans two voxels, and each 1, 2, 1 across sums to four
    scale = 2 * 4 ** (image.ndim - 1)
    slopes = [ndimage.sobel(image, axis, mode="nearest") / (scale * step) for axis, step in enumerate(steps)]
    return np.sqrt(sum(np.square(slope) for slope in slopes))


def canny(
    image: np.ndarray, *, sigma: float, low: float, high: float, spacing: tuple[float, ...] | None = None
) -> np.ndarray:
    """Thin edges: smooth, take the crest of the gradient, keep faint pieces only where they touch a strong one.

    Args:
        image: (y, x); a volume (z, y, x) is done slice by slice, so surfaces that lie in a slice are not found.
        sigma: Width of the Gaussian in mm (without spacing in pixels), above 0.
        low: Size of the gradient from which a pixel may be an edge, in units of the image per mm.
        high: Size of the gradient that one pixel at least of each edge must reach, not below `low`.
        spacing: Voxel size in mm; the pixels of a slice must be square.

    Returns:
        bool, same shape; never an edge on the outermost pixels of a slice.

    Raises:
        ValueError: If pixels are not square, `sigma` is not above 0, or the thresholds are in the wrong order.

    Source: Canny 1986, doi:10.1109/TPAMI.1986.4767851.
    """
    from skimage import feature

    image = image_of(image)
    steps = spacing_of(spacing, image.ndim)
    step = steps[-1]
    if abs(steps[-2] / step - 1) > 1e-3:
        raise ValueError(f"canny needs square pixels, got a spacing of {steps[-2:]} mm; resample the image first")
    at_least(sigma, 0, "sigma", open_end=True)
    if not at_least(low, 0, "low") <= high < np.inf:
        raise ValueError(f"high must be at least low ({low}), got {high}")
    scale = 8 * step  # scikit-image's gradient is per pixel and eight times too large
    slices = image if image.ndim == 3 else image[None]
    found = [
        feature.canny(one, sigma / step, low_threshold=low * scale, high_threshold=high * scale, mode="nearest")
        for one in slices
    ]
    return np.stack(found).reshape(image.shape)


def laplacian_of_gaussian(image: np.ndarray, *, sigma: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Blob filter: the sum of second derivatives after smoothing, times sigma² so that scales can be compared.

    Inside a bright blob it is negative, outside positive, and it crosses zero at the edge. Of all sigmas, a ball of
    radius r answers most at sigma = r / √2 in an image and r / √3 in a volume.

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

    image = image_of(image)
    steps = spacing_of(spacing, image.ndim)
    at_least(sigma, 0, "sigma", open_end=True)
    widths = [sigma / step for step in steps]
    total = np.zeros_like(image)
    for axis, step in enumerate(steps):
        order = [2 if a == axis else 0 for a in range(image.ndim)]
        total += gaussian_filter(image, widths, order=order, mode="nearest") / step**2
    return sigma**2 * total


def zero_crossings(response: np.ndarray, *, min_step: float = 0.0) -> np.ndarray:
    """Where a filter's response changes sign: of two neighbours on either side of zero, the one nearer to it.

    Args:
        response: (y, x) or (z, y, x), such as `laplacian_of_gaussian` gives.
        min_step: Neighbours must differ by this much, in units of the response: leaves out noise.

    Returns:
        bool, same shape. A voxel that is exactly 0 between two of opposite sign counts; a flat area of 0 does not.

    Raises:
        ValueError: If the response is not finite or `min_step` is below 0.

    >>> zero_crossings(np.array([[-3.0, -1.0, 2.0, 0.0, -2.0]])).astype(int).tolist()
    [[0, 1, 0, 1, 0]]
    """
    response = image_of(response, name="response")
    at_least(min_step, 0, "min_step")
    found = np.zeros(response.shape, bool)
    for axis in range(response.ndim):
        values, marks = np.moveaxis(response, axis, 0), np.moveaxis(found, axis, 0)  # views: marks writes into found
        a, b = values[:-1], values[1:]
        # signs, not the product: that of two tiny numbers would be 0
        across = (np.sign(a) * np.sign(b) < 0) & (np.abs(a - b) >= min_step)
        first = np.abs(a) <= np.abs(b)
        marks[:-1] |= across & first
        marks[1:] |= across & ~first
        before, at, after = values[:-2], values[1:-1], values[2:]
        opposite = (at == 0) & (np.sign(before) * np.sign(after) < 0)
        marks[1:-1] |= opposite & (np.abs(before - after) >= min_step)
    return found
