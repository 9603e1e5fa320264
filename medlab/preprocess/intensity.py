"""Contrast and brightness: windows, gray curves, and histograms that are evened out or matched."""

import numpy as np

from medlab.preprocess import inputs

WINDOWS = {  # center and width in HU, as viewers ship them; departments differ by some 10 %
    "brain": (40.0, 80.0),
    "soft tissue": (40.0, 400.0),
    "bone": (500.0, 2000.0),
    "lung": (-600.0, 1500.0),
}


def window(hu: np.ndarray, *, center: float, width: float) -> np.ndarray:
    """Map a range of CT numbers to [0, 1], as a viewer does.

    Args:
        hu: CT numbers in HU, any shape.
        center: Middle of the range shown, HU (lung -600, soft tissue 40).
        width: Size of the range shown, HU, above 0 (lung 1500, soft tissue 400).

    Returns:
        Same shape, float32, in [0, 1]; values outside the range are clipped.

    Raises:
        ValueError: If `width` is not above 0.

    Source: DICOM PS3.3 C.11.2.1.3.2, LINEAR_EXACT. Taught in: notebook 01.

    >>> window(np.array([-1350.0, -600.0, 150.0]), center=-600, width=1500).tolist()
    [0.0, 0.5, 1.0]
    """
    if not width > 0:
        raise ValueError(f"width must be above 0 HU, got {width}")
    hu = np.asarray(hu, dtype=np.float32)  # 16-bit differences would wrap around
    return np.clip((hu - float(center)) / float(width) + 0.5, 0, 1)


def brightness(image: np.ndarray, *, shift: float) -> np.ndarray:
    """Add a constant; float32, not clipped.

    Args:
        image: Any shape and unit; uint8 does not wrap around.
        shift: What is added, in the unit of the image.

    >>> brightness(np.array([200, 250], dtype=np.uint8), shift=20).tolist()
    [220.0, 270.0]
    """
    return inputs.finite(image) + np.float32(inputs.number(shift, "shift"))


def contrast(image: np.ndarray, *, factor: float, center: float | None = None) -> np.ndarray:
    """Scale the distance of every value from a center; float32, not clipped.

    Args:
        image: Any shape and unit.
        factor: Above 0; 2 doubles the contrast, 0.5 halves it.
        center: Value that stays as it is, in the unit of the image; None: the mean of the image.

    >>> contrast(np.array([90.0, 100.0, 120.0]), factor=2, center=100).tolist()
    [80.0, 100.0, 140.0]
    """
    image, factor = inputs.finite(image), inputs.above_zero(factor, "factor")
    middle = image.mean(dtype=float) if center is None else inputs.number(center, "center")
    return (image - np.float32(middle)) * np.float32(factor) + np.float32(middle)


def gamma(image: np.ndarray, *, gamma: float) -> np.ndarray:
    """Raise values in [0, 1] to a power: below 1 opens up the dark parts, above 1 the bright ones; 0 and 1 stay.

    Args:
        image: Any shape, in [0, 1].
        gamma: The power, above 0.

    Raises:
        ValueError: If values lie outside [0, 1] (window first), or `gamma` is not above 0.

    >>> gamma(np.array([0.0, 0.25, 1.0]), gamma=0.5).tolist()
    [0.0, 0.5, 1.0]
    """
    return inputs.unit_range(image) ** np.float32(inputs.above_zero(gamma, "gamma"))


def log(image: np.ndarray, *, gain: float = 1.0) -> np.ndarray:
    """Open up the dark parts with a logarithm: log(1 + gain x) / log(1 + gain), which maps [0, 1] onto [0, 1].

    Args:
        image: Any shape, in [0, 1].
        gain: Above 0; near 0 the curve is a straight line, 100 compresses echoes and spectra.

    Raises:
        ValueError: If values lie outside [0, 1] (window first), or `gain` is not above 0.

    >>> log(np.array([0.0, 0.2, 1.0]), gain=15).tolist()
    [0.0, 0.5, 1.0]
    """
    gain = inputs.above_zero(gain, "gain")
    return (np.log1p(gain * inputs.unit_range(image).astype(float)) / np.log1p(gain)).astype(np.float32)


def equalize(image: np.ndarray, *, mask: np.ndarray | None = None, bins: int = 256) -> np.ndarray:
    """Equalize the histogram: a value becomes the share of pixels that are not brighter.

    Args:
        image: Any shape, in [0, 1].
        mask: Which pixels count, same shape; all are mapped. Without one, a black background takes most of the grays.
        bins: Resolution of the histogram, from the smallest value that counts to the largest.

    Returns:
        Same shape, float32, in [0, 1].

    Raises:
        ValueError: If values lie outside [0, 1], are all the same, or the mask is empty or of another shape.
    """
    from skimage.exposure import equalize_hist

    image, mask = inputs.unit_range(image), inputs.mask_of(mask, np.shape(image))
    inputs.varied(image if mask is None else image[mask], "equalize")
    bins = inputs.whole(bins, "bins", at_least=2)
    return equalize_hist(image.astype(float), nbins=bins, mask=mask).astype(np.float32)


def clahe(image: np.ndarray, *, tile: int | tuple[int, ...] | None = None, clip: float = 0.01) -> np.ndarray:
    """Equalize the histogram tile by tile, with a limit on the contrast (CLAHE); 2-D and 3-D.

    The image is stretched to [0, 1] first and after, so equal values in two images need not stay equal.

    Args:
        image: Image (y, x) or volume (z, y, x), in [0, 1].
        tile: Side of the tiles in pixels, one number or one an axis; None: an eighth of each side.
        clip: Largest share of a tile's pixels in one of its 256 bins, above 0, at most 1. An even histogram has 1/256
            in each; 0.01 is 2.6 times that, and so the largest gain in contrast. 1 is no limit.

    Returns:
        Same shape, float32, in [0, 1].

    Raises:
        ValueError: If values lie outside [0, 1] or are all the same, or the image has colors.

    Source: Zuiderveld 1994, Graphics Gems IV, 474 (scikit-image's `equalize_adapthist`).
    """
    from skimage.exposure import equalize_adapthist

    image = inputs.unit_range(image)
    inputs.gray(image, "clahe")
    inputs.varied(image, "clahe")
    if not 0 < clip <= 1:
        raise ValueError(f"clip must be above 0 and at most 1, got {clip}")
    if tile is not None:
        sides = tile if np.ndim(tile) else (tile,) * image.ndim
        if len(sides) != image.ndim:
            raise ValueError(f"tile must be one number, or {image.ndim} (one an axis), got {tile}")
        tile = tuple(inputs.whole(side, "tile", at_least=1) for side in sides)
    return equalize_adapthist(image, kernel_size=tile, clip_limit=clip).astype(np.float32)


def match_histogram(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Give an image the histogram of another one: the darkest tenth takes the values of its darkest tenth, and so on.

    Args:
        image: Any shape and unit.
        reference: Where the values come from; any shape.

    Returns:
        Shape of `image`, float32, in the unit of `reference`.
    """
    from skimage.exposure import match_histograms

    image, reference = inputs.finite(image), inputs.finite(reference, name="reference")
    matched = match_histograms(image.ravel(), reference.ravel())  # values only: shapes need not agree
    return matched.reshape(image.shape).astype(np.float32)
