"""torchvision's networks by name, and weights from files and servers that misbehave."""

import hashlib
import http.server
import json
import pickle
import struct
import sys
import threading
import time

import pytest
import torch
from torch import nn

from medlab import networks
from tests.train_sets import one_thread  # noqa: F401 (a fixture)

naming = sys.modules["medlab.networks.named"]  # `networks.named` is the function


@pytest.fixture(autouse=True)
def one_seed(one_thread):  # noqa: F811
    torch.manual_seed(0)


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


# torchvision's


@pytest.mark.parametrize("name", naming.NAMES)
def test_every_name_takes_small_images_of_any_channels(name):
    with torch.device("meta"):  # shapes only: some of these are large
        model = networks.named(name, in_channels=2, classes=5)
        for shape in [(28, 28), (64, 80)]:
            assert model(torch.zeros(2, 2, *shape)).shape == (2, 5)
    assert networks.head(model).out_features == 5
    assert (model.in_channels, model.classes, model.ndim) == (2, 5, 2)


def test_small_images_are_enlarged_as_documented():
    model = networks.named("mobilenet_v3_small").eval()
    x = images(2, 1, 32, 48)
    large = nn.functional.interpolate(x, size=(64, 96), mode="bilinear", align_corners=False)
    torch.testing.assert_close(model(x), model.net(large))
    torch.testing.assert_close(model(large), model.net(large))


def test_named_refuses():
    with pytest.raises(ValueError, match=r"name must be one of 'alexnet', 'vgg11'.*, got 'resnet20'"):
        networks.named("resnet20")
    with pytest.raises(FileNotFoundError, match="there is no file random"):
        networks.named("mobilenet_v3_small", weights="random")


# Weights from files


def rgb(name: str, classes: int = 7) -> nn.Module:
    from torchvision import models

    torch.manual_seed(3)
    return models.get_model(name, num_classes=classes).eval()


def as_safetensors(state: dict[str, torch.Tensor]) -> bytes:
    """The format by its description, written independently of the reader."""
    names = {torch.float32: "F32", torch.int64: "I64", torch.float16: "F16"}
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in state.items():
        raw = tensor.contiguous().numpy().tobytes()
        offsets = [len(body), len(body) + len(raw)]
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        body += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


@pytest.mark.parametrize(("suffix", "in_channels"), [(".pth", 1), (".safetensors", 3), (".safetensors", 5)])
def test_a_grey_image_gives_what_it_gave_in_color(suffix, in_channels, tmp_path):
    net, path = rgb("mobilenet_v3_small"), tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save(net.state_dict(), path)
    else:
        path.write_bytes(as_safetensors(net.state_dict()))
    model = networks.named("mobilenet_v3_small", in_channels=in_channels, classes=7, weights=path).eval()
    first, theirs = model.net.features[0][0].weight, net.features[0][0].weight
    torch.testing.assert_close(first.sum(1), theirs.sum(1))
    x = images(2, 1, 64, 64)
    torch.testing.assert_close(model(x.expand(-1, in_channels, -1, -1)), net(x.expand(-1, 3, -1, -1)))


def test_other_classes_get_a_new_head_and_old_files_without_counters_are_read(tmp_path):
    net, path = rgb("mobilenet_v3_small"), tmp_path / "net.pth"
    state = {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save({"state_dict": state, "epoch": 3}, path)
    model = networks.named("mobilenet_v3_small", in_channels=3, classes=4, weights=str(path))
    assert networks.head(model).weight.shape == (4, 1024)
    own = model.net.state_dict()
    assert all(torch.equal(own[name], state[name]) for name in state if not name.startswith("classifier.3."))


def test_weights_of_a_network_of_ours_come_back(tmp_path):
    model = networks.named("mobilenet_v3_small", in_channels=2, classes=3)
    torch.save(model.state_dict(), tmp_path / "ours.pth")
    again = networks.named("mobilenet_v3_small", in_channels=2, classes=3, weights=tmp_path / "ours.pth")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_a_file_of_another_network_is_refused(tmp_path):
    state = rgb("mobilenet_v3_small").state_dict()
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(ValueError, match=r"not the weights of resnet18: \d+ parts are missing, unknown or of another"):
        networks.named("resnet18", weights=tmp_path / "net.pth")
    state["classifier.0.weight"] = torch.zeros(65, 576)
    torch.save(state, tmp_path / "wider.pth")
    with pytest.raises(ValueError, match=r"1 parts are .* of another shape \(classifier.0.weight\)"):
        networks.named("mobilenet_v3_small", weights=tmp_path / "wider.pth")


class Harm:
    def __reduce__(self):
        return (print, ("this must never be printed",))


def damaged() -> dict[str, bytes]:
    def torch_file(value) -> bytes:
        import io

        torch.save(value, buffer := io.BytesIO())
        return buffer.getvalue()

    good = as_safetensors({"a": torch.arange(6.0)})

    def header(**changes) -> bytes:
        text = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}).encode()
        return struct.pack("<Q", len(text)) + text + bytes(8)

    return {
        "harm.pth": torch_file({"a": Harm()}),
        "pickle.pth": pickle.dumps({"a": Harm()}, protocol=2),
        "module.pth": torch_file(nn.Linear(2, 2)),
        "list.pth": torch_file([torch.zeros(2)]),
        "number.pth": torch_file({"a": 1}),
        "nested.pth": torch_file({"state_dict": 3}),
        "none.pth": torch_file({}),
        "empty.pth": b"",
        "page.pth": b"<html>log in first</html>",
        "cut.pth": torch_file({"a": torch.zeros(1000)})[:2000],
        "empty.safetensors": b"",
        "cut.safetensors": good[:-4],
        "page.safetensors": b"<html>log in first</html>",
        "long.safetensors": struct.pack("<Q", 2**60) + good[8:],
        "text.safetensors": struct.pack("<Q", 4) + b"[1]]",
        "beyond.safetensors": header(data_offsets=[4, 12]),
        "before.safetensors": header(data_offsets=[-8, 0]),
        "shape.safetensors": header(shape=[3]),
        "negative.safetensors": header(shape=[-1, -2]),
        "type.safetensors": header(dtype="OBJECT"),
        "offsets.safetensors": header(data_offsets="ab"),
    }


