"""Images with a grey scale and millimetres: one, a grid of them, three planes of a volume."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medlab import arguments
from medlab.plots.overlays import mask
from medlab.plots.style import OUTLINE, SMALL, axes, figure, label


def image(
    pixels: np.ndarray,
    *,
    spacing: tuple[float, float] | None = None,
    window: tuple[float, float] | None = None,
    limits: tuple[float, float] | None = None,
    unit: str = "",
    title: str = "",
    sides: str = "",
    scale: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Show one image with its grey scale, in millimetres where the spacing is known.

    Args:
        pixels: (y, x), or (y, x, 3) in colour (uint8, or float in [0, 1]).
        spacing: Row and column distance in mm; None counts pixels.
        window: Center and width of the grey range, in the unit of the values.
        limits: Lowest and highest grey instead of a window; neither: the range of the image.
        unit: What the values are, for the scale ("HU").
        title: Short; the long story belongs into the text.
        sides: Letters for the left, right and top edge: "RLA" for an axial slice as radiologists look at it.
        scale: Draw the bar that says which grey is which value.
        ax: Where to draw; None makes a figure.

    Raises:
        ValueError: If `pixels` is not one image.
    """
    pixels = np.asarray(pixels)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] not in (3, 4)):
        raise ValueError(f"image draws one image (y, x) or (y, x, 3), got shape {pixels.shape}; choose a slice")
    ax = axes(ax, (4.6, 3.9))
    low, high = grey_range(pixels, window, limits)
    rows, columns = pixels.shape[:2]
    down, right = (1.0, 1.0) if spacing is None else spacing
    extent = (-0.5 * right, (columns - 0.5) * right, (rows - 0.5) * down, -0.5 * down)
    shown = ax.imshow(pixels, cmap="gray", vmin=low, vmax=high, extent=extent, interpolation="nearest")
    ax.autoscale(False)  # an overlay that reaches over the edge must not widen the picture
    label(ax, title, *(f"{name} in {'pixels' if spacing is None else 'mm'}" for name in "xy"))
    _mark_sides(ax, sides)
    if scale and pixels.ndim == 2:
        beyond = beyond_ends(pixels, low, high)
        beside = ax.inset_axes((1.03, 0, 0.05, 1))  # as tall as the image, whatever its shape
        _scale_bar(ax.figure.colorbar(shown, cax=beside, extend=beyond), unit)
    return ax


