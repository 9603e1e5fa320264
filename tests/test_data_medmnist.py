"""All 18 sets of MedMNIST, from small files made here."""

import hashlib
import warnings
import zipfile

import numpy as np
import pytest

from medlab import data
from medlab.data import medmnist as catalogue
from tests.data_sets import volumes

pytestmark = pytest.mark.filterwarnings("ignore:.*its MD5 is", "ignore:.*officially", "ignore:BreastMNIST. malignant")


def medmnist_file(folder, name: str, *, n=(20, 6, 8), size: int = 28, **changed):
    """A file like MedMNIST's with random images; `changed` replaces arrays in it."""
    entry = catalogue.CATALOGUE[name]
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in zip(("train", "val", "test"), n, strict=True):
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, *entry.shape(size)), np.uint8)
        top, columns = (2, len(entry.classes)) if entry.task == "multilabel" else (len(entry.classes), 1)
        arrays[f"{part}_labels"] = rng.integers(0, top, (count, columns), np.uint8)
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / catalogue.file_name(name, size)
    np.savez_compressed(path, **(arrays | changed))
    return path, arrays


@pytest.mark.parametrize("name", catalogue.CATALOGUE)
def test_every_set_of_medmnist_loads(name, tmp_path):
    _, arrays = medmnist_file(tmp_path, name, n=(7, 2, 3))
    found = data.load(name, folder=tmp_path)
    entry = catalogue.CATALOGUE[name]
    assert (found.task, found.class_names, found.licence) == (entry.task, entry.classes, entry.licence)
    np.testing.assert_array_equal(
        found.images, np.concatenate([arrays[f"{p}_images"] for p in ("train", "val", "test")])
    )
    labels = np.concatenate([arrays[f"{p}_labels"] for p in ("train", "val", "test")])
    np.testing.assert_array_equal(found.labels, labels if entry.task == "multilabel" else labels[:, 0])
    assert [len(part) for part in data.split(found)] == [7, 2, 3]
    assert found.patients is None
    assert "s41597-022-01721-8" in found.citation


def test_the_catalogue_is_whole():
    sets = catalogue.CATALOGUE.values()
    assert [sum(entry.dimensions == d for entry in sets) for d in (2, 3)] == [12, 6]
    for entry in sets:
        assert tuple(entry.md5) == ((28, 64, 128, 224) if entry.dimensions == 2 else (28, 64))
        assert all(len(md5) == 32 and int(md5, 16) for md5 in entry.md5.values())
        assert (len(entry.classes) == 2) == (entry.task == "binary")
    assert sum(sum(entry.n) for entry in sets if entry.dimensions == 2) == 707_962  # the paper: 107 more organs
    assert len({md5 for entry in sets for md5 in entry.md5.values()}) == 12 * 4 + 6 * 2
    assert [entry.title for entry in sets if "NC" in entry.licence] == ["DermaMNIST"]


def test_larger_images_have_a_file_of_their_own(tmp_path):
    path, _ = medmnist_file(tmp_path / "medmnist", "breastmnist", size=64)
    assert path.name == "breastmnist_64.npz"
    with pytest.warns(UserWarning, match=r"holds \(20, 6, 8\) images .* officially \(546, 78, 156\)"):
        assert data.load("BreastMNIST", size=64, folder=tmp_path).images.shape == (34, 64, 64)
    with pytest.raises(ValueError, match="NoduleMNIST3D comes in the sizes 28, 64, not 224"):
        data.load("nodulemnist3d", size=224, folder=tmp_path)


def test_a_file_of_ones_own_is_used_with_a_warning_that_names_both_sums(tmp_path):
    path, _ = medmnist_file(tmp_path, "pneumoniamnist")
    own = hashlib.md5(path.read_bytes()).hexdigest()
    with pytest.warns(UserWarning, match=f"{own}.*28209eda62fecd6e6a2d98b1501bb15f"):
        found = data.load("pneumoniamnist", folder=tmp_path)
    assert found.checksum == own


