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

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from medlab.features.color import hsv_histogram, hsv_names
from medlab.features.glcm import glcm_features
from medlab.features.haar import haar_features
from medlab.features.hog import hog_features
from medlab.features.intensity import intensity_features
from medlab.features.lbp import lbp_histogram
from medlab.features.margin import margin_features
from medlab.features.shape import shape_features


class _Step(TransformerMixin, BaseEstimator):
    """What all have in common. A class names its function, whose keyword options become those of the class."""

    _function: ClassVar[Callable]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_function" not in vars(cls):
            return
        options = [
            option.replace(default=None) if option.default is option.empty else option
            for option in inspect.signature(cls._function).parameters.values()
            if option.kind is option.KEYWORD_ONLY and option.name != "masks"  # each X has masks of its own
        ]
        signature = inspect.Signature([inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY), *options])

        def __init__(self, **chosen):
            bound = signature.bind(self, **chosen)
            bound.apply_defaults()
            for option in options:
                setattr(self, option.name, bound.arguments[option.name])

        __init__.__signature__ = signature  # scikit-learn reads the names of the options here
        cls.__init__ = __init__

    def fit(self, X: Sequence, y: Any = None) -> "_Step":
        """Note the names of the features, from the first image; labels are not looked at."""
        if len(X) == 0:
            raise ValueError(f"{type(self).__name__} needs at least one image to fit, got none")
        self._learn(X[0])
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

    _one_size = False  # must later images have the size of the first?

    def _learn(self, first: Any) -> None:
        self.shape_ = np.shape(first)
        self.names_ = self._names(self._rows([first]).shape[1])

    def transform(self, X: Sequence) -> np.ndarray:
        """One row an image, (N, F)."""
        check_is_fitted(self, "names_")
        if len(X) == 0:
            return np.empty((0, len(self.names_)), np.float32)
        shapes = {np.shape(x) for x in X}
        if self._one_size and shapes != {self.shape_}:
            other = next(shape for shape in shapes if shape != self.shape_)
            raise ValueError(f"{type(self).__name__} was fitted on images of {self.shape_}, got {other}")
        return self._rows(X) if len(shapes) == 1 else np.concatenate([self._rows([x]) for x in X])

    def _names(self, n: int) -> list[str]:
        return [str(i) for i in range(n)]

    def _rows(self, images: Sequence) -> np.ndarray:
        plain = isinstance(images, np.ndarray) and images.dtype != object
        return type(self)._function(images if plain else np.stack(images), **self.get_params(deep=False))


class _Measures(_Step):
    """Features of a lesion that come as a dict of names."""

    _parts: ClassVar[tuple[str, ...]]  # of an item of X; a spacing of its own may follow

    def _learn(self, first: Any) -> None:
        self.names_ = list(self._of(first))

    def transform(self, X: Sequence) -> np.ndarray:
        """One row a lesion, (N, F)."""
        check_is_fitted(self, "names_")
        rows = []
        for i, item in enumerate(X):
            measures = self._of(item)
            if list(measures) != self.names_:
                raise ValueError(f"item {i} gives other features than the first when fitted: 2-D and 3-D do not mix")
            rows.append(list(measures.values()))
        return np.array(rows, float).reshape(-1, len(self.names_))

    def _of(self, item: Any) -> dict[str, float]:
        n = len(self._parts)
        item = item if isinstance(item, (tuple, list)) or n > 1 else (item,)
        if not isinstance(item, (tuple, list)) or len(item) not in (n, n + 1):
            parts = ", ".join(self._parts)
            got = f"{len(item)} parts" if isinstance(item, (tuple, list)) else type(item).__name__
            raise ValueError(f"{type(self).__name__} takes ({parts}) or ({parts}, spacing), got {got}")
        options = self.get_params(deep=False)
        if len(item) > n:
            options["spacing"] = item[n]
        return type(self)._function(*item[:n], **options)


class Haar(_Texture):
    """Haar-like features of grey images of one size; options as in `haar_features`."""

    _function = staticmethod(haar_features)
    _one_size = True


class LBP(_Texture):
    """Histograms of local binary patterns; options as in `lbp_histogram`."""

    _function = staticmethod(lbp_histogram)


class GLCM(_Texture):
    """Properties of grey-level co-occurrence; options as in `glcm_features`."""

    _function = staticmethod(glcm_features)

    def _names(self, n: int) -> list[str]:
        properties = (self.properties,) if isinstance(self.properties, str) else self.properties
        degrees = [f"{np.degrees(angle):.3g}" for angle in self.angles]
        return [f"{name}_d{d:g}_a{angle}" for name in properties for d in self.distances for angle in degrees]


class HOG(_Texture):
    """Histograms of oriented gradients; options as in `hog_features`."""

    _function = staticmethod(hog_features)
    _one_size = True


class HSV(_Texture):
    """Histograms of hue, saturation and value; options as in `hsv_histogram`."""

    _function = staticmethod(hsv_histogram)

    def _names(self, n: int) -> list[str]:
        return hsv_names(self.bins)


class Shape(_Measures):
    """Size and form of masks; options as in `shape_features`, spacing None where X holds pairs (mask, spacing)."""

    _function = staticmethod(shape_features)
    _parts = ("mask",)


class Intensity(_Measures):
    """First-order statistics of lesions and the rim around them; options as in `intensity_features`."""

    _function = staticmethod(intensity_features)
    _parts = ("image", "mask")


class Margin(_Measures):
    """The border of lesions; options as in `margin_features`."""

    _function = staticmethod(margin_features)
    _parts = ("image", "mask")
