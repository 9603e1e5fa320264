"""What a training leaves on the disk, and processes: models with their cards, checkpoints, kill -9, torchrun."""

import hashlib
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import medlab
from medlab import networks, train
from medlab.metrics import Interval
from medlab.train import checkpoint
from medlab.train import run as running
from tests import train_sets
from tests.train_sets import SIDE, dataset, fit, net, one_thread, weights  # noqa: F401 (a fixture)

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.usefixtures("one_thread")


def python(*command: str, **given) -> subprocess.CompletedProcess:
    """Ended kindly if it hangs: torchrun ends its own processes then."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, text=True, **pipes, **given) as process:
        try:
            said = process.communicate(timeout=240)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, *said)


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
    assert read["preprocessing"] == json.loads(json.dumps(model.recipe.as_dict()))
    assert again.recipe == model.recipe
    assert read["data"]["train"] == "squares: 48 images 10 × 10, binary (a 24, b 24), 24 patients"
    assert (read["data"]["licence"], read["data"]["citation"]) == ("CC BY 4.0", "Someone 2020")
    best = history.table.set_index("epoch").loc[history.best_epoch]
    assert read["metrics"] == {"epoch": history.best_epoch, "val_loss": best["val_loss"], "val_auc": best["val_auc"]}
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
        pytest.param(lambda: networks.named("resnet18", in_channels=3, classes=2, size=SIDE), id="named"),
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
    assert again.recipe.clip == (-900.0, 400.0)


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
        (lambda h: h.update(version=99), r"written in format 99, medlab .* reads up to 1; update medlab"),
        (lambda h: h.update(version="1"), "written in format 1"),
        (lambda h: h.update(format="other"), r"not a model file of medlab\.train: it holds 'other'"),
        (lambda h: h.pop("card"), "its card is damaged"),
        (lambda h: "[" * 100_000, "its card is damaged"),
        (lambda h: h.update(sum="0"), "damaged: the weights are not those that were written"),
        (lambda h: "not { json", "its card is damaged"),
        (lambda h: "[1, 2]", "its card is damaged"),
        (lambda h: h.update(card=[1]), "not a model file"),
        (lambda h: h["card"].pop("architecture"), "describes no network that medlab can build"),
        (lambda h: h["card"].update(architecture="os.system"), "describes no network that medlab can build"),
        (lambda h: h["card"]["architecture"].update(name="os.system"), "unknown name 'os.system'"),
        (lambda h: h["card"]["architecture"]["arguments"].update(depth=3), "not the arguments of SmallCNN"),
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
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none"):
        train.save(trained[0], tmp_path / "none" / "m.safetensors")


# Checkpoints


def test_a_finished_training_is_not_done_again(tmp_path):
    path = tmp_path / "state.pt"
    model, of, val, options = train_sets.case("adamw")
    history = fit(model, of, val, resume=path, **options)
    raw = path.read_bytes()
    other = train_sets.case("adamw")[0]
    again = fit(other, of, val, resume=str(path), **options)
    assert weights(other) == weights(model)
    assert path.read_bytes() == raw
    assert (again.best_epoch, again.interrupted) == (history.best_epoch, False)
    assert again.table.equals(history.table)
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def test_a_checkpoint_changes_nothing_and_holds_numpys_numbers(tmp_path):
    model, of, val, options = train_sets.case("adamw")
    plain = train_sets.case("adamw")[0]
    options |= {"lr": np.float64(0.01), "seed": np.int64(3), "epochs": np.int64(2), "weight_decay": np.float32(0.1)}
    options |= {"augment": train.Augment(turn=np.float64(5)), "class_weights": np.array([1, 2]), "label_smoothing": 0.1}
    fit(model, of, val, resume=tmp_path / "state.pt", **options)
    fit(plain, of, val, **options)
    assert weights(model) == weights(plain)
    fit(plain, of, val, resume=tmp_path / "state.pt", **options)
    assert weights(model) == weights(plain)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_stopped_by_hand_it_goes_on_where_it_was(name, tmp_path, monkeypatch):
    model, of, val, options = train_sets.case(name)
    expected = fit(train_sets.case(name)[0], of, val, **options)
    step, count = running.Run.step, iter(range(8))

    def until(self, rows, rng):
        if next(count, None) is None:
            raise KeyboardInterrupt
        return step(self, rows, rng)

    with monkeypatch.context() as patch:
        patch.setattr(running.Run, "step", until)
        stopped = fit(model, of, val, resume=tmp_path / "state.pt", **options)
    assert (stopped.interrupted, len(stopped.table)) == (True, 2)
    again = fit(model, of, val, resume=tmp_path / "state.pt", **options)
    assert again.best_epoch == expected.best_epoch
    columns = again.table.columns.drop("seconds")
    assert again.table[columns].equals(expected.table[columns])


def changed_checkpoint(path: Path, what: str) -> None:
    raw = path.read_bytes()
    if what == "cut short":
        path.write_bytes(raw[: len(raw) // 2])
    elif what == "one byte":
        place = len(raw) // 2
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 64]) + raw[place + 1 :])
    elif what == "pickle":
        path.write_bytes(pickle.dumps({"format": checkpoint.FORMAT, "state": Trap(path.with_name("run"))}))
    elif what == "torch":
        torch.save({"format": checkpoint.FORMAT, "settings": {}, "state": Trap(path.with_name("run"))}, path)
    elif what == "weights":
        torch.save(net(dataset(n=4)).state_dict(), path)
    elif what == "list":
        torch.save({"format": checkpoint.FORMAT, "settings": [1], "state": {}}, path)
    elif what == "empty":
        path.write_bytes(b"")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The checkpoint of a training."""
    path = tmp_path_factory.mktemp("done") / "state.pt"
    model, of, val, options = train_sets.case("sgd")
    fit(model, of, val, resume=path, **options)
    return path.read_bytes()


