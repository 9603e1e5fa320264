"""Data sets of every kind load into one shape; what does not fit is refused with the reason."""

import hashlib
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medlab import data, io
from medlab.data import medmnist_catalogue as catalogue
from medlab.data.lazy import Lazy
from tests import corpus

pytestmark = pytest.mark.filterwarnings("ignore:.*its MD5 is", "ignore:.*officially", "ignore:BreastMNIST. malignant")


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDLAB_DATA", str(tmp_path / "data-folder"))


def toy(n: int = 12, **changed) -> data.Dataset:
    rng = np.random.default_rng(0)
    given = {"patients": [f"p{i // 2}" for i in range(n)], "class_names": ("benign", "malignant")} | changed
    images = given.pop("images", rng.integers(0, 255, (n, 4, 5)).astype(np.uint8))
    return data.Dataset("toy", images, given.pop("labels", np.arange(n) % 2), **given)


# the shape


def test_a_part_is_a_data_set_with_the_same_rows_everywhere():
    whole = toy(table=pd.DataFrame({"row": range(12)}), spacing=(2.0, 1.0), split=["train"] * 9 + ["test"] * 3)
    for indices in ([3, 1], np.arange(12) > 5, slice(2, 9, 3), np.array([], int)):
        part = whole[indices]
        rows = np.arange(12)[indices]
        assert len(part) == len(rows)
        np.testing.assert_array_equal(part.images, whole.images[rows])
        np.testing.assert_array_equal(part.labels, whole.labels[rows])
        assert part.table["row"].tolist() == rows.tolist()
        assert part.patients.tolist() == whole.patients[rows].tolist()
        assert part.split.tolist() == whole.split[rows].tolist()
        assert part.spacing == (2.0, 1.0)


def test_images_of_unequal_size_stay_a_sequence():
    images = [np.full((n, 3), n) for n in (2, 3, 4)]
    part = toy(3, images=images, masks=[image > 2 for image in images], spacing=[(1, 1), (2, 1), (3, 1)])[[2, 0]]
    assert [image.shape for image in part.images] == [(4, 3), (2, 3)]
    assert part.spacing_of(0) == (3.0, 1.0)
    assert part.masks[0].all()


def test_a_spacing_is_for_all_images_or_for_each():
    assert toy(spacing=[2, 1]).spacing == (2.0, 1.0)
    assert toy(3, spacing=((2, 1), (3, 1), (4, 1)))[[2, 0]].spacing_of(0) == (4.0, 1.0)
    assert toy(2, spacing=((2, 1), None)).spacing_of(1) is None
    assert toy(2, images=np.zeros((2, 4, 5, 3)), spacing=(2, 1)).spacing == (2.0, 1.0)  # colour has no spacing


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"spacing": (1, 0)}, r"toy: spacing must be numbers above 0 in mm, one an axis, got \(1, 0\)"),
        ({"spacing": (1, float("inf"))}, "spacing must be numbers above 0"),
        ({"spacing": ("a", 1)}, "spacing must be numbers above 0"),
        ({"spacing": ()}, "spacing must be numbers above 0"),
        ({"spacing": (1, 1, 1)}, r"spacing \(1\.0, 1\.0, 1\.0\) has 3 numbers, but the images are \(4, 5\)"),
        ({"spacing": ((1, 1), (2, 2))}, "12 images but 2 spacing"),
        ({"labels": np.zeros(11, int)}, "12 images but 11 labels"),
        ({"patients": ["a"] * 13}, "12 images but 13 patients"),
        ({"patients": [*["a"] * 11, None]}, "patients missing for 1 images.*position 11"),
        ({"patients": [*["a"] * 11, float("nan")]}, "patients missing"),
        ({"masks": np.zeros((3, 4, 5))}, "12 images but 3 masks"),
        ({"task": "guess"}, "task must be one of binary, .* got 'guess'"),
        ({"labels": np.arange(12)}, "labels run from 0 to 11, allowed are 0 to 1"),
        ({"labels": np.full(12, -1)}, "labels run from -1"),
        ({"labels": np.full(12, 0.5)}, "whole numbers"),
        ({"class_names": ()}, "class_names are missing"),
        ({"class_names": "abc"}, "two classes"),
        ({"labels": np.zeros((12, 2), int)}, r"\(images,\), got \(12, 2\)"),
        ({"task": "multilabel"}, r"\(images, classes\), got \(12,\)"),
        ({"task": "multilabel", "labels": np.zeros((12, 3), int)}, "3 columns, class_names has 2"),
        ({"task": "regression", "labels": np.full(12, np.nan)}, "12 labels are NaN"),
    ],
)
def test_what_does_not_fit_is_refused(changed, says):
    with pytest.raises(ValueError, match=says):
        toy(**changed)


