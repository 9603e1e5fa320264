"""The one look of all pictures: colours, sizes, labels, and figures that are drawn once."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette: distinct for every common kind of colour blindness. doi:10.1038/nmeth.1618
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")
OUTLINE = "#F0E442"  # the palette's yellow: seen on black, grey and red alike
SMALL = 9  # points


def row(n: int, *, columns: int | None = None, size: tuple[float, float] = (4.0, 3.6)) -> tuple[Figure, list[Axes]]:
    """An empty closed figure with `n` panels to fill by hand, side by side or in so many columns.

    Args:
        size: Width and height of one panel in inches.
    """
    columns = columns or n
    rows = -(-n // columns)
    fig, panels = figure(rows, columns, (size[0] * columns, size[1] * rows), layout="constrained")
    for unused in panels.flat[n:]:
        unused.set_visible(False)
    return fig, list(panels.flat[:n])


def axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The Axes given, or those of a new figure of this size in inches."""
    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def figure(
    rows: int, columns: int, size: tuple[float, float], *, layout: str = "compressed", **options
) -> tuple[Figure, np.ndarray]:
    """A closed figure with a grid of panels; `options` are matplotlib's for the grid."""
    fig, panels = plt.subplots(rows, columns, figsize=size, layout=layout, squeeze=False, gridspec_kw=options)
    plt.close(fig)  # a figure left open and returned by a cell would be drawn twice
    return fig, panels


def label(ax: Axes, title: str, x_label: str, y_label: str) -> None:
    """Title and axis labels in the sizes all pictures share."""
    ax.set_title(title, size=11)
    ax.set_xlabel(x_label, size=SMALL)
    ax.set_ylabel(y_label, size=SMALL)
    ax.tick_params(labelsize=SMALL)


def open_frame(ax: Axes) -> None:
    """Leave out the upper and right line around a chart."""
    ax.spines[["top", "right"]].set_visible(False)
