"""A nodule from one click: balls of known size and what hangs on them, phantoms; then what is refused."""

import numpy as np
import pytest

from medlab import metrics, phantoms, segment
from medlab.phantoms.attributes import POSITIONS

SPACING = (1.25, 0.7, 0.7)
SHAPE = (33, 65, 65)
MIDDLE = (16, 32, 32)


def away(center=MIDDLE, shape=SHAPE, spacing=SPACING):
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    return np.sqrt(sum(((a - c) * s) ** 2 for a, c, s in zip(axes, center, spacing)))


def lung(shape=SHAPE, seed=0):
    return -860 + np.random.default_rng(seed).normal(0, 15, shape)


@pytest.mark.parametrize("value", [-550, 30, 900])
@pytest.mark.parametrize("diameter", [6, 20])
def test_a_ball_of_any_size_and_density(diameter, value):
    true = away() <= diameter / 2
    hu = np.where(true, value, lung())
    assert metrics.dice(segment.nodule(hu, MIDDLE, spacing=SPACING), true) > (0.75 if diameter == 6 else 0.85)
    assert metrics.dice(segment.nodule(hu, MIDDLE, spacing=SPACING, level=0.5), true) > 0.88


def test_the_level_moves_the_edge():
    """A soft edge from 30 to -860 HU, 12 mm from the middle: at 1/2 the mask ends there, below it further out."""
    soft = 30 - 890 / (1 + np.exp(-(away() - 9) / 1.5))
    reach = []
    for level in (0.7, 0.5, 1 / 3):
        found = segment.nodule(soft, MIDDLE, spacing=SPACING, level=level)
        reach.append(np.cbrt(found.sum() * np.prod(SPACING) * 3 / 4 / np.pi))
        expected = 9 + 1.5 * np.log(1 / level - 1)
        assert reach[-1] == pytest.approx(expected, abs=0.6)
    assert reach == sorted(reach)


@pytest.mark.parametrize("spacing", [(1.25, 0.7, 0.7), (2.5, 0.7, 0.7), (0.6, 0.6, 0.6), (1, 1.5, 1.5)])
def test_any_grid(spacing):
    true = away(spacing=spacing) <= 6
    found = segment.nodule(np.where(true, 30, lung()), MIDDLE, spacing=spacing, level=0.5)
    assert metrics.dice(found, true) > 0.9


def test_vessels_come_off():
    true = away() <= 6
    z, y, _ = np.ogrid[tuple(slice(n) for n in SHAPE)]
    vessel = np.hypot((z - 16) * SPACING[0], (y - 32) * SPACING[1]) <= 1.6
    hu = np.where(true | vessel, 30, lung())
    found = segment.nodule(hu, MIDDLE, spacing=SPACING)
    assert metrics.dice(found, true) > 0.85
    assert not found[:, :, :20].any()
    assert not found[:, :, -20:].any()


@pytest.mark.parametrize("value", [-500, 30])
def test_the_chest_wall_comes_off(value):
    hu, true = lung(), away() <= 6
    hu[true] = value
    hu[:, :, 38:] = 40  # the wall, 4.2 mm from the middle of a nodule of 6 mm radius
    true[:, :, 38:] = False
    found = segment.nodule(hu, MIDDLE, spacing=SPACING)
    assert metrics.dice(found, true) > 0.8
    assert found[:, :, 41:].sum() == 0


def test_the_click_may_be_off():
    true = away() <= 5
    hu = np.where(true, 30, lung())
    whole = segment.nodule(hu, MIDDLE, spacing=SPACING)
    for click in ((16, 36, 32), (14, 32, 35), (18, 29, 30), (16, 32, 41), (16, 23, 32)):  # the last two beside it
        assert metrics.dice(segment.nodule(hu, click, spacing=SPACING), whole) > 0.95


@pytest.mark.parametrize("click", [(16, 32, 41), (16, 32, 33)])
def test_a_cavity_is_filled(click):
    """A click on its wall, 6.3 mm from the middle, and one into the cavity."""
    true, wall = away() <= 7, (away() <= 7) & (away() > 2.5)
    found = segment.nodule(np.where(wall, 30, lung()), click, spacing=SPACING)
    assert found[away() <= 3].all()
    assert metrics.dice(found, true) > 0.85


