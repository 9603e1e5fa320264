"""fit, predict and evaluate: every task learns, the same seed gives the same bytes, options do what they say."""

import copy
import inspect
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage
from torch import nn

from medlab import data, metrics, networks, train
from medlab.data.dataset import Lazy
from medlab.train import examples, settings, training
from tests import train_sets
from tests.test_data_medmnist import medmnist_file
from tests.train_sets import SIDE, dataset, fit, net, one_thread, weights  # noqa: F401 (a fixture)

predicting = sys.modules["medlab.train.predict"]  # `train.predict` is the function
pytestmark = pytest.mark.usefixtures("one_thread")
STRONG = {"epochs": 8, "lr": 0.02, "batch_size": 16}


# Every task, every kind of image


NETS = {
    "grey": lambda: networks.ResidualNet(4, width=8, norm="group"),
    "colour": lambda: networks.PlainNet(2, in_channels=3, width=8, stride=2, norm="group"),
    "slices": lambda: networks.SmallCNN(in_channels=5, size=SIDE, channels=(8,), norm="group"),
    "volume": lambda: networks.SmallCNN(size=(5, SIDE, SIDE), channels=(4,), norm="group", ndim=3),
}


@pytest.mark.parametrize("kind", NETS)
def test_classes_are_learned_in_every_kind_of_image_by_every_network(kind):
    of = dataset(n=96, kind=kind)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = NETS[kind]()
    history = fit(model, of, dataset(n=24, kind=kind, seed=9), **STRONG)
    said = train.predict(model, dataset(n=40, kind=kind, seed=5).images)
    assert said.shape == (40, 2)
    assert said.dtype == np.float32
    assert said.sum(1) == pytest.approx(1)
    assert metrics.auc(dataset(n=40, seed=5).labels, said[:, 1]) > 0.95
    assert model.preparation.scale == ("image" if kind == "grey" else "train")
    assert len(model.preparation.mean) == {"grey": 0, "colour": 3, "slices": 5, "volume": 1}[kind]
    assert history.table["val_auc"].max() > 0.95


@pytest.mark.parametrize("task", ["multiclass", "ordinal", "multilabel"])
def test_every_task_with_classes_is_learned(task):
    of, test = dataset(task, 96), dataset(task, 48, seed=5)
    model = net(of, flatten=True)
    fit(model, of, **STRONG)
    said = train.predict(model, test)
    assert said.shape == (48, len(of.class_names))
    assert (said.sum(1) == pytest.approx(1)) == (task != "multilabel")
    found = train.evaluate(model, test, n=50)
    assert tuple(found) == tuple(metrics.METRICS)
    assert found["auc"].value > 0.95
    assert found["auc"].value == metrics.auc(test.labels, said.astype(float))


def test_a_number_is_learned_in_its_own_unit():
    of, test = dataset("regression", 96), dataset("regression", 48, seed=5)
    model = net(of, flatten=True)
    history = fit(model, of, **STRONG)
    said = train.predict(model, test.images)
    assert said.shape == (48,)
    (found,) = train.evaluate(model, test, n=50).items()
    assert found[0] == "mae"
    assert found[1].value == pytest.approx(np.abs(said - test.labels).mean(), rel=1e-5)
    assert found[1].value < np.abs(test.labels - test.labels.mean()).mean() / 2
    assert list(history.table) == ["epoch", "train_loss", "val_loss", "val_mae", "lr", "seconds"]
    best = history.table.set_index("epoch").loc[history.best_epoch]
    again = train.evaluate(model, dataset("regression", 24, seed=9), n=50)["mae"].value
    assert again == pytest.approx(best["val_mae"], rel=1e-5)


