"""Local binary patterns against scikit-image, and histograms against counting."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import local_binary_pattern

from medlab import kernels
from medlab.features import lbp
from medlab.features.lbp import LBP_METHODS, lbp_codes, lbp_histogram

pytestmark = pytest.mark.filterwarnings("ignore:Applying `local_binary_pattern` to floating-point")


def pictures(kind: str, shape: tuple[int, int], seed: int = 0, n: int = 3) -> np.ndarray:
    """Noise, and pictures where neighbours are equal: there the last bit of the interpolation decides."""
    rng = np.random.default_rng(seed)
    if kind == "bytes":
        return rng.integers(0, 256, (n, *shape)).astype(np.uint8)
    if kind == "flat bytes":
        return np.repeat(rng.integers(0, 256, (n, 1, shape[1])), shape[0], axis=1).astype(np.uint8)
    if kind == "hounsfield":
        return rng.integers(-1000, -997, (n, *shape)).astype(np.int16)
    if kind == "flat floats":
        return np.full((n, *shape), rng.normal(size=(n, 1, 1)) * 1e3)
    return rng.normal(size=(n, *shape)).astype(kind)


KINDS = ["bytes", "flat bytes", "hounsfield", "flat floats", "float64", "float32"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", LBP_METHODS)
@pytest.mark.parametrize(("points", "radius"), [(8, 1), (4, 1), (16, 2), (24, 3), (8, 2.5), (12, 0.4), (1, 1), (31, 4)])
def test_codes_as_scikit_image(kind, method, points, radius):
    images = pictures(kind, (19, 23))
    found = lbp_codes(images, points=points, radius=radius, method=method)
    assert found.dtype == np.int32
    for image, codes in zip(images, found, strict=True):
        assert np.array_equal(codes, local_binary_pattern(image, points, radius, method))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(1, 31),
    st.floats(0.05, 12),
    st.sampled_from(LBP_METHODS),
    st.integers(0, 10**6),
)
def test_any_size_circle_and_method(kind, shape, points, radius, method, seed):
    image = pictures(kind, shape, seed, n=1)
    found = lbp_codes(image, points=points, radius=radius, method=method)[0]
    assert np.array_equal(found, local_binary_pattern(image[0], points, radius, method))


@pytest.mark.parametrize("kind", KINDS)
def test_hundreds_of_images_at_once(kind):
    images = pictures(kind, (14, 17), n=400)
    expected = np.array([local_binary_pattern(image, 8, 1, "uniform") for image in images])
    assert np.array_equal(lbp_codes(images), expected)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_bands_blocks_and_threads_change_nothing(monkeypatch, threads, n):
    """More rows than are held at a time; rows of few images, or images, shared out."""
    images = pictures("bytes", (150, 37), n=n)
    monkeypatch.setattr(kernels, "threads", lambda: threads)
    monkeypatch.setattr(lbp, "_BLOCK", 1000)
    expected = np.array([local_binary_pattern(image, 16, 2.5, "nri_uniform") for image in images])
    assert np.array_equal(lbp_codes(images, points=16, radius=2.5, method="nri_uniform"), expected)
    whole = lbp_histogram(images, normalize=False)
    assert np.array_equal(whole, np.concatenate([lbp_histogram(image[None], normalize=False) for image in images]))


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


@pytest.mark.parametrize(("method", "bins"), [("default", 256), ("uniform", 10), ("nri_uniform", 59)])
def test_histogram_counts_codes(method, bins):
    images = pictures("bytes", (13, 17))
    codes = lbp_codes(images, method=method)
    found = lbp_histogram(images, method=method, normalize=False)
    assert np.array_equal(found, [np.bincount(image.ravel(), minlength=bins) for image in codes])
    assert np.allclose(lbp_histogram(images, method=method), found / (13 * 17))


def test_histogram_of_turned_patterns_has_a_bin_for_each_that_occurs():
    """36 for 8 points (Ojala 2002); turning an image by a quarter changes nothing but the border."""
    images = pictures("bytes", (13, 17))
    codes = lbp_codes(images, method="ror")
    found = lbp_histogram(images, method="ror", normalize=False)
    assert found.shape == (3, 36)
    for row, image in zip(found, codes, strict=True):
        assert np.array_equal(row[row > 0], np.unique(image, return_counts=True)[1])


def test_cells_and_masks():
    images = pictures("bytes", (11, 14), n=2)
    masks = np.random.default_rng(1).random(images.shape) < 0.5
    masks[0, :3, :7] = False
    codes = lbp_codes(images)
    found = lbp_histogram(images, cells=(3, 2), masks=masks, normalize=False).reshape(2, 3, 2, 10)
    shares = lbp_histogram(images, cells=(3, 2), masks=masks).reshape(2, 3, 2, 10)
    rows, columns = np.arange(11) * 3 // 11, np.arange(14) * 2 // 14
    for i, y, x in np.ndindex(2, 3, 2):
        inside = masks[i] & (rows[:, None] == y) & (columns == x)
        counts = np.bincount(codes[i][inside], minlength=10)
        assert np.array_equal(found[i, y, x], counts)
        assert np.allclose(shares[i, y, x], counts / max(1, inside.sum()))
    assert np.array_equal(lbp_histogram(images, masks=np.ones(images.shape, bool)), lbp_histogram(images))
    assert np.array_equal(lbp_histogram(images, masks=masks.astype(int)), lbp_histogram(images, masks=masks))


def test_scales_stand_side_by_side():
    images = pictures("bytes", (12, 12))
    both = lbp_histogram(images, points=(8, 16), radius=(1, 2), cells=(2, 2))
    parts = [lbp_histogram(images, points=p, radius=r, cells=(2, 2)) for p, r in ((8, 1), (16, 2))]
    assert both.shape == (3, 4 * (10 + 18))
    assert np.array_equal(both, np.concatenate(parts, axis=1))


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
        ({"images": np.full((1, 4, 4), np.nan)}, "NaN"),
        ({"points": 0}, "points must be a whole number from 1 to 31, got 0"),
        ({"points": 32}, "points must be"),
        ({"points": 8.0}, "points must be"),
        ({"radius": 0}, "radius must be above 0"),
        ({"radius": -1}, "radius must be above 0"),
        ({"radius": np.nan}, "radius must be above 0"),
        ({"method": "var"}, "method must be one of default, ror, uniform, nri_uniform, got 'var'"),
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
        ({"masks": np.ones((1, 4, 5), bool)}, r"shape of images, \(1, 4, 4\), got \(1, 4, 5\)"),
        ({"masks": np.ones((4, 4), bool)}, "shape of images"),
        ({"masks": np.full((1, 4, 4), 2)}, "0 and 1 only"),
        ({"masks": np.zeros((1, 4, 4), bool)}, "image 0 is empty"),
        ({"points": (8, 16), "radius": 1}, "as many as there are scales"),
        ({"points": 17, "method": "default"}, "16 points at most"),
        ({"points": 17, "method": "ror"}, "16 points at most"),
    ],
)
def test_histogram_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        lbp_histogram(np.zeros((1, 4, 4)), **change)
