"""What functions ask of their arguments, said once: each check returns the argument ready for use.

Each error names the argument, what came and what was expected. Labels, patients and images that belong to a data set
are checked here too, so that metrics, features and classifiers refuse the same things in the same words.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

AXES = {1: "(x,)", 2: "(y, x)", 3: "(z, y, x)"}


def image(image: Any, name: str = "image", *, ndim: tuple[int, ...] | None = None, dtype: Any = None) -> np.ndarray:
    """Finite real numbers as floats, before any arithmetic: uint8 would wrap around at 255, int16 at 32767.

    Args:
        ndim: How many axes it may have; None takes any number from 1 on.
        dtype: Of the result; None gives float32, or float64 where float32 would lose digits.
    """
    image = np.asarray(image)
    if image.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got {image.dtype}")
    if image.size == 0 or image.ndim not in (ndim or range(1, 99)):
        axes = " or ".join(AXES[n] for n in ndim) if ndim else "an array"
        raise ValueError(f"{name} must be {axes} with at least one pixel, got shape {image.shape}")
    with np.errstate(over="ignore"):
        image = image.astype(dtype or np.result_type(image.dtype, np.float32), copy=False)
    if not np.isfinite(image).all():
        bad = int(image.size - np.isfinite(image).sum())
        raise ValueError(f"{name} must be finite, got {bad} pixels that are NaN, infinite or too large")
    return image


def mask(
    mask: Any, name: str = "mask", *, shape: tuple[int, ...] | None = None, ndim: tuple[int, ...] | None = None,
    empty: bool = True,
) -> np.ndarray:  # fmt: skip
    """A mask as bool: made of 0 and 1, of the shape or number of axes asked for, and with a pixel unless `empty`."""
    mask = np.asarray(mask)
    if shape is not None and mask.shape != tuple(shape):
        raise ValueError(f"{name} must have the shape of the image, {tuple(shape)}, got {mask.shape}")
    if ndim is not None and (mask.ndim not in ndim or mask.size == 0):
        raise ValueError(
            f"{name} must be {' or '.join(AXES[n] for n in ndim)} with at least one pixel, got shape {mask.shape}"
        )
    if mask.dtype != bool and (mask.dtype.kind not in "iuf" or not np.isin(mask, (0, 1)).all()):
        what = f" from {mask.min()} to {mask.max()}" if mask.dtype.kind in "iuf" else ""
        raise ValueError(f"{name} must hold 0 and 1 only, got {mask.dtype}{what}")
    if not empty and not mask.any():
        raise ValueError(f"{name} must mark at least one pixel, got an empty one")
    return mask.astype(bool, copy=False)


def spacing(spacing: Any, ndim: int, name: str = "spacing") -> tuple[float, ...]:
    """One step an axis in mm; where None came 1 everywhere, so that lengths are in pixels."""
    if spacing is None:
        return (1.0,) * ndim
    steps = np.atleast_1d(np.asarray(spacing, dtype=float))
    if steps.shape != (ndim,) or not (np.isfinite(steps).all() and (steps > 0).all()):
        raise ValueError(f"{name} must be {ndim} numbers above 0 mm, one an axis, got {spacing}")
    return tuple(steps.tolist())


def number(
    value: Any, name: str, *, low: float = -np.inf, high: float = np.inf, above: float | None = None, unit: str = ""
) -> float:
    """A finite number from `low` to `high`; with `above`, above that instead of from `low` on."""
    floor = low if above is None else above
    try:
        fits = np.ndim(value) == 0 and np.isfinite(value) and floor <= value <= high and value != above
    except TypeError:
        fits = False
    if not fits:
        ends = f"above {above:g}" if above is not None else f"from {low:g}" if np.isfinite(low) else ""
        ends += f" to {high:g}" if np.isfinite(high) else " on" if ends.startswith("from") else ""
        words = " ".join(part for part in (ends or "finite", unit) if part)
        raise ValueError(f"{name} must be a number {words}, got {value!r}")
    return float(value)


def whole(value: Any, name: str, *, low: int = 0, high: int | None = None) -> int:
    """A whole number from `low` to `high`; True and False are none."""
    try:
        fits = not isinstance(value, (bool, np.bool_)) and value == int(value) and low <= value
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits or (high is not None and value > high):
        ends = f"of {low} or more" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {ends}, got {value!r}")
    return int(value)


def choice(value: Any, name: str, options: Iterable) -> Any:
    """One of the options."""
    options = list(options)
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value


def generator(rng: Any) -> np.random.Generator:
    """A NumPy generator; a seed or None would hide where the randomness comes from."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a generator such as np.random.default_rng(0), got {rng!r}")
    return rng


def point(point: Any, shape: tuple[int, ...], name: str = "point") -> tuple[int, ...]:
    """A voxel index; refused outside the image and between voxels."""
    at = np.atleast_1d(np.asarray(point))
    if at.shape != (len(shape),) or at.dtype.kind not in "iuf" or not (at == np.round(at)).all():
        raise ValueError(f"{name} must be {len(shape)} whole numbers, a voxel index, got {point}")
    if not all(0 <= i < n for i, n in zip(at, shape)):
        raise ValueError(f"{name} {tuple(at.tolist())} lies outside the image of shape {shape}")
    return tuple(int(i) for i in at)


def labels(y: Any, name: str = "y") -> np.ndarray:
    """(N,) classes as whole numbers from 0, at least two of them, none left out."""
    y = np.asarray(y)
    if y.ndim != 1 or len(y) == 0:
        raise ValueError(f"{name} must be a row (N,) with the class of each case, got shape {y.shape}")
    if y.dtype.kind not in "iubf":
        raise ValueError(f"{name} must be whole numbers from 0, got {y.dtype} such as {y[0]!r}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"{name} must be known for each case, {int((~np.isfinite(y)).sum())} are NaN or infinite")
    if not np.array_equal(y, np.round(y)) or y.min() < 0:
        raise ValueError(f"{name} must be whole numbers from 0, got {y.dtype} from {y.min()} to {y.max()}")
    y = y.astype(int)
    classes = np.unique(y)
    if len(classes) == 1:
        raise ValueError(f"{name} holds one class only ({classes[0]}); there is nothing to tell apart")
    if len(classes) <= y.max():
        missing = sorted(set(range(min(y.max(), 1000))) - set(classes.tolist()))
        raise ValueError(f"{name} must hold every class from 0 to {y.max()}, there is no case of {missing[:5]}; renumber")
    return y


def patients(groups: Sequence | None, n: int, name: str = "groups") -> np.ndarray | None:
    """(N,) the patient of each case, as an array without objects, or None; an error if one is missing."""
    if groups is None:
        return None
    names = np.asarray(groups)
    if names.shape != (n,):
        raise ValueError(f"{name} must name the patient of each of the {n} cases, got shape {names.shape}")
    missing = sum(patient is None or patient != patient for patient in names.tolist())  # NaN is not itself
    if missing:
        raise ValueError(f"{name} must name the patient of each case, {missing} are missing")
    return names.astype(str) if names.dtype == object else names


def box(mask: np.ndarray) -> tuple[slice, ...]:
    """The smallest box around a mask that is not empty, as one slice an axis."""
    from scipy.ndimage import find_objects

    (found,) = find_objects(np.asarray(mask, bool).view(np.uint8))
    return found