@pytest.mark.parametrize("what", ["cut short", "one byte", "pickle", "torch", "weights", "list", "empty"])
def test_damaged_and_harmful_checkpoints_are_refused(what, done, tmp_path):
    path = tmp_path / "state.pt"
    path.write_bytes(done)
    changed_checkpoint(path, what)
    model, of, val, options = train_sets.case("sgd")
    before = weights(model)
    with pytest.raises(ValueError, match=r"state\.pt: no checkpoint of medlab\.train, or damaged"):
        fit(model, of, val, resume=path, **options)
    assert weights(model) == before
    assert not (tmp_path / "run").exists()


def test_checkpoints_of_another_training_are_refused(done, tmp_path):
    path = tmp_path / "state.pt"
    path.write_bytes(done)
    model, of, val, options = train_sets.case("sgd")

    def refused(says, model=model, of=of, val=val, **changed):
        with pytest.raises(ValueError, match=rf"state\.pt: belongs to another training: {says}.*Delete it"):
            fit(model, of, val, resume=path, **options | changed)
        assert path.read_bytes() == done

    refused("epochs was 5 and is 6", epochs=6)
    refused("seed was 0 and is 1", seed=1)
    refused(r"lr was 0\.\d+ and is 0\.5", lr=0.5)
    refused("augment was {.*} and is {", augment=train.Augment(turn=3))
    refused("dtype was 'None' and is 'bfloat16'", dtype=torch.bfloat16)
    refused("network was", model=net(of, flatten=True, channels=(7,)))
    refused("network was", model=networks.freeze(net(of, flatten=True)))
    refused("data was", of=dataset(n=48, seed=3))
    refused("data was", val=dataset(n=24, seed=9))
    images = of.images.copy()
    images[0] += 1
    refused("data was", of=dataset(n=48, images=images))
    with pytest.raises(FileNotFoundError, match=r"resume: there is no folder .*none for the checkpoint state\.pt"):
        fit(model, of, val, resume=tmp_path / "none" / "state.pt", **options)
    torch.save(torch.load(path, weights_only=True) | {"format": "medlab.train checkpoint 9"}, path)
    with pytest.raises(ValueError, match=r"a checkpoint of another version: 'medlab\.train checkpoint 9'"):
        fit(model, of, val, resume=path, **options)


