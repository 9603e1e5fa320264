"""Colour as numbers: histograms in HSV, moments, and the stains of a tissue section."""

from collections.abc import Iterator

import numpy as np

_CHANNELS = {"rgb": ("red", "green", "blue"), "hsv": ("hue", "saturation", "value"),
             "hed": ("hematoxylin", "eosin", "dab")}  # fmt: skip


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
    if np.shape(bins) != (3,) or not all(float(n).is_integer() and n >= 1 for n in bins):
        raise ValueError(f"bins must be three whole numbers (hue, saturation, value) of 1 or more, got {bins}")
    bins = tuple(int(n) for n in bins)
    rows = []
    for pixels in _pixels(images, masks, "hsv"):
        cells = np.minimum((pixels * bins).astype(int), np.array(bins) - 1)  # 1.0 belongs to the last bin
        flat = np.ravel_multi_index(cells.T, bins)
        rows.append(np.bincount(flat, minlength=np.prod(bins)) / len(pixels))
    return np.array(rows)


def hsv_names(bins: tuple[int, int, int] = (8, 4, 4)) -> list[str]:
    """Names of the columns of `hsv_histogram`, such as "h0_s3_v1"."""
    return [f"h{h}_s{s}_v{v}" for h, s, v in np.ndindex(*bins)]


def color_moments(images: np.ndarray, *, space: str = "hsv", masks: np.ndarray | None = None) -> np.ndarray:
    """Mean, standard deviation and skewness of each channel, for a batch of colour images.

    Hue is an angle, so its three numbers are circular, and a pixel counts with its saturation, since a grey one has no
    hue: mean direction (in turns, from 0 to 1: 0.99 and 0.01 are neighbours), circular variance (0: one hue, 1: no
    direction preferred) and circular skewness (mean sine of twice the angle to the mean). An image without any colour
    has 0, 1, 0. The skewness of a constant channel is 0.

    Args:
        images: (N, y, x, 3) red, green, blue; uint8, or floats from 0 to 1.
        space: "hsv", "rgb", or "hed" (amounts of stain, as `stains` gives).
        masks: (N, y, x) bool: which pixels count; all without.

    Returns:
        (N, 9) float64: three moments of the first channel, of the second, of the third; `moment_names` names them.

    Raises:
        ValueError: If images are not colour images in range, a mask is empty or does not fit, or space is unknown.

    Source: Stricker and Orengo 1995, doi:10.1117/12.205308. Circular moments: Mardia and Jupp 2000, Directional
    Statistics.
    """
    _check_space(space)
    images, masks = _checked(images, masks)
    rows = []
    for pixels in _pixels(images, masks, space):
        moments = [_moments(channel) for channel in pixels.T]
        if space == "hsv":
            moments[0] = _circular_moments(pixels[:, 0], pixels[:, 1])
        rows.append(np.concatenate(moments))
    return np.array(rows)


def moment_names(space: str = "hsv") -> list[str]:
    """Names of the columns of `color_moments`.

    >>> moment_names("hed")[:3]
    ['hematoxylin_mean', 'hematoxylin_sd', 'hematoxylin_skewness']
    """
    _check_space(space)
    spread = {"hue": "variance"}
    return [f"{name}_{part}" for name in _CHANNELS[space] for part in ("mean", spread.get(name, "sd"), "skewness")]


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
    return _converted(_checked(images, None)[0], "hed")


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


def _pixels(images: np.ndarray, masks: np.ndarray | None, space: str) -> Iterator[np.ndarray]:
    """The pixels that count of one image after the other, (n, 3), in a colour space; one image converted at a time."""
    for i, image in enumerate(images):
        converted = _converted(image, space)
        yield converted.reshape(-1, 3) if masks is None else converted[masks[i]]


def _converted(images: np.ndarray, space: str) -> np.ndarray:
    from skimage.color import rgb2hed, rgb2hsv

    images = images / 255 if images.dtype == np.uint8 else images.astype(float)
    return {"rgb": lambda rgb: rgb, "hsv": rgb2hsv, "hed": rgb2hed}[space](images)


def _check_space(space: str) -> None:
    if space not in _CHANNELS:
        raise ValueError(f"space must be one of {', '.join(_CHANNELS)}, got {space!r}")


def _checked(images: np.ndarray, masks: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape:
        raise ValueError(f"images must be colour, (N, y, x, 3), and not empty, got shape {images.shape}")
    if images.dtype != np.uint8:
        if images.dtype.kind != "f":
            raise ValueError(f"images must be uint8, or floats from 0 to 1, got {images.dtype}")
        if not np.isfinite(images).all():
            raise ValueError(f"images must be finite, got {(~np.isfinite(images)).sum()} NaN or infinite values")
        if images.min() < 0 or images.max() > 1:
            raise ValueError(f"floats must be from 0 to 1, got {images.min():.4g} to {images.max():.4g}")
    if masks is None:
        return images, None
    masks = np.asarray(masks)
    if masks.shape != images.shape[:3]:
        raise ValueError(f"masks must be {images.shape[:3]}, one an image, got {masks.shape}")
    if masks.dtype != bool and not np.isin(masks, (0, 1)).all():
        raise ValueError(f"a mask holds 0 and 1 only, got {masks.dtype} from {masks.min()} to {masks.max()}")
    masks = masks.astype(bool)
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if len(empty):
        raise ValueError(f"the mask of image {empty[0]} is empty ({len(empty)} of {len(masks)} are)")
    return images, masks
