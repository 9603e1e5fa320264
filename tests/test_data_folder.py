"""Folders of images with one sub-folder per class, or with a table that names the images."""

import warnings

import numpy as np
import pydicom
import pytest

from medlab import data, io
from tests import corpus
from tests.data_sets import picture


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


@pytest.fixture
def quiet():
    """Nothing was left out, so nothing is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{c}/{i} (1).png", "{c}/{i} (1)_mask.png"),
        ("{c}/{i}.png", "{c}/{i}_Segmentation.png"),
        ("{c}/{i}.jpg", "{c}/masks/{i}.png"),
        ("{c}/images/{i}.png", "{c}/masks/{i}.png"),
        ("images/{c}/{i}.png", "Masks/{c}/{i}_mask.png"),
        ("train/{c}/{i}.png", "train/{c}/lung masks/{i}.png"),
        ("{c}/{i}/image.png", "{c}/{i}/mask.png"),
    ],
)
@pytest.mark.usefixtures("quiet")
def test_masks_beside_images_are_their_masks(image, mask, tmp_path):
    for i, c in enumerate("aabb"):
        picture(tmp_path / image.format(c=c, i=i), i)
        picture(tmp_path / mask.format(c=c, i=i), int(i > 1))
    found = data.load(tmp_path)
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert [int(m.sum()) for m in found.masks] == [0, 0, 30, 30]
    part = data.load(tmp_path, n=2)
    assert [int(m.sum()) for m in part.masks] == [0, 30]


def test_masks_that_are_not_one_an_image_are_left_out_and_counted(tmp_path):
    for name in ("a/1.png", "a/1_mask.png", "a/1_mask_1.png", "b/2.png", "b/2_mask.png", "b/3.png"):
        picture(tmp_path / name)
    with pytest.warns(UserWarning, match=r"3 files left out: masks, .* one of \(1 of 3 none\)"):
        found = data.load(tmp_path)
    assert (len(found), found.masks) == (3, None)
    for name in ("a/1_mask_1.png", "b/3.png"):
        (tmp_path / name).unlink()
    (tmp_path / "b" / "2_mask.png").rename(tmp_path / "b" / "4_mask.png")
    with pytest.warns(UserWarning, match=r"2 files left out: masks, .* \(1 of 2 none\)"):
        assert data.load(tmp_path).masks is None
    picture(tmp_path / "b" / "2_mask.png")
    with pytest.warns(UserWarning, match="1 files left out: masks without an image"):
        assert len(data.load(tmp_path).masks) == 2
    for name in ("set/a/p1/1.png", "set/a/p1/2.png", "set/a/p1/mask.png", "set/b/p2/1.png", "set/b/p2/mask.png"):
        picture(tmp_path / name)
    with pytest.warns(UserWarning, match="2 files left out: masks"):  # one for two images
        assert data.load(tmp_path / "set").masks is None


@pytest.mark.usefixtures("quiet")
def test_linked_folders_are_followed_once_and_without_end(tmp_path):
    for name in ("a1", "b1", "b2"):
        picture(tmp_path / "archive" / name / "1.png")
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
    for link in ("a/a1", "b/b1", "b/b2"):
        (tmp_path / "set" / link).symlink_to(tmp_path / "archive" / link[2:])
    (tmp_path / "set" / "c").symlink_to(tmp_path / "archive")
    (tmp_path / "archive" / "a1" / "up").symlink_to(tmp_path / "set")
    found = data.load(tmp_path / "set")
    assert found.class_names == ("a", "b", "c")
    assert found.patients.tolist() == ["a1", "b1", "b2", "a1", "b1", "b2"]


def test_files_that_are_left_out_are_counted_by_their_kind(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / name / "1.png")
        (tmp_path / name / "2.webp").write_bytes(b"RIFF")
        (tmp_path / name / "notes.txt").write_text("no image, and nobody thinks so")
    with pytest.warns(UserWarning, match=r"2 files left out: \.webp$"):
        assert len(data.load(tmp_path)) == 2
    (tmp_path / "a" / "3.mha").touch()
    (tmp_path / "a" / "scan").write_bytes(b"nothing known")
    (tmp_path / "a" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    picture(tmp_path / "loose.png")
    said = r"6 files left out: \.webp \(2\), \.mha \(1\), broken links \(1\), no ending \(1\), in no folder of a class"
    with pytest.warns(UserWarning, match=said):
        data.load(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name / "1.png").unlink()
    with pytest.raises(ValueError, match=r"no images in sub-folders: 6 files left out: \.webp"):
        data.load(tmp_path)


def with_uid(path, uid, **changed):
    ds = pydicom.dcmread(path)
    ds.SeriesInstanceUID = uid
    for name, value in changed.items():
        setattr(ds, name, value)
    ds.save_as(path)


@pytest.mark.usefixtures("quiet")
def test_a_dicom_series_in_a_folder_of_its_own_is_one_image(tmp_path):
    for name in ("a/p1", "b/p2/s1", "b/p2/s2"):
        corpus.series(tmp_path / name)
    found = data.load(tmp_path)
    assert found.labels.tolist() == [0, 1, 1]
    assert found.patients.tolist() == ["p1", "p2", "p2"]
    for image in found.images:
        np.testing.assert_array_equal(image, io.reorient(corpus.volume()).array)
    picture(tmp_path / "b" / "p3" / "1.png")
    assert len(data.load(tmp_path)) == 4


def test_files_of_a_folder_that_are_no_slices_of_one_series(tmp_path):
    n = len(corpus.series(tmp_path / "set" / "a"))  # directly in the class: each an image
    files = corpus.series(tmp_path / "set" / "b" / "p1")
    for path in files:
        with_uid(path, "1.2.3", Modality="DX")
    assert len(data.load(tmp_path / "set")) == 2 * n  # views, not slices
    for i, path in enumerate(files):
        with_uid(path, f"1.2.{i}", Modality="CT")
    assert len(data.load(tmp_path / "set")) == 2 * n  # each a series of its own
    for path in files[:2]:
        with_uid(path, "1.2.3")
    with pytest.raises(ValueError, match=rf"p1: holds {n - 2} DICOM series; one is one image"):
        data.load(tmp_path / "set")
    for path in files:
        with_uid(path, "1.2.3")
    with_uid(files[0], "1.2.4", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")  # a text report
    ds = pydicom.dcmread(files[0])
    del ds.PixelData, ds.Rows, ds.Columns
    ds.save_as(files[0])
    with pytest.warns(UserWarning, match="1 files left out: DICOM without an image"):
        assert len(data.load(tmp_path / "set")) == n + 1


def table(folder, text, name="labels.csv", encoding="utf-8"):
    (folder / name).write_text(text, encoding=encoding)
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "file,patient_id,label\na.png,P2,1\nb.png,P1,0\n",
        "name,patient_id,label\na,P2,1\nb,P1,0\n",
        "patient_id;scan;label\nP2;x\\a.png;1\nP1;x/b;0\n",
        "label,image,patient_id,other\n1,a,P2,b\n0,b,P1,a\n",  # a column called image goes first
    ],
)
@pytest.mark.usefixtures("quiet")
def test_a_table_beside_scans_makes_a_cohort(text, tmp_path):
    picture(tmp_path / "x" / "a.png", 1)
    picture(tmp_path / "x" / "b.png", 2)
    found = data.load(table(tmp_path, text))
    assert [image[0, 0] for image in found.images] == [1, 2]
    assert (found.labels.tolist(), found.patients.tolist()) == ([1, 0], ["P2", "P1"])
    assert found.table["image"].tolist() == ["x/a.png", "x/b.png"]


def test_scans_of_a_table_may_be_numbered_have_masks_or_be_folders_of_dicom(tmp_path):
    for i in range(6):
        picture(tmp_path / "numbers" / f"{i}.png", i)
        picture(tmp_path / "numbers" / f"{i}_mask.png", i % 2)
    found = data.load(table(tmp_path / "numbers", "label,id\n" + "".join(f"{i % 2},{i}\n" for i in range(6))))
    assert [image[0, 0] for image in found.images] == list(range(6))  # the labels 0 and 1 name files too, but only two
    assert [int(mask.any()) for mask in found.masks] == [0, 1] * 3
    corpus.series(tmp_path / "scans" / "P1" / "series")
    corpus.series(tmp_path / "scans" / "P2")
    corpus.series(tmp_path / "scans" / "P3")
    with pytest.warns(UserWarning, match="6 files left out: without a row in t.tsv"):
        found = data.load(table(tmp_path / "scans", "patient_id\tlabel\nP1\t0\nP2\t1\n", "t.tsv"))
    assert [image.shape for image in found.images] == [corpus.volume().shape] * 2
    rows = "file,mask,mask_label,label\nx/1.png,m/2.png,1,0\nx/1.png,m/2.png,2,1\n"  # two lesions of one scan
    picture(tmp_path / "lesions" / "x" / "1.png", 1)
    picture(tmp_path / "lesions" / "m" / "2.png", 2)
    found = data.load(table(tmp_path / "lesions", rows))
    assert found.masks[1].all()
    with pytest.raises(ValueError, match=r"labels\.csv: row 2: .*2\.png: holds 2 beside 0, and mask_label is 1"):
        found.masks[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,label\na,0\nb,1\n", r"row 2: file 'a' may be .*x/a\.png or .*y/a\.png; name its folder too"),
        ("file,label\nx/a,0\nb,1\nc,1\n", "row 4: file 'c' is no file here"),
        ("file,label\nx/a,0\nb,1\n,1\n", "row 4: file '' is no file here"),
        ("left,right,label\nx/a,b,0\ny/a,x/a,1\n", r"labels\.csv \(left\) and .*labels\.csv \(right\) name the files"),
        ("file,sex\nx/a,f\nb,m\n", "which column is the label"),
        ('file,label\nx/a,0\nb,1,"\n', "row 3 or a later one cannot be read"),
        ("file,label,patient_id\nx/a,0,P1\nb,1,none\n", "row 3 has no patient_id"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*1 files left out")
def test_what_a_table_beside_scans_leaves_open_is_refused_by_row(text, says, tmp_path):
    for name in ("x/a.png", "y/a.png", "y/b.png"):
        picture(tmp_path / name)
    with pytest.raises((ValueError, KeyError), match=says):
        data.load(table(tmp_path, text))


def test_only_a_table_that_names_the_scans_counts(tmp_path):
    for name in ("x/a.png", "y/b.png"):
        picture(tmp_path / name)
    table(tmp_path, "who,label\nAnn,1\nBob,2\na,3\n", "people.csv")
    assert data.load(tmp_path).class_names == ("x", "y")
    table(tmp_path, "file,label\na,no\nb,yes\n")
    assert data.load(tmp_path).class_names == ("no", "yes")
    table(tmp_path, "file,label\na,1\nb,0\n", "more.csv")
    with pytest.raises(ValueError, match=r"labels\.csv \(file\) and .*more\.csv \(file\) name the files: keep one"):
        data.load(tmp_path)
    table(tmp_path, "image,label\nx/a.png,left\ny/b.png,right\n", "cohort.csv")
    assert data.load(tmp_path).class_names == ("left", "right")
