"""Folders of images with one sub-folder per class."""

import numpy as np
import pytest

from medlab import data, io
from tests import corpus
from tests.data_sets import picture

pytestmark = pytest.mark.filterwarnings("ignore:.*its MD5 is", "ignore:.*officially", "ignore:BreastMNIST. malignant")


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
