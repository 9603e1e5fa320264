"""What is wrong with data, options or networks is told before or while training, and costs nothing."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from medlab import data, train
from medlab.train import training
from tests.train_sets import SIDE, dataset, fit, net, one_thread, weights  # noqa: F401 (a fixture)

pytestmark = pytest.mark.usefixtures("one_thread")
STRONG = {"epochs": 8, "lr": 0.02, "batch_size": 16}


# Mistakes


def broken(what: str) -> data.Dataset:
    of = dataset("multiclass", 32)
    if what == "label":
        of.labels = of.labels + 1
    elif what == "below":
        of.labels[3] = -1
    elif what == "one class":
        of.labels[:] = 1
    elif what == "sizes":
        of.images = [np.zeros((8 + i % 2, 8), np.uint8) for i in range(32)]
    elif what == "colour":
        of.images = np.zeros((32, 8, 8, 3), np.uint8)
    elif what == "text":
        of.images = np.full((32, 8, 8), "a")
    elif what == "empty":
        of = of[[]]
    return of


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("label", "squares: labels run from 1 to 3, allowed are 0 to 2"),
        ("below", "squares: labels run from -1 to 2"),
        ("one class", r"train has one class only \(b\)"),
        ("sizes", r"images have different sizes \(\(8, 8\) and \(9, 8\)\)"),
        ("colour", r"takes images \(N, H, W\), got an array of shape \(32, 8, 8, 3\).*in_channels="),
        ("text", "images must hold numbers, got <U1"),
        ("empty", "train is empty"),
    ],
)
def test_bad_training_data_are_refused(what, says):
    model = net(dataset("multiclass", 8))
    before = weights(model)
    with pytest.raises(ValueError, match=says):
        fit(model, broken(what), dataset("multiclass", 12, seed=9))
    assert weights(model) == before


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("label", "labels run from 1 to 3"),
        ("sizes", "images have different sizes"),
        ("colour", "in_channels="),
        ("empty", r"val is empty.*data\.split"),
    ],
)
def test_bad_validation_data_are_refused(what, says):
    with pytest.raises(ValueError, match=says):
        fit(net(dataset("multiclass", 8)), dataset("multiclass", 32, seed=9), broken(what))


def test_validation_with_one_class_has_no_auc_but_works(tmp_path):
    of, val = dataset(n=32), dataset(n=24, seed=9)
    model = net(of)
    history = fit(model, of, val[val.labels == 0])
    assert history.table["val_auc"].isna().all()
    assert history.table["val_loss"].notna().all()
    train.save(model, tmp_path / "model.safetensors")
    assert train.load(tmp_path / "model.safetensors")[1]["metrics"]["val_auc"] is None


def test_shared_patients_are_refused():
    of = dataset(n=32)
    with pytest.raises(data.LeakError, match=r"3 patients are in train and in val \(0-0, 0-1, 0-2\)"):
        fit(net(of), of, dataset(n=24, seed=9, patients=["0-0", "0-1", "0-2"] * 8))


def test_another_task_in_the_validation_data_is_refused():
    of = dataset(n=32)
    with pytest.raises(ValueError, match="train and val are different tasks"):
        fit(net(of), of, dataset("ordinal", 8, seed=9))
    with pytest.raises(ValueError, match="train and val are different tasks"):
        fit(net(of), of, dataset(n=8, seed=9, class_names=("b", "a")))


@pytest.mark.parametrize(("kind", "where"), [("train", "epoch 1, by step 2 of 2"), ("val", "validation images after")])
@pytest.mark.parametrize("scale", ["image", "train"])
def test_images_with_nan_are_told(kind, where, scale):
    of, val = dataset(n=32), dataset(n=24, seed=9)
    of, val = (dataset(n=len(d), seed=s, images=d.images.astype(np.float32)) for s, d in ((0, of), (9, val)))
    (of if kind == "train" else val).images[5, 2, 2] = np.nan
    model = net(of)
    before = weights(model)
    with pytest.raises(FloatingPointError, match=f"{where}.*hold NaN or infinite values"):
        fit(model, of, val, scale=scale)
    assert weights(model) == before
    assert np.isfinite(train.predict(model, dataset(n=4).images)).all() or scale == "train"


def test_a_learning_rate_that_bursts_is_told_and_the_best_weights_stay():
    of = dataset(n=48)
    model = net(of, norm=None, flatten=True)
    with pytest.raises(FloatingPointError, match=r"the loss is .*the learning rate may be too high; try lr=1e\+29"):
        fit(model, of, lr=1e30, optimizer="sgd", schedule="constant")
    assert np.isfinite(train.predict(model, of)).all()
    fit(model, of)  # and can be trained again


def test_nan_in_a_later_epoch_leaves_the_best_weights(monkeypatch):
    of = dataset(n=48)
    model, short = net(of), net(of)
    fit(short, of, epochs=1, schedule="constant")
    step, count = training.Training.step, iter(range(100))
    monkeypatch.setattr(
        training.Training, "step", lambda self, *rows: step(self, *rows) * (np.nan if next(count) == 4 else 1)
    )
    with pytest.raises(FloatingPointError, match="in epoch 2, by step 3 of 3"):
        fit(model, of, schedule="constant")
    assert weights(model) == weights(short)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch_size": 33}, "batch_size 33 is larger than the training data of 32 images"),
        ({"batch_size": 0}, "batch_size must be a whole number of 1 or more, got 0"),
        ({"batch_size": 8.5}, r"batch_size must be a whole number of 1 or more, got 8\.5"),
        ({"epochs": 0}, "epochs must be a whole number of 1 or more, got 0"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of 0 or more, got -1"),
        ({"seed": None}, "seed must be a whole number of 0 or more, got None"),
        ({"optimizer": "adam"}, "optimizer must be one of 'adamw', 'sgd', got 'adam'"),
        ({"schedule": "cosine"}, "schedule must be one of 'one-cycle', 'constant'"),
        ({"keep": "first"}, "keep must be one of 'best', 'last'"),
        ({"scale": "none"}, "scale must be one of 'image', 'train', 'keep', None, got 'none'"),
        ({"lr": 0.0}, r"lr must be a number above 0, got 0\.0"),
        ({"lr": np.nan}, "lr must be a number above 0"),
        ({"weight_decay": -1}, "weight_decay must be a number from 0 on"),
        ({"label_smoothing": 1}, "label_smoothing must be a number from 0 to below 1"),
        ({"average": 1.0}, "average must be a number from 0 to below 1"),
        ({"augment": "flips"}, r"augment must be True, False or train\.Augment"),
        ({"clip": (3, 3)}, r"clip must be a lowest and a highest pixel value, got \(3, 3\)"),
        ({"clip": (0, 9), "scale": "keep"}, "keeps the clip of the former training"),
        ({"dtype": "bfloat16"}, r"dtype must be torch\.bfloat16 or .*got 'bfloat16'"),
        ({"dtype": torch.int8}, r"dtype must be torch\.bfloat16"),
        ({"class_weights": "equal"}, "class_weights must be one of 'balanced', None, got 'equal'"),
        ({"values": "depth"}, "squares: values='depth' is no column of its table; there are size_mm"),
        ({"values": ("size_mm",)}, r"3 outputs, squares needs 4 \(a, b, c, size_mm\).*classes=4"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options, says):
    of = dataset("multiclass", 32)
    with pytest.raises(ValueError, match=says):
        fit(net(of), of, **options)


def test_unknown_options_are_refused():
    of = dataset(n=16)
    with pytest.raises(TypeError, match="learning_rate"):
        fit(net(of), of, learning_rate=0.1)
    with pytest.raises(ValueError, match="turn must be a number from 0 to 180 degrees, got 181"):
        train.Augment(turn=181)
    with pytest.raises(ValueError, match=r"noise must be a number from 0 to below 1, got -0\.1"):
        train.Augment(noise=-0.1)
    with pytest.raises(ValueError, match="shift must be a number from 0 to below 1, got nan"):
        train.Augment(shift=np.nan)


def test_values_must_be_numbers_in_the_tables():
    of = dataset(n=16)
    model = net(of, values=1)

    def fails(says, of=of, val=None, **table):
        for name, column in table.items():
            of = dataset(n=16, table=pd.DataFrame({name: column}))
        with pytest.raises(ValueError, match=says):
            fit(model, of, val, values="size_mm")

    fails("values='size_mm' is no column of its table; it has no table", dataset(n=16, table=None))
    fails("'size_mm' is no column of its table; there are other", other=range(16))
    fails("the column 'size_mm' does not hold numbers", size_mm=["big"] * 16)
    fails("no number in the column 'size_mm' is known", size_mm=[np.nan] * 16)
    fails("no column of its table; it has no table", of, dataset(n=8, seed=9, table=None))


def test_class_weights_need_classes_that_exclude_each_other():
    for task in ("multilabel", "regression"):
        of = dataset(task, 16)
        with pytest.raises(ValueError, match=f"class_weights are for classes that exclude each other.*{task}"):
            fit(net(of), of, class_weights="balanced")


def test_a_network_with_other_outputs_is_refused():
    of = dataset("multiclass", 16)
    with pytest.raises(ValueError, match=r"the network has 2 outputs, squares needs 3 \(a, b, c\).*classes=3"):
        fit(net(of, classes=2), of)
    own = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 3))
    with pytest.raises(ValueError, match=r"Sequential does not say what it takes and gives: set model\.in_channels"):
        fit(own, of)
    own.in_channels = 1
    own.classes = 3
    fit(own, of)
    assert train.predict(own, of).shape == (16, 3)


def test_images_that_do_not_fit_the_network_are_refused():
    of = dataset(n=16)
    grey, colour = net(of), net(dataset(n=16, kind="colour"))
    volume = net(dataset(n=16, kind="volume"))
    for model, shape, says in [
        (grey, (10, 10), r"got an array of shape \(10, 10\); a single image needs a first axis, image\[None\]"),
        (grey, (4, 10, 10, 3), r"images \(N, H, W\), got .*\(4, 10, 10, 3\).* for colour .*in_channels="),
        (grey, (4, 10, 10, 10), "for volumes with ndim=3"),
        (colour, (10, 10, 3), r"images \(N, H, W, 3\) or \(N, 3, H, W\), got"),
        (colour, (4, 10, 10), r"got an array of shape \(4, 10, 10\)"),
        (volume, (5, 10, 10), r"images \(N, D, H, W\), got .*image\[None\]"),
    ]:
        with pytest.raises(ValueError, match=says):
            train.predict(model, np.zeros(shape, np.uint8))
    for nothing in ([], np.zeros((0, 10, 10)), np.float32(3)):
        with pytest.raises(ValueError, match="images are empty"):
            train.predict(grey, nothing)
    with pytest.raises(ValueError, match="different sizes"):
        train.predict(grey, [np.zeros((8, 8)), np.zeros((9, 8))])


def test_evaluate_refuses_another_task():
    of, number = dataset(n=16), dataset("regression", 16)
    model = net(of)
    fit(model, of, epochs=1)
    with pytest.raises(ValueError, match=r"trained for binary \('a', 'b'\), squares is ordinal"):
        train.evaluate(model, dataset("ordinal", 8))
    with pytest.raises(ValueError, match=r"squares is binary \('x', 'y'\)"):
        train.evaluate(model, dataset(n=8, class_names=("x", "y")))
    model = net(number)
    fit(model, number, epochs=1)
    with pytest.raises(ValueError, match="trained for regression"):
        train.evaluate(model, of)
    model.preparation = train.Preparation("binary", ("a", "b"))
    with pytest.raises(ValueError, match=r"the network has 1 outputs, its preparation needs 2 \(a, b\)"):
        train.predict(model, of)


def test_an_untrained_network_numbers_its_classes():
    of = dataset("multiclass", 8)
    said = train.predict(net(of), of)
    assert said.shape == (8, 3)
    assert said.sum(1) == pytest.approx(1)


def test_nothing_is_said_where_nothing_is_wrong():
    of = dataset(n=32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = net(of)
        fit(model, of)
        train.evaluate(model, of, n=50)
