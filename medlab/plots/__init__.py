"""Pictures in one look: images in mm with a grey scale, overlays, planes, histograms, curves with bands, performance.

One panel takes `ax=None` and returns the Axes; several panels return a closed Figure, ready to be a cell's last line.
"""

from medlab.plots.charts import curves, histogram
from medlab.plots.images import grid, image, planes
from medlab.plots.overlays import boxes, mask
from medlab.plots.performance import calibration, confusion, forest, roc
from medlab.plots.style import COLORS, LINES, MARKERS, row
from medlab.plots.training import feature_maps, filters, training_curves

__all__ = [
    "COLORS",
    "LINES",
    "MARKERS",
    "boxes",
    "calibration",
    "confusion",
    "curves",
    "feature_maps",
    "filters",
    "forest",
    "grid",
    "histogram",
    "image",
    "mask",
    "planes",
    "roc",
    "row",
    "training_curves",
]
