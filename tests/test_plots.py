"""Pictures: scales, millimetres, overlays in the right place, and nothing left open."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from medlab import plots
from medlab.metrics import Interval
from medlab.plots import images


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_image_in_millimetres_with_its_window():
    ax = plots.image(np.arange(12).reshape(3, 4), spacing=(2.0, 0.5), window=(40, 400), unit="HU", title="t")
    (shown,) = ax.images
    assert shown.get_clim() == (-160, 240)
    assert shown.get_extent() == [-0.25, 1.75, 5.0, -1.0]  # a pixel's centre lies at index times spacing
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("x in mm", "y in mm", "t")
    assert ax.child_axes[0].get_ylabel() == "HU"


def test_image_without_spacing_counts_pixels_and_colour_has_no_scale():
    ax = plots.image(np.zeros((3, 4, 3), np.uint8))
    assert ax.get_xlabel() == "x in pixels"
    assert ax.child_axes == []


def test_the_scale_says_where_values_are_cut_off():
    bars = [images.beyond_ends(np.array([0, 10]), low, high) for low, high in ((0, 10), (1, 10), (0, 9), (1, 9))]
    assert bars == ["neither", "min", "max", "both"]


@pytest.mark.parametrize("shape", [(3,), (2, 3, 5), (2, 3, 4, 3)])
def test_image_wants_one_image(shape):
    with pytest.raises(ValueError, match="choose a slice"):
        plots.image(np.zeros(shape))


def test_image_refuses_an_empty_window():
    with pytest.raises(ValueError, match="above 0"):
        plots.image(np.zeros((3, 4)), window=(40, 0))


def test_mask_outline_lies_around_the_region():
    region = np.zeros((10, 12), bool)
    region[2:5, 3:9] = True
    ax = plots.image(np.zeros((10, 12)), spacing=(2, 1))
    plots.mask(region, ax=ax, spacing=(2, 1))
    (outline,) = ax.collections
    x, y = outline.get_paths()[0].vertices.T
    assert (x.min(), x.max()) == pytest.approx((2.5, 8.5))
    assert (y.min(), y.max()) == pytest.approx((3.0, 9.0))  # rows 1.5 to 4.5, each 2 mm


def test_a_mask_at_the_border_is_closed_and_an_empty_one_draws_nothing():
    ax = plots.image(np.zeros((4, 5)))
    plots.mask(np.ones((4, 5), bool), ax=ax)
    assert ax.collections[0].get_paths()[0].vertices[:, 0].min() == pytest.approx(-0.5)
    plots.mask(np.zeros((4, 5), bool), ax=ax)
    assert len(ax.collections) == 1


def test_box_covers_its_half_open_pixels():
    ax = plots.boxes([(2, 3, 5, 9)], ax=plots.image(np.zeros((10, 12)), spacing=(2, 1)), spacing=(2, 1), labels=["a"])
    (box,) = ax.patches
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (2.5, 3.0, 6, 6)


def test_grid_compares_in_one_range_and_hides_empty_panels():
    fig = plots.grid([np.zeros((3, 3)), np.full((3, 3), 7), np.ones((3, 3))], columns=2, titles=["a", "b", "c"])
    panels = [ax for ax in fig.axes if ax.images]
    assert {ax.images[0].get_clim() for ax in panels} == {(0, 7)}
    assert [ax.get_title() for ax in panels] == ["a", "b", "c"]
    assert len([ax for ax in fig.axes if ax.get_visible()]) == 4  # three pictures and their scale
    with pytest.raises(ValueError, match="at least one"):
        plots.grid([])


def test_planes_cut_where_they_say_in_one_scale():
    volume = np.arange(4 * 6 * 8).reshape(4, 6, 8)
    fig = plots.planes(volume, spacing=(5.0, 1.0, 2.0), point=(1, 2, 3), region=volume > 100, unit="HU")
    axial, coronal, sagittal = fig.axes[:3]
    np.testing.assert_array_equal(axial.images[0].get_array(), volume[1])
    np.testing.assert_array_equal(coronal.images[0].get_array(), volume[:, 2])
    np.testing.assert_array_equal(sagittal.images[0].get_array(), volume[:, :, 3])
    sides = [[(0, 16), (0, 6)], [(0, 16), (0, 20)], [(0, 6), (0, 20)]]  # mm from the first voxel's edge, x and y
    halves, cuts = [(1, 0.5), (1, 2.5), (0.5, 2.5)], [(6, 2), (6, 5), (2, 5)]
    for ax, ends, half, cut in zip((axial, coronal, sagittal), sides, halves, cuts, strict=True):
        drawn = [sorted(limits()) for limits in (ax.get_xlim, ax.get_ylim)]
        np.testing.assert_allclose(drawn, np.array(ends) - np.array(half)[:, None])
        assert (ax.lines[0].get_xdata()[0], ax.lines[1].get_ydata()[0]) == cut  # dashed: the other planes
    assert coronal.get_ylim()[1] > coronal.get_ylim()[0]  # the head is up
    assert axial.get_ylim()[1] < axial.get_ylim()[0]  # the front is up
    assert [t.get_text() for t in sagittal.texts] == list("APS")
    fig.canvas.draw()
    scale = [ax.get_window_extent().width / np.ptp(ax.get_xlim()) for ax in (axial, coronal, sagittal)]
    assert scale == pytest.approx([scale[0]] * 3, rel=0.02)  # a millimetre is as long in all three


def test_planes_refuse_a_point_outside():
    with pytest.raises(ValueError, match="outside the image of shape"):
        plots.planes(np.zeros((2, 3, 4)), spacing=(1, 1, 1), point=(2, 0, 0))
    with pytest.raises(ValueError, match=r"\(z, y, x\)"):
        plots.planes(np.zeros((3, 4)))


def test_overlays_and_inputs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="region must have the shape"):
        plots.planes(np.zeros((2, 3, 4)), region=np.zeros((2, 3, 3), bool))
    with pytest.raises(ValueError, match="a title for each of 2 images or none, got 1"):
        plots.grid([np.zeros((3, 3))] * 2, titles=["a"])


def test_numpy_arguments_and_missing_pixels_are_fine():
    pixels = np.array([[0.0, np.nan], [2.0, 4.0]])
    ax = plots.image(pixels, spacing=np.array([1.0, 2.0]), sides="RLA", title="t")
    assert ax.images[0].get_clim() == (0, 4)
    assert [(text.get_text(), text.xy) for text in ax.texts] == [("R", (0, 0.5)), ("L", (1, 0.5)), ("A", (0.5, 1))]
    plots.image(pixels, limits=np.array([0, 1]))
    plots.boxes(np.array([[0, 0, 1, 1]]), ax=ax, labels=np.array(["a"]))
    plots.histogram(pixels[1] > 3)


def test_histogram_marks_the_window():
    ax = plots.histogram(np.linspace(-1000, 1000, 500), window=(40, 400), unit="HU")
    assert ax.get_legend().get_texts()[0].get_text() == "window -160 to 240 HU"
    assert ax.get_yscale() == "log"


def test_curves_differ_without_colour_and_intervals_get_a_band():
    points = [Interval(0.7, 0.6, 0.8), Interval(0.8, 0.7, 0.9)]
    ax = plots.curves([1, 2], {"cnn": points, "svm": [0.6, 0.7]}, x_label="images", y_label="AUC")
    first, second = ax.lines
    assert (first.get_linestyle(), first.get_marker()) != (second.get_linestyle(), second.get_marker())
    (band,) = ax.collections
    assert band.get_datalim(ax.transData).y0 == pytest.approx(0.6)
    with pytest.raises(ValueError, match="'cnn' has 1 points, x has 2"):
        plots.curves([1, 2], {"cnn": [1]}, x_label="x", y_label="y")


def test_colours_stay_apart_for_the_colour_blind():
    """Viénot 1999: what a protanope and a deuteranope see; neighbours in the list must differ clearly."""
    rgb = np.array([matplotlib.colors.to_rgb(c) for c in plots.COLORS]) ** 2.2
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    for sees in (protan, deutan):
        seen = np.clip(rgb @ sees.T, 0, 1) ** (1 / 2.2)
        gaps = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[i + 1 :]]
        assert min(gaps) > 0.1


def test_figures_of_several_panels_are_closed_and_settings_untouched():
    before = dict(plt.rcParams)
    plots.grid([np.zeros((3, 3))])
    plots.planes(np.zeros((2, 3, 4)))
    plots.row(3)
    assert plt.get_fignums() == []
    assert dict(plt.rcParams) == before
