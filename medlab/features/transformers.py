"""The features as steps of a scikit-learn pipeline.

    make_pipeline(features.HOG(), StandardScaler(), LogisticRegression()).fit(images, labels)
    GridSearchCV(make_pipeline(features.LBP(), SVC()), {"lbp__radius": [1, 2, 3]})

They learn nothing from the labels and nothing from the grey values; `fit` notes how many features there are and, where
it matters, the size of the images. X is one of

- `Haar`, `HOG`: grey images of one size, (N, y, x) or a list; `HOG` takes colour too, (N, y, x, 3).
- `LBP`, `GLCM`: grey images (y, x), in an array or a list, of any sizes. `HSV`: colour images (y, x, 3), the same.
- `Shape`: a list (or array) of masks; or of pairs (mask, spacing) where every lesion has a spacing of its own.
- `Intensity`, `Margin`: a list of pairs (image, mask), or (image, mask, spacing).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from medlab.features.color import hsv_histogram, hsv_names
from medlab.features.glcm import GLCM_PROPERTIES, glcm_features
from medlab.features.haar import haar_features
from medlab.features.hog import hog_features
from medlab.features.intensity import intensity_features
from medlab.features.lbp import lbp_histogram
from medlab.features.margin import margin_features
from medlab.features.shape import shape_features


class _Step(TransformerMixin, BaseEstimator):
    """What all have in common: options are those of the function, in `get_params`; names start with the class."""

    def fit(self, X: Sequence, y: Any = None) -> "_Step":
        """Note the names of the features, from the first image; labels are not looked at."""
        if len(X) == 0:
            raise ValueError(f"{type(self).__name__} needs at least one image to fit, got none")
        self._learn(X)
        return self

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns, such as "hog_0" or "shape_volume"."""
        check_is_fitted(self, "names_")
        return np.array([f"{type(self).__name__.lower()}_{name}" for name in self.names_], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags


class _Texture(_Step):
    """Features of images (N, y, x) that come as one row an image."""

    _compute: Callable[..., np.ndarray]
    _one_size = False  # must later images have the size of the first?

    def _learn(self, X: Sequence) -> None:
        first = np.asarray(X[0])
        self.shape_ = first.shape
        self.names_ = self._names(self._of(first[None]).shape[1])

    def transform(self, X: Sequence) -> np.ndarray:
        """One row an image, (N, F)."""
        check_is_fitted(self, "names_")
        if len(X) == 0:
            return np.empty((0, len(self.names_)), np.float32)
        shapes = [X.shape[1:]] if isinstance(X, np.ndarray) and X.dtype != object else [np.shape(x) for x in X]
        if self._one_size and set(shapes) != {self.shape_}:
            other = next(shape for shape in shapes if shape != self.shape_)
            raise ValueError(f"{type(self).__name__} was fitted on images of {self.shape_}, got {other}")
        if len(set(shapes)) == 1:
            return self._of(np.asarray(X if isinstance(X, np.ndarray) and X.dtype != object else list(X)))
        return np.concatenate([self._of(np.asarray(x)[None]) for x in X])

    def _names(self, n: int) -> list[str]:
        return [str(i) for i in range(n)]

    def _of(self, images: np.ndarray) -> np.ndarray:
        return type(self)._compute(images, **self.get_params(deep=False))


class _Measures(_Step):
    """Features of a lesion that come as a dict of names."""

    def _learn(self, X: Sequence) -> None:
        self.names_ = list(self._of(X[0]))

    def transform(self, X: Sequence) -> np.ndarray:
        """One row a lesion, (N, F)."""
        check_is_fitted(self, "names_")
        rows = []
        for i, item in enumerate(X):
            found = self._of(item)
            if list(found) != self.names_:
                raise ValueError(f"item {i} gives other features than the first when fitted: 2-D and 3-D do not mix")
            rows.append(list(found.values()))
        return np.array(rows, float).reshape(-1, len(self.names_))

    def _of(self, item: Any) -> dict[str, float]:
        raise NotImplementedError


class Haar(_Texture):
    """Haar-like features of grey images of one size; options as in `haar_features`."""

    _compute = staticmethod(haar_features)
    _one_size = True

    def __init__(self, *, types=None, coords=None, chunk=None):
        self.types = types
        self.coords = coords
        self.chunk = chunk


class LBP(_Texture):
    """Histograms of local binary patterns; options as in `lbp_histogram`."""

    _compute = staticmethod(lbp_histogram)

    def __init__(self, *, points=8, radius=1, method="uniform", cells=(1, 1), normalize=True):
        self.points = points
        self.radius = radius
        self.method = method
        self.cells = cells
        self.normalize = normalize


class GLCM(_Texture):
    """Properties of grey-level co-occurrence; options as in `glcm_features`."""

    _compute = staticmethod(glcm_features)

    def __init__(
        self,
        *,
        levels=32,
        low=None,
        high=None,
        distances=(1,),
        angles=(0, np.pi / 4, np.pi / 2, 3 * np.pi / 4),
        symmetric=True,
        properties=GLCM_PROPERTIES[:6],
    ):
        self.levels = levels
        self.low = low
        self.high = high
        self.distances = distances
        self.angles = angles
        self.symmetric = symmetric
        self.properties = properties

    def _names(self, n: int) -> list[str]:
        properties = (self.properties,) if isinstance(self.properties, str) else self.properties
        degrees = [f"{np.degrees(angle):.3g}" for angle in self.angles]
        return [f"{name}_d{d:g}_a{angle}" for name in properties for d in self.distances for angle in degrees]


class HOG(_Texture):
    """Histograms of oriented gradients; options as in `hog_features`."""

    _compute = staticmethod(hog_features)
    _one_size = True

    def __init__(self, *, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2)):
        self.orientations = orientations
        self.pixels_per_cell = pixels_per_cell
        self.cells_per_block = cells_per_block


