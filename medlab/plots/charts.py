"""Numbers as pictures: histograms with a window, curves with bands for their intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from medlab.plots.images import grey_range
from medlab.plots.style import COLORS, LINES, MARKERS, SMALL, axes, label, open_frame


def histogram(
    values: np.ndarray,
    *,
    window: tuple[float, float] | None = None,
    unit: str = "",
    bins: int = 200,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Count how often each value occurs, on a logarithmic scale, with the range that a window shows as grey."""
    ax = axes(ax, (6.4, 2.9))
    values = np.asarray(values)
    ax.hist(values.astype(float).ravel(), bins=bins, color=COLORS[0], log=True)
    if window is not None:
        low, high = grey_range(values, window, None)
        ax.axvspan(low, high, color=COLORS[4], alpha=0.3, label=f"window {low:.0f} to {high:.0f} {unit}".rstrip())
        ax.legend(fontsize=SMALL)
    label(ax, title, unit or "value", "pixels")
    open_frame(ax)
    return ax


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw named curves over x, each with its own colour, line and marker; points that are `Interval`s get a band.

    Args:
        lines: Name to values, numbers or `metrics.Interval`s, as many as `x`.

    Raises:
        ValueError: If a curve has not as many points as `x`.
    """
    ax = axes(ax, (6.4, 3.6))
    for i, (name, points) in enumerate(lines.items()):
        if len(points) != len(x):
            raise ValueError(f"curve {name!r} has {len(points)} points, x has {len(x)}")
        color = COLORS[i % len(COLORS)]
        middle = [getattr(p, "value", p) for p in points]
        few = len(x) <= 30
        ax.plot(
            x, middle, color=color, label=name, linestyle=LINES[i % len(LINES)],
            marker=MARKERS[i % len(MARKERS)] if few else None, markersize=5,
        )  # fmt: skip
        if all(hasattr(p, "low") for p in points):
            ax.fill_between(x, [p.low for p in points], [p.high for p in points], color=color, alpha=0.2, linewidth=0)
    label(ax, title, x_label, y_label)
    open_frame(ax)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=SMALL)
    return ax