def test_a_patient_is_the_same_text_under_every_type():
    arrays = [np.array([7, 8], np.float32), np.array([b"7", b"8"]), np.array([" 7", "8 "])]
    for same in ([7, 8], [7.0, 8.0], [b"7", b"8"], ["7", 8], pd.Series([7, 8], dtype="Int64"), *arrays):
        assert toy(2, patients=same).patients.tolist() == ["7", "8"]
    assert toy(2, patients=["007", 1.5]).patients.tolist() == ["007", "1.5"]
    for missing in (None, np.nan, pd.NA, pd.NaT, "", "  ", "nan"):
        with pytest.raises(ValueError, match=r"toy: patients missing for 1 images \(the first at position 1\)"):
            toy(2, patients=["a", missing])
    with pytest.raises(ValueError, match="patients missing"):
        toy(2, patients=np.array(["a", "nan"]))
    for wrong in ([["a"], ["b"]], np.array("ab"), "ab"):
        with pytest.raises(ValueError, match="patients must be a list or array of one axis"):
            toy(2, patients=wrong)


def test_one_image_is_asked_of_images():
    with pytest.raises(TypeError, match=r"dataset\.images\[3\]"):
        toy()[3]


def test_it_says_what_it_is():
    assert repr(toy(split=["train"] * 8 + ["val"] * 2 + ["test"] * 2)) == (
        "toy: 12 images 4 × 5, binary (benign 6, malignant 6), 6 patients, official split 8/2/2"
    )
    assert "0.5 to 2" in repr(toy(2, labels=[0.5, 2.0], task="regression", class_names=()))
    assert "a 2, b 1" in repr(toy(2, labels=[[1, 0], [1, 1]], task="multilabel", class_names="ab"))


def test_lazy_items_are_made_one_by_one():
    made = []
    items = Lazy(lambda i: made.append(i) or np.full(2, i), 1_000_000)
    assert items[7][0] == 7
    assert items[-1][0] == 999_999
    assert [int(item[0]) for item in items[[5, 3]][::-1]] == [3, 5]
    assert made == [7, 999_999, 3, 5]
    assert np.asarray(items[:3]).tolist() == [[0, 0], [1, 1], [2, 2]]
    with pytest.raises(IndexError):
        items[1_000_000]
    with pytest.raises(ValueError, match=r"image 1 is \(1,\) and image 0 is \(0,\).*data\.crops"):
        np.asarray(Lazy(np.zeros, 2))


# MedMNIST


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
    _, arrays = medmnist_file(tmp_path, name)
    found = data.load(name, folder=tmp_path)
    entry = catalogue.CATALOGUE[name]
    assert (found.task, found.class_names, found.licence) == (entry.task, entry.classes, entry.licence)
    np.testing.assert_array_equal(
        found.images, np.concatenate([arrays[f"{p}_images"] for p in ("train", "val", "test")])
    )
    labels = np.concatenate([arrays[f"{p}_labels"] for p in ("train", "val", "test")])
    np.testing.assert_array_equal(found.labels, labels if entry.task == "multilabel" else labels[:, 0])
    assert [len(part) for part in data.split(found)] == [20, 6, 8]
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
        warnings.simplefilter("error")
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


