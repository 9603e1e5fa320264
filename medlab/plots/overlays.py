"""Outlines on an image that is already drawn: masks and boxes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from medlab.plots.style import OUTLINE, SMALL


def mask(region: np.ndarray, *, ax: Axes, spacing: tuple[float, float] | None = None, color: str = OUTLINE) -> Axes:
    """Outline a mask on an image that is already drawn with the same spacing.

    Args:
        region: (y, x), true inside. An empty mask draws nothing.
    """
    region = np.pad(np.asarray(region, dtype=bool), 1)  # so that an outline at the border closes
    down, right = (1.0, 1.0) if spacing is None else spacing
    y, x = ((np.arange(n) - 1) * step for n, step in zip(region.shape, (down, right), strict=True))
    if region.any():
        ax.contour(x, y, region, levels=[0.5], colors=[color], linewidths=1.6)
    return ax


def boxes(
    found: Sequence[Sequence[float]],
    *,
    ax: Axes,
    spacing: tuple[float, float] | None = None,
    labels: Sequence[str] = (),
    color: str = OUTLINE,
) -> Axes:
    """Draw boxes (y0, x0, y1, x1), half open and in pixels, on an image that is drawn with the same spacing."""
    down, right = (1.0, 1.0) if spacing is None else spacing
    for i, (y0, x0, y1, x1) in enumerate(found):
        corner = ((x0 - 0.5) * right, (y0 - 0.5) * down)
        ax.add_patch(Rectangle(corner, (x1 - x0) * right, (y1 - y0) * down, fill=False, edgecolor=color, linewidth=1.6))
        if len(labels):
            box = {"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 1}
            above = {"xytext": (0, 4), "textcoords": "offset points"}
            ax.annotate(labels[i], corner, **above, color=color, fontsize=SMALL, bbox=box)
    return ax