DAMAGED = damaged()


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_and_hostile_files_are_refused_and_run_nothing(name, tmp_path, capfd):
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(ValueError, match=name) as refused:
        networks.named("mobilenet_v3_small", weights=tmp_path / name)
    assert "never be printed" not in "".join(capfd.readouterr())
    assert "weights_only" not in str(refused.value)


def test_safetensors_of_every_type(tmp_path):
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "c": torch.zeros(0, 4), "d": images(3).half()}
    (tmp_path / "x.safetensors").write_bytes(as_safetensors(state))
    found = naming._read(tmp_path / "x.safetensors")
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


# Weights from the network


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server on this machine; what it does is in `server.does`, what it was asked in `server.asked`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.server.does(self)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(naming, "TIMEOUT", 0.5)
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads, httpd.asked = True, 0
    httpd.body = as_pth = tmp_path / "made.pth"
    torch.save(rgb("mobilenet_v3_small", 1000).state_dict(), as_pth)
    checksum = hashlib.sha256(as_pth.read_bytes()).hexdigest()[:8]
    address = f"http://127.0.0.1:{httpd.server_port}/mobilenet_v3_small-{checksum}.pth"
    monkeypatch.setattr(naming, "_address", lambda name: address)
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def send(handler, body: bytes, *, said: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if said is None else said))
    handler.end_headers()
    handler.wfile.write(body)


def files(folder) -> list:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_imagenet_is_downloaded_once(server, tmp_path):
    server.does = lambda handler: send(handler, server.body.read_bytes())
    first = networks.named("mobilenet_v3_small", in_channels=3, classes=1000, weights="imagenet")
    again = networks.named("mobilenet_v3_small", weights="imagenet")
    assert server.asked == 1
    (kept,) = files(tmp_path / "torch")
    assert kept.parent == tmp_path / "torch" / "hub" / "checkpoints"
    net = rgb("mobilenet_v3_small", 1000)
    assert torch.equal(networks.head(first).weight, networks.head(net).weight)
    assert torch.equal(again.net.features[3].block[0][0].weight, net.features[3].block[0][0].weight)


def test_a_file_put_there_by_hand_is_found(server, tmp_path):
    name = naming._address("").rsplit("/", 1)[-1]
    folder = tmp_path / "data-folder" / "weights"  # MEDLAB_DATA of the tests
    folder.mkdir(parents=True)
    (folder / name).write_bytes(server.body.read_bytes())
    assert networks.named("mobilenet_v3_small", weights="imagenet")
    (folder / name).write_bytes(server.body.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged, or more than tensors"):
        networks.named("mobilenet_v3_small", weights="imagenet")
    assert server.asked == 0


TROUBLE = {
    "404": lambda handler: handler.send_error(404),
    "silence": lambda handler: time.sleep(3),
    "half, then silence": lambda handler: (send(handler, b"x" * 1000, said=5000), time.sleep(3)),
    "cut short": lambda handler: send(handler, b"x" * 1000, said=5000),
    "a page": lambda handler: send(handler, b"<html>log in first</html>"),
    "nothing": lambda handler: handler.connection.close(),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_download_that_fails_says_what_to_do_and_leaves_nothing(server, trouble, tmp_path):
    server.does = TROUBLE[trouble]
    with pytest.raises(FileNotFoundError) as failed:
        networks.named("mobilenet_v3_small", weights="imagenet")
    said = str(failed.value)
    folders = (tmp_path / "torch" / "hub" / "checkpoints", tmp_path / "data-folder" / "weights")
    for part in (naming._address(""), *map(str, folders), "weights=None", "By hand"):
        assert part in said
    assert files(tmp_path / "torch") == []


def test_no_network_at_all(monkeypatch, tmp_path):
    def nobody(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("socket.socket.connect", nobody)
    monkeypatch.setattr("socket.getaddrinfo", nobody)
    address = "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    with pytest.raises(FileNotFoundError, match=f"resnet18-f37072fd.pth: cannot be downloaded from {address}"):
        networks.named("resnet18", weights="imagenet")
    assert files(tmp_path) == []
