"""Models with their cards in files: they come back to the bit, and damaged or hostile ones are refused."""

import inspect
import json
import os
import pickle
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import medlab
from medlab import networks, train
from medlab.metrics import Interval
from tests.train_sets import SIDE, dataset, fit, net, one_thread, weights  # noqa: F401 (a fixture)

pytestmark = pytest.mark.usefixtures("one_thread")


class Trap:
    """Makes a folder if it is unpickled."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


# Models and their cards


@pytest.fixture(scope="module")
def trained():
    of = dataset(n=48, licence="CC BY 4.0", citation="Someone 2020", checksum="abc")
    model = net(of, values=1, norm="batch", flatten=True, dropout=0.2)
    history = fit(model, of, values="size_mm", lr=0.01)
    return model, of, history


def test_a_model_comes_back_with_its_card(trained, tmp_path):
    model, _, history = trained
    measured = train.evaluate(model, dataset(n=24, seed=5), n=50)
    card = {"limits": "squares only, ≤ 10 px", "test": measured, "sizes": (1, np.float32(2)), "n": np.int64(3)}
    path = train.save(model, tmp_path / "model.safetensors", card=card)
    assert path == tmp_path / "model.safetensors"
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]

    state = torch.random.get_rng_state()
    again, read = train.load(str(path))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not again.training
    assert weights(again) == weights(model)
    images = dataset(n=24, seed=5).images
    expected, found = (train.predict(m, images, flips=True) for m in (model, again))
    for name in ("probabilities", "size_mm"):
        assert expected[name].tobytes() == found[name].tobytes()
    assert train.evaluate(again, dataset(n=24, seed=5), n=50) == measured

    assert read["architecture"] == json.loads(json.dumps(model.architecture))
    assert read["class_names"] == ["a", "b"]
    assert read["preprocessing"] == json.loads(json.dumps(vars(model.preparation)))
    assert again.preparation == model.preparation
    assert read["data"]["train"] == "squares: 48 images 10 × 10, binary (a 24, b 24), 24 patients"
    assert (read["data"]["licence"], read["data"]["citation"]) == ("CC BY 4.0", "Someone 2020")
    best = history.table.set_index("epoch").loc[history.best_epoch]
    assert read["metrics"] == {"epoch": history.best_epoch, "val_loss": best["val_loss"], "val_auc": best["val_auc"]}
    options = set(inspect.signature(train.fit).parameters) - {"model", "train", "val", "resume", "device", "progress"}
    assert set(read["settings"]) == options
    assert read["settings"]["lr"] == 0.01
    assert read["version"] == {
        "medlab": medlab.__version__,
        "torch": torch.__version__,
        "python": sys.version.split()[0],
    }
    assert read["limits"] == card["limits"]
    assert (read["sizes"], read["n"]) == ([1, 2.0], 3)
    assert all(isinstance(value, Interval) for value in read["test"].values())
    assert read["test"] == measured

    second = train.save(again, tmp_path / "again.safetensors")
    assert train.load(second)[1]["data"] == read["data"]


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(lambda: networks.ResidualNet(6, width=4, in_channels=3), id="residual"),
        pytest.param(lambda: networks.PlainNet(3, width=(4, 6), norm="batch", in_channels=3), id="plain"),
        pytest.param(lambda: networks.named("mobilenet_v3_small", in_channels=3, classes=2), id="named"),
    ],
)
def test_every_network_comes_back(model, tmp_path):
    model = model()
    path = train.save(model, tmp_path / "model.safetensors")
    again, card = train.load(path)
    images = dataset(n=3, kind="colour").images
    model.to(memory_format=torch.channels_last)
    assert train.predict(model, images).tobytes() == train.predict(again, images).tobytes()
    assert card["class_names"] == ["0", "1"]


def test_a_volume_network_comes_back_to_the_bit(tmp_path):
    of = dataset("multilabel", 24, kind="volume")
    model = net(of, norm="batch", size=(5, SIDE, SIDE), channels=(4, 4), flatten=False)
    fit(model, of, dataset("multilabel", 8, kind="volume", seed=9), epochs=1, clip=(-900, 400))
    again, _ = train.load(train.save(model, tmp_path / "m.safetensors"))
    assert train.predict(model, of).tobytes() == train.predict(again, of).tobytes()
    assert again.preparation.clip == (-900.0, 400.0)


def test_an_interval_without_ends_comes_back(trained, tmp_path):
    path = train.save(trained[0], tmp_path / "m.safetensors", card={"auc": Interval(0.5, np.nan, np.nan)})
    found = train.load(path)[1]["auc"]
    assert isinstance(found, Interval)
    assert found.value == 0.5
    assert np.isnan([found.low, found.high]).all()


def test_only_safetensors_reads_the_file(trained, tmp_path, monkeypatch):
    path = train.save(trained[0], tmp_path / "m.safetensors")

    def never(*args, **given):
        raise AssertionError("unpickled")

    for where, name in ((torch, "load"), (pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
        monkeypatch.setattr(where, name, never)
    assert train.load(path)[1]["class_names"] == ["a", "b"]


def with_header(path: Path, change) -> None:
    """Rewrite the text that stands before the numbers."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    said = json.loads(header["__metadata__"]["medlab"])
    found = change(said)
    header["__metadata__"] = {"medlab": found if isinstance(found, str) else json.dumps(said)}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda h: h.update(format="medlab.train 99"), r"not a model file that this medlab reads.*'medlab\.train 99'"),
        (lambda h: h.pop("card"), "its card is damaged"),
        (lambda h: "[" * 100_000, "its card is damaged"),
        (lambda h: h.update(sum="0"), "damaged: the weights are not those that were written"),
        (lambda h: "not { json", "its card is damaged"),
        (lambda h: "[1, 2]", "its card is damaged"),
        (lambda h: h.update(card=[1]), "not a model file"),
        (lambda h: h["card"].pop("architecture"), "describes no network that medlab can build"),
        (lambda h: h["card"].update(architecture="os.system"), "describes no network that medlab can build"),
        (
            lambda h: h["card"]["architecture"].update(name="os.system"),
            "name of an architecture must be one of 'SmallCNN', .* got 'os.system'",
        ),
        (lambda h: h["card"]["architecture"]["arguments"].update(depth=3), "unexpected keyword argument 'depth'"),
        (lambda h: h["card"]["architecture"]["arguments"].update(channels=[6]), "weights do not fit the network"),
        (lambda h: h["card"].update(preprocessing=[]), "describes no network"),
        (lambda h: h["card"]["preprocessing"].update(more=1), "describes no network"),
        (lambda h: h["card"].pop("preprocessing"), "describes no network"),
    ],
)
def test_files_with_another_card_are_refused(change, says, trained, tmp_path):
    path = train.save(trained[0], tmp_path / "m.safetensors")
    with_header(path, change)
    with pytest.raises(ValueError, match=says) as error:
        train.load(path)
    assert str(path) in str(error.value)