def test_a_checkpoint_is_kept_when_writing_fails(done, tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    path.write_bytes(b"before")

    def half(state, file, **given):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(path, {}, {})
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


# kill -9

KILLED = """
import os, signal, sys
import torch
from medlab.train import checkpoint, run
from tests import train_sets

torch.set_num_threads(1)
name, path, where = sys.argv[1:4]
step, replace, count = run.Run.step, os.replace, iter(range(100))

def die_in_step(self, rows, rng):
    if next(count) == 10:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, rows, rng)

def die_in_writing(*paths):
    if next(count) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(*paths)

if where == "step":
    run.Run.step = die_in_step
else:
    checkpoint.os.replace = die_in_writing
model, of, val, options = train_sets.case(name)
train_sets.fit(model, of, val, resume=path, **options)
"""


@pytest.mark.parametrize(("name", "where"), [("adamw", "step"), ("sgd", "writing")])
def test_killed_in_the_middle_it_ends_with_the_same_weights(name, where, tmp_path):
    path = tmp_path / "state.pt"
    killed = python("-c", KILLED, name, str(path), where)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    rows = torch.load(path, weights_only=True)["state"]["rows"]
    assert len(rows) == 3, "the fourth epoch of five was not done"
    undisturbed, of, val, options = train_sets.case(name)
    expected = fit(undisturbed, of, val, **options)
    model = train_sets.case(name)[0]
    found = fit(model, of, val, resume=path, **options)
    assert weights(model) == weights(undisturbed)
    columns = expected.table.columns.drop("seconds")
    assert found.table[columns].equals(expected.table[columns])
    assert found.table["seconds"][:3].tolist() == [row["seconds"] for row in rows]
    assert found.best_epoch == expected.best_epoch
    if name == "sgd":
        assert expected.best_epoch <= 2, "before it was killed"
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


# Several processes

TEAM = """
import sys, warnings
from pathlib import Path
import torch
import torch.distributed as dist
from medlab import train
from tests import train_sets

folder = Path(sys.argv[1])
found = {}
for resume in (None, folder / "state.pt"):
    model, of, val, options = train_sets.case("team")
    if dist.is_initialized() and dist.get_rank() == 1:
        for p in model.parameters():
            p.data.zero_()
    history = train_sets.fit(model, of, val, resume=resume, **options)
found["weights"] = model.state_dict()
found["rows"] = history.table.drop(columns="seconds").to_numpy().tolist()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    train_sets.fit(train_sets.net(of, norm="batch"), of, epochs=1)
found["warned"] = [str(w.message) for w in caught if "BatchNorm" in str(w.message)]
of.images = of.images.astype("float32")
of.images[40] = float("nan")
try:
    train_sets.fit(train_sets.net(of), of)
except FloatingPointError as error:
    found["error"] = str(error)
torch.save(found, folder / f"{dist.get_rank()}.pt")
dist.destroy_process_group()
"""


def test_two_processes_give_the_result_of_one(tmp_path):
    (tmp_path / "team.py").write_text(TEAM, encoding="utf-8")
    launch = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = python(*launch, str(tmp_path / "team.py"), str(tmp_path), env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    model, of, val, options = train_sets.case("team")
    history = fit(model, of, val, **options)
    rows = history.table.drop(columns="seconds").to_numpy()
    for found in (one, other):
        for name, tensor in model.state_dict().items():
            assert torch.equal(found["weights"][name], one["weights"][name])
            torch.testing.assert_close(found["weights"][name], tensor, atol=1e-5, rtol=1e-4)
        np.testing.assert_allclose(found["rows"], rows, rtol=1e-4)
        assert len(found["warned"]) == 1
        assert 'norm="group" does not' in found["warned"][0]
        assert "NaN or infinite" in found["error"]
    resumed = train_sets.case("team")[0]
    fit(resumed, of, val, resume=tmp_path / "state.pt", **options)
    assert weights(resumed) == [t.contiguous().numpy().tobytes() for t in one["weights"].values()]


def test_one_process_is_no_team():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        of = dataset(n=16)
        fit(net(of, norm="batch"), of, epochs=1)
    assert not torch.distributed.is_initialized()


def test_another_process_gives_the_same_bytes(tmp_path):
    code = (
        "import hashlib, sys, torch; from tests import train_sets as t; torch.set_num_threads(1);"
        "m, of, val, options = t.case('adamw'); t.fit(m, of, val, **options);"
        "print(hashlib.md5(b''.join(t.weights(m))).hexdigest())"
    )
    done = python("-c", code)
    model, of, val, options = train_sets.case("adamw")
    fit(model, of, val, **options)
    assert done.stdout.split() == [hashlib.md5(b"".join(weights(model))).hexdigest()], done.stderr
