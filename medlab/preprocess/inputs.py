"""What the functions of this folder ask of their input, in one place: each check names the argument and what came."""

import numpy as np


def finite(image: np.ndarray, *, name: str = "image", dtype: type = np.float32) -> np.ndarray:
    """The image as floating-point numbers, refused if it is empty, holds NaN or infinity, or is not made of numbers.

    Integers are converted before any arithmetic: uint8 would wrap around at 255, int16 at 32767.
    """
    image = np.asarray(image)
    if image.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be an array of real numbers, got {image.dtype}")
    if image.ndim == 0 or image.size == 0:
        raise ValueError(f"{name} must have at least one axis and one pixel, got shape {image.shape}")
    with np.errstate(over="ignore"):
        image = image.astype(dtype)
    if not np.isfinite(image).all():
        bad = int(image.size - np.isfinite(image).sum())
        raise ValueError(f"{name} must hold finite numbers, got {bad} pixels that are NaN, infinite or beyond float32")
    return image


def gray(image: np.ndarray, what: str) -> None:
    """Refuse what is not a gray image (y, x) or volume (z, y, x); colors on the last axis would pass for columns."""
    if image.ndim not in (2, 3):
        raise ValueError(f"{what} takes an image (y, x) or a volume (z, y, x), got shape {image.shape}")
    if image.ndim == 3 and image.shape[-1] in (3, 4):
        raise ValueError(f"{what} takes gray images; shape {image.shape} looks like color: give one channel at a time")


def not_negative(image: np.ndarray, why: str) -> None:
    """Refuse values below 0, and say why."""
    if image.min() < 0:
        raise ValueError(f"image must not be negative ({why}), got values from {image.min():g}")


def unit_range(image: np.ndarray) -> np.ndarray:
    """The image as float32 in [0, 1]; refused outside, but for the rounding of whatever made it."""
    image = finite(image)
    low, high = image.min(), image.max()
    if low < -1e-6 or high > 1 + 1e-6:
        raise ValueError(f"image must lie in [0, 1], got {low:g} to {high:g}: use window (CT) or rescale first")
    return np.clip(image, 0, 1)


def varied(values: np.ndarray, what: str) -> None:
    """Refuse a constant image: there is nothing to stretch."""
    if values.min() == values.max():
        raise ValueError(f"{what} needs an image with at least two values, got a constant one ({values.min():g})")


def mask_of(mask: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """The mask as bool; refused if it is of another shape than the image, empty, or not made of 0 and 1."""
    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.shape != shape:
        raise ValueError(f"mask must have the shape of the image, {shape}, got {mask.shape}")
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise ValueError(f"mask must hold 0 and 1 only, got {mask.dtype} from {mask.min()} to {mask.max()}")
    if not mask.any():
        raise ValueError("mask must mark at least one pixel, got an empty one")
    return mask.astype(bool)


def spacing_of(spacing: tuple[float, ...] | None, ndim: int, *, name: str = "spacing") -> np.ndarray:
    """Spacing as an array, 1 an axis where None came; refused unless it is `ndim` finite numbers above 0 mm."""
    if spacing is None:
        return np.ones(ndim)
    steps = np.asarray(spacing, dtype=float)
    if steps.shape != (ndim,) or not (np.isfinite(steps).all() and (steps > 0).all()):
        raise ValueError(f"{name} must be {ndim} numbers above 0 mm, one an axis, got {spacing}")
    return steps


def above_zero(value: float, name: str, unit: str = "") -> float:
    """A finite number above 0."""
    if not (np.ndim(value) == 0 and 0 < value < np.inf):
        raise ValueError(f"{name} must be a number above 0{unit and ' ' + unit}, got {value}")
    return float(value)


def zero_or_more(value: float, name: str, unit: str = "") -> float:
    """A finite number, 0 or more."""
    if not (np.ndim(value) == 0 and 0 <= value < np.inf):
        raise ValueError(f"{name} must be a number of 0 or more{unit and ' ' + unit}, got {value}")
    return float(value)


def number(value: float, name: str) -> float:
    """A finite number of either sign."""
    if not (np.ndim(value) == 0 and np.isfinite(value)):
        raise ValueError(f"{name} must be a finite number, got {value}")
    return float(value)


def whole(value: int, name: str, *, at_least: int) -> int:
    """A whole number from `at_least` on."""
    if not (np.ndim(value) == 0 and at_least <= value < np.inf and value == int(value)):
        raise ValueError(f"{name} must be a whole number, at least {at_least}, got {value}")
    return int(value)


def generator(rng: np.random.Generator) -> np.random.Generator:
    """A NumPy generator; a seed or None would hide where the randomness comes from."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a generator such as np.random.default_rng(0), got {rng!r}")
    return rng
