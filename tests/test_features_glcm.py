"""Grey-level co-occurrence against scikit-image, counting pair by pair, and numbers worked out on paper."""

import numpy as np
import pytest
from skimage.feature import graycomatrix, graycoprops

from medlab import kernels
from medlab.features import glcm
from medlab.features.glcm import GLCM_PROPERTIES, glcm_features, quantize

ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)


def known() -> list[str]:
    """Properties of the installed scikit-image: the last four came later than the oldest version allowed."""
    matrix = np.ones((2, 2, 1, 1))
    names = []
    for name in GLCM_PROPERTIES:
        try:
            graycoprops(matrix, name)
        except ValueError:
            continue
        names.append(name)
    return names


def peer(image, *, levels, distances=(1,), angles=ANGLES, symmetric=True, properties):
    matrix = graycomatrix(image, distances, angles, levels=levels, symmetric=symmetric, normed=True)
    return np.concatenate([graycoprops(matrix, name).ravel() for name in properties])


def by_counting(image, mask, *, levels, step, symmetric):
    """The matrix of one step, (down, right), pair by pair."""
    matrix = np.zeros((levels, levels))
    for y, x in np.argwhere(mask):
        v, u = y + step[0], x + step[1]
        if 0 <= v < image.shape[0] and 0 <= u < image.shape[1] and mask[v, u]:
            matrix[image[y, x], image[v, u]] += 1
            if symmetric:
                matrix[image[v, u], image[y, x]] += 1
    return matrix


