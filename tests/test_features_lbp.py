"""Local binary patterns against scikit-image, and histograms against counting."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.feature import local_binary_pattern

from medlab import kernels
from medlab.features import _lbp_kernel, lbp
from medlab.features.lbp import LBP_METHODS, lbp_codes, lbp_histogram

pytestmark = pytest.mark.filterwarnings("ignore:Applying `local_binary_pattern` to floating-point")


def pictures(kind: str, shape: tuple[int, int], seed: int = 0, n: int = 3) -> np.ndarray:
    """Noise, and pictures where neighbours are equal: there the last bit of the interpolation decides."""
    rng = np.random.default_rng(seed)
    if kind == "bytes":
        return rng.integers(0, 256, (n, *shape)).astype(np.uint8)
    if kind == "smooth bytes":  # some points tie, most do not
        return (128 + 40 * gaussian_filter(rng.normal(size=(n, *shape)), (0, 2, 2)) * 5).astype(np.uint8)
    if kind == "few bytes":  # most tie, with equal or with opposite neighbours
        return rng.integers(200, 203, (n, *shape)).astype(np.uint8)
    if kind == "flat bytes":
        return np.repeat(rng.integers(0, 256, (n, 1, shape[1])), shape[0], axis=1).astype(np.uint8)
    if kind.startswith("patches"):  # flat areas of every grey
        patches = rng.uniform(0, 256, (n, shape[0] // 4 + 1, shape[1] // 4 + 1))
        patches = patches.astype(np.uint8) if kind.endswith("bytes") else patches
        return patches.repeat(4, 1).repeat(4, 2)[:, : shape[0], : shape[1]]
    if kind == "hounsfield":
        return rng.integers(-1000, -997, (n, *shape)).astype(np.int16)
    if kind == "flat floats":
        return np.full((n, *shape), rng.normal(size=(n, 1, 1)) * 1e3)
    return rng.normal(size=(n, *shape)).astype(kind)


BYTES = ["bytes", "smooth bytes", "few bytes", "flat bytes", "patches of bytes"]
KINDS = [*BYTES, "hounsfield", "flat floats", "patches of floats", "float64", "float32"]


def peers(images: np.ndarray, points: int, radius: float, method: str) -> np.ndarray:
    return np.array([local_binary_pattern(image, points, radius, method) for image in images])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("points", "radius"), [(8, 1), (16, 2), (24, 3), (8, 2.5), (12, 0.4), (1, 1), (31, 4)])
def test_codes_as_scikit_image(kind, points, radius):
    images = pictures(kind, (19, 23))
    for method in LBP_METHODS:
        found = lbp_codes(images, points=points, radius=radius, method=method)
        assert found.dtype == np.int32
        assert np.array_equal(found, peers(images, points, radius, method))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.one_of(st.just((8, 1)), st.tuples(st.integers(1, 31), st.floats(0.05, 12))),
    st.sampled_from(LBP_METHODS),
    st.integers(0, 10**6),
)
def test_any_size_circle_and_method(kind, shape, circle, method, seed):
    image = pictures(kind, shape, seed, n=1)
    points, radius = circle
    found = lbp_codes(image, points=points, radius=radius, method=method)
    assert np.array_equal(found, peers(image, points, radius, method))


@pytest.mark.parametrize("kind", ["hounsfield", "patches of floats", *BYTES])
def test_hundreds_of_images_and_large_ones(monkeypatch, kind):
    """More pixels than are held at a time, and so far from the corner that the weights have another last bit."""
    monkeypatch.setattr(lbp, "_BLOCK", 4000)
    for shape, n in (((14, 17), 200), ((9, 3000), 1), ((1500, 12), 1)):
        images = pictures(kind, shape, n=n)
        assert np.array_equal(lbp_codes(images), peers(images, 8, 1, "uniform"))


def test_the_sign_of_the_excess_is_exact():
    """All differences that bytes can have; in 16 bits as in whole numbers of any size."""
    corners, sides = np.meshgrid(np.arange(-255, 256), np.arange(-510, 511), indexing="ij")
    excess = np.vectorize(_lbp_kernel._excess)(corners.astype(np.int16), sides.astype(np.int16))
    assert np.array_equal(np.sign(excess), np.sign(70711 * corners + 29289 * sides))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n", [1, 3])
def test_bands_blocks_and_threads_change_nothing(monkeypatch, threads, n):
    """Images, and rows of one image, shared out."""
    monkeypatch.setattr(kernels, "threads", lambda: threads)
    for kind, points, radius in (
        ("bytes", 8, 1),
        ("few bytes", 8, 1),
        ("patches of bytes", 8, 1),
        ("bytes", 16, 2.5),
        ("hounsfield", 8, 1),
    ):
        images = pictures(kind, (150, 37), n=n)
        masks = np.random.default_rng(1).random(images.shape) < 0.5
        cells = lbp_histogram(images, points=points, radius=radius, cells=(3, 2), masks=masks)
        monkeypatch.setattr(lbp, "_BLOCK", 1000)
        assert np.array_equal(lbp_codes(images, points=points, radius=radius), peers(images, points, radius, "uniform"))
        banded = lbp_histogram(images, points=points, radius=radius, cells=(3, 2), masks=masks)
        assert np.array_equal(banded, cells)
        monkeypatch.undo()
        monkeypatch.setattr(kernels, "threads", lambda: threads)


def test_input_stays_as_it_is():
    images = pictures("bytes", (9, 12))
    images.flags.writeable = False
    turned = np.asfortranarray(images.astype(float))
    assert np.array_equal(lbp_codes(images), lbp_codes(turned))
    assert np.array_equal(lbp_codes(images.transpose(0, 2, 1)), lbp_codes(images.transpose(0, 2, 1).copy()))


def test_worked_on_paper():
    """Right of the edge every neighbour is as bright or darker; bits run against the clock from the right."""
    edge = np.zeros((1, 5, 6))
    edge[:, :, 3:] = 1
    right, left = lbp_codes(edge, method="default")[0][2, [3, 2]]
    assert left == 0b11111111
    assert right == 0b11000111  # points 3, 4, 5 look left, at 0
    assert lbp_codes(edge)[0][2, 3] == 5


@pytest.mark.parametrize(("method", "points", "bins"), [("default", 8, 256), ("uniform", 8, 10), ("uniform", 24, 26)])
def test_histogram_counts_codes(method, points, bins):
    images = pictures("bytes", (13, 17))
    codes = lbp_codes(images, method=method, points=points)
    expected = [np.bincount(image.ravel(), minlength=bins) / (13 * 17) for image in codes]
    assert np.allclose(lbp_histogram(images, method=method, points=points), expected)


def test_histogram_of_turned_patterns_has_a_bin_for_each_that_occurs():
    """36 for 8 points (Ojala 2002)."""
    images = pictures("bytes", (13, 17))
    shares = lbp_histogram(images, method="ror")
    assert shares.shape == (3, 36)
    for row, image in zip(shares, lbp_codes(images, method="ror"), strict=True):
        assert np.allclose(row[row > 0], np.unique(image, return_counts=True)[1] / image.size)


def test_cells_and_masks():
    images = pictures("bytes", (11, 14), n=2)
    masks = np.random.default_rng(1).random(images.shape) < 0.5
    masks[0, :3, :7] = False
    codes = lbp_codes(images)
    shares = lbp_histogram(images, cells=(3, 2), masks=masks).reshape(2, 3, 2, 10)
    rows, columns = np.arange(11) * 3 // 11, np.arange(14) * 2 // 14
    for i, y, x in np.ndindex(2, 3, 2):
        inside = masks[i] & (rows[:, None] == y) & (columns == x)
        counts = np.bincount(codes[i][inside], minlength=10)
        assert np.allclose(shares[i, y, x], counts / max(1, inside.sum()))
    assert np.array_equal(lbp_histogram(images, masks=np.ones(images.shape, bool)), lbp_histogram(images))
    assert np.array_equal(lbp_histogram(images, masks=masks.astype(int)), lbp_histogram(images, masks=masks))


def test_memory_does_not_grow_with_the_batch(monkeypatch):
    monkeypatch.setattr(kernels, "threads", lambda: 2)
    monkeypatch.setattr(lbp, "_BLOCK", 2**16)
    images = pictures("bytes", (128, 128), n=320)
    lbp_histogram(images[:2])
    tracemalloc.start()
    lbp_histogram(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < images.size / 2  # the codes of all would take 4 bytes a pixel


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((4, 4))}, r"batch \(N, y, x\)"),
        ({"images": np.zeros((0, 4, 4))}, "at least one pixel"),
        ({"images": np.full((1, 4, 4), np.nan)}, "finite, got 16 pixels"),
        ({"points": 0}, "points must be a whole number from 1 to 31, got 0"),
        ({"points": 32}, "points must be"),
        ({"points": 8.5}, "points must be"),
        ({"radius": 0}, "radius must be a number above 0"),
        ({"radius": np.nan}, "radius must be a number above 0"),
        ({"method": "var"}, "method must be one of 'default', 'ror', 'uniform', got 'var'"),
    ],
)
@pytest.mark.parametrize("function", [lbp_codes, lbp_histogram])
def test_refuses(function, change, message):
    with pytest.raises(ValueError, match=message):
        function(**({"images": np.zeros((1, 4, 4))} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cells": (5, 1)}, r"cells\[0\] must be a whole number from 1 to 4"),
        ({"cells": (1, 0)}, r"cells\[1\]"),
        ({"cells": (1,)}, "rows and columns"),
        ({"masks": np.ones((1, 4, 5), bool)}, r"shape of the image, \(1, 4, 4\), got \(1, 4, 5\)"),
        ({"masks": np.ones((4, 4), bool)}, "masks must have the shape"),
        ({"masks": np.full((1, 4, 4), 2)}, "0 and 1 only"),
        ({"masks": np.zeros((1, 4, 4), bool)}, "image 0 is empty"),
        ({"points": 17, "method": "default"}, "16 points at most"),
        ({"points": 17, "method": "ror"}, "16 points at most"),
    ],
)
def test_histogram_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        lbp_histogram(np.zeros((1, 4, 4)), **change)
