"""A lesion gives the same cube of millimetres whatever the grid, the orientation and the file it came in."""

import itertools
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import map_coordinates

from medlab import data, io
from medlab.data.dataset import Lazy

CENTER = np.array([3.0, -12.0, 40.0])  # of the lesion, mm in the patient, (left, posterior, superior)


def lesion(shape, spacing, offset=(0.0, 0.0, 0.0), radius: float = 6.0):
    """An egg in HU with a slope around it, and its mask; `offset` in mm from the middle of the grid, (z, y, x)."""
    axes = [(np.arange(n) - (n - 1) / 2) * s - o for n, s, o in zip(shape, spacing, offset, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    far = np.sqrt((z / 1.2) ** 2 + y**2 + (x / 0.8) ** 2)
    hu = -700 + 700 / (1 + np.exp(far - radius)) + 5 * z + 3 * y + 2 * x
    return hu.astype(np.float32), far <= radius


def one(image, mask, spacing, **known) -> data.Dataset:
    masks = None if mask is None else [mask]
    return data.Dataset(
        "one", [image], [1], ["p"], class_names=("b", "m"), masks=masks, spacing=[spacing], **known
    )  # fmt: skip


def test_all_48_orientations_give_the_same_crop(tmp_path):
    image, mask = lesion((30, 34, 38), (1.25, 0.9, 0.8), offset=(1.0, -2.0, 0.5))
    affine = np.array([[0, 0, 0.8, -10], [0, 0.9, 0, -20], [1.25, 0, 0, 30], [0, 0, 0, 1.0]])
    lps = io.Volume(image, (1.25, 0.9, 0.8), affine)
    rows = ["patient_id,image,mask,malignant"]
    for letters in itertools.permutations(("LR", "PA", "SI")):
        for axes in map("".join, itertools.product(*letters)):
            io.write(io.reorient(lps, axes), tmp_path / f"{axes}.nii")
            io.write(io.reorient(io.Volume(mask, lps.spacing, affine), axes), tmp_path / f"{axes}_m.nii")
            rows.append(f"{axes},{axes}.nii,{axes}_m.nii,1")
    (tmp_path / "cohort.csv").write_text("\n".join(rows))
    found = data.crops(data.load(tmp_path), size_mm=20, shape=16)
    assert found.images.shape == (48, 16, 16, 16)
    assert found.images.dtype == np.float32
    assert found.spacing == (1.25, 1.25, 1.25)
    assert (found.images == found.images[0]).all()
    assert (found.masks == found.masks[0]).all()


@pytest.mark.parametrize("spacing", [(1, 1, 1), (2.0, 0.7, 0.7), (0.6, 0.9, 1.3), (2.5, 0.6, 0.6)])
def test_every_spacing_gives_the_same_crop(spacing):
    """Against the lesion drawn on the crop's own grid; coarse scans are off by what linear interpolation costs."""
    shape = tuple(int(44 / s) for s in spacing)
    image, mask = lesion(shape, spacing)
    found = data.crops(one(image, mask, spacing), size_mm=24, shape=24)
    truth, true_mask = lesion((24, 24, 24), (1, 1, 1))
    error = np.abs(found.images[0] - truth)
    assert error.mean() < 6
    assert np.percentile(error, 99) < 70
    overlap = 2 * (found.masks[0] & true_mask).sum() / (found.masks[0].sum() + true_mask.sum())
    assert overlap > 0.9
    assert found.masks[0].sum() == pytest.approx(true_mask.sum(), rel=0.12)


def test_values_are_those_of_scipy():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(9, 11, 13)).astype(np.float32)
    mask = np.zeros(image.shape, bool)
    mask[2:5, 4:9, 6:8] = True  # middle 3, 6, 6.5
    found = data.crops(one(image, mask, (2.0, 1.0, 0.5)), size_mm=(12, 9, 5), shape=(5, 6, 7))
    steps = [12 / 5, 9 / 6, 5 / 7]
    grid = [
        c + (np.arange(n) - (n - 1) / 2) * step / s
        for c, n, step, s in zip((3, 6, 6.5), (5, 6, 7), steps, (2, 1, 0.5), strict=True)
    ]
    at = np.meshgrid(*grid, indexing="ij")
    np.testing.assert_allclose(found.images[0], map_coordinates(image, at, order=1, mode="nearest"), atol=1e-5)
    nearest = [np.rint(a).astype(int) for a in at]
    inside = np.all([(a >= 0) & (a < n) for a, n in zip(nearest, image.shape, strict=True)], axis=0)
    clipped = tuple(np.clip(a, 0, n - 1) for a, n in zip(nearest, image.shape, strict=True))
    np.testing.assert_array_equal(found.masks[0], mask[clipped] & inside)
    assert found.spacing == pytest.approx(steps)


def test_outside_the_scan_the_edge_goes_on():
    image = np.full((2, 8, 8), -800, np.int16)
    image[1] = 50
    mask = np.ones(image.shape, bool)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = data.crops(one(image, mask, (1, 1, 1)), size_mm=12, shape=12)
    assert set(np.unique(found.images)) == {-800, 50}
    assert found.masks.sum() == mask.sum()  # a lesion does not go on outside
    assert found.masks[0, 5:7, 2:10, 2:10].all()


def test_a_lesion_larger_than_the_cube_is_counted():
    image, mask = lesion((30, 30, 30), (1, 1, 1))
    with pytest.warns(UserWarning, match="1 of 1 lesions are larger than the cube of 8 × 8 × 8 mm"):
        data.crops(one(image, mask, (1, 1, 1)), size_mm=8, shape=8)
    fine = lesion((40, 40, 40), (0.5, 0.5, 0.5))  # 14 mm are 28 voxels
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        data.crops(one(*fine, (0.5, 0.5, 0.5)), size_mm=16, shape=8)


def test_points_in_place_of_masks():
    image, mask = lesion((20, 21, 22), (1, 1, 1), offset=(2, -3, 1))
    table = pd.DataFrame({"z": [11.5], "y": [7.0], "x": [11.5], "age": [60]})
    by_point = data.crops(one(image, None, (1, 1, 1), table=table), size_mm=15, shape=15)
    by_mask = data.crops(one(image, mask, (1, 1, 1)), size_mm=15, shape=15)
    np.testing.assert_allclose(by_point.images, by_mask.images, atol=1e-3)
    assert by_point.masks is None
    assert by_point.table.loc[0].to_dict() == {"z": 7, "y": 7, "x": 7, "age": 60}
    again = data.crops(by_point, size_mm=15, shape=15)
    np.testing.assert_allclose(again.images, by_point.images, atol=1e-3)


def test_flat_images():
    image = np.arange(100, dtype=np.uint8).reshape(10, 10)
    found = data.crops(one(image, image == 44, (0.5, 0.5)), size_mm=1.5, shape=3)
    assert found.images[0].tolist() == [[33, 34, 35], [43, 44, 45], [53, 54, 55]]


def test_rows_stay_together():
    images = [lesion((12 + i, 12, 12), (1, 1, 1))[0] for i in range(5)]
    whole = data.Dataset(
        "five", Lazy(images.__getitem__, 5), np.arange(5) % 2, list("abcde"), class_names=("b", "m"),
        masks=[image > -200 for image in images], spacing=(1, 1, 1), licence="CC0", split=["train"] * 5,
    )  # fmt: skip
    found = data.crops(whole, size_mm=20, shape=5)
    assert found.labels.tolist() == [0, 1, 0, 1, 0]
    assert (found.patients.tolist(), found.licence, set(found.split)) == (list("abcde"), "CC0", {"train"})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"mask": np.zeros((6, 6, 6), bool)}, r"one: image 0 of p: the mask is empty"),
        (
            {"mask": np.ones((6, 6, 5), bool)},
            r"the mask must have the shape of the image, \(6, 6, 6\), got \(6, 6, 5\)",
        ),
        ({"mask": None}, "where are the lesions.*z, y, x"),
        ({"spacing": None}, "grey images of 3 axes with a spacing"),
        ({"image": np.zeros((6, 6, 6, 3))}, "grey images of 3 axes"),
        ({"size_mm": 0}, "size_mm must be a number above 0 mm, got 0"),
        ({"shape": (4, 4, -1)}, "shape must be a whole number of 1 or more, got -1"),
        ({"shape": 4.5}, r"shape must be a whole number of 1 or more, got 4\.5"),
        ({"shape": (4, 4)}, r"shape must be one number, or 3 .* got \(4, 4\)"),
        ({"size_mm": (4, 4, 4, 4)}, r"size_mm must be one number, or 3 .* got \(4, 4, 4, 4\)"),
        (
            {"spacing": (1, 0, 1)},
            r"one: image 0 of p: spacing must be 3 numbers above 0 mm, one an axis, got \(1\.0, 0\.0, 1\.0\)",
        ),
        ({"spacing": (1, 1, np.nan)}, "image 0 of p: spacing must be 3 numbers above 0"),
        (
            {"mask": None, "table": pd.DataFrame({"z": [-58.2], "y": [3], "x": [90.5]})},
            "outside the image.*millimetres",
        ),
    ],
)
def test_what_cannot_be_cut_says_why(changed, says):
    given = {"image": np.zeros((6, 6, 6)), "mask": np.ones((6, 6, 6), bool), "spacing": (1, 1, 1)} | changed
    size_mm, shape = given.pop("size_mm", 4), given.pop("shape", 4)
    with pytest.raises(ValueError, match=says):
        data.crops(one(**given), size_mm=size_mm, shape=shape)