def test_classes_and_values_at_once_with_some_values_unknown():
    def with_gaps(n, seed):
        of = dataset(n=n, seed=seed)
        of.table.loc[::5, "size_mm"] = np.nan
        return of

    of, test = with_gaps(120, 0), with_gaps(60, 5)
    model = net(of, values=1, flatten=True)
    fit(model, of, with_gaps(24, 9), values="size_mm", **STRONG | {"epochs": 14})
    said = train.predict(model, test)
    assert set(said) == {"probabilities", "size_mm"}
    assert (said["probabilities"].shape, said["size_mm"].shape) == ((60, 2), (60,))
    found = train.evaluate(model, test, n=50)
    assert list(found) == [*metrics.METRICS, "mae_size_mm"]
    assert found["auc"].value > 0.95
    known = test.table["size_mm"].notna().to_numpy()
    truth = test.table["size_mm"][known]
    assert found["mae_size_mm"].value == pytest.approx(np.abs(said["size_mm"][known] - truth).mean(), rel=1e-5)
    assert found["mae_size_mm"].value < np.abs(truth - truth.mean()).mean()


@pytest.mark.parametrize("name", ["pneumoniamnist", "bloodmnist", "chestmnist", "retinamnist", "organmnist3d"])
@pytest.mark.filterwarnings("ignore:.*its MD5 is", "ignore:.*officially")
def test_medmnist_of_every_kind_trains_without_a_change_of_code(name, tmp_path):
    volume = name.endswith("3d")
    medmnist_file(tmp_path / "data-folder", name, n=(16, 6, 6))
    train_set, val_set, test_set = data.split(data.load(name))
    model = train.network(train_set)
    before = copy.deepcopy(model.state_dict())
    history = train.fit(model, train_set, val_set, epochs=1, progress=False)
    found = train.evaluate(model, test_set, n=50)
    assert tuple(found) == tuple(metrics.METRICS)
    assert len(history.table) == 1
    assert any(not torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model.ndim == 2 + volume


def test_the_network_to_begin_with_fits_the_data():
    def made(**given):
        with torch.device("meta"):
            return train.network(dataset(n=8, **given))

    assert (made(task="multilabel").in_channels, made(task="multilabel").classes) == (1, 3)
    assert made(kind="colour").in_channels == 3
    volume = made(task="regression", kind="volume")
    assert (volume.in_channels, volume.classes, volume.ndim) == (1, 1, 3)
    assert volume.architecture["arguments"]["stride"] == 1
    large = made(images=np.zeros((8, 16, 16, 16), np.uint8))
    assert (large.ndim, large.architecture["arguments"]["stride"]) == (3, 2)
    grey = dataset(n=8)
    one, other = (train.network(grey, seed=seed) for seed in (0, 1))
    assert weights(one) == weights(train.network(grey)) != weights(other)
    with pytest.raises(ValueError, match=r"squares: images \(H, W\).*got \(2, 5, 10, 10\)"):
        train.network(dataset(n=8, images=np.zeros((8, 2, 5, 10, 10))))


# The same seed, the same bytes


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_the_same_seed_gives_the_same_bytes_and_nothing_else_moves(task):
    of = dataset(task, 48)
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    found = []
    for seed in (0, 0, 1):
        model = net(of, flatten=True, head=(8,), dropout=0.4, norm="batch")
        history = fit(model, of, seed=seed, augment=train.Augment(flips=True, noise=0.2, field=0.2))
        found.append((weights(model), history.table.drop(columns="seconds").to_numpy().tobytes()))
        torch.rand(3)  # whatever else draws random numbers changes nothing
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]
    torch.random.set_rng_state(before[0])
    fit(net(of), of)
    train.network(of)
    train.learning_rates(net(of), of, steps=2)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def test_dropout_and_augmentation_act_in_training_only():
    of = dataset(n=32)
    plain, dropped = (net(of, head=(8,), dropout=rate) for rate in (0.0, 0.5))
    fit(plain, of, augment=False)
    fit(dropped, of, augment=False)
    assert weights(plain) != weights(dropped)
    assert not dropped.training
    said = train.predict(dropped, of)
    dropped.train()
    np.testing.assert_array_equal(train.predict(dropped, of), said)
    assert dropped.training, "the mode is left as it was"


