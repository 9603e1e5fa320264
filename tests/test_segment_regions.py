"""Thresholds, shapes, regions and contours against brute force, scikit-image and SciPy; then what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import morphology as sk
from skimage.segmentation import random_walker as walk

from medlab import segment

ANISOTROPIC = (2.5, 0.7, 0.7)


def distances(shape, center, spacing=None):
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    return np.sqrt(sum(((axis - c) * s) ** 2 for axis, c, s in zip(axes, center, spacing or (1,) * len(shape))))


def ball(shape, center, radius, spacing=None):
    return distances(shape, center, spacing) <= radius


def scene(shape=(48, 48), noise=8.0, seed=0):
    """A bright disc or ball on dark ground."""
    truth = ball(shape, [n // 2 for n in shape], min(shape) / 3)
    return 20 + 100.0 * truth + np.random.default_rng(seed).normal(0, noise, shape), truth


# thresholds


def test_otsu_by_its_definition():
    image = np.random.default_rng(0).choice([10, 12, 13, 40, 44, 47], p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1], size=(20, 30))

    def between(threshold):
        low, high = image[image <= threshold], image[image > threshold]
        return low.size * high.size * (low.mean() - high.mean()) ** 2

    best = max(range(10, 47), key=between)
    assert between(segment.otsu(image)) == pytest.approx(between(best))
    assert 13 <= segment.otsu(image) < 40


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_thresholds_lie_between_the_tissues(dtype):
    rng = np.random.default_rng(1)
    tissue = rng.choice(3, size=(40, 40), p=[0.4, 0.3, 0.3])
    hu = (np.array([-900, -100, 300])[tissue] + rng.normal(0, 20, tissue.shape)).astype(dtype)
    lower, upper = segment.multi_otsu(hu)
    assert -900 < lower < -100 < upper < 300
    assert (np.digitize(hu, (lower, upper)) == tissue).mean() > 0.995
    only = tissue > 0
    assert -900 < segment.otsu(hu) < 300
    assert -100 < segment.otsu(hu, mask=only) < 300  # without the air, the other pair is parted
    assert len(segment.multi_otsu(hu, classes=4)) == 3


# morphology


@pytest.mark.parametrize("radius", [1, 1.5, 3])
def test_morphology_as_scikit_image(radius):
    mask = np.random.default_rng(2).random((40, 40)) < 0.6
    mask[[0, -1]] = mask[:, [0, -1]] = False
    mask = np.pad(mask, 10)  # far from the border, where rules differ
    reach = int(radius)
    element = ball((2 * reach + 1,) * 2, (reach, reach), radius)
    np.testing.assert_array_equal(segment.erode(mask, radius=radius), sk.erosion(mask, element))
    np.testing.assert_array_equal(segment.dilate(mask, radius=radius), sk.dilation(mask, element))
    np.testing.assert_array_equal(segment.opening(mask, radius=radius), sk.opening(mask, element))
    np.testing.assert_array_equal(segment.closing(mask, radius=radius), sk.closing(mask, element))


def test_millimetres_not_voxels():
    """A ball grown and shrunk is the larger and the smaller ball, however long the voxels are."""
    shape, middle = (31, 81, 81), (15, 40, 40)
    away = distances(shape, middle, ANISOTROPIC)
    for change, radius in ((segment.dilate, 17.0), (segment.erode, 7.0)):
        found = change(away <= 12, radius=5, spacing=ANISOTROPIC)
        # exact but for the sampling of the ball: half a voxel's diagonal
        assert found[away < radius - 1.4].all()
        assert not found[away > radius + 1.4].any()
    volume = segment.dilate(ball(shape, middle, 0), radius=10, spacing=ANISOTROPIC).sum() * np.prod(ANISOTROPIC)
    assert volume == pytest.approx(4 / 3 * np.pi * 1000, rel=0.03)


def test_what_a_radius_below_the_voxel_does():
    point = ball((5, 9, 9), (2, 4, 4), 0)
    grown = segment.dilate(point, radius=0.7, spacing=ANISOTROPIC)
    assert grown.sum() == 5  # along z nothing, across the four neighbours
    np.testing.assert_array_equal(segment.dilate(point, radius=0), point)
    np.testing.assert_array_equal(segment.erode(grown, radius=0.7, spacing=ANISOTROPIC), point)


def test_the_mask_goes_on_beyond_the_border():
    half = np.zeros((20, 30), bool)
    half[:, 10:] = True
    np.testing.assert_array_equal(segment.erode(half, radius=4).sum(axis=1), 16)  # only from the left
    np.testing.assert_array_equal(segment.opening(half, radius=4), half)  # corners at the border stay
    np.testing.assert_array_equal(segment.closing(half, radius=4), half)
    np.testing.assert_array_equal(segment.closing(~half, radius=4), ~half)
    near = ball((20, 30), (10, 4), 2)  # a gap to the border is not filled
    np.testing.assert_array_equal(segment.closing(near, radius=3)[:, 0], False)
    everything = np.ones((4, 5), bool)
    for change in (segment.erode, segment.dilate, segment.opening, segment.closing):
        assert change(everything, radius=3).all()
        assert not change(~everything, radius=3).any()


@given(st.integers(0, 10_000), st.floats(0.5, 4), st.sampled_from([(1.0, 1.0), (2.0, 0.6)]))
@settings(max_examples=40, deadline=None)
def test_laws_of_morphology(seed, radius, spacing):
    mask = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(24, 30)), 1.5) > 0.02
    how = {"radius": radius, "spacing": spacing}
    opened, closed = segment.opening(mask, **how), segment.closing(mask, **how)
    assert (segment.erode(mask, **how) <= opened).all()
    assert (opened <= mask).all()
    assert (mask <= closed).all()
    assert (closed <= segment.dilate(mask, **how)).all()
    np.testing.assert_array_equal(segment.opening(~mask, **how), ~closed)
    np.testing.assert_array_equal(segment.erode(~mask, **how), ~segment.dilate(mask, **how))


def test_holes_and_small_parts():
    ring = ball((20, 20), (9, 9), 6) & ~ball((20, 20), (9, 9), 3)
    np.testing.assert_array_equal(segment.fill_holes(ring), ball((20, 20), (9, 9), 6))
    tube = np.repeat(ring[None], 5, axis=0)
    np.testing.assert_array_equal(segment.fill_holes(tube), tube)  # a tunnel is no hole
    mask = np.zeros((4, 20, 20), bool)
    mask[1, 2:4, 2:4] = True  # 4 voxels of 1.225 mm³
    mask[1:3, 10:15, 10:15] = True  # 50
    kept = segment.remove_small(mask, min_size=5, spacing=ANISOTROPIC)
    assert kept.sum() == 50
    assert segment.remove_small(mask, min_size=4 * 2.5 * 0.7 * 0.7, spacing=ANISOTROPIC).sum() == 54
    assert segment.remove_small(mask, min_size=51).sum() == 0
    np.testing.assert_array_equal(segment.largest_component(mask), kept)


def test_connectivity():
    steps = np.eye(4, dtype=bool)
    steps[0, 1] = True
    assert segment.largest_component(steps).sum() == 3  # (0, 0), (0, 1), (1, 1) touch by faces
    assert segment.largest_component(steps, connectivity=2).sum() == 5


# regions


def test_region_growing_keeps_to_range_and_links():
    image, truth = scene((20, 24, 24))
    image[2, 2, 2] = 120  # in the range, not linked
    found = segment.region_growing(image, (10, 12, 12), low=80, high=200)
    parts, _ = ndimage.label(image >= 80)
    np.testing.assert_array_equal(found, parts == parts[10, 12, 12])
    assert (found == truth).mean() > 0.99
    assert not found[2, 2, 2]
    corner = np.array([[9, 0], [0, 9]], np.uint8)
    assert segment.region_growing(corner, (0, 0), low=5, high=9).sum() == 1
    assert segment.region_growing(corner, (0, 0), low=5, high=9, connectivity=2).sum() == 2


@pytest.mark.parametrize(
    ("shape", "spacing", "centers", "radius"),
    [
        ((60, 80), None, [(30, 25), (30, 45), (12, 60)], 11),
        ((60, 160), (1, 0.5), [(30, 50), (30, 90), (12, 120)], 11),
        ((24, 60, 80), (2.5, 1, 1), [(12, 30, 25), (12, 30, 45)], 11.5),
    ],
)
def test_watershed_parts_balls_that_touch(shape, spacing, centers, radius):
    away = np.stack([distances(shape, center, spacing) for center in centers])
    mask = away.min(axis=0) <= radius
    assert ndimage.label(mask)[1] < len(centers)  # they do touch
    labels = segment.watershed(mask, spacing=spacing, min_distance=6)
    np.testing.assert_array_equal(labels > 0, mask)
    assert labels.max() == len(centers)
    nearest = away.argmin(axis=0)
    for k, center in enumerate(centers):
        own = labels == labels[center]
        assert (own & (nearest == k)).sum() / (own | ((nearest == k) & mask)).sum() > 0.93


def test_watershed_counts_in_millimetres_and_forgets_no_part():
    mask = ball((40, 90), (20, 25), 12) | ball((40, 90), (20, 45), 12)
    mask[2, 33:36] = True  # small, apart, and nearer to a middle than min_distance
    assert segment.watershed(mask, min_distance=6).max() == 3
    assert segment.watershed(mask, min_distance=30).max() == 2
    assert segment.watershed(mask, spacing=(2, 2), min_distance=30).max() == 3
    np.testing.assert_array_equal(segment.watershed(mask, min_distance=30) > 0, mask)


def test_random_walker_as_scikit_image_and_with_any_numbers():
    image, truth = scene()
    seeds = np.zeros(image.shape, np.uint8)
    seeds[24, 24], seeds[0, 0] = 7, 3
    found = segment.random_walker(image, seeds)
    theirs = walk(
        image / image.std(), np.where(seeds == 7, 2, np.where(seeds == 3, 1, 0)), beta=130, mode="cg_j", tol=1e-4
    )
    np.testing.assert_array_equal(found == 7, theirs == 2)
    assert set(np.unique(found)) == {3, 7}
    assert ((found == 7) == truth).mean() > 0.99
    np.testing.assert_array_equal(segment.random_walker(image * 1000 - 400, seeds), found)
    np.testing.assert_array_equal(segment.random_walker(image, seeds, spacing=(0.7, 0.7)), found)
    np.testing.assert_array_equal(segment.random_walker(image, np.where(truth, 2, 1)), np.where(truth, 2, 1))


def test_random_walker_judges_edges_per_millimetre():
    """Two equal steps part the voxel in question from its seeds: the one over the longer way hinders less."""
    image = np.zeros((9, 9))
    image[:5, :5] = 1
    seeds = np.zeros(image.shape, int)
    seeds[8, 0], seeds[0, 8] = 1, 2
    assert segment.random_walker(image, seeds, beta=10, spacing=(3, 1))[0, 0] == 1
    assert segment.random_walker(image, seeds, beta=10, spacing=(1, 3))[0, 0] == 2


# contours


@pytest.mark.parametrize("shape", [(48, 48), (24, 24, 24)])
@pytest.mark.parametrize("sign", [1, -1])
def test_chan_vese_finds_the_brighter_phase(shape, sign):
    image, truth = scene(shape, noise=20)
    found = segment.chan_vese(sign * image)
    assert (found == (truth if sign > 0 else ~truth)).mean() > 0.965  # the border of a volume bends it


def test_chan_vese_keeps_the_side_of_the_start():
    image, truth = scene(noise=20)
    start = ball(image.shape, (24, 24), 6)
    for sign in (1, -1):
        assert (segment.chan_vese(sign * image, start=start) == truth).mean() > 0.985
    assert (segment.chan_vese(image, start=~start) == ~truth).mean() > 0.985
    few = segment.chan_vese(image, start=start, iterations=2, smoothing=0)
    assert start.sum() < few.sum() < truth.sum()


IMAGE, MASK, EMPTY = np.arange(12.0).reshape(3, 4), np.eye(4, dtype=bool), np.zeros((4, 4), bool)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: segment.otsu(np.full((4, 4), 7)), "at least 2 different values, got 1"),
        (lambda: segment.otsu(np.array([[1.0, np.nan]])), "image must be finite"),
        (lambda: segment.otsu(IMAGE, mask=np.zeros((3, 4), bool)), "mask is empty"),
        (lambda: segment.otsu(IMAGE, mask=MASK), r"shape of the image \(3, 4\), got \(4, 4\)"),
        (lambda: segment.multi_otsu(np.array([[1, 2], [2, 1]])), "at least 3 different values, got 2"),
        (lambda: segment.multi_otsu(IMAGE, classes=1), "classes must be 2 to 5, got 1"),
        (lambda: segment.erode(np.arange(4).reshape(2, 2), radius=1), "mask must hold 0 and 1 only"),
        (lambda: segment.erode(MASK, radius=-1), "radius must be at least 0, got -1"),
        (lambda: segment.dilate(MASK, radius=np.nan), "radius must be at least 0, got nan"),
        (lambda: segment.closing(MASK, radius=1, spacing=(1, 0)), "spacing must be 2 numbers above 0"),
        (lambda: segment.opening(MASK, radius=1, spacing=1.0), "spacing must be 2 numbers"),
        (lambda: segment.fill_holes(np.ones(4, bool)), r"got shape \(4,\)"),
        (lambda: segment.remove_small(MASK, min_size=-1), "min_size must be at least 0"),
        (lambda: segment.largest_component(EMPTY), "mask is empty"),
        (lambda: segment.largest_component(MASK, connectivity=3), r"connectivity must be 1 \(faces\) to 2"),
        (lambda: segment.region_growing(IMAGE, (3, 0), low=0, high=9), "lies outside the image of shape"),
        (lambda: segment.region_growing(IMAGE, (-1, 0), low=0, high=9), "lies outside the image of shape"),
        (lambda: segment.region_growing(IMAGE, (0, 0, 0), low=0, high=9), "point must be 2 whole numbers"),
        (lambda: segment.region_growing(IMAGE, (0.5, 0), low=0, high=9), "point must be 2 whole numbers"),
        (lambda: segment.region_growing(IMAGE, (2, 3), low=0, high=9), "has the value 11, outside the range"),
        (lambda: segment.region_growing(IMAGE, (0, 0), low=2, high=1), "low must not be above high"),
        (lambda: segment.watershed(EMPTY, min_distance=2), "mask is empty"),
        (lambda: segment.watershed(MASK, min_distance=0), "min_distance must be above 0"),
        (lambda: segment.random_walker(IMAGE, np.zeros((3, 4), int)), "two kinds at least"),
        (lambda: segment.random_walker(IMAGE, MASK.astype(int)), "seeds must have the shape"),
        (lambda: segment.random_walker(IMAGE, IMAGE), "whole numbers, 0 or above, got float64"),
        (lambda: segment.random_walker(IMAGE, IMAGE.astype(int) - 1), "whole numbers, 0 or above, got int64 from -1"),
        (lambda: segment.random_walker(0 * IMAGE, IMAGE.astype(int)), "image is constant"),
        (lambda: segment.random_walker(IMAGE, IMAGE.astype(int), beta=0), "beta must be above 0"),
        (lambda: segment.chan_vese(np.ones((5, 5))), "image is constant"),
        (lambda: segment.chan_vese(IMAGE, start=np.zeros((3, 4))), "mask that is empty"),
        (lambda: segment.chan_vese(IMAGE, start=np.ones((3, 4))), "mask that is full"),
        (lambda: segment.chan_vese(IMAGE, start=MASK), "start must have the shape"),
        (lambda: segment.chan_vese(IMAGE, iterations=0), "iterations must be at least 1"),
        (lambda: segment.chan_vese(IMAGE, smoothing=1.5), "smoothing must be a whole number"),
    ],
)
def test_what_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
