"""Nodules of known truth: the model of malignancy, the shapes, the scanner."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from medlab import phantoms
from medlab.phantoms import attributes as model
from medlab.phantoms import scanner as scanners
from medlab.phantoms import tissue

SMOOTH = {"sphericity": 5, "lobulation": 1, "spiculation": 1, "margin": 5, "texture": 5, "calcification": 6}
QUIET = phantoms.Scanner(dose=1e6, kernel="sharp", thickness_mm=0.5)
GROUPS = [(0, 6, 502, 22), (6, 8, 275, 45), (8, 15, 279, 192), (15, 99, 126, 119)]  # mm, mm, LIDC nodules, suspicious


def digest(*arrays):
    return hashlib.sha256(b"".join(bytes(np.ascontiguousarray(a)) for a in arrays)).hexdigest()


def auc(labels, scores):
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    n = labels.sum()
    return (ranks[labels == 1].sum() - n * (n + 1) / 2) / (n * (len(labels) - n))


@pytest.fixture(scope="module")
def crowd():
    """10,000 nodules' attributes, probability, label, and readers, without pictures."""
    rng = np.random.default_rng(0)
    rows = [phantoms.sample_attributes(rng) for _ in range(10_000)]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    table["p"] = phantoms.p_malignant(table)
    table["malignant"] = (rng.random(len(rows)) < table["p"]).astype(int)
    table["ratings"] = [model.sample_ratings(rng, p) for p in table["p"]]
    return table


def digests():
    """Of a nodule, a chest and a patient."""
    n = phantoms.nodule(5)
    c = phantoms.chest_ct(9, shape=(24, 96, 96), spacing=(2.5, 3.4, 3.4), n_nodules=4)
    p = phantoms.patient(1, 7)
    scans = [part for scan in (p.ct, p.pet, p.mr, p.follow_up) for part in (scan.image, scan.mask)]
    return digest(n.image, n.mask), digest(c.image, c.labels), digest(*scans, str(p.record).encode())


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_order():
    code = "from tests.test_phantoms import digests; print(*digests())"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    others = [digest(phantoms.nodule(seed).image) for seed in (3, 4, 5)]
    assert there == list(digests())
    assert len(set(others)) == 3


def test_the_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()
    phantoms.nodule(1)
    assert (np.random.get_state()[1] == before).all()


def test_a_nodule_holds_what_it_says():
    for seed in range(20):
        n = phantoms.nodule(seed)
        assert n.image.dtype == np.int16
        assert n.mask.dtype == bool
        assert n.image.shape == n.mask.shape == (32, 32, 32)
        assert set(n.attributes) == {*model.SCALES, "position"}
        assert 3 <= len(n.ratings) <= 7
        assert set(n.ratings) <= {1, 2, 3, 4, 5}
        assert n.p_malignant == phantoms.p_malignant(n.attributes)
        assert n.malignant in (0, 1)
        z0, y0, x0, z1, y1, x1 = n.box
        assert n.mask[z0:z1, y0:y1, x0:x1].sum() == n.mask.sum() > 0
        for axis, (low, high) in enumerate(zip(n.box[:3], n.box[3:])):
            assert n.mask.take(low, axis).any()
            assert n.mask.take(high - 1, axis).any()


def test_given_attributes_are_used():
    given = {"diameter_mm": 11.5, "texture": 1, "position": "juxta-pleural", "calcification": 6, "margin": 2.5}
    n = phantoms.nodule(8, **given)
    assert {name: n.attributes[name] for name in given} == given


# ---------- the model ----------


@pytest.mark.parametrize(("low", "high", "count", "suspicious"), GROUPS)
def test_sizes_and_malignancy_by_size_are_those_of_lidc(crowd, low, high, count, suspicious):
    group = (crowd["diameter_mm"] >= low) & (crowd["diameter_mm"] < high)
    assert group.mean() == pytest.approx(count / 1182, abs=0.02)
    assert crowd["malignant"][group].mean() == pytest.approx(suspicious / count, abs=0.06)
    opinion = np.array([(r >= 4).sum() >= 2 for r in crowd["ratings"]])
    assert opinion[group].mean() == pytest.approx(suspicious / count, abs=0.07)