def test_bytes_stay_bytes_and_memory_mapped_files_stay_on_the_disk(tmp_path, monkeypatch):
    of = dataset("multiclass", 48)
    np.save(tmp_path / "images.npy", of.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    seen = []

    class Seen(examples.Batches):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            seen.append(self)

        def take(self, rows):
            found = super().take(rows)
            assert len(found) <= 256
            assert found.dtype == torch.uint8
            return found

    monkeypatch.setattr(examples, "Batches", Seen)
    one, other = net(of), net(of)
    fit(one, of, scale="train")
    fit(other, dataset("multiclass", 48, images=mapped), scale="train")
    assert weights(one) == weights(other)
    kept = [batches.kept for batches in seen]
    assert [type(images) for images in kept] == [np.ndarray, np.ndarray, np.memmap, np.ndarray]
    assert np.shares_memory(kept[0], of.images), "no copy"
    assert kept[2].filename == mapped.filename
    np.testing.assert_array_equal(train.predict(one, of.images), train.predict(other, mapped))


def test_images_that_are_read_when_asked_for_are_read_once():
    of, count = dataset(n=32), []
    lazy = Lazy(lambda i: count.append(i) or of.images[i], 32)
    one, other = net(of), net(of)
    fit(one, of)
    fit(other, dataset(n=32, images=lazy))
    assert weights(one) == weights(other)
    assert len(set(count)) == 32
    assert len(count) <= 33, "once, and the first for its shape"


def test_the_layout_of_the_input_does_not_matter():
    of = dataset("multiclass", 48, kind="colour")
    model = net(of)
    fit(model, of, dataset("multiclass", 24, kind="colour", seed=9))
    first = np.ascontiguousarray(np.moveaxis(of.images, -1, 1))
    expected = train.predict(model, of.images)
    np.testing.assert_allclose(train.predict(model, first), expected, atol=1e-6)
    np.testing.assert_allclose(train.predict(model, np.asfortranarray(of.images)), expected, atol=1e-6)
    np.testing.assert_allclose(train.predict(model, torch.from_numpy(first)), expected, atol=1e-6)
    np.testing.assert_allclose(train.predict(model, list(of.images), batch_size=5), expected, atol=1e-6)
    with torch.no_grad():
        plain = copy.deepcopy(model).to(memory_format=torch.contiguous_format)
        outputs = plain(model.preparation.scaled(torch.from_numpy(first))).softmax(1).numpy()
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


# Options


def test_the_best_epoch_is_kept_or_the_last():
    model, of, noise, options = train_sets.case("sgd")
    start = copy.deepcopy(model)
    histories = [fit(m, of, noise, **options | {"keep": k}) for m, k in ((model, "best"), (start, "last"))]
    table = histories[0].table
    assert histories[0].best_epoch == table["epoch"][table["val_loss"].idxmin()] < 5 == histories[1].best_epoch
    assert weights(model) != weights(start)
    first_only = train_sets.case("sgd")[0]
    fit(first_only, of, noise, **options | {"epochs": histories[0].best_epoch})
    assert weights(first_only) == weights(model)


def test_one_step_of_sgd_is_the_one_worked_out_with_torch():
    labels = np.repeat([0, 1, 2], (8, 6, 2))
    of = dataset("multiclass", 16, labels=labels)
    model = net(of)
    by_hand = copy.deepcopy(model)
    options = {"label_smoothing": 0.1, "class_weights": "balanced", "average": 0, "schedule": "constant", "lr": 0.3}
    history = fit(
        model, of, epochs=1, optimizer="sgd", weight_decay=0.01, augment=False, batch_size=16, keep="last", **options
    )
    x = torch.from_numpy(of.images).float()
    x = ((x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), correction=0, keepdim=True))[:, None]
    label, weight = torch.from_numpy(of.labels), 16 / torch.tensor([8.0, 6, 2])
    loss = nn.functional.cross_entropy(by_hand(x), label, reduction="none", label_smoothing=0.1)
    loss = (loss * weight[label]).sum() / weight[label].sum()
    loss.backward()
    assert history.table["train_loss"][0] == pytest.approx(loss.item(), rel=1e-5)
    with torch.no_grad():
        for p in by_hand.parameters():
            # first step with Nesterov's momentum: gradient + 0.9 times itself; no decay of norms and biases
            gradient = p.grad + (0.01 * p if p.ndim > 1 else 0)
            p -= 0.3 * 1.9 * gradient
    for found, expected in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("average", [0.1, 0.99])
