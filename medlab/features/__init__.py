"""Images as numbers: texture, edges, colour, form and intensity; as functions, as one table, as scikit-learn steps.

    table = features.extract(images, masks, spacing=spacing)    # one row a lesion
    model = make_pipeline(features.HOG(), StandardScaler(), LogisticRegression())

scikit-learn is imported when one of the steps (`Haar`, `LBP`, ...) is first used, other libraries when a function is
called that needs them.
"""

from importlib import import_module

from medlab.features.color import color_moments, hsv_histogram, stains
from medlab.features.extract import extract
from medlab.features.glcm import glcm_features, quantize
from medlab.features.haar import haar_boxes, haar_coords, haar_count, haar_features, integral_image
from medlab.features.hog import hog_features
from medlab.features.intensity import intensity_features
from medlab.features.lbp import lbp_codes, lbp_histogram
from medlab.features.margin import margin_features
from medlab.features.shape import shape_features

_STEPS = ("GLCM", "HOG", "HSV", "LBP", "Haar", "Intensity", "Margin", "Shape")

__all__ = [
    *_STEPS,
    "color_moments",
    "extract",
    "glcm_features",
    "haar_boxes",
    "haar_coords",
    "haar_count",
    "haar_features",
    "hog_features",
    "hsv_histogram",
    "integral_image",
    "intensity_features",
    "lbp_codes",
    "lbp_histogram",
    "margin_features",
    "quantize",
    "shape_features",
    "stains",
]


def __getattr__(name: str):
    if name in _STEPS:
        return getattr(import_module("medlab.features.transformers"), name)
    raise AttributeError(f"module 'medlab.features' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
