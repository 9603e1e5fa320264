"""The border of lesions whose border is known: cones, balls, stripes, stars."""

import numpy as np
import pytest

from medlab import features

SPACINGS = [(0.7, 0.7, 0.7), (1.25, 0.6, 0.6), (0.5, 0.5)]


def radii(spacing, half_mm=14.0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Distance of each voxel from a center off the grid, in mm, and its coordinates."""
    axes = [(np.arange(int(2 * half_mm / s)) - half_mm / s + 0.3) * s for s in spacing]
    grid = np.meshgrid(*axes, indexing="ij")
    return np.sqrt(sum(axis**2 for axis in grid)), grid


@pytest.mark.parametrize("spacing", SPACINGS)
def test_cone(spacing):
    """Brightness falls by 30 HU a mm in every direction: all gradient is radial and along the normal."""
    r, _ = radii(spacing)
    found = features.margin_features(-30 * r, r < 7, spacing=spacing)
    assert found["edge_slope"] == pytest.approx(30, rel=0.03)
    assert found["radial_gradient_index"] == pytest.approx(1, abs=0.01)
    assert found["normal_gradient_index"] == pytest.approx(1, abs=0.03)
    assert found["radial_angle"] < 5
    assert found["edge_slope_variation"] < 0.05
    # mean radius of the outermost mm is about 6.5, of the first mm outside 7.5
    assert found["edge_drop"] == pytest.approx(30, rel=0.35)
    assert found["dense_rim_share"] == 1


@pytest.mark.parametrize("spacing", SPACINGS)
def test_sharp_and_blurred(spacing):
    """A border of twice the width falls off at half the slope, and the directions stay."""
    r, _ = radii(spacing)
    found = [
        features.margin_features(-400 - 400 * np.tanh((r - 7) / width), r < 7, spacing=spacing, smoothing=0.3)
        for width in (2.5, 5)
    ]
    assert found[1]["edge_slope"] == pytest.approx(found[0]["edge_slope"] / 2, rel=0.1)
    assert found[1]["edge_slope"] == pytest.approx(400 / 5, rel=0.05)
    assert found[1]["edge_drop"] < 0.7 * found[0]["edge_drop"]
    assert found[1]["radial_gradient_index"] == pytest.approx(found[0]["radial_gradient_index"], abs=0.02)


def test_dark_lesion_is_below_zero():
    r, _ = radii((0.7, 0.7))
    bright = features.margin_features(-30 * r, r < 7, spacing=(0.7, 0.7))
    dark = features.margin_features(30 * r, r < 7, spacing=(0.7, 0.7))
    for name in ("edge_slope", "radial_gradient_index", "normal_gradient_index", "edge_drop"):
        assert dark[name] == pytest.approx(-bright[name]), name
    assert dark["radial_angle"] == pytest.approx(180 - bright["radial_angle"])


def test_even_slope_has_no_border():
    """Brightness rises along x alone: half of the border agrees, half contradicts."""
    r, (_, x) = radii((0.5, 0.5))
    found = features.margin_features(50 * x, r < 7, spacing=(0.5, 0.5))
    assert found["radial_gradient_index"] == pytest.approx(0, abs=0.02)
    assert found["radial_angle"] == pytest.approx(90, abs=2)
    assert found["edge_slope_variation"] > 1


def test_spicules_turn_the_gradient():
    r, (y, x) = radii((0.5, 0.5))
    spicules = (np.cos(9 * np.arctan2(y, x)) > 0.7) & (r < 11)
    plain, star = (-800 + 850 * mask.astype(float) for mask in (r < 7, (r < 7) | spicules))
    a, b = (features.margin_features(image, r < 7, spacing=(0.5, 0.5)) for image in (plain, star))
    assert b["radial_angle"] > a["radial_angle"] + 5
    assert b["radial_gradient_index"] < a["radial_gradient_index"] - 0.02
    assert b["edge_slope"] < a["edge_slope"]
    assert a["dense_rim_share"] == 0
    expected = spicules[(r > 8) & (r < 10)].mean()
    assert b["dense_rim_share"] == pytest.approx(expected, abs=0.06)


def test_unit_of_the_image_scales_slopes_only():
    rng = np.random.default_rng(0)
    r, _ = radii((1.0, 0.7, 0.7), 10)
    image = -30 * r + rng.normal(0, 20, r.shape)
    before = features.margin_features(image, r < 5, spacing=(1.0, 0.7, 0.7))
    after = features.margin_features(3 * image, r < 5, spacing=(1.0, 0.7, 0.7), dense_above=-1500)
    for name in before:
        factor = 3 if name in ("edge_slope", "edge_drop") else 1
        assert after[name] == pytest.approx(factor * before[name]), name


def test_far_away_does_not_matter():
    r, _ = radii((0.7, 0.7))
    other = -30 * r
    other[0], other[:, -1] = 3000, -3000
    found = features.margin_features(-30 * r, r < 4, spacing=(0.7, 0.7))
    assert features.margin_features(other, r < 4, spacing=(0.7, 0.7)) == found


def test_where_the_image_ends_is_no_border():
    """A column through all slices is a disc, slice by slice: no border is seen above or below it."""
    r, _ = radii((0.7, 0.7))
    image, mask = np.stack([-30 * r] * 4), np.stack([r < 7] * 4)
    found = features.margin_features(image, mask, spacing=(2, 0.7, 0.7))
    flat = features.margin_features(image[0], mask[0], spacing=(0.7, 0.7))
    assert found["edge_slope"] == pytest.approx(flat["edge_slope"])
    assert found["edge_drop"] == pytest.approx(flat["edge_drop"])


@pytest.mark.parametrize("shape", [(1, 21, 21), (21, 21)])
def test_one_voxel_and_one_slice(shape):
    image = np.full(shape, -800.0)
    image[..., 10, 10] = 100
    found = features.margin_features(image, image > 0, spacing=(2.0, 0.7, 0.7)[-len(shape) :])
    assert np.isfinite(list(found.values())).all()
    assert found["edge_slope"] > 50
    assert found["edge_drop"] == 900


def test_constant_image():
    found = features.margin_features(np.full((9, 9), 0.1), np.pad(np.ones((3, 3), bool), 3), spacing=(1, 1))
    assert found["edge_slope"] == 0
    assert found["edge_drop"] == pytest.approx(0, abs=1e-12)
    assert np.isnan([found["radial_gradient_index"], found["radial_angle"], found["normal_gradient_index"]]).all()


IMAGE, MASK = np.zeros((4, 5)), np.eye(4, 5, dtype=bool)


@pytest.mark.parametrize(
    ("image", "mask", "options", "message"),
    [
        (IMAGE, np.zeros((4, 5), bool), {}, "mask must mark at least one pixel"),
        (IMAGE, np.ones((4, 5), bool), {}, "mask fills the image"),
        (IMAGE, np.ones((5, 4), bool), {}, "shape of the image"),
        (IMAGE * np.nan, MASK, {}, "finite, got 20 pixels"),
        (IMAGE, MASK, {"spacing": (1, 0)}, "spacing must be 2 numbers above 0"),
        (IMAGE, MASK, {"spacing": None}, "spacing must be 2 numbers in mm"),
        (IMAGE, MASK, {"smoothing": -1}, "smoothing must be a number from 0 on"),
        (IMAGE, MASK, {"smoothing": np.inf}, "smoothing must be a number from 0 on"),
    ],
)
def test_bad_input(image, mask, options, message):
    with pytest.raises(ValueError, match=message):
        features.margin_features(image, mask, **({"spacing": (1, 1)} | options))
