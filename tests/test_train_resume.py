"""Checkpoints, kill -9 and torchrun: a training that was disturbed or shared ends like one that was not."""

import os
import pickle
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from medlab import networks, train
from medlab.train import files, training
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
    options |= {"augment": train.Augment(turn=np.float64(5)), "label_smoothing": 0.1}
    fit(model, of, val, resume=tmp_path / "state.pt", **options)
    fit(plain, of, val, **options)
    assert weights(model) == weights(plain)
    fit(plain, of, val, resume=tmp_path / "state.pt", **options)
    assert weights(model) == weights(plain)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_stopped_by_hand_it_goes_on_where_it_was(name, tmp_path, monkeypatch):
    model, of, val, options = train_sets.case(name)
    undisturbed = train_sets.case(name)[0]
    expected = fit(undisturbed, of, val, **options)
    step, count = training.Training.step, iter(range(8))

    def until(self, *batch):
        if next(count, None) is None:
            raise KeyboardInterrupt
        return step(self, *batch)

    with monkeypatch.context() as patch:
        patch.setattr(training.Training, "step", until)
        stopped = fit(model, of, val, resume=tmp_path / "state.pt", **options)
    assert (stopped.interrupted, len(stopped.table)) == (True, 2)
    again = fit(model, of, val, resume=tmp_path / "state.pt", **options)
    assert again.best_epoch == expected.best_epoch
    assert weights(model) == weights(undisturbed)
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
        path.write_bytes(pickle.dumps({"format": files.CHECKPOINT, "state": Trap(path.with_name("run"))}))
    elif what == "torch":
        torch.save({"format": files.CHECKPOINT, "settings": {}, "state": Trap(path.with_name("run"))}, path)
    elif what == "weights":
        torch.save(net(dataset(n=4)).state_dict(), path)
    elif what == "list":
        torch.save({"format": files.CHECKPOINT, "settings": [1], "state": {}}, path)
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
    refused("dtype was None and is 'torch.bfloat16'", dtype=torch.bfloat16)
    refused("network was", model=net(of, flatten=True, channels=(7,)))
    refused("network was", model=networks.freeze(net(of, flatten=True)))
    refused("data was", of=dataset(n=48, seed=3))
    refused("data was", val=dataset(n=24, seed=9))
    images = of.images.copy()
    images[0] += 1
    refused("data was", of=dataset(n=48, images=images))
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
        files.write_checkpoint(path, {}, {})
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


# kill -9

KILLED = """
import os, signal, sys
import torch
from medlab import files
from tests import train_sets

torch.set_num_threads(1)
replace, count = os.replace, iter(range(100))

def die(*paths):
    if next(count) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(*paths)

files.os.replace = die
model, of, val, options = train_sets.case("adamw")
train_sets.fit(model, of, val, resume=sys.argv[1], **options)
"""


def test_killed_while_it_writes_it_ends_with_the_same_weights(tmp_path):
    """The first epochs are those of another process, too: the same bytes."""
    path = tmp_path / "state.pt"
    killed = python("-c", KILLED, str(path))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    rows = torch.load(path, weights_only=True)["state"]["rows"]
    assert len(rows) == 3, "the fourth epoch of five was not written"
    undisturbed, of, val, options = train_sets.case("adamw")
    expected = fit(undisturbed, of, val, **options)
    model = train_sets.case("adamw")[0]
    found = fit(model, of, val, resume=path, **options)
    assert weights(model) == weights(undisturbed)
    columns = expected.table.columns.drop("seconds")
    assert found.table[columns].equals(expected.table[columns])
    assert found.table["seconds"][:3].tolist() == [row["seconds"] for row in rows]
    assert found.best_epoch == expected.best_epoch


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
found["torchvision"] = "torchvision" in sys.modules
found["weights"] = model.state_dict()
found["rows"] = history.table.drop(columns="seconds").to_numpy().tolist()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    dropped = train_sets.net(of, norm="batch", flatten=True, head=(8,), dropout=0.3)
    train_sets.fit(dropped, of, epochs=1)
found["dropped"] = [weight.data for weight in dropped.parameters()]
found["warned"] = [str(w.message) for w in caught if "BatchNorm" in str(w.message)]
of.images = of.images.astype("float32")
of.images[40] = float("nan")
try:
    train_sets.fit(train_sets.net(of), of)
except FloatingPointError as error:
    found["error"] = str(error)
torch.save(found, folder / f"{dist.get_rank()}.pt")
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
        assert all(map(torch.equal, found["dropped"], one["dropped"])), "each draws its own dropout, all end alike"
        assert len(found["warned"]) == 1
        assert 'norm="group" does not' in found["warned"][0]
        assert "NaN or infinite" in found["error"]
        assert not found["torchvision"], "imported by networks.named only"
    resumed = train_sets.case("team")[0]
    fit(resumed, of, val, resume=tmp_path / "state.pt", **options)
    assert weights(resumed) == [t.contiguous().numpy().tobytes() for t in one["weights"].values()]


def test_one_process_is_no_team():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        of = dataset(n=16)
        fit(net(of, norm="batch"), of, epochs=1)
    assert not torch.distributed.is_initialized()