def grid(
    images: Sequence[np.ndarray],
    *,
    titles: Sequence[str] = (),
    columns: int = 4,
    spacing: tuple[float, float] | None = None,
    window: tuple[float, float] | None = None,
    limits: tuple[float, float] | None = None,
    unit: str = "",
) -> Figure:
    """Show several images side by side, in one grey range so that they can be compared."""
    if len(images) == 0:
        raise ValueError("grid needs at least one image, got none")
    if len(titles) not in (0, len(images)):
        raise ValueError(f"grid needs a title for each of {len(images)} images or none, got {len(titles)}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    fig, panels = figure(rows, columns, (3.1 * columns, 3.0 * rows))
    grey = [np.asarray(picture) for picture in images if np.ndim(picture) == 2]
    if grey and window is None and limits is None:
        limits = (min(g.min() for g in grey), max(g.max() for g in grey))
    for panel, picture, title in zip_longest(panels.flat, images, titles):
        if picture is None:
            panel.set_visible(False)
            continue
        options = {"spacing": spacing, "window": window, "limits": limits, "unit": unit, "title": title or ""}
        image(picture, **options, ax=panel, scale=False)
    if grey:
        first = next(panel.images[0] for panel in panels.flat if panel.images[0].get_array().ndim == 2)
        _scale_bar(fig.colorbar(first, ax=panels, fraction=0.03, pad=0.02), unit)
    return fig


def planes(
    volume: np.ndarray,
    *,
    spacing: tuple[float, float, float] | None = None,
    point: tuple[int, int, int] | None = None,
    window: tuple[float, float] | None = None,
    unit: str = "",
    region: np.ndarray | None = None,
    letters: bool = True,
) -> Figure:
    """Show the three planes through a point of a volume, in mm; dashed lines mark where the other planes cut.

    Args:
        volume: (z, y, x), axes along the body as `io.reorient` gives them.
        spacing: (z, y, x) in mm; None counts voxels.
        point: Voxel (z, y, x) to cut through; None is the middle.
        region: (z, y, x) mask to outline.
        letters: Mark right, left, front (A), back (P) and head (S). False for volumes of unknown orientation.

    Raises:
        ValueError: If the volume has not three axes or the point lies outside.
    """
    volume = np.asarray(volume)
    if volume.ndim != 3:
        raise ValueError(f"planes needs a volume (z, y, x), got shape {volume.shape}")
    z, y, x = arguments.point([n // 2 for n in volume.shape] if point is None else point, volume.shape)
    if region is not None:
        region = arguments.mask(region, "region", shape=volume.shape)
    limits = grey_range(volume, window, None)
    dz, dy, dx = (1.0, 1.0, 1.0) if spacing is None else spacing
    cuts = [  # title and axes, slices, spacing, dashed lines (vertical, horizontal), letters (left, right, top)
        (("axial", "x", "y"), np.s_[z], (dy, dx), (x * dx, y * dy), "RLA"),
        (("coronal", "x", "z"), np.s_[:, y], (dz, dx), (x * dx, z * dz), "RLS"),
        (("sagittal", "y", "z"), np.s_[:, :, x], (dz, dy), (y * dy, z * dz), "APS"),
    ]
    heights, widths = np.transpose([np.multiply(volume[cut].shape, step) for _, cut, step, _, _ in cuts])
    inches = min(7.6 / widths.sum(), 5.5 / heights.max())  # a millimetre is equally long in all three
    size = (inches * widths.sum() + 3.9, max(inches * heights.max() + 1.3, 2.2))
    fig, ((*panels,),) = figure(1, 3, size, layout="constrained", width_ratios=widths)
    for panel, (axes_of_cut, cut, step, (vertical, horizontal), marks) in zip(panels, cuts, strict=True):
        name, across, up = axes_of_cut
        image(volume[cut], spacing=step, limits=limits, sides=marks if letters else "", scale=False, ax=panel)
        if region is not None:
            mask(region[cut], spacing=step, ax=panel)
        dashes = {"color": OUTLINE, "linewidth": 0.9, "linestyle": "--", "alpha": 0.8}
        panel.axvline(vertical, **dashes)
        panel.axhline(horizontal, **dashes)
        label(panel, name, *(f"{axis} in {'voxels' if spacing is None else 'mm'}" for axis in (across, up)))
        if name != "axial":
            panel.invert_yaxis()  # the head is up
    _scale_bar(fig.colorbar(panels[0].images[0], ax=panels, fraction=0.03, shrink=0.7), unit)
    return fig


def _scale_bar(bar, unit: str) -> None:
    bar.set_label(unit or "pixel value", size=SMALL)
    bar.ax.tick_params(labelsize=SMALL)


def grey_range(pixels: np.ndarray, window, limits) -> tuple[float, float]:
    """Lowest and highest grey: of the window, else the limits, else the range of the image."""
    if window is not None:
        center, width = window
        if not width > 0:
            raise ValueError(f"a window is (center, width) with a width above 0, got {window}")
        return center - width / 2, center + width / 2
    if limits is not None:
        return limits
    return float(np.nanmin(pixels)), float(np.nanmax(pixels))


def beyond_ends(pixels: np.ndarray, low: float, high: float) -> str:
    """Which ends of the scale hide values: the arrows of a colour bar."""
    below, above = np.min(pixels) < low, np.max(pixels) > high
    return {(True, True): "both", (True, False): "min", (False, True): "max"}.get((bool(below), bool(above)), "neither")


def _mark_sides(ax: Axes, letters: str) -> None:
    """Letters inside the left, right and top edge."""
    box = {"facecolor": "black", "alpha": 0.5, "linewidth": 0, "pad": 1.5}
    text = {"color": "white", "ha": "center", "va": "center", "fontsize": SMALL, "bbox": box}
    for letter, edge, inwards in zip(letters, ((0, 0.5), (1, 0.5), (0.5, 1)), ((8, 0), (-8, 0), (0, -8))):
        ax.annotate(letter, edge, xycoords="axes fraction", xytext=inwards, textcoords="offset points", **text)