def test_the_official_file_loads_without_a_word(tmp_path, monkeypatch):
    path, _ = medmnist_file(tmp_path, "pneumoniamnist")
    official(monkeypatch, "pneumoniamnist", path, (20, 6, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        data.load("pneumoniamnist", folder=tmp_path)


def test_breastmnist_says_that_malignant_is_0(tmp_path):
    medmnist_file(tmp_path, "breastmnist")
    with pytest.warns(UserWarning, match="BreastMNIST: malignant is class 0"):
        assert data.load("breastmnist", folder=tmp_path).class_names == ("malignant", "normal, benign")


def official(monkeypatch, name: str, path, n) -> None:
    """Make a test file the official one."""
    entry = catalogue.CATALOGUE[name]
    monkeypatch.setitem(entry.md5, 28, hashlib.md5(path.read_bytes()).hexdigest())
    monkeypatch.setitem(catalogue.CATALOGUE, name, catalogue.Entry(**(vars(entry) | {"n": n})))


def test_a_part_of_a_set_keeps_split_and_classes(tmp_path, monkeypatch):
    path, _ = medmnist_file(tmp_path, "octmnist", n=(400, 100, 200))
    official(monkeypatch, "octmnist", path, (400, 100, 200))
    whole = data.load("octmnist", folder=tmp_path)
    part = data.load("octmnist", n=70, seed=3, folder=tmp_path)
    assert [(part.split == p).sum() for p in ("train", "val", "test")] == pytest.approx([40, 10, 20], abs=2)
    assert np.bincount(part.labels) == pytest.approx(np.bincount(whole.labels) / 10, abs=2)
    again = data.load("octmnist", n=70, seed=3, folder=tmp_path)
    np.testing.assert_array_equal(part.images, again.images)
    assert not np.array_equal(part.images, data.load("octmnist", n=70, seed=4, folder=tmp_path).images)
    positions = {image.tobytes(): i for i, image in enumerate(whole.images)}
    rows = [positions[image.tobytes()] for image in part.images]
    assert rows == sorted(set(rows))
    np.testing.assert_array_equal(part.labels, whole.labels[rows])
    with pytest.raises(ValueError, match="n=701: OCTMNIST has 700 images"):
        data.load("octmnist", n=701, folder=tmp_path)


def test_one_finding_of_chestmnist(tmp_path, monkeypatch):
    path, _ = medmnist_file(tmp_path, "chestmnist")
    official(monkeypatch, "chestmnist", path, (20, 6, 8))
    whole, one = (data.load("chestmnist", folder=tmp_path, label=label) for label in (None, "nodule"))
    np.testing.assert_array_equal(one.labels, whole.labels[:, 5])
    assert (one.task, one.class_names) == ("binary", ("no nodule", "nodule"))
    with pytest.raises(ValueError, match="one of atelectasis"):
        data.load("chestmnist", folder=tmp_path, label="fracture")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"test_images": np.zeros((8, 28, 28), np.uint8)}, "all test images are blank"),
        ({"val_images": np.ones((6, 28, 29), np.uint8)}, r"val_images are \(6, 28, 29\)"),
        ({"train_images": np.ones((20, 28, 28), np.float32)}, "float32, expected"),
        ({"train_labels": np.ones((20, 2), np.uint8)}, r"train_labels have shape \(20, 2\)"),
        ({"train_labels": np.full((20, 1), 7, np.uint8)}, "labels run from 0 to 7"),
        (
            {"train_labels": np.array([[object()]] * 20)},
            r"pneumoniamnist\.npz: train_labels cannot be read \(Object arrays .*zenodo",
        ),
        ({"train_labels": np.array([["sick"]] * 20)}, r"pneumoniamnist\.npz: train_labels are <U4 \(sick, .*whole"),
        ({"val_labels": np.full((6, 1), 0.5)}, r"pneumoniamnist\.npz: val_labels are float64 \(0\.5, .*whole numbers"),
        ({"val_labels": np.full((6, 1), np.nan)}, "val_labels are float64"),
    ],
)
def test_files_with_the_wrong_content_are_refused(changed, says, tmp_path):
    medmnist_file(tmp_path, "pneumoniamnist", **changed)
    with pytest.raises(ValueError, match=says):
        data.load("pneumoniamnist", folder=tmp_path)


@pytest.mark.parametrize("content", [b"<html>log in</html>", b""])
def test_damaged_files_are_refused(content, tmp_path):
    (tmp_path / "pneumoniamnist.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"pneumoniamnist\.npz: train_labels cannot be read .*damaged.*zenodo"):
        data.load("pneumoniamnist", folder=tmp_path)
    path, _ = medmnist_file(tmp_path, "pneumoniamnist")
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("test_images.npy").header_offset + 500
    raw = bytearray(path.read_bytes())
    raw[place : place + 40] = bytes(40)
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"pneumoniamnist\.npz: test_images cannot be read .*damaged"):
        data.load("pneumoniamnist", folder=tmp_path)


@pytest.mark.parametrize("array", ["val_labels", "val_images"])
def test_an_array_that_numpy_cannot_read_names_the_file(array, tmp_path):
    path, arrays = medmnist_file(tmp_path, "pneumoniamnist")
    arrays.pop(array)
    np.savez(path, **arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{array}.npy", b"no magic here, only text")
    with pytest.raises(ValueError, match=rf"pneumoniamnist\.npz: {array} cannot be read \(it is no array of NumPy\)"):
        data.load("pneumoniamnist", folder=tmp_path)


def test_without_download_it_says_where_to_get_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"pathmnist_128\.npz from https://zenodo.* put it into .*data-folder"):
        data.load("pathmnist", size=128, download=False)


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    corpus_of = tmp_path / "mine"
    data.write_cohort(volumes(), corpus_of)
    with pytest.raises(FileNotFoundError, match=r"no data 'pneumonia'.*phantom-nodules.*pneumoniamnist.*mine in"):
        data.load("pneumonia", folder=tmp_path)
    with pytest.raises(FileNotFoundError, match="empty"):
        data.load("")
    with pytest.raises(ValueError, match="n must be a whole number of 1 or more, got 0"):
        data.load("pneumoniamnist", n=0)
    with pytest.raises(ValueError, match="size=64 chooses among the files of MedMNIST"):
        data.load(corpus_of, size=64)
    with pytest.raises(ValueError, match=r"is a file.*io\.read"):
        data.load(corpus_of / "about.json")
