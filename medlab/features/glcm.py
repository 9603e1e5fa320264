"""Grey-level co-occurrence: how often two grey levels lie one step apart, and what that says of the texture.

Values are those of scikit-image, for whole batches and within masks.
"""

from collections.abc import Sequence

import numpy as np

from medlab import arguments

GLCM_PROPERTIES = (
    "contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation", "mean", "variance", "std", "entropy"
)  # fmt: skip
_BLOCK = 2**20  # pixels times steps that a thread takes at a time: some milliseconds


def quantize(images: np.ndarray, *, levels: int = 32, low: float, high: float) -> np.ndarray:
    """Grey levels of equal width between two values, as whole numbers from 0.

    The range is given, not taken from each image: the same tissue gets the same level in every image.

    Args:
        images: Numbers in any unit, any shape.
        levels: How many, 2 to 256.
        low: Lower end of level 0, in the unit of the images; smaller values are level 0 too.
        high: Upper end of the last level; larger values are the last level too.

    Returns:
        Same shape, uint8, from 0 to levels - 1.

    Raises:
        ValueError: If `high` is not above `low`, or images hold NaN.

    >>> quantize(np.array([-2000, -1000, -1, 0, 999, 1000]), levels=4, low=-1000, high=1000).tolist()
    [0, 0, 1, 2, 3, 3]
    """
    images = np.asarray(images)
    levels = arguments.whole(levels, "levels", low=2, high=256)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"high must be above low, got low={low} and high={high}")
    if images.dtype.kind not in "biuf" or (images.dtype.kind == "f" and np.isnan(images).any()):
        raise ValueError(f"images must hold numbers and no NaN, got {images.dtype}")
    steps = (images.astype(np.float64) - low) * (levels / (high - low))
    return np.clip(steps, 0, levels - 1).astype(np.uint8)  # cuts the fraction off: all are 0 or more


def glcm_features(
    images: np.ndarray | Sequence[np.ndarray],
    *,
    levels: int = 32,
    low: float | None = None,
    high: float | None = None,
    distances: Sequence[float] = (1,),
    angles: Sequence[float] = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4),
    symmetric: bool = True,
    masks: np.ndarray | Sequence[np.ndarray] | None = None,
    properties: str | Sequence[str] = GLCM_PROPERTIES[:6],
) -> np.ndarray:
    """Properties of the grey-level co-occurrence matrices of a batch of patches.

    Equal to `skimage.feature.graycomatrix` and `graycoprops` up to rounding (1e-10).

    Args:
        images: Grey levels (N, y, x), whole numbers from 0 to levels - 1; or any numbers, with `low` and `high`.
        levels: Number of grey levels, 2 to 256.
        low, high: Range that is divided into levels first, see `quantize`; give both or neither.
        distances: Lengths of the step in pixels.
        angles: Directions of the step in radians, from +x (right) to +y (down). The step is rounded to whole pixels.
        symmetric: Count each pair in both orders, so that an angle and its opposite are one.
        masks: (N, y, x): only pairs with both pixels inside are counted.
        properties: Some of `GLCM_PROPERTIES`; the six of Haralick's that all versions of scikit-image have.

    Returns:
        (N, F) float64, F = properties × distances × angles, the angle running fastest. The mean over directions is
        `features.reshape(N, -1, len(angles)).mean(axis=-1)`. Correlation is 1 where all pixels have one level.

    Raises:
        ValueError: If a level or an argument is out of range, a mask is empty or of another shape, or an image has no
            pair of pixels at some step.

    Source: Haralick, Shanmugam and Dinstein 1973, doi:10.1109/TSMC.1973.4309314.

    >>> stripes = np.array([[[0, 1], [0, 1]]])  # right: always the other level; down: always the same
    >>> glcm_features(stripes, levels=2, angles=[0, np.pi / 2], properties="contrast").tolist()
    [[1.0, 0.0]]
    """
    from medlab import kernels
    from medlab.features import _glcm_kernel

    images = arguments.images(images)
    masks = arguments.masks(masks, images.shape)
    levels = arguments.whole(levels, "levels", low=2, high=256)
    if (low is None) != (high is None):
        raise ValueError(f"low and high go together, got low={low} and high={high}")
    if low is None:
        _refuse_other_levels(images, levels)
    chosen = _numbers(properties)
    with_entropy = GLCM_PROPERTIES.index("entropy") in chosen
    steps = _steps(distances, angles)
    n, pixels = len(images), images[0].size
    out, pairs = np.empty((n, len(GLCM_PROPERTIES), len(steps))), np.empty((n, len(steps)), np.int64)

    def work(start: int, stop: int) -> None:
        block = images[start:stop]
        if low is not None:
            block = quantize(block, levels=levels, low=low, high=high)
        block = np.array(block, np.uint8, order="C")
        inside = np.empty((0, 0, 0), bool) if masks is None else masks[start:stop].copy()
        _glcm_kernel.properties_of(
            block, inside, steps, bool(symmetric), with_entropy, out[start:stop], pairs[start:stop]
        )

    kernels.share(work, n, 1 + _BLOCK // (pixels * len(steps)))
    if not pairs.all():
        image, step = np.argwhere(pairs == 0)[0]
        inside = "" if masks is None else " with both inside its mask"
        raise ValueError(f"image {image} has no two pixels {steps[step]} (down, right) apart{inside}")
    return out[:, chosen].reshape(n, -1)


def _refuse_other_levels(images: np.ndarray, levels: int) -> None:
    least, most = images.min(), images.max()
    if images.dtype.kind == "f" or least < 0 or most >= levels:
        raise ValueError(
            f"images must hold whole numbers from 0 to {levels - 1}, got {images.dtype} from {least} to {most}; "
            "low=..., high=... divide a range into levels"
        )


def _numbers(properties: str | Sequence[str]) -> list[int]:
    names = (properties,) if isinstance(properties, str) else tuple(properties)
    if not names or not set(names) <= set(GLCM_PROPERTIES):
        raise ValueError(f"properties must be some of {', '.join(GLCM_PROPERTIES)}, got {properties!r}")
    return [GLCM_PROPERTIES.index(name) for name in names]


def _steps(distances: Sequence[float], angles: Sequence[float]) -> np.ndarray:
    """Steps in whole pixels (down, right), (D × A, 2); halves are rounded away from 0, as scikit-image does."""
    distances, angles = np.asarray(distances, float), np.asarray(angles, float)
    if distances.ndim != 1 or distances.size == 0 or not (np.isfinite(distances) & (distances > 0)).all():
        raise ValueError(f"distances must be a list of numbers above 0 pixels, got {distances}")
    if angles.ndim != 1 or angles.size == 0 or not np.isfinite(angles).all():
        raise ValueError(f"angles must be a list of numbers in radians, got {angles}")
    exact = np.stack([distances[:, None] * np.sin(angles), distances[:, None] * np.cos(angles)], axis=-1)
    return np.trunc(exact + np.copysign(0.5, exact)).astype(np.int64).reshape(-1, 2)