def test_large_files_are_unpacked_in_blocks(tmp_path, monkeypatch):
    path, arrays = medmnist_file(tmp_path, "breastmnist", n=(50, 7, 9))
    official(monkeypatch, "breastmnist", path, (50, 7, 9))
    monkeypatch.setattr("medlab.data.medmnist.BLOCK", 28 * 28 * 3 + 5)
    found = data.load("breastmnist", folder=tmp_path)
    np.testing.assert_array_equal(found.images[:50], arrays["train_images"])
    np.testing.assert_array_equal(found.images[57:], arrays["test_images"])


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
            r"pneumoniamnist\.npz: train_labels is not .*(?i:object arrays)",
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
    with pytest.raises(ValueError, match=r"pneumoniamnist\.npz: damaged.*zenodo"):
        data.load("pneumoniamnist", folder=tmp_path)
    path, _ = medmnist_file(tmp_path, "pneumoniamnist")
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("test_images.npy").header_offset + 500
    raw = bytearray(path.read_bytes())
    raw[place : place + 40] = bytes(40)
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"pneumoniamnist\.npz: damaged"):
        data.load("pneumoniamnist", folder=tmp_path)


@pytest.mark.parametrize("array", ["val_labels", "val_images"])
def test_an_array_that_numpy_cannot_read_names_the_file(array, tmp_path):
    path, arrays = medmnist_file(tmp_path, "pneumoniamnist")
    arrays.pop(array)
    np.savez(path, **arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{array}.npy", b"no magic here, only text")
    with pytest.raises(ValueError, match=rf"pneumoniamnist\.npz: {array} is not an array of numbers .*magic"):
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
    with pytest.raises(ValueError, match="n must be at least 1"):
        data.load("pneumoniamnist", n=0)
    with pytest.raises(ValueError, match="size=64 chooses among the files of MedMNIST"):
        data.load(corpus_of, size=64)
    with pytest.raises(ValueError, match=r"is a file.*io\.read"):
        data.load(corpus_of / "about.json")


# folders of images


def picture(path, value: int = 7, shape=(6, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


def test_a_folder_with_a_sub_folder_per_class(tmp_path):
    picture(tmp_path / "set" / "sick" / "b.png", 2)
    picture(tmp_path / "set" / "sick" / "a.tif", 1, (9, 9))
    picture(tmp_path / "set" / "healthy" / "c.jpg", 3)
    volume = corpus.volume()
    io.write(volume, tmp_path / "set" / "healthy" / "d.nii.gz")
    slices = corpus.series(tmp_path / "series")
    slices[0].rename(tmp_path / "set" / "sick" / "IM0001")
    (tmp_path / "set" / "sick" / "notes.txt").write_text("not an image")
    (tmp_path / "set" / ".hidden").mkdir()
    found = data.load(tmp_path / "set")
    assert found.class_names == ("healthy", "sick")
    assert found.labels.tolist() == [0, 0, 1, 1, 1]
    assert found.patients is None
    assert [image.shape for image in found.images][2:] == [(9, 8), (9, 9), (6, 5)]
    assert [found.spacing_of(i) is None for i in range(5)] == [True, False, False, True, True]
    np.testing.assert_array_equal(found.images[1], io.reorient(volume).array)
    part = data.load("set", folder=tmp_path, n=2)
    assert part.labels.tolist() == [0, 1]


def test_folders_of_patients_and_an_official_split(tmp_path):
    for part in ("train", "Validation", "test"):
        for name in ("NORMAL", "PNEUMONIA"):
            picture(tmp_path / part / name / f"patient-{part}-{name}" / "1.png")
    found = data.load(tmp_path)
    assert found.split.tolist() == ["val"] * 2 + ["test"] * 2 + ["train"] * 2
    assert found.labels.tolist() == [0, 1] * 3
    assert len(set(found.patients)) == 6
    assert [len(part) for part in data.split(found)] == [2, 2, 2]


@pytest.mark.parametrize("sick", ["Malignant", "cancer", "DISEASED"])
def test_of_two_folders_the_disease_is_class_1(sick, tmp_path):
    picture(tmp_path / sick / "a.png")
    picture(tmp_path / "other" / "b.png")
    found = data.load(tmp_path)
    assert (found.class_names, found.labels.tolist()) == (("other", sick), [1, 0] if sick < "other" else [0, 1])


def test_folders_beside_train_and_test_are_refused(tmp_path):
    for part in ("train", "test", "extra"):
        for name in ("a", "b"):
            picture(tmp_path / part / name / "1.png")
    with pytest.raises(ValueError, match=r"test, train are parts .* but beside them lie extra"):
        data.load(tmp_path)


def test_the_same_sub_folders_in_every_class_are_no_patients(tmp_path):
    for name in ("a", "b"):
        for inside in ("left", "right"):
            picture(tmp_path / name / inside / "1.png")
    with pytest.warns(UserWarning, match=r"same sub-folders \(left, right\).*patients are unknown"):
        assert data.load(tmp_path).patients is None
    picture(tmp_path / "b" / "middle" / "1.png")
    assert data.load(tmp_path).patients.tolist() == ["left", "right", "left", "middle", "right"]


def test_a_folder_that_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"one sub-folder with images per class.*no images in sub-folders"):
        data.load(tmp_path)
    picture(tmp_path / "sick" / "a.png")
    with pytest.raises(ValueError, match=r"1 images in one sub-folder \(sick\)"):
        data.load(tmp_path)
    with pytest.raises(ValueError, match="a class is a sub-folder"):
        data.load(tmp_path, label="malignant")


# cohorts


def volumes(n: int = 6, *, masks: bool = True, **changed) -> data.Dataset:
    """Volumes of odd, unequal sizes and spacings."""
    rng = np.random.default_rng(1)
    images = [rng.integers(-1000, 400, (4 + i, 6, 5)).astype(np.int16) for i in range(n)]
    given = {
        "patients": [f"00{i // 2}" for i in range(n)],
        "spacing": [(2.5, 0.75, 0.75 + i / 8) for i in range(n)],
        "class_names": ("benign", "malignant"),
        "masks": [image > 0 for image in images] if masks else None,
        "table": pd.DataFrame({"nodule_id": [f"0{i}" for i in range(n)], "diameter_mm": np.linspace(3, 30, n) ** 1.1}),
        "licence": "CC BY 4.0",
        "citation": "Müller et al.",
    }
    return data.Dataset("small", images, np.arange(n) % 2, **(given | changed))


def test_a_cohort_reads_back_the_same(tmp_path):
    written = volumes(split=["train"] * 4 + ["test"] * 2)
    assert data.write_cohort(written, tmp_path / "c") == tmp_path / "c"
    found = data.load("c", folder=tmp_path)
    for name in ("name", "class_names", "task", "licence", "citation"):
        assert getattr(found, name) == getattr(written, name)
    for name in ("labels", "patients", "split"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    for i in range(len(written)):
        np.testing.assert_array_equal(found.images[i], written.images[i])
        assert found.images[i].dtype == np.int16
        np.testing.assert_array_equal(found.masks[i], written.masks[i])
        assert found.masks[i].dtype == bool
        assert found.spacing_of(i) == pytest.approx(written.spacing_of(i))
    pd.testing.assert_frame_equal(found.table[["nodule_id", "diameter_mm"]], written.table)
    again = data.load(data.write_cohort(found, tmp_path / "again"))
    np.testing.assert_array_equal(again.images[3], written.images[3])
    assert len(found.checksum) == 32


@pytest.mark.parametrize(
    "changed",
    [
        {"patients": None, "masks": None, "table": None},
        {"labels": np.linspace(0, 1, 6), "task": "regression", "class_names": ()},
        {"labels": np.array([[0, 1, 1], [1, 0, 0]] * 3), "task": "multilabel", "class_names": tuple("abc")},
        {"labels": np.array([0, 3, 0, 3, 3, 0]), "task": "ordinal", "class_names": tuple("abcd")},
    ],
    ids=["nothing known", "regression", "multilabel", "ordinal"],
)
def test_cohorts_of_every_task_read_back(changed, tmp_path):
    from dataclasses import replace

    written = replace(volumes(), **changed)
    found = data.load(data.write_cohort(written, tmp_path / "c"))
    np.testing.assert_array_equal(found.labels, written.labels)
    assert (found.task, found.class_names) == (written.task, written.class_names)
    assert (found.patients is None, found.masks is None) == (written.patients is None, written.masks is None)


def test_a_cohort_of_flat_images_reads_back(tmp_path):
    written = toy(spacing=(0.5, 0.25))
    found = data.load(data.write_cohort(written, tmp_path / "c"))
    np.testing.assert_array_equal(np.asarray(found.images), written.images)
    assert found.spacing_of(0) == (0.5, 0.25)


def test_a_cohort_appears_whole_or_not_at_all(tmp_path):
    def make(i: int):
        if i == 3:
            raise RuntimeError("the power went")
        return np.zeros((2, 2, 2), np.int16)

    broken = volumes(masks=False, spacing=(1, 1, 1))
    broken.images = Lazy(make, 6)
    with pytest.raises(RuntimeError):
        data.write_cohort(broken, tmp_path / "c")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    data.write_cohort(volumes(), tmp_path / "empty")
    with pytest.raises(FileExistsError, match="not empty"):
        data.write_cohort(volumes(), tmp_path / "empty")
    with pytest.raises(ValueError, match="image 0 has no spacing"):
        data.write_cohort(toy(), tmp_path / "none")
    with pytest.raises(ValueError, match="grey images of two or three axes"):
        data.write_cohort(toy(images=np.zeros((12, 4, 5, 3), np.uint8), spacing=(1, 1)), tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_writing_keeps_one_image_in_memory(tmp_path):
    alive = []

    class Image(np.ndarray):
        def __del__(self):
            alive.remove(id(self))

    def make(i: int):
        image = np.zeros((3, 3, 3), np.int16).view(Image)
        alive.append(id(image))
        assert len(alive) <= 2
        return image

    streamed = volumes(masks=False, spacing=(1, 1, 1))
    streamed.images = Lazy(make, 6)
    data.write_cohort(streamed, tmp_path / "c")
    assert len(list((tmp_path / "c" / "images").iterdir())) == 6


def own_cohort(folder, **columns):
    """A cohort as somebody else would make it, without about.json."""
    data.write_cohort(volumes(), folder)
    (folder / "about.json").unlink()
    table = pd.read_csv(folder / "cohort.csv", dtype=str).drop(columns=["label"]).assign(**columns)
    table.to_csv(folder / "cohort.csv", index=False)
    return folder


def test_malignant_is_made_from_the_radiologists_opinion(tmp_path):
    folder = own_cohort(tmp_path / "c", malignancy=["5", "3", "1", "2", "", "4"])
    for label in ("malignant", None):
        found = data.load(folder, label=label)
        assert found.labels.tolist() == [1, 0, 0, 1]
        assert found.class_names == ("benign", "malignant")
        assert found.table["nodule_id"].tolist() == ["00", "02", "03", "05"]
        np.testing.assert_array_equal(found.images[1], volumes().images[2])
    own_cohort(tmp_path / "d", malignancy="5", malignant=list("001101"))
    assert data.load(tmp_path / "d", label="malignant").labels.tolist() == [0, 0, 1, 1, 0, 1]
    with pytest.raises(ValueError, match="opinion from 1 to 5, got 9"):
        data.load(own_cohort(tmp_path / "e", malignancy=list("123459")), label="malignant")


def test_any_column_can_be_the_label(tmp_path):
    folder = own_cohort(tmp_path / "c", grade=list("135531"), sex=list("fmfmff"), flag=list("010011"), site="")
    grade = data.load(folder, label="grade")
    assert (grade.task, grade.class_names, grade.labels.tolist()) == ("ordinal", ("1", "3", "5"), [0, 1, 2, 2, 1, 0])
    sex = data.load(folder, label="sex")
    assert (sex.task, sex.class_names, sex.labels.tolist()) == ("binary", ("f", "m"), [0, 1, 0, 1, 0, 0])
    assert data.load(folder, label="flag").class_names == ("not flag", "flag")
    own_cohort(tmp_path / "d", outcome=list("nynyyn"), finding=["no", "Yes", "no", "Yes", "no", "no"])
    assert data.load(tmp_path / "d", label="outcome").class_names == ("n", "y")
    finding = data.load(tmp_path / "d", label="finding")
    assert (finding.class_names, finding.labels.tolist()) == (("no", "Yes"), [0, 1, 0, 1, 0, 0])
    size = data.load(folder, label="diameter_mm")
    np.testing.assert_array_equal(size.labels, volumes().table["diameter_mm"])
    assert (size.task, size.class_names) == ("regression", ())
    assert sorted(data.load(folder, label="sex", n=3).labels.tolist()) == [0, 0, 1]
    with pytest.raises(KeyError, match=r"cohort\.csv: no column 'malignnt'; there are patient_id, image"):
        data.load(folder, label="malignnt")
    with pytest.raises(KeyError, match="which column is the label"):
        data.load(folder)
    with pytest.raises(ValueError, match="'site' is empty"):
        data.load(folder, label="site")


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"image": "images/gone.nii.gz"}, r"6 of 6 image files are not there \('images/gone"),
        ({"mask": ""}, "6 of 6 mask files are not there"),
        ({"patient_id": ["a", "b", "", "d", "e", "f"]}, "row 4 has no patient_id"),
        ({"split": ["train", "", "test", "test", "test", "test"]}, "split missing for 1 images"),
    ],
)
def test_bad_tables_are_refused(columns, says, tmp_path):
    folder = own_cohort(tmp_path / "c", malignancy="5", **columns)
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        data.load(folder)
    (folder / "cohort.csv").write_bytes("Größe,image\n1,2".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        data.load(folder)
    (folder / "cohort.csv").write_text("id;image\n1;2")
    with pytest.raises(ValueError, match="has no column 'image'"):
        data.load(folder)


def test_missing_values_have_many_names(tmp_path):
    folder = own_cohort(
        tmp_path / "c", sex=["f", "NA", "m", "?", "f", "-"], grade=["1", "N/A", "3", "n/a", "2", "null"],
        malignancy=["5", "nan", "1", "-", "", "4"],
    )  # fmt: skip
    sex = data.load(folder, label="sex")
    assert (sex.class_names, sex.labels.tolist()) == (("f", "m"), [0, 1, 0])
    grade = data.load(folder, label="grade")
    assert (grade.task, grade.class_names, grade.labels.tolist()) == ("ordinal", ("1", "2", "3"), [0, 2, 1])
    assert data.load(folder).labels.tolist() == [1, 0, 1]


def test_two_columns_of_one_name_are_refused(tmp_path):
    folder = own_cohort(tmp_path / "c", malignant="1")
    lines = (folder / "cohort.csv").read_text().splitlines()
    (folder / "cohort.csv").write_text("\n".join([lines[0] + ", malignant", *[line + ",0" for line in lines[1:]]]))
    with pytest.raises(ValueError, match=r"cohort\.csv: columns malignant stand there more than once"):
        data.load(folder)


@pytest.mark.parametrize("column", ["image", "mask"])
@pytest.mark.parametrize("absolute", [True, False])
def test_paths_that_leave_the_cohort_are_refused(column, absolute, tmp_path):
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "secret.png")
    name = str(tmp_path / "secret.png") if absolute else "images/../../secret.png"
    folder = own_cohort(tmp_path / "c", malignant="1", **{column: name})
    with pytest.raises(ValueError, match=rf"cohort\.csv: 6 of 6 {column} paths leave the folder .*secret\.png"):
        data.load(folder)