def test_weights_are_averaged_over_the_steps(average):
    of = dataset(n=48)
    plain, averaged = net(of, norm="batch"), net(of, norm="batch")
    steps, step = [], training.Training.step

    def state(model):
        return [tensor.clone() for tensor in model.state_dict().values() if tensor.is_floating_point()]

    def noted(self, *batch):
        loss = step(self, *batch)
        steps.append(state(self.model))
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.Training, "step", noted)
        fit(averaged, of, average=average, epochs=1)
    mean = steps[0]
    for n, now in enumerate(steps[1:], 1):
        mean = [a + (b - a) * max(1 - average, 9 / (10 + n)) for a, b in zip(mean, now, strict=True)]
    torch.testing.assert_close(state(averaged), mean)  # the means and variances of the normalisation too
    fit(plain, of, average=0, epochs=1)
    torch.testing.assert_close(state(plain), steps[-1], atol=0, rtol=0)


def test_order_and_learning_rate_of_each_step(monkeypatch):
    of, rates, rows, step = dataset(n=48), [], [], training.Training.step

    def noted(self, *batch):
        loss = step(self, *batch)
        rows.extend(batch[0].tolist())
        rates.append(self.optimizer.param_groups[0]["lr"])
        return loss

    monkeypatch.setattr(training.Training, "step", noted)
    history = fit(net(of), of, lr=0.5, optimizer="sgd")
    assert sorted(rows[:48]) == sorted(rows[48:]) == list(range(48)), "each image once an epoch"
    assert rows[:48] != rows[48:], "in another order"
    assert rates == pytest.approx([0.5 * training.one_cycle(n / 6) for n in range(6)])
    assert history.table["lr"].tolist() == pytest.approx([0.5 * training.one_cycle(0.5), 0])


def test_frozen_layers_stay_frozen():
    of = dataset(n=48)
    model = networks.freeze(net(of, norm="batch", channels=(4, 4), head=(8,)))
    before = copy.deepcopy(model.state_dict())
    history = fit(model, of, average=0.9)
    moved = [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])]
    last = f"classifier.{len(model.classifier) - 1}"
    assert moved == [f"{last}.weight", f"{last}.bias"]
    assert history.best_epoch > 0
    for p in model.parameters():
        p.requires_grad_(False)
    with pytest.raises(ValueError, match="all weights of the network are frozen"):
        fit(model, of)


def test_bfloat16_comes_near_float32():
    of = dataset("multiclass", 64)
    one, other = net(of), net(of)
    fit(one, of, lr=0.01)
    history = fit(other, of, lr=0.01, dtype=torch.bfloat16)
    assert next(other.parameters()).dtype == torch.float32
    assert weights(one) != weights(other)
    np.testing.assert_allclose(train.predict(one, of), train.predict(other, of), atol=0.05)
    half = train.predict(one, of, dtype=torch.bfloat16)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - train.predict(one, of)).max() < 0.03
    assert history.table["val_loss"].notna().all()