class HSV(_Texture):
    """Histograms of hue, saturation and value; options as in `hsv_histogram`."""

    _compute = staticmethod(hsv_histogram)

    def __init__(self, *, bins=(8, 4, 4)):
        self.bins = bins

    def _names(self, n: int) -> list[str]:
        return hsv_names(self.bins)


class Shape(_Measures):
    """Size and form of masks, options as in `shape_features`.

    Args:
        spacing: mm between voxels, one for all; None where X holds pairs (mask, spacing).
    """

    def __init__(self, *, spacing=None):
        self.spacing = spacing

    def _of(self, item: Any) -> dict[str, float]:
        mask, spacing = item if isinstance(item, tuple) else (item, self.spacing)
        if spacing is None:
            raise ValueError("Shape measures in mm: give spacing, or pairs (mask, spacing)")
        return shape_features(mask, spacing=spacing)


class _Pairs(_Measures):
    """Features of an image and its mask."""

    _compute: Callable[..., dict[str, float]]

    def _of(self, item: Any) -> dict[str, float]:
        if len(item) not in (2, 3) or (isinstance(item, np.ndarray) and len(item) == 3):
            raise ValueError(
                f"{type(self).__name__} takes (image, mask) or (image, mask, spacing), got {len(item)} parts"
            )
        options = self.get_params(deep=False)
        if len(item) == 3:
            options["spacing"] = item[2]
        return type(self)._compute(item[0], item[1], **options)


class Intensity(_Pairs):
    """First-order statistics of lesions and the rim around them; options as in `intensity_features`."""

    _compute = staticmethod(intensity_features)

    def __init__(
        self, *, spacing=None, rim_width=2.0, bin_width=25.0, solid_above=-300.0, calcified_above=200.0
    ):  # fmt: skip
        self.spacing = spacing
        self.rim_width = rim_width
        self.bin_width = bin_width
        self.solid_above = solid_above
        self.calcified_above = calcified_above


class Margin(_Pairs):
    """The border of lesions; options as in `margin_features`."""

    _compute = staticmethod(margin_features)

    def __init__(self, *, spacing=None, smoothing=0.7, dense_above=-500.0):
        self.spacing = spacing
        self.smoothing = smoothing
        self.dense_above = dense_above