def test_a_cohort_may_be_named_by_a_path_that_goes_up(tmp_path, monkeypatch):
    """As a data folder beside the checkout does."""
    own_cohort(tmp_path / "data" / "c", malignant="1")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert len(data.load("../data/c")) == 6
    monkeypatch.setenv("MEDLAB_DATA", "../data")
    assert len(data.load("c")) == 6


def test_a_part_of_a_cohort_keeps_its_official_split(tmp_path):
    split = ["train"] * 20 + ["val"] + ["test"] * 9
    images = np.zeros((30, 3, 3), np.uint8)
    written = toy(30, images=images, spacing=(1, 1), split=split)
    folder = data.write_cohort(written, tmp_path / "c")
    for n, counts in ((3, [1, 1, 1]), (10, [6, 1, 3]), (15, [9, 1, 5]), (30, [20, 1, 9])):
        part = data.load(folder, n=n)
        assert [(part.split == name).sum() for name in ("train", "val", "test")] == counts
        in_train = np.bincount(part.labels[part.split == "train"], minlength=2)
        assert abs(in_train[0] - in_train[1]) <= 1
    assert len(data.load(folder, n=2)) == 2


def test_images_may_be_folders_of_dicom(tmp_path):
    corpus.series(tmp_path / "scan")
    (tmp_path / "cohort.csv").write_text("patient_id,image,z,y,x,malignant\n007,scan,0,0,0,1\n")
    found = data.load(tmp_path)
    np.testing.assert_array_equal(found.images[0], io.reorient(corpus.volume()).array)
    assert found.patients.tolist() == ["007"]
    corner = found.table.loc[0, ["z", "y", "x"]].tolist()
    assert found.images[0][tuple(int(c) for c in corner)] == corpus.volume().array[0, 0, 0]


