"""A chest CT: where nodules lie, what tissues measure, and that the seed decides it all."""

import numpy as np
import pytest
from scipy import ndimage

from medlab import phantoms
from medlab.phantoms import tissue

SMALL = {"shape": (40, 128, 128), "spacing": (1.5, 2.6, 2.6), "n_nodules": 6}


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest_ct(0)


def test_the_default_is_the_case_of_the_case_study(chest):
    assert chest.image.shape == chest.lungs.shape == chest.labels.shape == (64, 256, 256)
    assert (chest.image.dtype, chest.lungs.dtype) == (np.int16, bool)
    assert len(chest.nodules) == len(chest.boxes) == 20
    assert chest.spacing == (1.25, 1.3, 1.3)
    assert sorted(np.unique(chest.labels)) == list(range(21))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nodules_lie_in_the_lungs_and_apart(seed):
    c = phantoms.chest_ct(seed, **SMALL)
    assert c.lungs[c.labels > 0].all()
    blobs, n = ndimage.label(c.labels > 0, structure=np.ones((3, 3, 3)))
    assert n >= len(c.nodules)  # spikes may come off, nodules do not grow together
    for blob in range(1, n + 1):
        assert len(np.unique(c.labels[blobs == blob])) == 1


def test_boxes_are_tight_and_records_fit(chest):
    for i, (box, n) in enumerate(zip(chest.boxes, chest.nodules)):
        where = np.argwhere(chest.labels == i + 1)
        assert tuple(box) == n.box == (*where.min(0), *(where.max(0) + 1))
        part = tuple(slice(a, b) for a, b in zip(n.box[:3], n.box[3:]))
        assert (chest.image[part] == n.image).all()
        assert (n.mask == (chest.labels[part] == i + 1)).all()
        assert n.p_malignant == phantoms.p_malignant(n.attributes)


def test_five_millimetres_span_three_slices_or_more():
    spans = []
    for seed in range(3):
        c = phantoms.chest_ct(seed, n_nodules=25, shape=(64, 80, 128), spacing=(1.25, 2.6, 2.6))
        spans += [n.box[3] - n.box[0] for n in c.nodules if 4.7 <= n.attributes["diameter_mm"] <= 5.3]
    assert len(spans) >= 3
    assert min(spans) >= 3


def test_positions_are_what_they_are_called(chest):
    to_wall = ndimage.distance_transform_edt(chest.lungs, sampling=chest.spacing)
    for i, n in enumerate(chest.nodules):
        nearest = to_wall[chest.labels == i + 1].min()
        assert (nearest <= 3) == (n.attributes["position"] == "juxta-pleural") or n.attributes[
            "position"
        ] != "juxta-pleural"
        if n.attributes["position"] == "solitary":
            assert nearest > 0.9


@pytest.fixture(scope="module")
def quiet():
    return phantoms.chest_ct(4, n_nodules=0, dose=100)


def test_tissues_have_their_ct_numbers(quiet):
    c = quiet
    assert np.median(c.image[c.lungs]) == pytest.approx(tissue.LUNG, abs=50)
    assert np.median(c.image[:, :3]) == pytest.approx(tissue.AIR, abs=2)
    present, _ = np.histogram(c.image, bins=[-130, -70, 10, 30, 70, 150, 300, 2000])
    assert present[0] > 0.05 * c.image.size  # fat
    assert present[3] > 0.08 * c.image.size  # blood, muscle, liver
    assert present[5] + present[6] > 0.005 * c.image.size  # bone
    assert c.image.max() > 400
    lung_ml = c.lungs.sum() * np.prod(c.spacing) / 1000
    assert 1200 < lung_ml < 3000  # of 80 mm
    sizes = np.bincount(ndimage.label(c.lungs[40])[0].ravel())[1:]
    assert (sizes > 2000).sum() == 2  # a right and a left lung


def test_airways_and_vessels_are_there(quiet):
    c = quiet
    mediastinum = c.image[60, 100:190, 108:148]
    assert (mediastinum < -900).sum() > 40  # trachea
    inner = ndimage.binary_erosion(c.lungs, iterations=4)
    assert 0.005 < (c.image[inner] > -500).mean() < 0.12  # vessels


def test_a_dose_of_a_quarter_doubles_the_noise():
    def rough(dose):
        c = phantoms.chest_ct(5, **SMALL | {"n_nodules": 0}, dose=dose)
        return np.diff(c.image[:, 2:10].astype(float), axis=2).std()  # air above the chest

    assert rough(0.5) == pytest.approx(2 * rough(2.0), rel=0.05)


def test_nodules_may_be_none_and_other_grids_work():
    assert phantoms.chest_ct(0, **SMALL | {"n_nodules": 0}).boxes.shape == (0, 6)
    c = phantoms.chest_ct(0, n_nodules=3, shape=(16, 128, 128), spacing=(5, 2.6, 2.6), thickness_mm=5)
    assert len(c.nodules) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_nodules": -1}, "n_nodules must be"),
        ({"kv": 120}, "a scanner setting must be one of 'dose', 'kernel', 'thickness_mm', got 'kv'"),
        ({"dose": -1}, "dose must be a number above 0"),
        ({"n_nodules": 2, "shape": (4, 16, 16), "spacing": (1, 3, 3)}, "no room"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        phantoms.chest_ct(0, **SMALL | arguments)
