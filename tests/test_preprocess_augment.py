"""Augmentation: image, mask and boxes move alike, by maps worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlab import preprocess

STILL = {"degrees": 0, "scale": 0, "shift": 0}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def ramp(shape) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=float).reshape(shape)


def filled(shape, box) -> np.ndarray:
    n = len(shape)
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(box[:n], box[n:]))] = True
    return mask


@pytest.mark.parametrize("shape", [(7, 10), (4, 6, 9)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64])
def test_no_range_changes_nothing(shape, dtype):
    image, mask = ramp(shape).astype(dtype), ramp(shape) % 3 == 0
    boxes = np.array([(0,) * len(shape) + shape, (1,) * len(shape) + (3,) * len(shape)])
    same, same_mask, same_boxes = preprocess.augment(
        image, mask, boxes, rng=rng(), spacing=(2.5, 1, 0.7)[-len(shape) :], **STILL
    )
    assert (same.dtype, same_mask.dtype) == (np.float32, bool)
    np.testing.assert_array_equal(same, image)
    np.testing.assert_array_equal(same_mask, mask)
    np.testing.assert_array_equal(same_boxes, boxes)


def test_none_stays_none_and_a_seed_repeats():
    image = ramp((12, 13))
    first = preprocess.augment(image, rng=rng(5), flips=True, brightness=2, contrast=0.1)
    assert first[1:] == (None, None)
    again = preprocess.augment(image, rng=rng(5), flips=True, brightness=2, contrast=0.1)
    np.testing.assert_array_equal(first[0], again[0])
    other = preprocess.augment(image, rng=rng(6), flips=True, brightness=2, contrast=0.1)
    assert (first[0] != other[0]).any()


def test_intensity_options_do_not_change_the_geometry():
    image, mask = ramp((30, 30)), filled((30, 30), (8, 5, 20, 25))
    _, plain, _ = preprocess.augment(image, mask, rng=rng(1))
    _, loud, _ = preprocess.augment(image, mask, rng=rng(1), brightness=9, contrast=0.5)
    np.testing.assert_array_equal(plain, loud)
    assert (plain != mask).any()


def test_flips_are_left_right_in_half_of_all_cases_and_off_by_default():
    image, boxes = ramp((5, 8)), [(1, 0, 3, 2)]
    mask = filled(image.shape, boxes[0])
    seen = []
    for seed in range(100):
        result, moved, box = preprocess.augment(image, mask, boxes, rng=rng(seed), flips=True, **STILL)
        flipped = bool((result != image).any())
        np.testing.assert_array_equal(result, image[:, ::-1] if flipped else image)
        np.testing.assert_array_equal(moved, mask[:, ::-1] if flipped else mask)
        assert box.tolist() == ([[1, 6, 3, 8]] if flipped else [[1, 0, 3, 2]])
        seen.append(flipped)
    assert 25 < sum(seen) < 75  # 5 standard deviations
    for seed in range(20):
        np.testing.assert_array_equal(preprocess.augment(image, rng=rng(seed), **STILL)[0], image)


@pytest.mark.parametrize("shape", [(9, 9), (3, 9, 9)])
def test_a_quarter_turn_is_numpys(shape):
    image = ramp(shape)
    matrix = preprocess.affine(shape, degrees=90)
    expected = np.rot90(image, axes=(-2, -1))  # counterclockwise
    np.testing.assert_allclose(preprocess.moved_image(image, matrix), expected, atol=1e-3)
    np.testing.assert_array_equal(preprocess.moved_mask(image.astype(int), matrix), expected)
    box = np.array([(0, 1, 2, 2, 4, 7)])[:, -2 * len(shape) :] if len(shape) == 3 else np.array([(1, 2, 4, 7)])
    moved = preprocess.moved_boxes(box, matrix, shape)
    np.testing.assert_array_equal(filled(shape, moved[0]), np.rot90(filled(shape, box[0]), axes=(-2, -1)))


def test_shift_by_hand():
    image, shape = ramp((6, 8)), (6, 8)
    matrix = preprocess.affine(shape, shift=(2, -1))
    np.testing.assert_array_equal(preprocess.moved_image(image, matrix)[2:, :-1], image[:-2, 1:])
    np.testing.assert_array_equal(preprocess.moved_image(image, matrix)[0, :-1], image[0, 1:])  # edge continued
    assert not preprocess.moved_mask(np.ones(shape, bool), matrix)[:2].any()  # nothing outside
    boxes = [(0, 0, 2, 2), (4, 3, 6, 8), (3, 0, 6, 1), (1, 4, 1, 6)]
    assert preprocess.moved_boxes(boxes, matrix, shape).tolist() == [
        [2, 0, 4, 1],
        [6, 2, 6, 2],  # has left the image: size 0, and still second
        [5, 0, 5, 0],
        [3, 3, 3, 3],  # was of size 0
    ]
    half = preprocess.affine(shape, shift=(0.5, 0))
    assert preprocess.moved_boxes([(1, 2, 3, 4)], half, shape).tolist() == [[1, 2, 4, 4]]
    assert preprocess.moved_boxes([(1.0, 2, 3, 4)], half, shape).tolist() == [[1.5, 2, 3.5, 4]]


def test_scaling_about_the_center():
    shape = (21, 31, 41)
    box = (8, 12, 16, 13, 19, 25)  # 5, 7 and 9 voxels about the center
    moved = preprocess.moved_boxes(np.array([box], float), preprocess.affine(shape, factor=1.5), shape)
    np.testing.assert_allclose(moved, [[6.75, 10.25, 13.75, 14.25, 20.75, 27.25]])


@pytest.mark.parametrize("spacing", [(0.4, 1.2), (1.0, 0.5)])
@pytest.mark.parametrize("degrees", [30, 90, -75])
def test_a_turned_disc_stays_a_disc_on_anisotropic_pixels(spacing, degrees):
    shape = tuple(int(60 / s) for s in spacing)
    y, x = np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing)], indexing="ij")
    disc = np.hypot(y, x) <= 20
    turned = preprocess.moved_mask(disc, preprocess.affine(shape, degrees=degrees, spacing=spacing))
    assert (turned ^ disc).sum() / disc.sum() < 0.04
    sheared = preprocess.moved_mask(disc, preprocess.affine(shape, degrees=degrees))
    assert (sheared ^ disc).sum() / disc.sum() > 0.2  # without the spacing


def test_distances_in_mm_are_scaled_alike():
    spacing = np.array([2.5, 0.7, 0.9])
    matrix = preprocess.affine((9, 20, 30), degrees=23, factor=1.2, shift=(1, -2, 3), flip=True, spacing=tuple(spacing))
    in_mm = matrix[:3, :3] * spacing[:, None] / spacing
    np.testing.assert_allclose(in_mm @ in_mm.T, 1.44 * np.eye(3), atol=1e-12)
    assert np.linalg.det(in_mm) == pytest.approx(-(1.2**3))


@st.composite
def scenes(draw):
    shape = draw(st.sampled_from([(24, 31), (33, 20), (7, 16, 19)]))
    low = [draw(st.integers(0, n - 1)) for n in shape]
    high = [draw(st.integers(a + 1, n)) for a, n in zip(low, shape)]
    spacing = draw(st.sampled_from([None, (2.5, 0.7, 1.1)[-len(shape) :]]))
    return shape, (*low, *high), spacing, draw(st.integers(0, 10_000))


@given(scenes())
@settings(max_examples=50, deadline=None)
def test_a_moved_mask_lies_inside_its_moved_box(scene):
    shape, box, spacing, seed = scene
    mask = filled(shape, box)
    image = mask * 100.0
    options = {"degrees": 40, "scale": 0.3, "shift": 0.3, "flips": True, "spacing": spacing}
    moved_image, moved_mask, moved_boxes = preprocess.augment(image, mask, [box], rng=rng(seed), **options)
    assert moved_boxes.dtype.kind == "i"
    inside = filled(shape, moved_boxes[0])
    assert not (moved_mask & ~inside).any()
    # the nearest voxel was inside the box, so it has at least this weight in the image
    assert (moved_image[moved_mask] >= 100 / 2 ** len(shape) - 0.1).all()


def test_intensity_changes_as_said():
    image = np.full((40, 40), 100.0)
    image[:, 20:] = 300
    gains, offsets = [], []
    for seed in range(60):
        result, _, _ = preprocess.augment(image, rng=rng(seed), brightness=50, contrast=0.2, **STILL)
        gains.append((result[0, -1] - result[0, 0]) / 200)
        offsets.append(result.mean() - 200)
    assert 0.8 <= min(gains) < 0.87
    assert 1.13 < max(gains) <= 1.2
    assert -50 <= min(offsets) < -30
    assert 30 < max(offsets) <= 50


def test_colors_move_together():
    image = np.stack([ramp((12, 14))] * 3, axis=-1)
    result, mask, _ = preprocess.augment(image, np.ones((12, 14), bool), rng=rng(), channels=True, contrast=0.2)
    gray, _, _ = preprocess.augment(image[..., 0], rng=rng(), contrast=0.2)
    assert (result.shape, mask.shape) == (image.shape, (12, 14))
    for channel in range(3):
        np.testing.assert_allclose(result[..., channel], gray, atol=1e-3)


def test_labels_keep_their_type_and_the_inputs_stay():
    image, labels = ramp((20, 20)).astype(np.uint8), (ramp((20, 20)) % 4).astype(np.int16)
    before = image.copy(), labels.copy()
    _, moved, boxes = preprocess.augment(image, labels, [], rng=rng())
    assert moved.dtype == np.int16
    assert set(np.unique(moved)) <= {0, 1, 2, 3}
    assert boxes.shape == (0, 4)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(labels, before[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rng": 0}, "rng must be a generator"),
        ({"degrees": -1}, "degrees must be a number from 0 to 180"),
        ({"degrees": float("nan")}, "degrees must be a number from 0 to 180"),
        ({"scale": 1}, "scale must be a number from 0 to 0.9"),
        ({"shift": 1.5}, "shift must be a number from 0 to 1"),
        ({"contrast": 1.1}, "contrast must be a number from 0 to 1"),
        ({"brightness": -1}, "brightness must be a number from 0"),
        ({"spacing": (1, 0)}, "spacing must be 2 numbers above 0 mm"),
        ({"spacing": (1, 1, 1)}, "spacing must be 2 numbers above 0 mm"),
        ({"image": np.full((8, 9), np.nan)}, "image must be finite"),
        ({"image": np.ones((8, 9, 3))}, "looks like color"),
        ({"image": np.ones(8)}, r"image must be \(y, x\) or \(z, y, x\)"),
        ({"mask": np.ones((9, 8), bool)}, "mask must have the shape of the image"),
        ({"mask": np.ones((8, 9))}, "bool or hold whole-number labels"),
        ({"boxes": [(0, 0, 9, 9)]}, "within"),
        ({"boxes": [(-1, 0, 2, 2)]}, "within"),
        ({"boxes": [(3, 3, 2, 5)]}, "half open"),
        ({"boxes": [(0, 0, 0, 2, 2, 2)]}, r"boxes must be \(N, 4\)"),
        ({"boxes": (0, 0, 2, 2)}, r"boxes must be \(N, 4\)"),
        ({"boxes": [(0, 0, np.nan, 2)]}, "half open"),
    ],
)
def test_bad_input_is_named(options, message):
    options = {"image": np.ones((8, 9)), "rng": rng(), **options}
    with pytest.raises(ValueError, match=message):
        preprocess.augment(options.pop("image"), options.pop("mask", None), options.pop("boxes", None), **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preprocess.affine((4,)), r"shape must be \(y, x\)"),
        (lambda: preprocess.affine((4, 4), factor=0), "factor must be a number above 0"),
        (lambda: preprocess.affine((4, 4), shift=(1,)), "shift must be 2 finite numbers"),
        (lambda: preprocess.affine((4, 4), degrees=np.nan), "degrees must be a finite number"),
        (lambda: preprocess.moved_image(np.ones((4, 4)), np.eye(4)), "matrix must be 3 x 3"),
    ],
)
def test_bad_maps(call, message):
    with pytest.raises(ValueError, match=message):
        call()
