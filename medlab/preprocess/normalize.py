"""One scale for all images: to [0, 1], or to mean 0 and standard deviation 1."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from medlab.preprocess import inputs


class Statistics(NamedTuple):
    """Mean and standard deviation over all pixels of a data set, and the number of these pixels."""

    mean: float
    sd: float
    n: int


def rescale(
    image: np.ndarray, *, low: float | None = None, high: float | None = None, mask: np.ndarray | None = None
) -> np.ndarray:
    """Map the range from `low` to `high` to [0, 1] and clip what lies outside.

    Args:
        image: Any shape and unit.
        low: Becomes 0, in the unit of the image; None: the smallest value.
        high: Becomes 1, above `low`; None: the largest value.
        mask: Where the smallest and largest value are looked for, same shape; all pixels are mapped.

    Returns:
        Same shape, float32, in [0, 1].

    Raises:
        ValueError: If `low` is not below `high`, as in a constant image, or the mask is empty or of another shape.

    >>> rescale(np.array([0, 50, 200], dtype=np.uint8)).tolist()
    [0.0, 0.25, 1.0]
    """
    image, mask = inputs.finite(image), inputs.mask_of(mask, np.shape(image))
    values = image if mask is None else image[mask]
    low = float(values.min()) if low is None else inputs.number(low, "low")
    high = float(values.max()) if high is None else inputs.number(high, "high")
    if not low < high:
        raise ValueError(f"low must be below high, got {low:g} and {high:g} (is the image constant?)")
    return ((image.astype(float) - low) / (high - low)).clip(0, 1).astype(np.float32)


def rescale_percentiles(
    image: np.ndarray, *, low: float = 1, high: float = 99, mask: np.ndarray | None = None
) -> np.ndarray:
    """Map the range between two percentiles to [0, 1], as one does for MR, whose values have no unit.

    A few very bright pixels (vessels, fat near the coil) then do not make everything else dark.

    Args:
        image: Any shape and unit.
        low: Percentile that becomes 0, from 0 on.
        high: Percentile that becomes 1, above `low`, at most 100.
        mask: Which pixels count, same shape, such as the head without the air; all pixels are mapped.

    Returns:
        Same shape, float32, in [0, 1]; values outside are clipped.

    Raises:
        ValueError: If the percentiles are out of order, or of the same value.
    """
    if not 0 <= low < high <= 100:
        raise ValueError(f"low and high must be percentiles, 0 <= low < high <= 100, got {low} and {high}")
    image, mask = inputs.finite(image), inputs.mask_of(mask, np.shape(image))
    lowest, highest = np.percentile(image if mask is None else image[mask], [low, high])
    if lowest == highest:
        raise ValueError(
            f"percentiles {low} and {high} of the image are both {lowest:g}: give a mask without background"
        )
    return rescale(image, low=lowest, high=highest)


def standardize(
    image: np.ndarray, *, mean: float | None = None, sd: float | None = None, mask: np.ndarray | None = None
) -> np.ndarray:
    """Subtract the mean and divide by the standard deviation (z-score).

    Args:
        image: Any shape and unit.
        mean: In the unit of the image, such as that of the training images (see `statistics`); None: of this image.
        sd: As `mean`, above 0.
        mask: Which pixels count where `mean` or `sd` is None, same shape; all pixels are mapped.

    Returns:
        Same shape, float32, in standard deviations.

    Raises:
        ValueError: If the standard deviation is 0, as in a constant image, or the mask is empty or of another shape.
    """
    image, mask = inputs.finite(image, dtype=float), inputs.mask_of(mask, np.shape(image))
    values = image if mask is None else image[mask]
    if sd is None:
        inputs.varied(values, "standardize")
    middle = values.mean() if mean is None else inputs.number(mean, "mean")
    spread = values.std() if sd is None else inputs.above_zero(sd, "sd")
    return ((image - middle) / spread).astype(np.float32)


def statistics(images: Iterable[np.ndarray]) -> Statistics:
    """Mean and standard deviation over all pixels of many images, read one at a time.

    Call it with the training part only: what is measured on the test images leaks them into the model.

    Args:
        images: Arrays of any shapes, one unit; a generator will do.

    Returns:
        `mean` and `sd` (of all pixels, divided by n) in the unit of the images, and `n`, the number of pixels.

    Raises:
        ValueError: If there are no images, or one holds NaN.

    Source: Chan, Golub and LeVeque 1983, doi:10.1080/00031305.1983.10483115 (the sums of two parts, merged).

    >>> statistics([np.array([1, 2]), np.array([3, 6])])
    Statistics(mean=3.0, sd=1.8708286933869707, n=4)
    """
    n, mean, squares = 0, 0.0, 0.0
    for i, image in enumerate(images):
        image = inputs.finite(np.atleast_1d(image), name=f"image {i}", dtype=float)
        total, step = n + image.size, image.mean() - mean
        squares += np.square(image - image.mean()).sum() + step**2 * n * image.size / total
        mean += step * image.size / total
        n = total
    if n == 0:
        raise ValueError("statistics needs at least one image, got none")
    return Statistics(float(mean), float(np.sqrt(squares / n)), n)