def test_files_in_other_orientations_agree(tmp_path):
    """The same lesion written as LPS and as RAS gives the same arrays, mask and point."""
    volume = corpus.volume(shape=(6, 9, 8))
    lps = io.reorient(volume)
    mask = np.zeros(lps.shape, bool)
    mask[1:3, 4:8, 2:4] = True
    point = (1.0, 6.0, 3.0)
    rows = []
    for axes in ("LPS", "RAS", "SAR"):
        turned = io.reorient(lps, axes)
        io.write(turned, tmp_path / f"{axes}.nii.gz")
        io.write(io.reorient(io.Volume(mask, lps.spacing, lps.affine), axes), tmp_path / f"{axes}_mask.nii.gz")
        z, y, x = np.rint((np.linalg.inv(turned.affine) @ [*lps.to_mm(point), 1])[:3])
        rows.append(f"p,{axes}.nii.gz,{axes}_mask.nii.gz,{z},{y},{x},1")
    (tmp_path / "cohort.csv").write_text("\n".join(["patient_id,image,mask,z,y,x,malignant", *rows]))
    found = data.load(tmp_path)
    for i in range(3):
        np.testing.assert_array_equal(found.images[i], lps.array)
        np.testing.assert_array_equal(found.masks[i], mask)
        assert found.spacing_of(i) == pytest.approx(lps.spacing)
        assert found.table.loc[i, ["z", "y", "x"]].tolist() == pytest.approx(list(point))


