"""Phantoms as data sets, and the data cards."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medlab import data, phantoms
from medlab.data import medmnist as catalogue

pytestmark = pytest.mark.filterwarnings("ignore:.*its MD5 is", "ignore:.*officially", "ignore:BreastMNIST. malignant")


def test_phantom_nodules():
    found = data.load("phantom-nodules", n=30, seed=5)
    assert len(found) == len(set(found.patients)) == 30
    assert set(found.labels) == {0, 1}
    for i in (0, 17):
        seed = int(found.table["seed"][i])
        nodule = phantoms.nodule(seed)
        np.testing.assert_array_equal(found.images[i], nodule.image)
        np.testing.assert_array_equal(found.masks[i], nodule.mask)
        row = found.table.loc[i]
        assert (row["malignant"], row["p_malignant"]) == (nodule.malignant, nodule.p_malignant)
        assert row["ratings"] == " ".join(map(str, nodule.ratings))
        assert {name: row[name] for name in nodule.attributes} == nodule.attributes
        assert found.spacing_of(i) == nodule.spacing
    longer = data.load("phantom-nodules", n=40, seed=5)
    np.testing.assert_array_equal(longer.images[3], found.images[3])
    assert longer.labels[:30].tolist() == found.labels.tolist()
    assert data.load("phantom-nodules", n=30, seed=6).table["seed"].isin(found.table["seed"]).sum() == 0
    assert data.load("phantom-nodules", n=5, label="diameter_mm").task == "regression"


def test_phantom_nodules_as_a_cohort(tmp_path):
    written = data.load("phantom-nodules", n=2)
    found = data.load(data.write_cohort(written, tmp_path / "c"))
    np.testing.assert_array_equal(np.asarray(found.images), np.asarray(written.images))
    np.testing.assert_array_equal(np.asarray(found.masks), np.asarray(written.masks))
    pd.testing.assert_frame_equal(found.table[list(written.table)], written.table, check_dtype=False)


def test_phantom_chests(monkeypatch):
    """Drawn small here; what is asked for is what the table says."""
    draw, asked = phantoms.chest_ct, []

    def small(seed, *, n_nodules, spacing):
        asked.append((seed, n_nodules, spacing))
        return draw(seed, n_nodules=n_nodules, shape=(16, 64, 64), spacing=(5, 5, 5))

    monkeypatch.setattr(phantoms, "chest_ct", small)
    found = data.load("phantom-chests", n=3, seed=1)
    assert found.labels.tolist() == [1, 1, 0]
    assert not found.masks[2].any()
    chest = draw(
        int(found.table["seed"][0]), n_nodules=int(found.table["n_nodules"][0]), shape=(16, 64, 64), spacing=(5, 5, 5)
    )
    np.testing.assert_array_equal(found.images[0], chest.image)
    np.testing.assert_array_equal(found.masks[0], np.asarray(chest.labels) > 0)
    assert [(seed, n) for seed, n, _ in asked] == [tuple(found.table.loc[i, ["seed", "n_nodules"]]) for i in (2, 0)]
    assert {spacing for _, _, spacing in asked} == {found.spacing_of(0)}


def test_every_source_has_a_data_card():
    card = (Path(__file__).parents[1] / "data" / "README.md").read_text(encoding="utf-8")
    for name, entry in catalogue.CATALOGUE.items():
        facts, meaning = [line for line in card.splitlines() if line.startswith(f"| `{name}` |")]
        counts = " / ".join(f"{n:,}" for n in entry.n)
        for fact in (counts, entry.task, entry.md5[28], entry.licence):
            assert f" {fact}" in facts.replace("`", " ")
        assert entry.source in meaning
    assert catalogue.RECORD in card
    for name in ("phantom-nodules", "phantom-chests", "lidc-nodules", *data.EXAMPLES):
        assert f"`{name}`" in card or f'"{name}"' in card
