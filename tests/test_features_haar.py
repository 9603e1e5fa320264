"""Haar-like features against scikit-image, sums over boxes, and numbers worked out on paper."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from skimage.feature import haar_like_feature, haar_like_feature_coord
from skimage.transform import integral_image as skimage_integral

from medlab import kernels
from medlab.features.haar import HAAR_TYPES, haar_boxes, haar_coords, haar_count, haar_features, integral_image

SHAPES = [(24, 24), (5, 9), (9, 5), (3, 3), (2, 2), (1, 7), (7, 1)]


def windows(shape: tuple[int, int], dtype: str = "uint8", *, n: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return (1e3 * rng.normal(size=(n, *shape))).astype(dtype)
    if dtype == "bool":
        return rng.random((n, *shape)) < 0.5
    info = np.iinfo(dtype)
    return rng.integers(max(info.min, -(2**40)), min(info.max, 2**40), (n, *shape), endpoint=True).astype(dtype)


def peer(image: np.ndarray, types=None) -> np.ndarray:
    height, width = image.shape
    return haar_like_feature(skimage_integral(image), 0, 0, width, height, feature_type=types)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64", "float32", "bool"])
def test_full_set_as_scikit_image_to_the_last_bit(dtype):
    images = windows((24, 24), dtype, n=1)
    found = haar_features(images)
    assert found.shape == (1, 162336)
    assert found.dtype == (np.float64 if dtype.startswith("float") else np.int64)
    for image, row in zip(images, found, strict=True):
        assert np.array_equal(row, peer(image))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["uint16", "int64", "float64"])
def test_windows_that_are_not_square(shape, dtype):
    images = windows(shape, dtype)
    found = haar_features(images)
    assert found.shape[1] == haar_count(shape)
    for image, row in zip(images, found, strict=True):
        assert np.array_equal(row, peer(image))


@pytest.mark.parametrize("types", [*HAAR_TYPES, ["type-4", "type-2-y"]])
def test_types_and_their_order(types):
    images = windows((7, 11))
    assert np.array_equal(haar_features(images, types=types)[0], peer(images[0], types))
    assert np.array_equal(haar_features(images, coords=haar_coords((7, 11), types=types))[0], peer(images[0], types))


def test_worked_on_paper():
    image = np.array([[1, 2, 4], [8, 16, 32]])
    boxes = {  # y, x, height, width
        ("type-2-x", 0, 1, 2, 1): (4 + 32) - (2 + 16),
        ("type-2-y", 0, 0, 1, 3): (8 + 16 + 32) - (1 + 2 + 4),
        ("type-3-x", 1, 0, 1, 1): 16 - 8 - 32,
        ("type-4", 0, 1, 1, 1): (4 + 16) - (2 + 32),
    }
    coords, values = haar_coords((2, 3)), haar_features(image[None])[0]
    found = {
        (HAAR_TYPES[t], *place): value for (t, *place), value in zip(coords.tolist(), values.tolist(), strict=True)
    }
    assert {key: found[key] for key in boxes} == boxes
    assert len(found) == haar_count((2, 3)) == 17


def test_counts_of_viola_and_jones():
    assert [haar_count((24, 24), types=name) for name in HAAR_TYPES] == [43200, 43200, 27600, 27600, 20736]


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
@pytest.mark.parametrize("name", HAAR_TYPES)
def test_boxes_as_scikit_image(shape, name):
    """Its rectangles are inclusive corners; the even ones are subtracted."""
    rectangles, _ = haar_like_feature_coord(shape[1], shape[0], name)
    boxes, signs = haar_boxes(haar_coords(shape, types=name))
    assert len(rectangles) == len(boxes)
    for theirs, ours, sign in zip(rectangles, boxes, signs, strict=True):
        expected = {(y0, x0, y1 + 1, x1 + 1, 1 if i % 2 else -1) for i, ((y0, x0), (y1, x1)) in enumerate(theirs)}
        assert {(*box.tolist(), s) for box, s in zip(ours, sign.tolist(), strict=True) if s} == expected


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_chosen_features_are_columns_of_all(dtype):
    images = windows((24, 24), dtype, n=5)
    chosen = np.random.default_rng(1).integers(0, 162336, 300)
    expected = haar_features(images)[:, chosen]
    assert np.array_equal(haar_features(images, coords=haar_coords((24, 24))[chosen]), expected)
    assert np.array_equal(haar_features(images, coords=haar_coords((24, 24), chosen=chosen)), expected)
    assert haar_features(images, coords=haar_coords((24, 24), chosen=[])).shape == (5, 0)


def test_features_of_large_windows_without_listing_them():
    shape = (200, 150)
    image = windows(shape, n=1)
    coords = haar_coords(shape, chosen=np.random.default_rng(0).integers(0, haar_count(shape), 200))
    assert len(set(coords["type"].tolist())) == 5
    for value, boxes, signs in zip(haar_features(image, coords=coords)[0], *haar_boxes(coords), strict=True):
        sums = [s * int(image[0, y0:y1, x0:x1].sum()) for (y0, x0, y1, x1), s in zip(boxes, signs, strict=True) if s]
        assert value == sum(sums)


@pytest.mark.parametrize("threads", [1, 3])
def test_neither_chunks_nor_threads_change_anything(monkeypatch, threads):
    images = windows((13, 12), n=23)
    expected = haar_features(images)
    monkeypatch.setattr(kernels, "threads", lambda: threads)
    for chunk in (1, 4, 100):
        assert np.array_equal(haar_features(images, chunk=chunk), expected)
    with pytest.raises(ValueError, match="chunk must be a whole number of 1 or more, got 0"):
        haar_features(images, chunk=0)


def test_chunks_bound_the_memory_beside_the_result(monkeypatch):
    monkeypatch.setattr(kernels, "threads", lambda: 2)
    images = windows((64, 64), n=600)
    coords = haar_coords((64, 64), chosen=range(10))
    haar_features(images[:1], coords=coords)
    tracemalloc.start()
    haar_features(images, coords=coords, chunk=4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * 8 * images.size  # the integral images of all would take 8 bytes a pixel


def test_integral_image():
    images = windows((6, 9), n=4)
    assert integral_image(images).dtype == np.int64
    for image, found in zip(images, integral_image(images), strict=True):
        assert np.array_equal(found, skimage_integral(image))
        assert found[3, 5] == int(image[:4, :6].sum())
    floats = windows((6, 9), "float32")
    assert np.array_equal(integral_image(floats[0]), skimage_integral(floats[0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((4, 4))}, r"batch \(N, y, x\).*\(4, 4\)"),
        ({"images": np.zeros((0, 4, 4))}, "at least one pixel"),
        ({"images": np.full((1, 4, 4), np.nan)}, "finite, got 16 pixels"),
        ({"images": np.full((1, 4, 4), np.inf)}, "finite, got 16 pixels"),
        ({"images": [np.zeros((4, 4)), np.zeros((4, 5))]}, r"one size.*\(4, 5\)"),
        ({"images": np.zeros((1, 4, 4), complex)}, "complex128"),
        ({"images": np.zeros((1, 1, 1))}, "no Haar feature fits"),
        ({"images": np.full((1, 4, 4), 2**62)}, "too large to sum"),
        ({"images": np.full((1, 4, 4), 2**63, np.uint64)}, "too large to sum"),
        ({"types": "type-5"}, "type-5"),
        ({"types": []}, "types must be"),
        ({"types": ["type-4", "type-4"]}, "different"),
        ({"types": "type-4", "coords": haar_coords((4, 4))}, "not both"),
        ({"coords": haar_coords((5, 4))}, r"coords\[.*does not fit into images of \(4, 4\)"),
        ({"coords": np.zeros((3, 5))}, "rows of haar_coords"),
    ],
)
def test_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        haar_features(**({"images": np.zeros((1, 4, 4))} | change))


@pytest.mark.parametrize(
    ("field", "value"), [("type", 5), ("type", -1), ("y", -1), ("x", 4), ("height", 0), ("width", 9)]
)
def test_refuses_features_outside_the_window(field, value):
    coords = haar_coords((4, 4))[:3].copy()
    coords[field][1] = value
    with pytest.raises(ValueError, match=r"coords\[1\]"):
        haar_features(np.zeros((1, 4, 4)), coords=coords)


@pytest.mark.parametrize("chosen", [[-1], [haar_count((4, 4))], [0.5], [[0]]])
def test_refuses_numbers_of_no_feature(chosen):
    with pytest.raises(ValueError, match="whole numbers from 0 to"):
        haar_coords((4, 4), chosen=chosen)


def test_refuses_what_does_not_fit_into_memory():
    images = np.zeros((2, 1000, 1000), np.uint8)
    with pytest.raises(MemoryError, match=r"\d+\.\d GB.*haar_coords\(shape, chosen=numbers\)"):
        haar_features(images)
    with pytest.raises(MemoryError, match="GB"):
        haar_coords((1000, 1000))


def test_numba_is_loaded_on_first_use():
    code = "import sys; import medlab.features.haar, medlab.features.lbp, medlab.features.glcm; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numba", "skimage", "sklearn", "torch"} & set(loaded)


def test_works_where_no_folder_can_be_written(monkeypatch):
    njit = kernels.numba.njit

    def no_cache(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(kernels.numba, "njit", no_cache)
    assert kernels.jit(lambda x: x + 1)(2) == 3


def test_blocks_are_shared_out_and_errors_come_back(monkeypatch):
    monkeypatch.setattr(kernels, "threads", lambda: 3)
    seen = []
    kernels.share(lambda start, stop: seen.extend(range(start, stop)), 1000, 7)
    assert sorted(seen) == list(range(1000))

    def fail(start, stop):
        raise ValueError("bad block")

    for n in (1, 1000):
        with pytest.raises(ValueError, match="bad block"):
            kernels.share(fail, n, 7)

    def nested(start, stop):
        kernels.share(lambda a, b: seen.append(a), 20, 1)

    seen.clear()
    kernels.share(nested, 50, 1)
    assert len(seen) == 1000