def test_readers_disagree_as_in_lidc(crowd):
    assert np.mean([np.ptp(r) >= 2 for r in crowd["ratings"]]) == pytest.approx(0.49, abs=0.03)
    assert {len(r) for r in crowd["ratings"]} == {3, 4, 5, 6, 7}


def test_the_best_possible_is_clearly_above_the_diameter(crowd):
    labels, size = crowd["malignant"], crowd["diameter_mm"]
    assert auc(labels, size) == pytest.approx(0.915, abs=0.02)
    assert 0.95 <= auc(labels, crowd["p"]) <= 0.97
    middle = (size >= 6) & (size <= 15)
    assert 0.70 <= auc(labels[middle], size[middle]) <= 0.83
    assert auc(labels[middle], crowd["p"][middle]) > auc(labels[middle], size[middle]) + 0.08


def test_p_malignant_is_calibrated_and_goes_the_known_ways(crowd):
    for low, high in [(0, 0.1), (0.1, 0.3), (0.3, 0.7), (0.7, 0.9), (0.9, 1)]:
        group = (crowd["p"] >= low) & (crowd["p"] < high)
        assert crowd["malignant"][group].mean() == pytest.approx(crowd["p"][group].mean(), abs=0.05)
    base = {"diameter_mm": 9.0, **SMOOTH}
    p = phantoms.p_malignant(base)
    for worse in ({"diameter_mm": 12}, {"spiculation": 3}, {"lobulation": 3}, {"margin": 3}, {"texture": 3}):
        assert phantoms.p_malignant(base | worse) > p
    for better in ({"calcification": 3}, {"calcification": 5}, {"texture": 1}):
        assert phantoms.p_malignant(base | better) < p


def draws(name, n=2000, **given):
    rng = np.random.default_rng(0)
    return np.array([phantoms.sample_attributes(rng, **given)[name] for _ in range(n)])


@pytest.mark.parametrize(("texture", "margin"), [(1, 2.0), (2.4, 2.0), (2.5, 4.5), (5, 4.5)])
def test_ground_glass_has_a_poor_margin(texture, margin):
    """Below 2.5 a nodule is hazy: without spikes its margin is 2.0 in the median, else 4.5."""
    assert np.median(draws("margin", texture=texture, spiculation=1)) == pytest.approx(margin, abs=0.1)
    assert np.median(draws("margin", texture=texture, spiculation=3)) == pytest.approx(margin - 0.5, abs=0.1)


@pytest.mark.parametrize(
    ("texture", "margin", "diameter_mm", "share"),
    [(4.1, 5, 5, 0), (4.2, 4, 5, 0.16), (4.2, 3.9, 5, 0.04), (5, 4, 8, 0.056)],
)
def test_calcium_is_for_solid_sharp_small_nodules(texture, margin, diameter_mm, share):
    patterns = draws("calcification", texture=texture, margin=margin, diameter_mm=diameter_mm)
    assert (patterns < 6).mean() == pytest.approx(share, abs=0.02)


# ---------- the shapes ----------


@pytest.mark.parametrize("diameter", [5, 9, 16, 24])
def test_the_mask_of_a_smooth_ball_has_its_volume(diameter):
    n = phantoms.nodule(2, diameter_mm=diameter, position="solitary", **SMOOTH)
    assert n.mask.sum() == pytest.approx(np.pi / 6 * diameter**3, rel=0.12 if diameter < 8 else 0.03)


def test_any_shape_has_the_volume_of_its_diameter():
    ratios = []
    for seed in range(15):
        n = phantoms.nodule(seed, diameter_mm=15, spiculation=1, position="solitary")
        ratios.append(n.mask.sum() / (np.pi / 6 * 15**3))
    assert np.mean(ratios) == pytest.approx(1, abs=0.06)
    assert np.ptp(ratios) < 0.3


def test_thick_slices_keep_the_volume_by_partial_volume():
    n = phantoms.nodule(4, shape=(12, 40, 40), spacing=(2.5, 0.8, 0.8), diameter_mm=12, position="solitary", **SMOOTH)
    assert n.mask.sum() * 2.5 * 0.64 == pytest.approx(np.pi / 6 * 12**3, rel=0.08)


