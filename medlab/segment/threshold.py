"""Thresholds that the histogram itself suggests."""

import numpy as np

from medlab.segment.arguments import image_of, mask_of


def otsu(image: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """The threshold that parts the values into two classes as different from each other as possible.

    It expects two classes of like size: in a whole chest CT it finds air against body, not lung against nodule.

    Args:
        image: (y, x) or (z, y, x), such as HU; whole numbers are counted one by one, others in 256 bins.
        mask: Take only the voxels inside, same shape.

    Returns:
        The upper class is `image > threshold`.

    Raises:
        ValueError: If the image is constant or not finite, or the mask is empty or of another shape.

    Source: Otsu 1979, doi:10.1109/TSMC.1979.4310076.
    """
    from skimage.filters import threshold_otsu

    return float(threshold_otsu(_values(image, mask, 2)))


def multi_otsu(image: np.ndarray, *, classes: int = 3, mask: np.ndarray | None = None) -> tuple[float, ...]:
    """The thresholds that part the values into several classes as different from each other as possible.

    Args:
        image: (y, x) or (z, y, x), such as HU; counted in 256 bins over the whole range.
        classes: 2 to 5; each one more takes about a hundred times longer from 4 on.
        mask: Take only the voxels inside, same shape.

    Returns:
        `classes` - 1 thresholds in rising order; `np.digitize(image, thresholds)` numbers the classes from 0.

    Raises:
        ValueError: If the image has fewer different values than classes or is not finite, or the mask is empty.

    Source: Liao, Chen and Chung 2001, J Inf Sci Eng 17:713.
    """
    from skimage.filters import threshold_multiotsu

    if classes not in (2, 3, 4, 5):
        raise ValueError(f"classes must be 2 to 5, got {classes}")
    values = _values(image, mask, classes).astype(np.float64)  # whole numbers would get a bin each: thousands in HU
    return tuple(float(t) for t in threshold_multiotsu(values, classes=classes))


def _values(image: np.ndarray, mask: np.ndarray | None, at_least: int) -> np.ndarray:
    """The values that count, in the type they came in."""
    finite = image_of(image)
    values = np.asarray(image)
    values = finite.ravel() if values.dtype == bool else values.ravel()
    if mask is not None:
        values = values[mask_of(mask, shape=finite.shape).ravel()]
        if not values.size:
            raise ValueError("mask is empty: it must hold at least two voxels of different value")
    distinct = len(np.unique(values))
    if distinct < at_least:
        raise ValueError(
            f"image must hold at least {at_least} different values, got {distinct}: no threshold parts them"
        )
    return values
