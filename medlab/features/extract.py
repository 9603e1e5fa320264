"""Every image a row, every feature a column: the table that classifiers start from."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab import arguments
from medlab.features.color import hsv_histogram, hsv_names
from medlab.features.glcm import GLCM_PROPERTIES, glcm_features
from medlab.features.haar import haar_features
from medlab.features.hog import hog_features
from medlab.features.intensity import intensity_features
from medlab.features.lbp import lbp_histogram
from medlab.features.margin import margin_features
from medlab.features.shape import shape_features

if TYPE_CHECKING:
    import pandas


@dataclass
class Case:
    """One image on its way into the table; colour is (y, x, 3)."""

    image: np.ndarray
    mask: np.ndarray | None
    spacing: tuple[float, ...] | None

    @property
    def is_colour(self) -> bool:
        """Three planes behind each other, or red, green and blue? The mask or the spacing may tell."""
        axes = self.mask.ndim if self.mask is not None else len(self.spacing) if self.spacing is not None else 2
        return self.image.ndim == 3 and self.image.shape[-1] == 3 and axes == 2

    def grey(self) -> np.ndarray:
        """The image without colour, in its own unit."""
        # luminance weights of ITU-R BT.709, as skimage.color.rgb2gray has them
        return self.image @ np.array([0.2125, 0.7154, 0.0721]) if self.is_colour else self.image

    def plane(self) -> tuple[np.ndarray, np.ndarray | None]:
        """A grey image (y, x) with its mask: of a volume, the axial slice with most of the mask."""
        image = self.grey()
        if image.ndim == 2:
            return image, self.mask
        if self.mask is None:
            raise ValueError("texture of a volume is taken from the slice with most of its mask; there is no mask")
        mask = arguments.mask(self.mask, shape=image.shape, empty=False)
        z = mask.sum(axis=(1, 2)).argmax()
        return image[z], mask[z]


def extract(
    images: Sequence[np.ndarray],
    masks: Sequence[np.ndarray] | None = None,
    *,
    spacing: Sequence[float] | Sequence[Sequence[float]] | Callable[[int], Sequence[float]] | None = None,
    families: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("intensity", "shape", "margin"),
    progress: Callable[[int, int], None] | None = None,
) -> "pandas.DataFrame":
    """Compute families of features for many images; an image that fails is noted and left out.

    `intensity`, `shape` and `margin` measure the lesion in 2-D or 3-D. `haar`, `lbp`, `glcm` and `hog` look at grey
    planes: of a volume at the axial slice with most of the mask, of a colour image at its luminance (`hog` at its
    colours). `lbp`, `glcm` and `hsv` count within the mask where there is one. `glcm` is the mean over directions;
    without `low` and `high` its grey levels divide 0 to 256 in uint8 images and -1000 to 400 HU in others. `haar` and
    `hog` need images of one size.

    Args:
        images: Grey (y, x) or (z, y, x), or colour (y, x, 3); one array, a list, or `dataset.images`, read one by one.
        masks: The lesion in each, of the same shape (without the colour axis).
        spacing: Voxel size in mm: one for all, one an image, or a function that gives that of image i.
        families: Names, or names with options: `{"shape": {}, "intensity": {"rim_width": 3}}`. Options are those of
            `intensity_features`, `shape_features`, `margin_features`, `haar_features`, `lbp_histogram`,
            `glcm_features`, `hog_features`, `hsv_histogram`.
        progress: Called with (done, total) after each image.

    Returns:
        One row an image, index its position in the input; columns start with the family: "shape_sphericity".
        `.attrs["failed"]` maps the position of each image that failed to the reason; it has no row.

    Raises:
        ValueError: If lengths differ, a family is unknown, or needs masks or a spacing that were not given.

    Warns if no image succeeds.

    >>> masks = np.zeros((2, 8, 8), bool)
    >>> masks[0, 2:6, 1:7] = True
    >>> table = extract(masks * 50.0, masks, spacing=(0.5, 0.5), families=["shape"])
    >>> table.loc[0, ["shape_area", "shape_longest_box_side"]].tolist(), table.attrs["failed"]
    ([6.0, 3.0], {1: 'shape: mask must mark at least one pixel, got an empty one'})
    """
    import pandas as pd

    options = _options(families, masks, spacing)
    if masks is not None and len(masks) != len(images):
        raise ValueError(f"there are {len(images)} images but {len(masks)} masks; each image needs its own")
    spacing_of = _spacing_of(spacing, len(images))
    rows, failed = {}, {}
    first: list[str] | None = None
    for i in range(len(images)):
        try:
            row = _row(_case(images, masks, spacing_of, i), options)
            if first is not None and list(row) != first:
                raise _ImageError(f"{len(row)} features where the images before have {len(first)}: sizes must agree")
            first, rows[i] = list(row), row
        except _ImageError as error:  # one bad image of a thousand must not cost the other 999
            failed[i] = str(error)
        if progress is not None:
            progress(i + 1, len(images))
    if failed and not rows:
        position, reason = next(iter(failed.items()))
        warnings.warn(f"none of {len(failed)} images gave features; image {position}: {reason}", stacklevel=2)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=first, dtype=float)
    table.index = table.index.astype(int)
    table.attrs["failed"] = failed
    return table


def _measures(family: str, case: Case, options: dict[str, Any]) -> dict[str, float]:
    """The features of one family; those without a name of their own are numbered."""
    if family == "shape":
        return shape_features(case.mask, spacing=case.spacing, **options)
    if family in ("intensity", "margin"):
        function = intensity_features if family == "intensity" else margin_features
        return function(case.grey(), case.mask, spacing=case.spacing, **options)
    if family == "hsv" and not case.is_colour:
        raise ValueError(f"the image must be colour, (y, x, 3), got shape {case.image.shape}")
    in_colour = family == "hsv" or (family == "hog" and case.is_colour)
    image, mask = (case.image, case.mask) if in_colour else case.plane()
    within = {"masks": None if mask is None else mask[None]}
    if family == "glcm":
        options = {"properties": GLCM_PROPERTIES[:6], "distances": (1,), "low": None, "high": None} | options
        if options["low"] is None and options["high"] is None:
            options["low"], options["high"] = _grey_range(case.image)
        by_angle = glcm_features(image[None], **within, **options)
        properties = options["properties"] if not isinstance(options["properties"], str) else (options["properties"],)
        names = [f"{name}_d{distance:g}" for name in properties for distance in options["distances"]]
        row = by_angle.reshape(len(names), -1).mean(axis=1)
    elif family == "hsv":
        names, (row,) = hsv_names(**options), hsv_histogram(image[None], **within, **options)
    else:
        function = {"haar": haar_features, "lbp": lbp_histogram, "hog": hog_features}[family]
        (row,) = function(image[None], **(within if family == "lbp" else {}), **options)
        names = map(str, range(len(row)))
    return dict(zip(names, row.tolist(), strict=True))


def _grey_range(image: np.ndarray) -> tuple[float, float]:
    if image.dtype == np.uint8:
        return 0, 256
    if image.min() >= 0 and image.max() <= 1:
        raise ValueError("the image runs from 0 to 1, so it is not HU: give the options low and high of glcm")
    return -1000, 400


_FAMILIES = ("intensity", "shape", "margin", "haar", "lbp", "glcm", "hog", "hsv")
_NEEDS_MASK = ("intensity", "shape", "margin")
_NEEDS_SPACING = ("shape", "margin")


def _options(families: Any, masks: Any, spacing: Any) -> dict[str, Mapping[str, Any]]:
    if isinstance(families, str):
        families = [families]
    options = {name: families[name] if isinstance(families, Mapping) else {} for name in families}
    if not options or not set(options) <= set(_FAMILIES):
        raise ValueError(f"families must be some of {', '.join(_FAMILIES)}, got {list(options)}")
    for name in options:
        if name in _NEEDS_MASK and masks is None:
            raise ValueError(f"family {name!r} measures lesions: it needs masks")
        if name in _NEEDS_SPACING and spacing is None:
            raise ValueError(f"family {name!r} measures in mm: it needs spacing (1 an axis measures in voxels)")
    return options


def _spacing_of(spacing: Any, n: int) -> Callable[[int], tuple[float, ...] | None]:
    """The spacing of image i, from one for all, one an image, or a function."""
    if spacing is None:
        return lambda i: None
    if callable(spacing):
        return lambda i: tuple(spacing(i))
    if all(np.isscalar(step) for step in spacing):
        return lambda i: tuple(spacing)
    if len(spacing) != n:
        raise ValueError(f"there are {n} images but {len(spacing)} spacings; give one for all, or one an image")
    return lambda i: tuple(spacing[i])


class _ImageError(Exception):
    """What is wrong with one image."""


def _case(images: Any, masks: Any, spacing_of: Callable, i: int) -> Case:
    try:
        image = np.asarray(images[i])
        mask = None if masks is None else np.asarray(masks[i])
        spacing = spacing_of(i)
    except Exception as error:  # a broken file may raise anything
        raise _ImageError(f"reading: {type(error).__name__}: {error}") from error
    if image.ndim not in (2, 3) or image.dtype.kind not in "iufb":
        what = f"{image.shape} {image.dtype}"
        raise _ImageError(f"reading: an image is (y, x), (z, y, x) or (y, x, 3) and holds numbers, got {what}")
    return Case(image, mask, spacing)


def _row(case: Case, options: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    row = {}
    for family, chosen in options.items():
        try:
            row |= {f"{family}_{name}": value for name, value in _measures(family, case, dict(chosen)).items()}
        except (ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
            raise _ImageError(f"{family}: {error}") from error
    return row