def test_damaged_and_foreign_files_are_refused(trained, tmp_path):
    path = train.save(trained[0], tmp_path / "m.safetensors")
    raw = path.read_bytes()
    for content in (raw[:-10], raw[: len(raw) // 2], raw[:5], b"", raw + b"more", b"\xff" * 100):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"m\.safetensors: no safetensors file, or damaged"):
            train.load(path)
    place = len(raw) - 50
    path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
    with pytest.raises(ValueError, match=r"m\.safetensors: damaged: the weights are not those"):
        train.load(path)
    path.write_bytes(pickle.dumps(Trap(tmp_path / "run")))
    with pytest.raises(ValueError, match="no safetensors file"):
        train.load(path)
    torch.save({"weights": Trap(tmp_path / "run")}, path)
    with pytest.raises(ValueError, match="no safetensors file"):
        train.load(path)
    assert not (tmp_path / "run").exists()
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"weights without a card of medlab\.train"):
        train.load(path)
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors: there is no such file"):
        train.load(tmp_path / "none.safetensors")


def test_a_file_is_kept_when_writing_fails(trained, tmp_path, monkeypatch):
    path = train.save(trained[0], tmp_path / "m.safetensors")
    raw = path.read_bytes()

    def full(*args, **given):
        raise OSError(28, "No space left on device")

    def half(tensors, beside, **given):
        Path(beside).write_bytes(b"half")
        full()

    for where, name, broken in (("safetensors.torch", "save_file", half), ("os", "replace", full)):
        with monkeypatch.context() as patch:
            patch.setattr(f"{where}.{name}", broken)
            with pytest.raises(OSError, match="No space left"):
                train.save(trained[0], path)
        assert path.read_bytes() == raw
        assert [file.name for file in tmp_path.iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ({"model": object()}, "card must hold text, finite numbers.*got object"),
        ({"auc": float("nan")}, "card must hold text, finite numbers"),
        ({"class_names": ("x", "y")}, "class_names is noted from the network itself"),
        ([1], "card must be a dict, got list"),
    ],
)
def test_cards_that_cannot_be_written_are_refused(card, says, trained, tmp_path):
    with pytest.raises(ValueError, match=says):
        train.save(trained[0], tmp_path / "m.safetensors", card=card)
    assert not list(tmp_path.iterdir())


def test_only_networks_that_can_be_built_again_are_saved(trained, tmp_path):
    with pytest.raises(ValueError, match="Linear cannot be built again"):
        train.save(torch.nn.Linear(2, 2), tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match=r"m\.pt: the name of a model file ends in \.safetensors"):
        train.save(trained[0], tmp_path / "m.pt")