def test_spacing_must_be_known():
    unknown = data.Dataset("flat", np.zeros((2, 5, 5)), [0, 1], class_names=("b", "m"), masks=np.ones((2, 5, 5)))
    with pytest.raises(ValueError, match="spacing is unknown"):
        data.crops(unknown, size_mm=4, shape=4)


# one slice through a lesion


def made(images, masks=None, spacing=None):
    return data.Dataset("made", images, np.array([0, 1]), None, None, ("no", "yes"), "binary", masks, spacing)


def test_the_slice_is_where_the_mask_is_largest():
    images = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    masks = np.zeros(images.shape, bool)
    masks[1, 0, 0, 0] = masks[1, 2, :2, :2] = True
    image, mask, spacing = data.lesion_slice(made(images, masks, (2.0, 1.0, 0.5)), 1)
    np.testing.assert_array_equal(image, images[1, 2])
    assert mask.sum() == 4
    assert spacing == (1.0, 0.5)


def test_without_a_mask_it_is_the_middle_and_an_image_is_itself():
    volumes, flat = np.arange(24).reshape(2, 3, 2, 2), np.arange(8).reshape(2, 2, 2)
    assert data.lesion_slice(made(volumes, spacing=(1, 1, 1)), 0)[0].tolist() == [[4, 5], [6, 7]]
    image, mask, spacing = data.lesion_slice(made(flat), 1)
    assert image.tolist() == [[4, 5], [6, 7]]
    assert mask is None
    assert spacing is None


def test_refuses_colour_and_a_mask_of_another_shape():
    with pytest.raises(ValueError, match=r"must be grey.*\(4, 4, 3\)"):
        data.lesion_slice(made(np.zeros((2, 4, 4, 3))), 0)
    wrong = replace(made(np.zeros((2, 3, 4, 4)), spacing=(1, 1, 1)), masks=np.zeros((2, 3, 4, 5), bool))
    with pytest.raises(
        ValueError, match=r"made: image 1: the mask must have the shape of the image, \(3, 4, 4\), got \(3, 4, 5\)"
    ):
        data.lesion_slice(wrong, 1)
