"""Masks in files: which numbers they may hold, and which of them is the row's lesion."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medlab import data, io
from tests.data_sets import picture, toy

MASK = np.pad(np.ones((2, 3), np.uint8), 2)  # 6 × 7 pixels, six of them marked


def cohort(folder, mask, ending=".nii.gz", **columns):
    """One image and one mask in two rows."""
    picture(folder / "image.png", shape=MASK.shape)
    path = folder / f"mask{ending}"
    if ending == ".nii.gz":
        io.write(io.Volume(mask, spacing=(1, 1)), path)
    else:
        Image.fromarray(mask).save(path)
    table = pd.DataFrame({"image": ["image.png"] * 2, "mask": path.name, "label": [0, 1]} | columns)
    table.to_csv(folder / "cohort.csv", index=False)
    return data.load(folder)


@pytest.mark.parametrize(
    ("mask", "ending"),
    [
        (MASK, ".nii.gz"),
        (MASK * np.float32(1), ".nii.gz"),
        (MASK * 255, ".png"),
        (MASK > 0, ".png"),
        (MASK * np.uint16(65535), ".png"),
        (np.stack([MASK * 255] * 3, -1), ".png"),  # grey, saved as colour
    ],
)
@pytest.mark.filterwarnings("ignore:.*says nothing about orientation")
def test_a_mask_is_0_and_1_or_white(mask, ending, tmp_path):
    found = cohort(tmp_path, mask, ending).masks[1]
    assert found.dtype == bool
    np.testing.assert_array_equal(found, MASK > 0)
    assert not cohort(tmp_path, np.zeros_like(mask), ending).masks[0].any()


TWO = MASK.copy()
TWO[2, 3:5] = 2


@pytest.mark.parametrize(
    ("mask", "ending", "says"),
    [
        (TWO, ".nii.gz", "holds 1, 2 beside 0"),
        (MASK * 2, ".nii.gz", "holds 2 beside 0"),
        (TWO * 255, ".png", "holds 254, 255 beside 0"),
        (MASK * np.float32(0.5), ".nii.gz", "holds 0.5 beside 0"),
        (np.maximum(MASK, np.float32(1e-7)), ".nii.gz", "holds 1e-07, 1 beside 0"),
        (MASK * np.int16(-1), ".nii.gz", "holds -1 beside 0"),
        (np.arange(42, dtype=np.uint8).reshape(6, 7), ".png", r"holds 1, 2, 3, 4, \.\.\. beside 0"),
        (np.stack([MASK * 255, MASK, MASK], -1), ".png", "is in colour"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*says nothing about orientation")
def test_any_other_mask_is_refused_by_row(mask, ending, says, tmp_path):
    found = cohort(tmp_path, mask, ending)
    with pytest.raises(ValueError, match=rf"cohort\.csv: row 3: .*mask{ending}: {says}"):
        found.masks[1]


@pytest.mark.filterwarnings("ignore:.*says nothing about orientation")
def test_mask_label_says_which_lesion_is_the_rows(tmp_path):
    found = cohort(tmp_path, TWO, mask_label=[1, 2])
    for i in (0, 1):
        np.testing.assert_array_equal(found[[1, 0]].masks[1 - i], i + 1 == TWO)
    found.spacing = (1, 1)
    again = data.load(data.write_cohort(found, tmp_path / "again"))  # as 0 and 1, so the column goes
    np.testing.assert_array_equal(again.masks[1], TWO == 2)
    assert "mask_label" not in again.table
    found = cohort(tmp_path, MASK, mask_label=["", "3"])
    assert found.masks[0].sum() == 6
    with pytest.raises(ValueError, match=r"row 3: .*holds 1 beside 0, and mask_label is 3"):
        found.masks[1]
    with pytest.raises(ValueError, match=r"holds 1, 1\.5 beside 0, and mask_label is 1;"):
        cohort(tmp_path, np.where(TWO == 2, np.float32(1.5), TWO).astype(np.float32), mask_label=[1, 2]).masks[0]


def test_a_jpeg_is_no_mask_unless_it_is_black_and_white(tmp_path):
    big = np.kron(MASK * 255, np.ones((3, 3), np.uint8))
    picture(tmp_path / "image.png", shape=big.shape)
    for mask, fits in ((big, False), (big * 0, True)):
        Image.fromarray(mask).save(tmp_path / "mask.jpg", quality=60)
        for number in ("", "255"):
            (tmp_path / "cohort.csv").write_text(f"image,mask,label,mask_label\nimage.png,mask.jpg,1,{number}\n")
            found = data.load(tmp_path)
            if fits and not number:
                assert not found.masks[0].any()
                continue
            with pytest.raises(ValueError, match=r"row 2: .*JPEG or resampling has blurred"):
                found.masks[0]


def test_masks_in_memory_are_0_and_1_too(tmp_path):
    wrong = toy(masks=np.full((12, 4, 5), 255, np.uint8), spacing=(1, 1))
    for use in (lambda: data.crops(wrong, size_mm=3, shape=3), lambda: data.lesion_slice(wrong, 0)):
        with pytest.raises(ValueError, match="toy: image 0 of p0: the mask must hold 0 and 1 only, got uint8"):
            use()
    with pytest.raises(ValueError, match="toy: mask 0 must hold 0 and 1 only"):
        data.write_cohort(wrong, tmp_path / "c")