def test_partial_volume_makes_edges_between_lung_and_nodule():
    n = phantoms.nodule(1, scanner=QUIET, diameter_mm=12, position="solitary", **SMOOTH)
    shell = ndimage.binary_dilation(n.mask) & ~ndimage.binary_erosion(n.mask)
    deep = ndimage.binary_erosion(n.mask, iterations=3)
    assert np.median(n.image[deep]) == pytest.approx(tissue.SOLID, abs=75)
    assert -650 < n.image[shell].mean() < -200


def test_spiculation_lobulation_and_sphericity_change_the_shape():
    def roughness(**attributes):
        found = []
        for seed in range(4):
            given = {"diameter_mm": 13, "position": "solitary", **SMOOTH} | attributes
            mask = phantoms.nodule(seed, shape=(40, 40, 40), spacing=(0.7, 0.7, 0.7), **given).mask
            surface = mask.sum() - ndimage.binary_erosion(mask).sum()
            found.append(surface / mask.sum() ** (2 / 3))
        return np.mean(found)

    plain = roughness()
    assert roughness(spiculation=5) > 1.15 * plain
    assert roughness(lobulation=5) > 1.02 * plain
    assert roughness(sphericity=2) > 1.02 * plain


def test_textures_and_calcium_have_their_ct_numbers():
    def core(**attributes):
        given = {"diameter_mm": 16, "position": "solitary", **SMOOTH} | attributes
        nodules = [phantoms.nodule(seed, scanner=QUIET, **given) for seed in range(6)]
        return np.median([np.median(n.image[ndimage.binary_erosion(n.mask, iterations=4)]) for n in nodules])

    assert core(texture=1) == pytest.approx(tissue.GROUND_GLASS, abs=60)
    assert core(texture=5) == pytest.approx(tissue.SOLID, abs=40)
    assert core(texture=1) < core(texture=3)
    assert core(calcification=3) > 300


def test_from_texture_4_5_on_nothing_is_hazy():
    """At 4.4 the core is 0.85 ** 0.8 - 0.08 = 0.80 of the radius: of 12 mm the outer 2 are ground glass."""
    given = {"diameter_mm": 24, "position": "solitary", "scanner": QUIET, **SMOOTH}
    solid, whole, hazy = (phantoms.nodule(3, **given | {"texture": texture}) for texture in (5, 4.5, 4.4))
    assert (whole.image == solid.image).all()
    to_rim = ndimage.distance_transform_edt(solid.mask)
    rim, core = (to_rim > 1.5) & (to_rim <= 2.5), to_rim > 8
    assert hazy.image[rim].mean() < solid.image[rim].mean() - 200
    assert hazy.image[core].mean() == pytest.approx(solid.image[core].mean(), abs=10)


def test_lung_has_its_ct_number():
    pictures = [phantoms.nodule(seed, diameter_mm=5, position="solitary") for seed in range(12)]
    assert np.median([np.median(n.image) for n in pictures]) == pytest.approx(tissue.LUNG, abs=25)


def test_nothing_but_the_attributes_knows_the_label():
    """Place in the picture and lung around it are as good as the label lets them be: no better than chance."""
    labels, place, lung = [], [], []
    for seed in range(400):
        n = phantoms.nodule(
            seed, shape=(16, 16, 16), spacing=(1.25, 1.25, 1.25), diameter_mm=9.0, **SMOOTH | {"margin": 4}
        )
        labels.append(n.malignant)
        place.append(n.mask.nonzero()[0].mean())
        lung.append(np.median(n.image[n.image < -700]))
    labels = np.array(labels)
    assert 100 < labels.sum() < 380
    assert auc(labels, np.array(place)) == pytest.approx(0.5, abs=0.1)
    assert auc(labels, np.array(lung)) == pytest.approx(0.5, abs=0.1)


# ---------- the scanner ----------


def field(n=8, spacing=(1.25, 0.7, 0.7), seed=0, **settings):
    rng = np.random.default_rng(seed)
    return scanners.noise(rng, (n, 128, 128), spacing, phantoms.Scanner(**settings))


