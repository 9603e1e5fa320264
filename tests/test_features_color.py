"""Colour features against colorsys, SciPy's circular statistics, scikit-image and pixels counted by hand."""

import colorsys
import itertools

import numpy as np
import pytest
from scipy import stats
from skimage.color import hed2rgb, rgb2hed

from medlab import features
from medlab.features import color


def colourful(seed: int, shape=(2, 7, 9)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def hsv(pixels: np.ndarray) -> np.ndarray:
    """By the standard library, one pixel at a time."""
    return np.array([colorsys.rgb_to_hsv(*(pixel / 255)) for pixel in pixels.reshape(-1, 3)])


def of_hue(*degrees: float, saturation: float = 1.0) -> np.ndarray:
    """One image (1, 1, n, 3) with a pixel of each hue."""
    return np.array([[[colorsys.hsv_to_rgb(d / 360 % 1, saturation, 1) for d in degrees]]])


@pytest.mark.parametrize("bins", [(8, 4, 4), (5, 1, 3), (1, 1, 1)])
def test_hsv_histogram_counts_pixels(bins):
    images = colourful(0)
    found = features.hsv_histogram(images, bins=bins)
    for image, row in zip(images, found, strict=True):
        counts, _ = np.histogramdd(hsv(image), bins=bins, range=[(0, 1)] * 3)
        np.testing.assert_allclose(row, counts.ravel() / counts.sum())
    assert found.shape == (2, np.prod(bins))
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_names_of_the_histogram():
    """Pure blue (hue 2/3), full saturation, half value: the column that its name says."""
    blue = np.array([[[[0, 0, 0.45]]]])
    (row,) = features.hsv_histogram(blue, bins=(6, 2, 4))
    names = color.hsv_names((6, 2, 4))
    assert len(names) == len(row) == 48
    assert names[row.argmax()] == "h4_s1_v1"


def test_ends_of_the_ranges_count():
    """White, black, and full red are in the last bins, not beyond them."""
    image = np.array([[[[255, 255, 255], [0, 0, 0], [255, 0, 0], [255, 0, 1]]]], np.uint8)
    (row,) = features.hsv_histogram(image, bins=(4, 2, 2))
    share = dict(zip(color.hsv_names((4, 2, 2)), row, strict=True))
    assert share["h0_s0_v1"] == share["h0_s0_v0"] == share["h0_s1_v1"] == share["h3_s1_v1"] == 0.25


def test_bytes_and_floats_agree_and_masks_choose_pixels():
    images = colourful(1)
    masks = np.random.default_rng(2).random(images.shape[:3]) < 0.5
    for compute in (features.color_moments, features.hsv_histogram):
        np.testing.assert_allclose(compute(images), compute(images / 255), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(compute(images), compute(images, masks=np.ones_like(masks)))
        chosen = [compute(image[mask][None, None]) for image, mask in zip(images, masks, strict=True)]
        np.testing.assert_allclose(compute(images, masks=masks), np.concatenate(chosen))


def test_moments_as_scipy():
    images = colourful(3)
    for image, row in zip(images, features.color_moments(images), strict=True):
        pixels = hsv(image)[:, 1:]
        expected = np.stack([pixels.mean(0), pixels.std(0), stats.skew(pixels)], axis=1)
        np.testing.assert_allclose(row[3:], expected.ravel())


def test_hue_is_circular_as_scipy():
    """Of fully saturated colours every pixel counts the same: SciPy's circular mean and variance."""
    degrees = np.random.default_rng(0).normal(340, 40, 60)
    mean, variance, skewness = features.color_moments(of_hue(*degrees))[0, :3]
    radians = np.radians(degrees)
    assert mean == pytest.approx(stats.circmean(radians) / (2 * np.pi))
    assert variance == pytest.approx(stats.circvar(radians))
    assert skewness == pytest.approx(np.mean(np.sin(2 * (radians - stats.circmean(radians)))))


def test_red_on_both_sides_of_zero_is_red():
    mean, variance, skewness = features.color_moments(of_hue(350, 10))[0, :3]
    assert min(mean, 1 - mean) == pytest.approx(0, abs=1e-9)  # not 0.5, which is cyan
    assert variance == pytest.approx(1 - np.cos(np.radians(10)))
    assert skewness == pytest.approx(0, abs=1e-9)


def test_turning_the_hue_turns_its_mean_only():
    degrees = np.array([3.0, 20, 50, 52, 80])
    found = [features.color_moments(of_hue(*(degrees + turn)))[0] for turn in (0, 144, 330)]
    assert np.unwrap([row[0] for row in found], period=1) - found[0][0] == pytest.approx([0, 0.4, 330 / 360 - 1])
    for row in found[1:]:
        np.testing.assert_allclose(row[1:], found[0][1:], atol=1e-9)


def test_grey_pixels_have_no_hue():
    colour, grey = of_hue(100, 140), np.full((1, 1, 5, 3), 0.4)
    alone, together = (features.color_moments(i)[0, :3] for i in (colour, np.concatenate([colour, grey], axis=2)))
    np.testing.assert_allclose(together, alone)
    assert features.color_moments(grey)[0].tolist() == pytest.approx([0, 1, 0, 0, 0, 0, 0.4, 0, 0])


def test_stains():
    images = colourful(4)
    amounts = features.stains(images)
    assert amounts.shape == images.shape
    for image, found in zip(images, amounts, strict=True):
        np.testing.assert_allclose(found, rgb2hed(image))
    assert features.stains(np.full((1, 2, 2, 3), 255, np.uint8)).max() == pytest.approx(0, abs=1e-6)  # glass, unstained


@pytest.mark.parametrize("stain", range(3))
def test_a_stain_is_told_from_the_others(stain):
    hed = np.zeros((1, 1, 2, 3))
    hed[0, 0, :, stain] = 0.05, 0.1
    found = features.stains(hed2rgb(hed).clip(0, 1))
    np.testing.assert_allclose(found, hed, atol=2e-3)


GOOD = colourful(0)
EMPTY_MASK = np.stack([np.ones((7, 9), bool), np.zeros((7, 9), bool)])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (GOOD[0], "in colour"),
        (GOOD[:0], "at least one pixel"),
        (GOOD[..., :2], "in colour"),
        (GOOD.astype(np.int16), "uint8, or floats from 0 to 1, got int16"),
        (GOOD.astype(float), "floats from 0 to 1, got float64 from 0 to 255"),
        (GOOD / 255 - 0.5, "floats from 0 to 1"),
        (np.where(GOOD > 250, np.nan, GOOD / 255), "finite"),
    ],
)
def test_bad_images(images, message):
    for compute in (features.hsv_histogram, features.color_moments, features.stains):
        with pytest.raises(ValueError, match=message):
            compute(images)


def test_bad_masks_and_options():
    for compute, (masks, message) in itertools.product(
        (features.hsv_histogram, features.color_moments),
        [
            (EMPTY_MASK, "that of image 1 is empty"),
            (EMPTY_MASK[:1], "masks must have the shape"),
            (np.full((2, 7, 9), 0.5), "0 and 1 only"),
        ],
    ):
        with pytest.raises(ValueError, match=message):
            compute(GOOD, masks=masks)
    for bins in ((8, 4), (8, 4, 0), (8, 4, 2.5), 8):
        with pytest.raises(ValueError, match="bins must be"):
            features.hsv_histogram(GOOD, bins=bins)
