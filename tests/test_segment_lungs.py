"""Lungs of phantom chests, whose truth is known, and of a chest put together from ellipses; then what is refused."""

import numpy as np
import pytest

from medlab import metrics, phantoms, segment

SPACING = (2.5, 2.0, 2.0)


@pytest.mark.parametrize(
    ("seed", "how"),
    [
        (301, {"shape": (40, 170, 170), "spacing": (2, 2, 2), "dose": 0.25, "kernel": "sharp"}),
        (302, {"shape": (24, 180, 180), "spacing": (3, 1.9, 1.9), "thickness_mm": 3.0, "n_nodules": 12}),
    ],
)
def test_lungs_of_phantoms_with_their_juxtapleural_nodules(seed, how):
    chest = phantoms.chest_ct(seed, **how)
    found = segment.lungs(chest.image, spacing=chest.spacing)
    assert metrics.dice(found, chest.lungs) >= 0.99
    kept = [
        found[chest.labels == i + 1].mean()
        for i, n in enumerate(chest.nodules)
        if n.attributes["position"] == "juxta-pleural"
    ]
    assert kept
    assert min(kept) > 0.5


def test_one_slice():
    chest = phantoms.chest_ct(303, shape=(12, 200, 200), spacing=(2, 1.7, 1.7), n_nodules=3)
    for z in (0, 5):
        found = segment.lungs(chest.image[z], spacing=chest.spacing[1:])
        assert found.shape == chest.image[z].shape
        assert metrics.dice(found, chest.lungs[z]) >= 0.97
    alone = segment.lungs(chest.image[5:6], spacing=chest.spacing)
    assert metrics.dice(alone, chest.lungs[5:6]) >= 0.97


def chest_of_ellipses(shape=(24, 130, 180)):
    """Air, a body, two lungs 80 mm apart from each other's middle, a trachea between them: HU and true lungs."""
    z, y, x = np.ogrid[tuple(slice(-(n // 2), n - n // 2) for n in shape)]
    y, x = y * SPACING[1] + 0 * z, x * SPACING[2] + 0 * z
    hu = np.where((x / 160) ** 2 + (y / 110) ** 2 < 1, 40, -1000)
    true = ((np.abs(x) - 75) / 60) ** 2 + (y / 80) ** 2 < 1
    hu = np.where(true, -860, hu)
    return np.where(np.hypot(x, y - 20) < 8, -1000, hu).astype(np.int16), true


def ball(shape, center, radius):
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    return sum(((a - c) * s) ** 2 for a, c, s in zip(axes, center, SPACING)) <= radius**2


def test_trachea_table_and_body_stay_out():
    hu, true = chest_of_ellipses()
    noisy = hu + np.random.default_rng(0).normal(0, 25, hu.shape)
    assert metrics.dice(segment.lungs(noisy, spacing=SPACING), true) > 0.995
    hu[:, -9:, 20:160] = 200  # a hollow table, closed in each slice
    hu[:, -7:-2, 22:158] = -900
    found = segment.lungs(hu, spacing=SPACING)
    assert metrics.dice(found, true) > 0.995
    assert not found[:, -9:].any()
    assert not found[:, 65 + 10, 90].any()  # the trachea


def test_airways_that_join_the_lungs_are_cut_off():
    hu, true = chest_of_ellipses()
    hu[10:15, 72:78, 88:110] = -990  # a main bronchus from the trachea into the left lung
    found = segment.lungs(hu, spacing=SPACING)
    assert metrics.dice(found, true) > 0.99
    assert not found[:, 75, 90].any()


@pytest.mark.parametrize("diameter", [6, 28])
def test_nodules_of_any_size_on_the_chest_wall(diameter):
    """Three quarters of the radius inside the lung, as phantoms have them, beside one in the middle of the lung."""
    hu, true = chest_of_ellipses()
    edge = 90 + (75 + 60) / 2  # where the right-hand lung ends, in the middle of its height
    at_wall = ball(hu.shape, (12, 65, edge - 0.75 * diameter / 2 / SPACING[2]), diameter / 2)
    in_lung = ball(hu.shape, (12, 65, 90 - 75 / 2), diameter / 2)
    hu[at_wall | in_lung] = 30
    found = segment.lungs(hu, spacing=SPACING)
    assert found[in_lung].all()
    assert found[at_wall & true].mean() > 0.7
    assert metrics.dice(found, true) > 0.99


def test_the_dome_of_the_diaphragm_in_the_first_slice_is_no_hole():
    hu, true = chest_of_ellipses()
    hu[:3][ball(hu.shape, (0, 65, 52), 25)[:3]] = 40  # 1963 mm² of liver in the first slice
    hu[-3:][ball(hu.shape, (23, 65, 52), 10)[-3:]] = 40  # a nodule that the last slice cuts
    found = segment.lungs(hu, spacing=SPACING)
    assert not found[0, 65, 52]
    assert found[-1, 65, 52]
    assert metrics.dice(found, true) > 0.98


@pytest.mark.parametrize(
    ("hu", "spacing", "says"),
    [
        (np.full((5, 40, 40), -1000), SPACING, "hu holds no lungs: 0 mm² a slice .* from -1000 to -1000 HU"),
        (np.full((5, 40, 40), 40), SPACING, "hu holds no lungs"),
        (np.full((40, 40), 40), (1, 1), "hu holds no lungs"),
        (np.full((5, 40, 40), np.nan), SPACING, "hu must be finite, got 8000 pixels"),
        (np.zeros((5, 40, 40)), (1, 1), r"spacing must be 3 numbers above 0 mm, one an axis, got \(1, 1\)"),
        (np.zeros((5, 40, 40)), (0, 1, 1), "spacing must be 3 numbers above 0"),
        (np.zeros((5, 40, 40)), (0.0025, 0.002, 0.002), r"spacing must be in mm .* 0\.08 × 0\.08 mm"),  # metres
        (np.zeros((40, 40)), (0.002, 0.002), "spacing must be in mm"),
        (np.zeros((5, 40, 40)), (0.0025, 2, 2), r"spacing must be in mm .* 0\.0025 mm apart"),
        (np.zeros((5, 40, 40)), (2500, 2000, 2000), "spacing must be in mm"),  # micrometres
        (np.zeros((2, 5, 40, 40)), SPACING, r"hu must be \(y, x\) or \(z, y, x\)"),
    ],
)
def test_what_is_refused(hu, spacing, says):
    with pytest.raises(ValueError, match=says):
        segment.lungs(hu, spacing=spacing)


def test_small_air_in_the_body_is_no_lung():
    hu = np.full((10, 60, 60), 40)
    hu[:, :3] = hu[:, -3:] = hu[:, :, :3] = hu[:, :, -3:] = -1000
    hu[:, 20:30, 20:30] = -900  # 400 mm²
    with pytest.raises(ValueError, match="400 mm² a slice inside the body"):
        segment.lungs(hu, spacing=SPACING)
