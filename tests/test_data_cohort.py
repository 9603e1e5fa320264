"""Cohorts: written, read, turned; and tables that are refused."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medlab import data, io
from medlab.data.dataset import Lazy
from medlab.data.table import read_table
from tests import corpus
from tests.data_sets import picture, toy, volumes

MISSING_IDS = ("", " ", "NA", "n/a", "NaN", "None", "null", "<NA>", "#N/A", "?", "-")

pytestmark = pytest.mark.filterwarnings("ignore:.*its MD5 is", "ignore:.*officially", "ignore:BreastMNIST. malignant")


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
    broken.images = Lazy(lambda i: (tmp_path / "empty" / "mine").touch() or np.zeros((2, 2, 2), np.int16), 6)
    with pytest.raises(OSError, match="not empty"):  # somebody else's file came while it was written
        data.write_cohort(broken, tmp_path / "empty")
    assert [path.name for path in tmp_path.rglob("*")] == ["empty", "mine"]
    (tmp_path / "empty" / "mine").unlink()
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
        ({"image": "images/gone.nii.gz"}, r"6 of 6 image files are not there \(row 2: 'images/gone"),
        ({"mask": ["images/000000.nii.gz"] * 4 + ["", "x"]}, "2 of 6 mask files are not there .row 6: '', row 7: 'x'"),
        ({"split": ["train", "", "test", "test", "test", "test"]}, "split missing for 1 images"),
        *[({"patient_id": ["a", "b", gap, "d", "e", "f"]}, "row 4 has no patient_id") for gap in MISSING_IDS],
        ({"image": [f"images/00000{i}.nii.gz" for i in range(5)] + ["NA"]}, "row 7 has no image .'NA'"),
        ({"z": list("12345x"), "y": "1", "x": "2"}, "row 7: z must be a number, got 'x'"),
        ({"mask_label": [*list("1234"), "", "left"]}, "row 7: mask_label must be a number, got 'left'"),
        (
            {"malignancy": ["5", "2", "4.", "high", "1", "3"]},
            r"cohort\.csv: row 5: malignancy must be a number, got 'h",
        ),
    ],
)
def test_bad_tables_are_refused(columns, says, tmp_path):
    folder = own_cohort(tmp_path / "c", **({"malignancy": "5"} | columns))
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        data.load(folder)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("Größe,image\n1,2".encode("latin-1"), "UTF-8"),
        ("image,label\na,1".encode("utf-16"), "UTF-8"),
        (b"id,file\n1,2", "has no column 'image'"),
        (b"image,label\n\n", "has no rows"),
        (b"", "has no rows"),
        (b"image,label,size\na.png,1,2.5\nb.png,0,3,5\n", "row 3 has 4 fields, the heading 3; put values with ','"),
        (b"image,label,\na.png,1,\nb.png,0,5\n", "row 3 has 3 fields, the heading 2"),
        (b"image,label,size\na.png,1,2\n\nb.png,0\n", "row 4 has 2 fields, the heading 3"),
        (b'image,label\na.png,1\n"b.png,0\n', "row 3 or a later one cannot be read .*mend the quotes"),
    ],
)
def test_what_is_no_table_is_refused_by_row(table, says, tmp_path):
    (tmp_path / "cohort.csv").write_bytes(table)
    with pytest.raises(ValueError, match=rf"cohort\.csv: .*{says}"):
        data.load(tmp_path)


GERMAN = "\ufeffimage;patient_id;size;label\r\na.png;007;3,5;ja\r\nb.png;008;12;nein\r\n;;;\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "image,patient_id,size,label\na.png,007,3.5,ja\nb.png,008,12,nein\n",
        "image,patient_id,size,label,\na.png,007,3.5,ja,\nb.png,008,12,nein,\n",  # a comma more in every row
        "image,patient_id,size,label\na.png,007,3.5,ja,\nb.png,008,12,nein,,\n",  # and not in the heading
        'image, patient_id ,"size",label\n"a.png",007,3.5,ja\n\nb.png,008,12,nein',
        GERMAN,
        GERMAN.replace(";", "\t"),
    ],
)
def test_a_table_may_be_written_in_several_ways(text, tmp_path):
    for name in "ab":
        picture(tmp_path / f"{name}.png")
    (tmp_path / "cohort.csv").write_bytes(text.encode())
    found = data.load(tmp_path)
    assert (found.class_names, found.patients.tolist()) == (("ja", "nein"), ["007", "008"])
    assert found.table["size"].tolist() == [3.5, 12]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["1", "-20", " 3 "], [1, -20, 3]),
        (["1", "", "NA"], [1, np.nan, np.nan]),
        (["0.5", "-.25", "1e-07"], [0.5, -0.25, 1e-7]),
        (["1e+20", "1.5e-3", "7"], [1e20, 1.5e-3, 7]),
        (["00123", "456", "789"], None),
        (["1e5", "2e5", "30"], None),
        (["123456789012345678", "1", ""], None),  # a float would lose its last digits
        (["1_000", "2", "3"], None),
        (["+49", "1", "2"], None),
        (["NaN", "inf", "1"], None),
        (["1.2.840", "1.3", "1.4"], None),
        (["2,5", "3,5", "4"], None),
        (["1", "2", "3+"], None),
        (["", "NA", "?"], None),
    ],
)
def test_a_column_is_numbers_only_where_all_of_it_is_plainly_written_as_such(values, kept, tmp_path):
    path = tmp_path / "table.csv"
    pd.DataFrame({"value": values, "some_id": ["1", "2", "3"]}).to_csv(path, index=False)
    table = read_table(path)
    assert table["some_id"].tolist() == ["1", "2", "3"]
    if kept is None:
        assert table["value"].tolist() == values
    else:
        np.testing.assert_array_equal(table["value"], kept)


def test_a_label_that_may_be_a_number_with_a_comma_is_refused_by_row(tmp_path):
    folder = own_cohort(tmp_path / "c", size=["2.5", "3.1", "2,7", "4", "5", "6"], note=["a, b"] * 3 + ["c"] * 3)
    with pytest.raises(ValueError, match=r"cohort\.csv: row 4: size '2,7' may be a number; write it as 12.5"):
        data.load(folder, label="size")
    assert data.load(folder, label="note").class_names == ("a, b", "c")


def test_written_columns_keep_their_types(tmp_path):
    """Text that looks like numbers, numbers that look like text, and what pandas would guess differently."""
    table = pd.DataFrame(
        {
            "accession": ["00123", "456"], "digits": ["1", "2"], "scanner": ["1e5", "2e5"], "said": ["NA", "True"],
            "seed": [2**62 + 1, 3], "tiny": [1e-300, 1 / 3], "whole": [1.0, 2.0], "gap": [np.nan, 2.0],
            "none": [np.nan, np.nan], "flag": [True, False], "unit": np.array([7, 8], np.uint8),
            "free": ['a,"b"', "c\nd"],
            "day": pd.to_datetime(["2020-01-31", "2021-02-01"]),
        }
    )  # fmt: skip
    written = toy(2, images=np.zeros((2, 3, 3), np.uint8), patients=["007", "8"], spacing=(1, 1), table=table)
    folder = data.write_cohort(written, tmp_path / "c")
    found = data.load(folder)
    pd.testing.assert_frame_equal(found.table[list(table)], table, check_dtype=False)
    assert [column.dtype.kind for _, column in found.table[list(table)].items()] == [
        c.dtype.kind for _, c in table.items()
    ]
    assert found.patients.tolist() == ["007", "8"]
    again = data.load(data.write_cohort(found, tmp_path / "d"))
    pd.testing.assert_frame_equal(again.table, found.table)
    text = (folder / "cohort.csv").read_text()
    (folder / "cohort.csv").write_text(text.replace("True,7", "maybe,7"))
    with pytest.raises(ValueError, match=r"column 'flag' was written as bool; mend it \('maybe'"):
        data.load(folder)


def test_missing_values_have_many_names(tmp_path):
    folder = own_cohort(
        tmp_path / "c", sex=["f", "NA", "m", "?", "f", "-"], grade=["1", "N/A", "3", "n/a", "2", "null"],
        malignancy=["5", "nan", "1", "-", "", "4"],
    )  # fmt: skip
    with pytest.warns(UserWarning, match="3 of 6 rows left out: no sex"):
        sex = data.load(folder, label="sex")
    assert (sex.class_names, sex.labels.tolist()) == (("f", "m"), [0, 1, 0])
    with pytest.warns(UserWarning, match="3 of 6 rows left out: no grade"):
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


@pytest.mark.parametrize("shape", [(), (1,), (2,)], ids=["3-D", "one moment", "two moments"])
@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".hdr"])
def test_a_point_is_turned_as_its_image_is(shape, ending, tmp_path):
    import nibabel

    stored = np.zeros((5, 6, 7, *shape), np.int16)  # x, y, z, as NIfTI has it
    stored[3, 4, 6] = 1000
    kind = nibabel.Nifti1Pair if ending == ".hdr" else nibabel.Nifti1Image
    affine = np.array([[0, 0, 2, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])
    nibabel.save(kind(stored, affine), tmp_path / f"scan{ending}")
    (tmp_path / "cohort.csv").write_text(f"image,z,y,x,label\nscan{ending},6,4,3,1\n")
    found = data.load(tmp_path)
    point = tuple(found.table.loc[0, ["z", "y", "x"]].astype(int))
    assert (found.images[0][(..., *point)] == 1000).all()
    assert point != (6, 4, 3)


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
    mask = np.arange(ras.array.size).reshape(ras.shape).astype(np.int16) % 3 % 2
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