def patches(levels: int, shape=(16, 21), n=4, seed=0) -> np.ndarray:
    """Noise, and smooth patches whose levels repeat."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, levels, (n, *shape))
    images[1::2] = (np.indices(shape).sum(0) * levels // (sum(shape) + 1) + rng.integers(0, 2, shape)) % levels
    return images.astype(np.uint8)


@pytest.mark.parametrize("levels", [2, 8, 32, 256])
@pytest.mark.parametrize("symmetric", [True, False])
def test_as_scikit_image(levels, symmetric):
    images, names = patches(levels), known()
    assert set(names) >= set(GLCM_PROPERTIES[:6])
    found = glcm_features(images, levels=levels, symmetric=symmetric, distances=[1, 3], properties=names)
    expected = [peer(i, levels=levels, symmetric=symmetric, distances=[1, 3], properties=names) for i in images]
    assert found.shape == (4, len(names) * 2 * 4)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_defaults_as_scikit_image():
    images = patches(32)
    expected = [peer(image, levels=32, properties=GLCM_PROPERTIES[:6]) for image in images]
    np.testing.assert_allclose(glcm_features(images), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("distance", [0.6, 1, 1.5, 2.5, 4])
def test_any_direction(distance):
    """The step is rounded to whole pixels as scikit-image does, backwards as well as forwards."""
    images = patches(6)
    angles = [*np.arange(-8, 9) * np.pi / 8, 0.3, 2.0, 7.0]
    options = {"levels": 6, "distances": [distance], "angles": angles, "symmetric": False}
    found = glcm_features(images, properties=["contrast", "correlation", "mean"], **options)
    expected = [peer(image, properties=["contrast", "correlation"], **options) for image in images]
    np.testing.assert_allclose(found[:, : 2 * len(angles)], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("symmetric", [True, False])
def test_only_pairs_inside_the_mask_count(symmetric):
    images = patches(7, n=3)
    masks = np.random.default_rng(1).random(images.shape) < 0.6
    steps = [(0, 1), (1, 1), (1, 0), (1, -1)]
    found = glcm_features(images, levels=7, masks=masks, symmetric=symmetric, properties=GLCM_PROPERTIES)
    found = found.reshape(3, len(GLCM_PROPERTIES), 4)
    for i, s in np.ndindex(3, 4):
        matrix = by_counting(images[i], masks[i], levels=7, step=steps[s], symmetric=symmetric)
        p = matrix / matrix.sum()
        row, column = np.indices(p.shape)
        mean = (p * row).sum()
        expected = {
            "contrast": (p * (row - column) ** 2).sum(),
            "energy": np.sqrt((p**2).sum()),
            "correlation": np.corrcoef(
                np.repeat(row, matrix.astype(int).ravel()), np.repeat(column, matrix.astype(int).ravel())
            )[0, 1],
            "mean": mean,
            "variance": (p * (row - mean) ** 2).sum(),
            "std": np.sqrt((p * (row - mean) ** 2).sum()),
            "entropy": -(p[p > 0] * np.log(p[p > 0])).sum(),
        }
        for name, value in expected.items():
            assert found[i, GLCM_PROPERTIES.index(name), s] == pytest.approx(value, rel=1e-10), name


def test_a_full_mask_changes_nothing():
    images = patches(9)
    full = np.ones(images.shape, int)
    assert np.array_equal(glcm_features(images, levels=9, masks=full), glcm_features(images, levels=9))


def test_worked_on_paper():
    """The 4×4 image of Haralick 1973, one step to the right, in both orders: 24 pairs."""
    image = np.array([[[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]]])
    contrast, asm = glcm_features(image, levels=4, angles=[0], properties=["contrast", "ASM"])[0]
    assert contrast == pytest.approx((2 * 2 * 1 + 2 * 1 * 4 + 2 * 1 * 1) / 24)
    # rows of the matrix: 4 2 1 0 / 2 4 0 0 / 1 0 6 1 / 0 0 1 2
    assert asm == pytest.approx((16 + 4 + 1 + 4 + 16 + 1 + 36 + 1 + 1 + 4) / 24**2)


def test_constant_image():
    found = glcm_features(np.full((1, 5, 5), 3), levels=4, angles=[0], properties=GLCM_PROPERTIES)[0]
    expected = {"homogeneity": 1, "ASM": 1, "energy": 1, "correlation": 1, "mean": 3}
    assert dict(zip(GLCM_PROPERTIES, found, strict=True)) == {name: expected.get(name, 0) for name in GLCM_PROPERTIES}


def test_angle_runs_fastest():
    images = patches(5)
    together = glcm_features(images, levels=5, distances=[1, 2], properties=["ASM", "contrast"])
    for at, (name, distance, angle) in enumerate(
        (n, d, a) for n in ("ASM", "contrast") for d in (1, 2) for a in ANGLES
    ):
        alone = glcm_features(images, levels=5, distances=[distance], angles=[angle], properties=name)
        assert np.array_equal(together[:, at], alone[:, 0])


def test_range_is_divided_first():
    images = np.random.default_rng(0).normal(-600, 200, (3, 9, 9))
    levels = quantize(images, levels=16, low=-1000, high=-200)
    assert np.array_equal(glcm_features(images, levels=16, low=-1000, high=-200), glcm_features(levels, levels=16))


def test_levels_are_of_equal_width():
    values = np.linspace(-1000, 400, 1400, endpoint=False)
    assert np.array_equal(np.bincount(quantize(values, levels=14, low=-1000, high=400)), np.full(14, 100))
    assert quantize(np.array([-1e9, 1e9]), levels=14, low=-1000, high=400).tolist() == [0, 13]
    assert quantize(np.array([0, 255], np.uint8), levels=256, low=0, high=256).tolist() == [0, 255]


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(monkeypatch, threads):
    images = patches(8, n=11)
    expected = glcm_features(images, levels=8)
    monkeypatch.setattr(kernels, "threads", lambda: threads)
    monkeypatch.setattr(glcm, "_BLOCK", 1000)
    assert np.array_equal(glcm_features(images, levels=8), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((4, 4), int)}, r"batch \(N, y, x\)"),
        ({"images": np.zeros((0, 4, 4), int)}, "at least one pixel"),
        ({"images": np.zeros((1, 4, 4))}, "whole numbers from 0 to 3, got float64.*low="),
        ({"images": np.full((1, 4, 4), 4)}, "whole numbers from 0 to 3, got int64 from 4 to 4"),
        ({"images": np.full((1, 4, 4), -1)}, "from -1"),
        ({"images": np.full((1, 4, 4), np.nan), "low": 0, "high": 1}, "finite, got 16 pixels"),
        ({"levels": 1}, "levels must be a whole number from 2 to 256, got 1"),
        ({"levels": 257}, "levels must be"),
        ({"low": 0}, "low and high go together"),
        ({"low": 1, "high": 1}, "high must be above low"),
        ({"distances": [0]}, "distances must be"),
        ({"distances": []}, "distances must be"),
        ({"distances": 1}, "distances must be"),
        ({"angles": [np.nan]}, "angles must be"),
        ({"angles": []}, "angles must be"),
        ({"properties": "colour"}, "properties must be some of contrast.*'colour'"),
        ({"properties": ()}, "properties must be"),
        ({"masks": np.ones((1, 4, 5), bool)}, "masks must have the shape"),
        ({"masks": np.zeros((1, 4, 4), bool)}, "image 0 is empty"),
        ({"masks": np.eye(4, dtype=bool)[None]}, r"image 0 has no two pixels \[0 1\].*inside its mask"),
        ({"distances": [4]}, "image 0 has no two pixels"),
    ],
)
def test_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        glcm_features(**({"images": np.zeros((1, 4, 4), int), "levels": 4} | change))


@pytest.mark.parametrize(
    "change", [{"low": 2.0}, {"high": np.inf}, {"levels": 300}, {"images": np.array([np.nan])}, {"images": ["a"]}]
)
def test_quantize_refuses(change):
    with pytest.raises(ValueError, match="must"):
        quantize(**({"images": np.zeros(3), "low": 0.0, "high": 1.0} | change))
