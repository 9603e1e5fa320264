"""The parts of a training: augmentation, losses, batches, scales, the learning rate's course."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional

from medlab import networks, train
from medlab.data.dataset import Lazy
from medlab.train import examples, settings, training

CPU = torch.device("cpu")
NOTHING = {field.name: 0 for field in dataclasses.fields(train.Augment)}


def only(**changed) -> train.Augment:
    return train.Augment(**NOTHING | changed)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=draws(1))


class Fixed(train.Augment):
    """Every draw is the largest: `_share` gives 1."""

    def __call__(self, images, **given):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("medlab.train.augment._share", lambda n, rng: torch.ones(n))
            return super().__call__(images, **given)


# Augmentation


@pytest.mark.parametrize("shape", [(3, 2, 6, 9), (2, 1, 4, 5, 6)])
def test_without_changes_images_stay_to_the_bit(shape):
    images = pictures(*shape)
    kept = images.clone()
    assert torch.equal(only()(images, rng=draws()), kept)
    changed = train.Augment(flips=True, noise=0.3)(images, rng=draws())
    assert changed.shape == images.shape
    assert not torch.equal(changed, kept)
    assert torch.equal(images, kept), "the images given are not changed"


def test_flips_mirror_along_x():
    images = pictures(64, 2, 7, 10)
    found = only(flips=True)(images, rng=draws())
    same = torch.isclose(found, images, atol=1e-5).flatten(1).all(1)
    mirrored = torch.isclose(found, images.flip(3), atol=1e-5).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 20 < mirrored.sum() < 44


def test_flips_mirror_volumes_along_each_axis():
    images = pictures(80, 1, 4, 5, 6)
    found = only(flips=True)(images, rng=draws())
    counts = []
    for axes in [(), (2,), (3,), (4,), (2, 3), (2, 4), (3, 4), (2, 3, 4)]:
        counts.append(int(torch.isclose(found, images.flip(axes), atol=1e-5).flatten(1).all(1).sum()))
    assert sum(counts) == 80
    assert min(counts) > 2


def test_a_quarter_turn_is_that_of_numpy():
    images = pictures(2, 1, 9, 9)
    found = Fixed(**NOTHING | {"turn": 90})(images, rng=draws())
    turned = [np.rot90(images, k, axes=(2, 3)) for k in (1, -1)]
    assert min(np.abs(found.numpy() - t).max() for t in turned) < 1e-4


def test_a_turn_is_one_of_pixels_where_the_sides_differ():
    images = torch.from_numpy(ndimage.gaussian_filter(pictures(15, 31).numpy(), 1.5))
    found = Fixed(**NOTHING | {"turn": 30})(images[None, None], rng=draws())[0, 0].numpy()
    expected = [ndimage.rotate(images, angle, reshape=False, order=1, mode="nearest") for angle in (30, -30)]
    assert min(np.abs(found - e)[4:-4, 8:-8].max() for e in expected) < 1e-3


@pytest.mark.parametrize("plane", [(2, 3), (2, 4), (3, 4)])
def test_volumes_turn_in_every_plane(plane, monkeypatch):
    axes = [4, 3, 2]  # x, y, z
    chosen = tuple(sorted(axes.index(axis) for axis in plane))
    monkeypatch.setitem(train.augment.PLANES, 3, (chosen,))
    images = pictures(1, 1, 7, 7, 7)
    found = Fixed(**NOTHING | {"turn": 90})(images, rng=draws()).numpy()
    assert min(np.abs(found - np.rot90(images, k, axes=plane)).max() for k in (1, -1)) < 1e-4


def test_a_shift_by_whole_pixels_moves_them():
    images = pictures(2, 1, 8, 12)
    found = Fixed(**NOTHING | {"shift": 0.25})(images, rng=draws())
    torch.testing.assert_close(found[:, :, :6, :9], images[:, :, 2:, 3:], atol=1e-5, rtol=0)
    torch.testing.assert_close(found[:, :, -1, :9], images[:, :, -1, 3:], atol=1e-5, rtol=0)  # the border is repeated


def test_the_size_changes_about_the_middle():
    side = torch.linspace(-1, 1, 21)
    images = side.expand(21, 21)[None, None]
    found = Fixed(**NOTHING | {"scale": 0.25})(images, rng=draws())
    torch.testing.assert_close(found[0, 0, 10, 3:18], side[3:18] * 1.25, atol=1e-5, rtol=0)
    many = only(scale=0.25)(images.expand(200, 1, 21, 21), rng=draws())
    zoom = (many[:, 0, 10, 11] / images[0, 0, 10, 11]).log()
    assert np.log(1.25) >= zoom.abs().max() > 0.2
    assert abs(zoom.mean()) < 0.04


def test_contrast_and_brightness_in_units_of_the_spread():
    images = pictures(300, 1, 5, 5)
    found = only(contrast=0.2)(images, rng=draws())
    torch.testing.assert_close(found.mean((1, 2, 3)), images.mean((1, 2, 3)))
    ratio = found.std((1, 2, 3)) / images.std((1, 2, 3))
    assert 0.8 <= ratio.min() < 0.82
    assert 1.18 < ratio.max() <= 1.2
    lift = (only(brightness=0.3)(images, rng=draws()) - images).flatten(1)
    torch.testing.assert_close(lift, lift[:, :1].expand_as(lift), atol=1e-5, rtol=0)
    assert 0.28 < lift.max() <= 0.3 + 1e-5


def test_gamma_bends_the_values_between_the_lowest_and_the_highest():
    images = pictures(5, 2, 6, 6)
    found = Fixed(**NOTHING | {"gamma": 0.4})(images, rng=draws()).numpy()
    for image, bent in zip(images.numpy(), found, strict=True):
        low, span = image.min(), np.ptp(image)
        np.testing.assert_allclose(bent, low + span * ((image - low) / span) ** np.exp(0.4), atol=1e-5)
    many = only(gamma=0.4)(torch.tensor([0.0, 0.5, 1]).view(1, 1, 1, 3).expand(300, 1, 1, 3), rng=draws())
    exponents = (many[:, 0, 0, 1].log() / np.log(0.5)).log()
    assert exponents.abs().max() <= 0.4 + 1e-5
    assert exponents.max() - exponents.min() > 0.75
    blank = torch.full((2, 1, 4, 4), 3.0)
    assert torch.equal(only(gamma=0.4)(blank, rng=draws()), blank)


@pytest.mark.parametrize("shape", [(400, 2, 12, 12), (200, 2, 12, 12, 12)])
def test_a_field_of_brightness_changes_slowly(shape):
    found = Fixed(**NOTHING | {"field": 0.3})(torch.zeros(shape), rng=draws())
    assert torch.equal(found[:, 0], found[:, 1]), "the same in all channels"
    assert abs(found.mean()) < 0.02
    points = found[(slice(None), 0) + (-shape[-1] // 2,) * (len(shape) - 2)]
    assert 0.15 < points.std() < 0.35, "between the points of the grid it is less than on them"
    assert found.diff(dim=-1).abs().mean() < found.abs().mean() / 2
    assert len(found.flatten(1).unique(dim=0)) == len(found)


def test_noise_is_drawn_anew_for_each_pixel_up_to_its_spread():
    images = torch.zeros(300, 1, 20, 20)
    spread = only(noise=0.5)(images, rng=draws()).std((1, 2, 3))
    assert 0 < spread.min() < 0.03
    assert 0.45 < spread.max() < 0.55


# Losses


def of(task: str, k: int = 0, **given) -> train.Preparation:
    return train.Preparation(task, tuple("abcdefgh"[:k]), **given)


def test_ordered_classes_by_hand():
    probabilities = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    for label, expected in [
        (0, -np.log(1 - 0.9) - np.log(1 - 0.7) - np.log(1 - 0.4)),
        (2, -np.log(0.9) - np.log(0.7) - np.log(1 - 0.4)),
        (3, -np.log(0.9) - np.log(0.7) - np.log(0.4)),
    ]:
        found, nothing = of("ordinal", 4).losses(probabilities.log() + 5, torch.tensor([label]), torch.empty(1, 0))
        assert float(found) == pytest.approx(expected / 3, rel=1e-5)
        assert float(nothing) == 0
    smooth, _ = of("ordinal", 4).losses(probabilities.log(), torch.tensor([0]), torch.empty(1, 0), smoothing=0.2)
    expected = -sum(0.9 * np.log(1 - a) + 0.1 * np.log(a) for a in (0.9, 0.7, 0.4)) / 3
    assert float(smooth) == pytest.approx(expected, rel=1e-5)


def test_ordered_classes_punish_the_far_end_more_and_never_stop_to_learn():
    sure = torch.tensor([[60.0, 0, 0, 0]] * 4, requires_grad=True)
    found, _ = of("ordinal", 4).losses(sure, torch.arange(4), torch.empty(4, 0))
    assert (found.diff() > 0).all()
    found.sum().backward()
    assert found.isfinite().all()
    assert (sure.grad[1:].abs().amax(1) > 0.1).all()
    two = torch.randn(5, 2, generator=draws())
    label = torch.tensor([0, 1, 1, 0, 1])
    found, _ = of("ordinal", 2).losses(two, label, torch.empty(5, 0))
    torch.testing.assert_close(found, functional.cross_entropy(two, label, reduction="none"))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_classes_are_those_of_torch(smoothing):
    outputs = torch.randn(6, 5, generator=draws())
    label = torch.tensor([0, 1, 2, 0, 1, 2])
    value = torch.tensor([[0.1, np.nan], [3.0, 0.2], [np.nan, np.nan], [0.0, 0.0], [-9, 1], [1, 1]])
    names = {"values": ("v", "w")}
    found, numbers = of("multiclass", 3, **names).losses(outputs, label, value, smoothing=smoothing)
    expected = functional.cross_entropy(outputs[:, :3], label, reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(found, expected)
    error = (outputs[:, 3:] - value).abs()
    huber = torch.where(error < 1, error**2 / 2, error - 0.5).nan_to_num(0).sum(1)
    torch.testing.assert_close(numbers, huber)
    assert numbers[2] == 0

    labels = (torch.rand(6, 3, generator=draws()) < 0.5).long()
    found, _ = of("multilabel", 3, **names).losses(outputs, labels, value, smoothing=smoothing)
    target = labels * (1 - smoothing) + smoothing / 2
    expected = functional.binary_cross_entropy_with_logits(outputs[:, :3], target, reduction="none").mean(1)
    torch.testing.assert_close(found, expected)

    found, _ = of("regression", **names).losses(outputs[:, :2], label, value)
    assert torch.equal(found, torch.zeros(6))


def test_unknown_values_teach_nothing():
    outputs = torch.randn(3, 2, generator=draws(), requires_grad=True)
    value = torch.tensor([[np.nan, 1.0], [np.nan, np.nan], [0.5, np.inf]])
    of("regression", values=("v", "w")).losses(outputs, torch.zeros(3), value)[1].sum().backward()
    assert outputs.grad.isfinite().all()
    assert ((outputs.grad != 0) == torch.tensor([[False, True], [False, False], [True, False]])).all()


def test_answers_are_probabilities_and_values_in_their_unit():
    outputs = torch.tensor([[1.0, 2.0, 0.5, -1.0]])
    given = {"values": ("mm", "hu"), "value_mean": (10.0, -600.0), "value_sd": (4.0, 100.0)}
    said, numbers = of("binary", 2, **given).answers(outputs)
    torch.testing.assert_close(said, torch.tensor([[1.0, 2.0]]).softmax(1))
    assert numbers.tolist() == [[12.0, -700.0]]
    said, _ = of("multilabel", 2, **given).answers(outputs)
    torch.testing.assert_close(said, torch.tensor([[1.0, 2.0]]).sigmoid())
    said, numbers = of("regression", **given).answers(outputs[:, 2:])
    assert (said.shape, numbers.tolist()) == ((1, 0), [[12.0, -700.0]])


# Scales


def test_each_image_by_itself_or_all_as_the_training_data():
    images = np.random.default_rng(0).normal(3, 5, (6, 4, 5, 3)).astype(np.float32)
    x = torch.from_numpy(np.moveaxis(images, -1, 1).copy())
    found = train.Preparation("binary", ("a", "b"), scale="image").scaled(x)
    expected = (images - images.mean((1, 2, 3), keepdims=True)) / images.std((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(np.moveaxis(found.numpy(), 1, -1), expected, atol=1e-5)

    mean, sd = settings._statistics(np.moveaxis(images, -1, 1), (0, 6))
    np.testing.assert_allclose(mean, images.clip(0, 6).mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(sd, images.clip(0, 6).std((0, 1, 2)), rtol=1e-6)
    found = train.Preparation("binary", ("a", "b"), scale="train", clip=(0, 6), mean=mean, sd=sd).scaled(x)
    np.testing.assert_allclose(np.moveaxis(found.numpy(), 1, -1), (images.clip(0, 6) - mean) / sd, atol=1e-5)


def test_augmentation_changes_the_scaled_image_which_is_then_scaled_again_where_each_is_by_itself():
    x = pictures(3, 1, 4, 5) * 20 + 90
    for scale, given in (("image", {}), ("train", {"mean": (90.0,), "sd": (20.0,)})):
        preparation = train.Preparation("binary", ("a", "b"), scale=scale, **given)
        plain, found = preparation.scaled(x), preparation.scaled(x, change=lambda x: 3 * x + 1)
        torch.testing.assert_close(found, plain if scale == "image" else 3 * plain + 1)


def test_statistics_are_taken_piece_by_piece(tmp_path):
    images = np.random.default_rng(0).integers(-1000, 3000, (600, 3, 4)).astype(np.int16)
    np.save(tmp_path / "x.npy", images)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    ((mean,), (sd,)) = settings._statistics(mapped[:, None], None)
    assert (mean, sd) == pytest.approx((images.mean(), images.std()))


def test_a_constant_image_is_0_and_integers_do_not_wrap():
    blank = torch.full((2, 1, 5, 5), 200, dtype=torch.uint8)
    assert (train.Preparation("binary").scaled(blank) == 0).all()
    dark = torch.tensor([0, 100], dtype=torch.uint8).view(1, 1, 1, 2)
    assert train.Preparation("binary").scaled(dark).flatten().tolist() == pytest.approx([-1, 1])
    assert (train.Preparation("binary", scale="train", mean=(200.0,), sd=(0.0,)).scaled(blank) == 0).all()


# Batches


@pytest.mark.parametrize(
    ("shape", "model", "expected"),
    [
        ((4, 6, 7), {}, (1, 6, 7)),
        ((4, 6, 7, 1), {}, (1, 6, 7)),
        ((4, 1, 6, 7), {}, (1, 6, 7)),
        ((4, 6, 7, 3), {"in_channels": 3}, (3, 6, 7)),
        ((4, 3, 6, 7), {"in_channels": 3}, (3, 6, 7)),
        ((4, 5, 6, 7), {"in_channels": 5}, (5, 6, 7)),
        ((4, 8, 8, 8), {"in_channels": 8}, (8, 8, 8)),
        ((4, 5, 6, 7), {"ndim": 3}, (1, 5, 6, 7)),
        ((4, 5, 6, 7, 2), {"ndim": 3, "in_channels": 2}, (2, 5, 6, 7)),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">i2", "int64", "float16", "bool"])
def test_batches_are_channels_first_in_the_type_of_the_images(shape, model, expected, dtype):
    top = {"bool": 2, "uint8": 256, "float16": 2000}.get(dtype, 30_000)
    images = np.random.default_rng(0).integers(0, top, shape).astype(dtype)
    model = networks.SmallCNN(flatten=False, channels=(2,), **model)
    made = examples.Batches(examples.as_pictures(images, model), CPU)
    rows = torch.tensor([2, 0])
    found = made.take(rows)
    assert (len(made), tuple(found.shape)) == (4, (2, *expected))
    last = images.ndim == len(expected) + 1 and images.shape[1:] != expected
    by_hand = np.moveaxis(images, -1, 1) if last else images
    np.testing.assert_array_equal(found.float().numpy(), by_hand[[2, 0]].reshape(found.shape).astype(np.float32))
    if dtype in ("uint8", "float16", "bool"):
        assert str(found.dtype) == f"torch.{dtype}"
    assert torch.equal(made.take(slice(1, 3)), made.take(torch.tensor([1, 2])))


def test_images_read_when_asked_for_become_one_array():
    model = networks.SmallCNN(flatten=False, channels=(2,))
    found = examples.as_pictures(Lazy(lambda i: np.full((4, 4), i, np.int16), 5), model)
    assert (found.shape, found.dtype) == ((5, 1, 4, 4), np.int16)
    with pytest.raises(ValueError, match="images must hold numbers, got complex"):
        examples.as_pictures(np.zeros((2, 2), complex), model)


# The learning rate's course


def test_one_cycle_rises_for_a_quarter_and_falls_to_0():
    shares = np.linspace(0, 1, 101)
    found = np.array([training.one_cycle(share) for share in shares])
    assert found[0] == pytest.approx(0.04)
    assert found.argmax() == 25
    assert found[25] == 1
    assert (np.diff(found[:26]) > 0).all()
    assert (np.diff(found[25:]) < 0).all()
    np.testing.assert_allclose(found[:26], np.linspace(0.04, 1, 26))
    np.testing.assert_allclose(found[25:], (1 + np.cos(np.linspace(0, np.pi, 76))) / 2, atol=1e-12)
    assert training.one_cycle(1.2) == 0