def test_nothing_beyond_the_largest_diameter():
    hu = np.where(away() <= 15, 30, lung())
    found = segment.nodule(hu, MIDDLE, spacing=SPACING, max_diameter_mm=20)
    assert found.any()
    assert away()[found].max() <= 10


def test_the_place_in_a_large_scan_does_not_matter():
    true = away() <= 4
    hu = np.where(true, 30, lung()).astype(np.int16)
    large = np.full((60, 200, 200), -860, np.int16)
    place = (slice(20, 53), slice(120, 185), slice(10, 75))
    large[place] = hu
    found = segment.nodule(large, (36, 152, 42), spacing=SPACING)
    assert found.sum() == found[place].sum()
    assert metrics.dice(found[place], segment.nodule(hu, MIDDLE, spacing=SPACING)) > 0.98


@pytest.mark.parametrize("where", [(0, 32, 32), (32, 32, 32), (16, 0, 32)])
def test_a_nodule_that_the_border_cuts(where):
    true = away(where) <= 5
    found = segment.nodule(np.where(true, 30, lung()), where, spacing=SPACING, level=0.5)
    assert metrics.dice(found, true) > 0.85


def test_nodules_of_phantom_chests():
    scores, positions = [], []
    for seed in (310, 311):
        chest = phantoms.chest_ct(seed, shape=(40, 180, 180), spacing=(2, 1.8, 1.8))
        for i, n in enumerate(chest.nodules):
            true = chest.labels == i + 1
            inside = np.argwhere(true)
            off = np.linalg.norm((inside - inside.mean(axis=0)) * chest.spacing, axis=1)
            found = segment.nodule(chest.image, tuple(inside[off.argmin()]), spacing=chest.spacing, level=0.5)
            scores.append(metrics.dice(found, true))
            positions.append(n.attributes["position"])
    scores, positions = np.array(scores), np.array(positions)
    assert np.median(scores) > 0.85
    for position in POSITIONS:
        assert np.median(scores[positions == position]) > 0.7, position


LUNG, BODY = lung(), np.full(SHAPE, 40)
SOLID = np.where(away() <= 4, 30, LUNG)


@pytest.mark.parametrize(
    ("hu", "point", "how", "says"),
    [
        (SOLID, (33, 0, 0), {}, r"point \(33, 0, 0\) lies outside the image of shape"),
        (SOLID, (16, 32), {}, "point must be 3 whole numbers"),
        (SOLID, (16, 32.5, 32), {}, "point must be 3 whole numbers"),
        (SOLID, (4, 8, 8), {}, r"no nodule at point \(4, 8, 8\): at most -8\d\d HU within 3 mm"),
        (LUNG, MIDDLE, {}, "no nodule at point"),
        (LUNG - 1000 * (away() <= 6), MIDDLE, {}, "no nodule at point"),
        (BODY, MIDDLE, {}, "no lung around point"),
        (np.where(away() <= 1, np.nan, SOLID), MIDDLE, {}, "hu must be finite"),
        (SOLID[16], (32, 32), {}, r"hu must be \(z, y, x\), got shape \(65, 65\)"),
        (SOLID, MIDDLE, {"spacing": (1, 0, 1)}, "spacing must be 3 numbers above 0"),
        (SOLID, MIDDLE, {"spacing": (0.7, 0.7)}, "spacing must be 3 numbers above 0"),
        (SOLID, MIDDLE, {"max_diameter_mm": 0}, "max_diameter_mm must be a number above 0"),
        (SOLID, MIDDLE, {"level": 1}, r"level must lie between 0 \(lung\) and 1 \(nodule\), got 1"),
    ],
)
def test_what_is_refused(hu, point, how, says):
    with pytest.raises(ValueError, match=says):
        segment.nodule(hu, point, **{"spacing": SPACING, **how})