def test_noise_goes_with_the_root_of_the_dose_and_of_the_slice():
    reference = field().std()
    assert reference == pytest.approx(16, rel=0.1)
    assert field(dose=0.25).std() == pytest.approx(2 * reference, rel=0.02)
    assert field(thickness_mm=5, n=64).std() == pytest.approx(reference / 2, rel=0.1)
    assert field(kernel="sharp").std() > 1.4 * reference


@pytest.mark.parametrize("kernel", ["soft", "sharp"])
def test_noise_power_rises_from_zero_as_a_ramp_and_falls_with_the_window(kernel):
    power = np.mean([np.abs(np.fft.fft2(field(seed=s, kernel=kernel))) ** 2 for s in range(6)], axis=(0, 1))
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(128, 0.7), np.fft.fftfreq(128, 0.7)))
    ring = [power[(f >= low) & (f < low + 0.03)].mean() for low in np.arange(0.02, 0.7, 0.03)]
    assert power[0, 0] < 0.01 * max(ring)
    assert ring[1] / ring[0] == pytest.approx(0.065 / 0.037, rel=0.25)  # the ramp
    if kernel == "soft":
        assert ring[-1] < 0.2 * max(ring)


def test_noise_along_z_is_correlated_by_thick_slices_only():
    def neighbours(thickness):
        x = field(n=48, spacing=(1, 0.7, 0.7), thickness_mm=thickness)
        return np.corrcoef(x[:-1].ravel(), x[1:].ravel())[0, 1]

    assert abs(neighbours(0.4)) < 0.1
    assert neighbours(3.0) > 0.5


def test_a_sharp_kernel_resolves_more():
    dot = np.zeros((9, 33, 33), np.float32)
    dot[4, 16, 16] = 1000
    peak = {k: scanners.blur(dot, phantoms.Scanner(kernel=k), (1.25, 0.5, 0.5)).max() for k in ("soft", "sharp")}
    assert peak["sharp"] > 1.5 * peak["soft"]
    total = scanners.blur(dot, phantoms.Scanner(thickness_mm=3), (1.25, 0.5, 0.5)).sum()
    assert total == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize("step", [0.5, 1.0])
def test_the_blur_is_one_of_millimetres(step):
    """Variances add up: the kernel's Gaussian of 0.65 mm has the voxel's own, step² / 12, in it already."""
    dot = np.zeros((3, 41, 41), np.float32)
    dot[1, 20, 20] = 1000
    profile = scanners.blur(dot, phantoms.Scanner(thickness_mm=0.3), (1, step, step)).sum(axis=(0, 1))
    mm = (np.arange(41) - 20) * step
    assert (profile * mm**2).sum() / profile.sum() == pytest.approx(0.65**2 - step**2 / 12, rel=0.06)


# ---------- bad input ----------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"colour": 3}, "an attribute must be one of 'diameter_mm'.* got 'colour'"),
        ({"diameter_mm": 200}, "diameter_mm must be a number from 2 to 40, got 200"),
        ({"spiculation": 0}, "spiculation must be a number from 1 to 5"),
        ({"margin": float("nan")}, "margin must be a number"),
        ({"texture": "solid"}, "texture must be a number from 1 to 5, got 'solid'"),
        ({"calcification": 2.5}, "whole number"),
        ({"position": "outside"}, "position must be one of 'solitary'"),
        ({"shape": (32, 32)}, "three whole numbers"),
        ({"shape": (32, 32, 0)}, "three whole numbers"),
        ({"spacing": (1, 1, 0)}, "three sizes in mm"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": 1.5}, "seed must be a whole number"),
    ],
)
def test_bad_input_is_named(arguments, message):
    arguments = {"seed": 0} | arguments
    with pytest.raises(ValueError, match=message):
        phantoms.nodule(arguments.pop("seed"), **arguments)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"dose": 0}, "dose"), ({"kernel": "hard"}, "'soft', 'sharp', got 'hard'"), ({"thickness_mm": 20}, "0.3")],
)
def test_a_scanner_out_of_range_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        phantoms.Scanner(**settings)
