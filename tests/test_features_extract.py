"""The table of features: the same numbers as the functions, one row an image, failures noted and left out."""

import numpy as np
import pytest

from medlab import features
from medlab.data.dataset import Lazy


def lesions(n: int, shape=(9, 24, 26)) -> tuple[np.ndarray, np.ndarray]:
    """Noisy balls (discs in 2-D) of different sizes."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(size) - size / 2 for size in shape], indexing="ij"))
    masks = np.stack([np.linalg.norm(grid, axis=0) <= 3 + 0.5 * i for i in range(n)])
    images = np.where(masks, 20.0, -800.0) + rng.normal(0, 40, masks.shape)
    return images, masks


SPACING = (2.0, 0.7, 0.7)


def row(table, family: str, i: int = 0) -> np.ndarray:
    return table.loc[i, [c for c in table.columns if c.startswith(f"{family}_")]].to_numpy()


def test_columns_are_what_the_functions_say():
    images, masks = lesions(3)
    table = features.extract(images, masks, spacing=SPACING)
    assert table.index.tolist() == [0, 1, 2]
    assert table.attrs["failed"] == {}
    expected = {
        "intensity": lambda i: features.intensity_features(images[i], masks[i], spacing=SPACING),
        "shape": lambda i: features.shape_features(masks[i], spacing=SPACING),
        "margin": lambda i: features.margin_features(images[i], masks[i], spacing=SPACING),
    }
    assert len(table.columns) == sum(len(of(0)) for of in expected.values())
    for family, of in expected.items():
        for i in range(3):
            for name, value in of(i).items():
                assert table.loc[i, f"{family}_{name}"] == value


@pytest.mark.parametrize("family", ["lbp", "glcm", "hog", "haar"])
def test_texture_of_an_image(family):
    images, masks = (array[:, 4, :16, :16] for array in lesions(2))
    table = features.extract(images, masks, families=[family])
    of = {
        "lbp": lambda: features.lbp_histogram(images, masks=masks),
        "glcm": lambda: features.glcm_features(images, masks=masks, low=-1000, high=400).reshape(2, 6, 4).mean(-1),
        "hog": lambda: features.hog_features(images),
        "haar": lambda: features.haar_features(images),
    }[family]
    np.testing.assert_allclose(table.to_numpy(), of(), rtol=1e-6)
    assert table.columns.str.startswith(f"{family}_").all()
    assert table.columns.is_unique


def test_columns_of_glcm():
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16), np.uint8)
    options = {"properties": ["contrast", "ASM"], "distances": [1, 3]}
    table = features.extract(images, families={"glcm": options})
    names = ["contrast_d1", "contrast_d3", "ASM_d1", "ASM_d3"]
    assert table.columns.tolist() == [f"glcm_{name}" for name in names]
    expected = features.glcm_features(images, low=0, high=256, **options)
    np.testing.assert_allclose(table, expected.reshape(2, 4, 4).mean(axis=-1))
    one = features.extract(images, families={"glcm": {"properties": "contrast"}})
    np.testing.assert_array_equal(one["glcm_contrast_d1"], table["glcm_contrast_d1"])
    with pytest.warns(UserWarning, match="not HU: give the options low and high"):
        features.extract(images / 255, families=["glcm"])
    table = features.extract(images / 256, families={"glcm": options | {"low": 0, "high": 1}})
    np.testing.assert_allclose(table, expected.reshape(2, 4, 4).mean(axis=-1))


@pytest.mark.parametrize("family", ["lbp", "glcm", "hog"])
def test_texture_of_a_volume_is_that_of_the_slice_with_most_mask(family):
    images, masks = lesions(2)
    masks[:, 6, :, 5:20] = True  # now slice 6 has most of it
    table = features.extract(images, masks, families=[family])
    assert table.index.tolist() == [0, 1]
    expected = features.extract(images[:, 6], masks[:, 6], families=[family])
    np.testing.assert_array_equal(table, expected)


def test_colour():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (2, 16, 18, 3), np.uint8)
    masks = rng.random((2, 16, 18)) < 0.7
    table = features.extract(images, masks, spacing=(1, 1), families=["hsv", "hog", "shape", "intensity"])
    np.testing.assert_allclose(row(table, "hsv", 1), features.hsv_histogram(images, masks=masks)[1])
    np.testing.assert_allclose(row(table, "hog", 1), features.hog_features(images)[1], rtol=1e-6)
    assert table.loc[0, "shape_n_pixels"] == masks[0].sum()
    grey = images[0] @ np.array([0.2125, 0.7154, 0.0721])
    assert table.loc[0, "intensity_mean"] == pytest.approx(grey[masks[0]].mean())
    assert "hsv_h7_s3_v3" in table.columns
    by_range = {"glcm": {"low": 0, "high": 256}}  # of bytes, though their luminance is no byte
    np.testing.assert_array_equal(
        features.extract(images, masks, families=["glcm"]), features.extract(images, masks, families=by_range)
    )


def test_three_columns_of_voxels_are_not_colour():
    masks = np.ones((1, 4, 5, 3), bool)
    table = features.extract(masks * 1.0, masks, spacing=(1, 1, 1), families=["shape"])
    assert table.loc[0, "shape_n_voxels"] == 60
    with pytest.warns(UserWarning, match="none of 1 images"):
        hsv = features.extract(masks * 1.0, masks, spacing=(1, 1, 1), families=["hsv"])
    assert "must be colour" in hsv.attrs["failed"][0]


def test_spacing_for_all_for_each_and_as_a_function():
    images, masks = lesions(3)
    each = [(2.0, 0.7, 0.7), (1.0, 0.5, 0.5), (3.0, 1, 1)]
    expected = [features.shape_features(mask, spacing=s)["volume"] for mask, s in zip(masks, each, strict=True)]
    for spacing in (each, np.array(each), lambda i: each[i], Lazy(lambda i: each[i], 3)):
        table = features.extract(images, masks, spacing=spacing, families=["shape"])
        assert table["shape_volume"].tolist() == expected
    for spacing in (SPACING, list(SPACING), np.array(SPACING)):
        table = features.extract(images, masks, spacing=spacing, families=["shape"])
        assert table.loc[0, "shape_volume"] == expected[0]


def test_options_of_a_family():
    images, masks = lesions(1)
    families = {"shape": {}, "intensity": {"rim_width": 4.0}, "lbp": {"radius": 2, "points": 12}}
    table = features.extract(images, masks, spacing=SPACING, families=families)
    expected = features.intensity_features(images[0], masks[0], spacing=SPACING, rim_width=4.0)
    assert table.loc[0, "intensity_rim_mean"] == expected["rim_mean"]
    assert len(row(table, "lbp")) == 14  # uniform patterns of 12 points


def test_a_bad_image_is_noted_and_left_out():
    images, masks = (list(array) for array in lesions(7))
    images[1] = np.where(masks[1], np.nan, images[1])
    masks[2] = np.zeros_like(masks[2])
    masks[3] = masks[3][:5]
    images[4] = np.zeros((2, 2, 2, 2, 2))
    images[5] = images[5][..., :12]
    masks[5] = masks[5][..., :12]
    spacing = [SPACING] * 6 + [(1, 0, 1)]
    seen = []
    with np.errstate(all="raise"):
        table = features.extract(
            images, masks, spacing=spacing, families=["intensity", "shape"], progress=lambda *at: seen.append(at)
        )
    assert table.index.tolist() == [0, 5]  # another size is no trouble to these families
    assert not table.isna().any(axis=None)
    reasons = table.attrs["failed"]
    assert list(reasons) == [1, 2, 3, 4, 6]
    for position, words in zip(
        reasons,
        [
            "intensity: image must be finite",
            "mask must mark at least one pixel",
            "shape of the image",
            "an image is",
            "spacing must be",
        ],
        strict=True,
    ):
        assert words in reasons[position]
    assert seen == [(i + 1, 7) for i in range(7)]


def test_a_file_that_cannot_be_read_does_not_end_the_run():
    images, masks = lesions(3)

    def read(i):
        if i == 1:
            raise OSError("no such file")
        return images[i]

    table = features.extract(Lazy(read, 3), Lazy(masks.__getitem__, 3), spacing=SPACING)
    assert table.index.tolist() == [0, 2]
    assert table.attrs["failed"] == {1: "reading: OSError: no such file"}


def test_sizes_that_give_other_columns_are_failures():
    images = [np.random.default_rng(i).normal(size=(16, 16 + 8 * (i == 1))) for i in range(3)]
    table = features.extract(images, families=["hog"])
    assert table.index.tolist() == [0, 2]
    assert table.attrs["failed"] == {1: "72 features where the images before have 36: sizes must agree"}


def test_nothing_but_failures_warns():
    with pytest.warns(
        UserWarning, match="none of 2 images gave features; image 0: intensity: mask must mark at least one"
    ):
        table = features.extract(np.zeros((2, 4, 4)), np.zeros((2, 4, 4), bool), families=["intensity"])
    assert len(table) == 0
    assert list(table.attrs["failed"]) == [0, 1]


def test_no_images_give_an_empty_table():
    table = features.extract([], [], spacing=(1, 1))
    assert len(table) == 0
    assert table.attrs["failed"] == {}


IMAGES, MASKS = lesions(2, (8, 8))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: features.extract(IMAGES, MASKS[:1], spacing=(1, 1)), "2 images but 1 masks"),
        (lambda: features.extract(IMAGES, MASKS, spacing=[(1, 1)] * 3), "2 images but 3 spacings"),
        (lambda: features.extract(IMAGES, spacing=(1, 1)), "'intensity' measures lesions: it needs masks"),
        (lambda: features.extract(IMAGES, MASKS), "'shape' measures in mm: it needs spacing"),
        (lambda: features.extract(IMAGES, families=["sift"]), r"some of intensity, .*, got \['sift'\]"),
        (lambda: features.extract(IMAGES, families=[]), "families must be some of"),
    ],
)
def test_what_holds_for_all_images_is_refused_at_once(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_option_that_does_not_exist_is_no_bad_image():
    with pytest.raises(TypeError, match="rim_size"):
        features.extract(IMAGES, MASKS, families={"intensity": {"rim_size": 3}})


def test_a_volume_without_mask_has_no_slice():
    with pytest.warns(UserWarning, match="none of 1"):
        table = features.extract(np.zeros((1, 4, 20, 20)), families=["hog"])
    assert "there is no mask" in table.attrs["failed"][0]


def test_importing_features_is_light():
    import subprocess
    import sys

    code = "import medlab.features, sys; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "medlab" in loaded
    assert not {"numba", "skimage", "sklearn", "torch", "scipy", "pandas"} & set(loaded)


def test_every_public_name_is_there():
    for name in features.__all__:
        assert callable(getattr(features, name)), name
    with pytest.raises(AttributeError, match="it has GLCM, HOG, HSV"):
        _ = features.sift
