"""Patients: CT, PET, MR, record and follow-up that carry different evidence of one truth."""

import tracemalloc

import numpy as np
import pytest
from scipy import ndimage

from medlab import phantoms
from medlab.phantoms.patients import SOURCES, sample_evidence, updated


@pytest.fixture(scope="module")
def crowd():
    """The first 20 patients of study 1 with a nodule above 9 mm: there is something to see in PET and MR."""
    diameters = [phantoms.sample_attributes(np.random.default_rng([1, i, 21]))["diameter_mm"] for i in range(200)]
    return [phantoms.patient(1, i) for i in np.flatnonzero(np.array(diameters) > 9)[:20].tolist()]


def test_any_number_of_patients_takes_the_memory_of_one():
    def peak(n):
        tracemalloc.start()
        for i in range(n):
            phantoms.patient(2, i)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(4) < 1.6 * max(peak(1), 2e7)


def test_scans_have_their_grids_and_units(crowd):
    p = crowd[0]
    assert (p.ct.image.shape, p.ct.image.dtype, p.ct.unit) == ((48, 48, 48), np.int16, "HU")
    assert (p.pet.image.shape, p.pet.spacing, p.pet.unit) == ((16, 16, 16), (4, 4, 4), "SUV")
    assert (p.mr.image.shape, p.mr.spacing, p.mr.modality) == ((32, 32, 32), (2, 2, 2), "MR")
    assert set(p.record) == {"age", "sex", "pack_years", "site", "scanner"}
    assert all(q.mr.image.min() >= 0 and q.pet.image.min() >= 0 for q in crowd)


def test_the_nodule_moved_by_the_stated_shift(crowd):
    def middle(scan):
        index = np.array(ndimage.center_of_mass(scan.mask))
        return (index - (np.array(scan.mask.shape) - 1) / 2) * scan.spacing

    tested = 0
    for p in crowd:
        if p.attributes["position"] != "juxta-pleural" and 9 < p.attributes["diameter_mm"] < 18:
            tested += 1
            for scan, near in ((p.mr, 1.2), (p.follow_up, 1.2), (p.pet, 2.5)):
                np.testing.assert_allclose(middle(scan) - middle(p.ct), scan.shift_mm, atol=near)
    assert tested >= 5


def test_registered_scans_have_no_shift():
    p = phantoms.patient(1, 3, registered=True)
    assert p.pet.shift_mm == p.mr.shift_mm == (0, 0, 0)
    assert p.follow_up.shift_mm != (0, 0, 0)
    assert (p.ct.image == phantoms.patient(1, 3).ct.image).all()


def test_the_follow_up_has_grown_as_stated(crowd):
    ratios = []
    for p in crowd:
        if p.ct.mask.sum() > 300 and p.attributes["position"] != "juxta-pleural":
            ratios.append(p.follow_up.mask.sum() / p.ct.mask.sum() / p.follow_up.growth**3)
    assert len(ratios) > 8
    assert np.median(ratios) == pytest.approx(1, abs=0.08)


def test_sites_differ_by_scanner_and_not_by_label(crowd):
    assert {p.record["site"] for p in crowd} == {"A", "B"}

    def noise(p):
        air = p.ct.image[:, :, 1:] < -800
        return np.abs(np.diff(p.ct.image.astype(float), axis=2))[air].mean()

    assert np.median([noise(p) for p in crowd if p.record["site"] == "B"]) > 1.2 * np.median(
        [noise(p) for p in crowd if p.record["site"] == "A"]
    )


def test_pet_and_mr_show_what_lies_behind_them(crowd):
    seen = [p.pet.image[p.pet.mask].max() if p.pet.mask.any() else p.pet.image.max() for p in crowd]
    assert np.corrcoef(np.log(seen), np.log([p.findings["suv"] for p in crowd]))[0, 1] > 0.7
    bright = [np.median(p.mr.image[p.mr.mask]) for p in crowd]
    assert np.corrcoef(bright, [p.findings["adc"] for p in crowd])[0, 1] < -0.5


def test_every_source_adds_evidence_and_the_sum_is_calibrated():
    rng = np.random.default_rng(0)
    rows, labels = [], []
    for _ in range(6000):
        p = phantoms.p_malignant(phantoms.sample_attributes(rng))
        malignant = int(rng.random() < p)
        _, ratios = sample_evidence(rng, malignant, 1.0)
        rows.append([p, *(updated(p, {name: ratios[name]}) for name in SOURCES), updated(p, ratios)])
        labels.append(malignant)
    rows, labels = np.array(rows), np.array(labels)

    def auc(scores):
        ranks = np.argsort(np.argsort(scores)) + 1
        n = labels.sum()
        return (ranks[labels == 1].sum() - n * (n + 1) / 2) / (n * (len(labels) - n))

    alone = auc(rows[:, 0])
    for column in range(1, 5):
        assert auc(rows[:, column]) > alone + 0.002
    assert auc(rows[:, 5]) > max(auc(rows[:, c]) for c in range(5))
    for column in range(6):
        assert rows[:, column].mean() == pytest.approx(labels.mean(), abs=0.02)
        unsure = (rows[:, column] > 0.2) & (rows[:, column] < 0.8)
        assert labels[unsure].mean() == pytest.approx(rows[unsure, column].mean(), abs=0.07)


def test_p_given_takes_any_sources(crowd):
    p = crowd[4]
    assert p.p_given([]) == pytest.approx(p.p_malignant)
    assert p.p_given() == pytest.approx(p.p_given(SOURCES))
    with pytest.raises(ValueError, match=r"a source must be one of 'record', .*'biopsy'"):
        p.p_given(["biopsy"])


@pytest.mark.parametrize(("seed", "i"), [(-1, 0), (0, -1), (0, 0.5), ("a", 0)])
def test_bad_input_is_named(seed, i):
    with pytest.raises(ValueError, match="must be a whole number of 0 or more"):
        phantoms.patient(seed, i)