def test_data_sets_travel_to_worker_processes(tmp_path):
    found = data.load(data.write_cohort(volumes(), tmp_path / "c"))
    there = pickle.loads(pickle.dumps(found[[1, 4]]))
    np.testing.assert_array_equal(there.images[1], volumes().images[4])


def test_what_was_read_can_be_changed(tmp_path):
    """An image belongs to the caller: writing into it changes no later one."""
    found = data.load(data.write_cohort(volumes(), tmp_path / "c"))
    image = found.images[0]
    image += 1
    np.testing.assert_array_equal(found.images[0], volumes().images[0])


def write_image_and_mask(folder, image: io.Volume, mask: io.Volume):
    io.write(image, folder / "image.nii.gz")
    io.write(mask, folder / "mask.nii.gz")
    (folder / "cohort.csv").write_text("image,mask,malignant\nimage.nii.gz,mask.nii.gz,1\n")
    return data.load(folder)


def test_a_mask_without_a_place_is_turned_as_its_image(tmp_path, monkeypatch):
    lps = io.reorient(corpus.volume(shape=(6, 9, 8)))
    ras = io.reorient(lps, "RAS")
    mask = np.zeros(ras.shape, np.uint8)
    mask[1:3, 4:8, 2:4] = 1
    found = write_image_and_mask(tmp_path, ras, io.Volume(mask, ras.spacing, ras.affine))
    read = io.read

    def without_affine(path):  # as of a mask saved by a program that drops it
        volume = read(path)
        return io.Volume(volume.array) if Path(path).name.startswith("mask") else volume

    monkeypatch.setattr(io, "read", without_affine)
    expected = io.reorient(io.Volume(mask, ras.spacing, ras.affine)).array > 0
    np.testing.assert_array_equal(found.images[0], lps.array)
    np.testing.assert_array_equal(found.masks[0], expected)
    assert not np.array_equal(mask > 0, expected)