def test_test_time_flips_are_the_mean_of_the_mirrors():
    of = dataset(n=24)
    model = net(of, flatten=True)
    fit(model, of)
    by_hand = (train.predict(model, of.images) + train.predict(model, of.images[:, :, ::-1])) / 2
    np.testing.assert_allclose(train.predict(model, of, flips=True), by_hand, atol=1e-6)
    assert np.abs(by_hand - train.predict(model, of)).max() > 0.01
    found = train.evaluate(model, of, flips=True, n=50)["brier"].value
    assert found == pytest.approx(np.mean((by_hand[:, 1] - of.labels) ** 2), abs=1e-5)

    of = dataset("regression", 16, kind="volume")
    model = net(of, size=(5, SIDE, SIDE), flatten=False, channels=(4,))
    fit(model, of, dataset("regression", 8, kind="volume", seed=9), epochs=1)
    mirrors = [of.images[:, ::z, ::y, ::x] for z in (1, -1) for y in (1, -1) for x in (1, -1)]
    by_hand = np.mean([train.predict(model, mirror) for mirror in mirrors], 0)
    np.testing.assert_allclose(train.predict(model, of, flips=True), by_hand, rtol=1e-5)


def test_test_time_moves_turn_zoom_and_shift_a_little():
    image = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(28, 56)), 2)
    x = torch.from_numpy(image).float()[None, None]
    middle = (np.array(image.shape) - 1) / 2
    for degrees, zoom, right, down in predicting.MOVES:
        found = predicting._seen(x, mirror=(), move=(degrees, zoom, right, down))[0, 0].numpy()
        turn = np.radians(degrees)
        matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / zoom
        shift = 0.036 * np.array([down * 28, right * 56])
        expected = ndimage.affine_transform(image, matrix, middle - matrix @ middle + shift, order=1, mode="nearest")
        np.testing.assert_allclose(found[4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-4)

    of = dataset(n=24)
    model = net(of)
    fit(model, of)
    scaled = model.preparation.scaled(torch.from_numpy(of.images)[:, None])
    views = [predicting._seen(scaled, mirror=m, move=move) for m in ((), (3,)) for move in predicting.MOVES]
    with torch.no_grad():
        by_hand = torch.stack([model(view).softmax(1) for view in views]).mean(0).numpy()
    np.testing.assert_allclose(train.predict(model, of, flips=True, moves=True), by_hand, atol=1e-5)
    moved = train.predict(model, of, moves=True)[:, 1]
    assert np.abs(moved - train.predict(model, of)[:, 1]).max() > 1e-4
    found = train.evaluate(model, of, moves=True, n=50)["brier"].value
    assert found == pytest.approx(np.mean((moved - of.labels) ** 2), abs=1e-5)
    volume = dataset("regression", 4, kind="volume")
    with pytest.raises(ValueError, match="moves=True is for pictures"):
        train.predict(net(volume), volume, moves=True)


def test_intervals_go_by_patient():
    of, test = dataset(n=48), dataset(n=40, seed=5)
    model = net(of)
    fit(model, of)
    score = train.predict(model, test)[:, 1].astype(float)
    expected = metrics.evaluate(test.labels, score, groups=test.patients, n=100, seed=3)
    assert train.evaluate(model, test, n=100, seed=3) == expected
    test.patients = None
    assert train.evaluate(model, test, n=100, seed=3)["brier"] != expected["brier"]


def settled(of, **options):
    """The settings of a training with these options."""
    signature = inspect.signature(train.fit).bind(None, of, of, epochs=1, **options)
    signature.apply_defaults()
    return settings.settled(signature.arguments, of)


def test_the_size_is_left_alone_where_it_is_learned():
    of = dataset("regression", 16)
    assert settled(of).augment == train.Augment(scale=0)
    assert settled(dataset(n=16)).augment == train.Augment()
    assert settled(dataset(n=16), values=("size_mm",)).augment.scale == 0
    assert settled(of, augment=False).augment is False


@pytest.mark.parametrize(("n", "expected"), [(3, 3), (10, 8), (64, 8), (256, 32), (1024, 128), (5000, 128)])
def test_few_images_make_small_batches(n, expected):
    of = data.Dataset("n", np.zeros((n, 4, 4), np.uint8), np.arange(n) % 2, class_names=("a", "b"))
    assert settled(of).batch_size == expected


def test_the_bar_shows_loss_and_auc(capfd):
    of = dataset(n=32)
    history = fit(net(of), of, progress=True)
    said = capfd.readouterr().err
    assert "4/4" in said
    assert f"epoch 2, loss {history.table['val_loss'][1]:.3f}, auc {history.table['val_auc'][1]:.3f}" in said
    fit(net(of), of)
    assert capfd.readouterr() == ("", "")


def test_the_learning_rate_finder_leaves_the_model_alone():
    of = dataset(n=48)
    model = net(of, norm="batch", dropout=0.2)
    before = weights(model)
    table = train.learning_rates(model, of, low=1e-4, high=1e3, steps=30, batch_size=16, optimizer="sgd", seed=1)
    assert weights(model) == before
    assert model.training
    assert not hasattr(model, "preparation")
    assert list(table) == ["lr", "loss"]
    assert 5 < len(table) < 30, "it stops where the loss bursts"
    np.testing.assert_allclose(table["lr"], 1e-4 * (1e7) ** (np.arange(len(table)) / 29))
    pd.testing.assert_frame_equal(
        table, train.learning_rates(model, of, low=1e-4, high=1e3, steps=30, batch_size=16, optimizer="sgd", seed=1)
    )
    fit(model, of, lr=table["lr"][table["loss"].idxmin()] / 10)
    with pytest.raises(ValueError, match=r"high must be a number above 1, got 0\.1"):
        train.learning_rates(model, of, low=1, high=0.1, steps=5)


# Stopped by hand


def stopped(monkeypatch, at: int):
    step, count = training.Training.step, iter(range(at + 1))

    def counted(self, *batch):
        if next(count) == at:
            raise KeyboardInterrupt
        return step(self, *batch)

    monkeypatch.setattr(training.Training, "step", counted)


def test_interrupted_it_keeps_the_best_weights_so_far(monkeypatch):
    model, of, val, options = train_sets.case("adamw")
    options |= {"schedule": "constant"}
    short = copy.deepcopy(model)
    expected = fit(short, of, val, **options | {"epochs": 2})
    stopped(monkeypatch, at=3 * 2 + 1)
    history = fit(model, of, val, **options)
    assert (history.interrupted, history.best_epoch, len(history.table)) == (True, expected.best_epoch, 2)
    assert not expected.interrupted
    assert weights(model) == weights(short)
    assert not model.training
    np.testing.assert_array_equal(train.predict(model, of), train.predict(short, of))


def test_interrupted_before_the_first_epoch_ends(monkeypatch):
    of = dataset(n=48)
    model = net(of)
    before = weights(model)
    stopped(monkeypatch, at=2)
    history = fit(model, of)
    assert (history.interrupted, history.best_epoch, len(history.table)) == (True, 0, 0)
    assert weights(model) == before
    assert np.isfinite(train.predict(model, of)).all()
    assert set(train.evaluate(model, of, n=50)) == set(metrics.METRICS)
    monkeypatch.undo()
    stopped(monkeypatch, at=0)
    assert fit(model, of).interrupted
    assert train.predict(model, of).shape == (48, 2)


def test_fine_tuning_keeps_the_scale_and_the_units_of_the_former_training():
    first = dataset("regression", 48, kind="volume")
    second = dataset(
        "regression", 48, kind="volume", seed=3, labels=np.full(48, 6.0), images=first.images + np.int16(400)
    )
    val = dataset("regression", 24, kind="volume", seed=9)
    model = net(first)
    fit(model, first, val, epochs=1)
    former = model.preparation
    fit(model, second, val, epochs=1, scale="keep")
    assert model.preparation == former
    fit(model, second, val, epochs=1)
    assert model.preparation.mean[0] == pytest.approx(former.mean[0] + 400, abs=1e-3)
    assert model.preparation.value_mean == (6.0,)
    two = net(first, values=1)
    two.preparation = former
    with pytest.raises(ValueError, match="learned 1 values, now there are 2"):
        fit(two, first, val, epochs=1, scale="keep", values="size_mm")
    with pytest.raises(ValueError, match="trained before; this one was not"):
        fit(net(first), first, val, epochs=1, scale="keep")
