"""Colour as numbers: histograms in HSV, moments, and the stains of a tissue section."""

from collections.abc import Iterator

import numpy as np

from medlab import arguments


def hsv_histogram(
    images: np.ndarray, *, bins: tuple[int, int, int] = (8, 4, 4), masks: np.ndarray | None = None
) -> np.ndarray:
    """Share of the pixels in each box of hue × saturation × value, for a batch of colour images.

    Hue is an angle: its first and its last bin are neighbours, both red. A grey pixel has no hue and counts under hue 0
    in the lowest bin of saturation.

    Args:
        images: (N, y, x, 3) red, green, blue; uint8, or floats from 0 to 1.
        bins: How many of hue, saturation and value.
        masks: (N, y, x) bool: which pixels count; all without.

    Returns:
        (N, hue × saturation × value bins) float64, value changing fastest; each row sums to 1.

    Raises:
        ValueError: If images are not colour images in range, a mask is empty or does not fit, or bins are below 1.

    Source: Smith 1978 (HSV), doi:10.1145/965139.807361.

    >>> red, blue = np.zeros((2, 4, 4, 3), np.uint8)
    >>> red[..., 0], blue[..., 2] = 255, 255
    >>> hsv_histogram(np.stack([red, blue]), bins=(3, 1, 1)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    images, masks = _checked(images, masks)
    if np.shape(bins) != (3,):
        raise ValueError(f"bins must be three whole numbers (hue, saturation, value) of 1 or more, got {bins}")
    bins = tuple(arguments.whole(n, "bins", low=1) for n in bins)
    rows = []
    for pixels in _pixels(images, masks):
        cells = np.minimum((pixels * bins).astype(int), np.array(bins) - 1)  # 1.0 belongs to the last bin
        flat = np.ravel_multi_index(cells.T, bins)
        rows.append(np.bincount(flat, minlength=np.prod(bins)) / len(pixels))
    return np.array(rows)


def hsv_names(bins: tuple[int, int, int] = (8, 4, 4)) -> list[str]:
    """Names of the columns of `hsv_histogram`, such as "h0_s3_v1"."""
    return [f"h{h}_s{s}_v{v}" for h, s, v in np.ndindex(*bins)]


def color_moments(images: np.ndarray, *, masks: np.ndarray | None = None) -> np.ndarray:
    """Mean, standard deviation and skewness of hue, saturation and value, for a batch of colour images.

    Hue is an angle, so its three numbers are circular, and a pixel counts with its saturation, since a grey one has no
    hue: mean direction (in turns, from 0 to 1: 0.99 and 0.01 are neighbours), circular variance (0: one hue, 1: no
    direction preferred) and circular skewness (mean sine of twice the angle to the mean). An image without any colour
    has 0, 1, 0. The skewness of a constant channel is 0.

    Args:
        images: (N, y, x, 3) red, green, blue; uint8, or floats from 0 to 1.
        masks: (N, y, x) bool: which pixels count; all without.

    Returns:
        (N, 9) float64: three moments of hue, three of saturation, three of value.

    Raises:
        ValueError: If images are not colour images in range, or a mask is empty or does not fit.

    Source: Stricker and Orengo 1995, doi:10.1117/12.205308. Circular moments: Mardia and Jupp 2000, Directional
    Statistics.
    """
    images, masks = _checked(images, masks)
    rows = []
    for pixels in _pixels(images, masks):
        hue, saturation, value = pixels.T
        rows.append([*_circular_moments(hue, saturation), *_moments(saturation), *_moments(value)])
    return np.array(rows)


def stains(images: np.ndarray) -> np.ndarray:
    """Amounts of hematoxylin (nuclei), eosin (cytoplasm) and DAB (brown marker) at each pixel of stained sections.

    Stain absorbs light, and absorbances add up: the amounts solve a linear system in the logarithm of the colour. The
    stain colours are fixed; another laboratory's stains need colours of their own.

    Args:
        images: (N, y, x, 3) red, green, blue; uint8, or floats from 0 to 1.

    Returns:
        (N, y, x, 3) float64, 0 or above, in units of the stain's absorbance (those of `skimage.color.rgb2hed`).

    Raises:
        ValueError: If images are not colour images in range.

    Source: Ruifrok and Johnston 2001, Anal Quant Cytol Histol 23:291; `skimage.color.rgb2hed`.
    """
    from skimage.color import rgb2hed

    images, _ = _checked(images, None)
    return rgb2hed(_as_floats(images))


def _moments(values: np.ndarray) -> tuple[float, float, float]:
    mean, sd = values.mean(), values.std()
    flat = np.ptp(values) == 0
    return mean, 0.0 if flat else sd, 0.0 if flat else (((values - mean) / sd) ** 3).mean()


def _circular_moments(hue: np.ndarray, saturation: np.ndarray) -> tuple[float, float, float]:
    if not saturation.any():
        return 0.0, 1.0, 0.0
    weights = saturation / saturation.sum()
    angles = 2 * np.pi * hue
    center = (weights * np.exp(1j * angles)).sum()
    direction = np.angle(center)
    skewness = (weights * np.sin(2 * (angles - direction))).sum()
    mean = direction / (2 * np.pi) % 1
    return (0.0 if mean == 1 else mean), max(0.0, 1 - abs(center)), skewness  # -1e-17 % 1 is 1.0


def _pixels(images: np.ndarray, masks: np.ndarray | None) -> Iterator[np.ndarray]:
    """Hue, saturation and value (n, 3) of the pixels that count, one image after the other."""
    from skimage.color import rgb2hsv

    for i, image in enumerate(images):
        hsv = rgb2hsv(_as_floats(image))
        yield hsv.reshape(-1, 3) if masks is None else hsv[masks[i]]


def _as_floats(images: np.ndarray) -> np.ndarray:
    return images / 255 if images.dtype == np.uint8 else images.astype(float)


def _checked(images: np.ndarray, masks: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    images = arguments.images(images, colour=True)
    if images.dtype != np.uint8 and (images.dtype.kind != "f" or images.min() < 0 or images.max() > 1):
        values = f"{images.dtype} from {images.min():.4g} to {images.max():.4g}"
        raise ValueError(f"images must be uint8, or floats from 0 to 1, got {values}")
    return images, arguments.masks(masks, images.shape[:3])