def test_a_mask_of_an_image_without_a_place_stays_as_saved(tmp_path, monkeypatch):
    ras = io.reorient(corpus.volume(shape=(6, 9, 8)), "RAS")
    mask = np.arange(ras.array.size).reshape(ras.shape).astype(np.int16) % 3
    found = write_image_and_mask(tmp_path, ras, io.Volume(mask, ras.spacing, ras.affine))
    read = io.read
    monkeypatch.setattr(
        io, "read", lambda path: io.Volume(read(path).array) if Path(path).name == "image.nii.gz" else read(path)
    )
    np.testing.assert_array_equal(found.images[0], ras.array)
    np.testing.assert_array_equal(found.masks[0], mask > 0)


def test_a_mask_that_lies_elsewhere_than_its_image_is_refused(tmp_path):
    image = io.reorient(corpus.volume(shape=(6, 9, 8)))
    mask = np.ones(image.shape, np.uint8)
    small = io.Volume(mask[:, :-1], image.spacing, image.affine)
    with pytest.raises(ValueError, match=r"mask\.nii\.gz: is \(6, 8, 8\), .*image\.nii\.gz is \(6, 9, 8\)"):
        write_image_and_mask(tmp_path, image, small).masks[0]
    for steps, fits in ((0.4, True), (0.6, False)):
        affine = image.affine.copy()
        affine[:3, 3] += steps * affine[:3, 1]
        found = write_image_and_mask(tmp_path, image, io.Volume(mask, image.spacing, affine))
        if fits:
            assert found.masks[0].all()
            continue
        with pytest.raises(ValueError, match=r"mask\.nii\.gz: lies 0\.6 voxels away from .*image\.nii\.gz"):
            found.masks[0]


# phantoms


def test_phantom_nodules():
    phantoms = pytest.importorskip("medlab.phantoms")
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
    pytest.importorskip("medlab.phantoms")
    written = data.load("phantom-nodules", n=4)
    found = data.load(data.write_cohort(written, tmp_path / "c"))
    np.testing.assert_array_equal(np.asarray(found.images), np.asarray(written.images))
    np.testing.assert_array_equal(np.asarray(found.masks), np.asarray(written.masks))
    pd.testing.assert_frame_equal(found.table[list(written.table)], written.table, check_dtype=False)


def test_phantom_chests():
    phantoms = pytest.importorskip("medlab.phantoms")
    if not hasattr(phantoms, "chest_ct"):
        pytest.skip("no chest phantom yet")
    found = data.load("phantom-chests", n=3, seed=1)
    assert found.labels.tolist() == [1, 1, 0]
    assert found.images[2].shape == found.masks[2].shape
    assert not found.masks[2].any()
    chest = phantoms.chest_ct(int(found.table["seed"][0]), n_nodules=int(found.table["n_nodules"][0]))
    np.testing.assert_array_equal(found.images[0], chest.image)
    assert found.spacing_of(0) == tuple(chest.spacing)


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
