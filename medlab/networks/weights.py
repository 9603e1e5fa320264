"""Weights from files that run nothing when they are read, and from torchvision's address."""

import hashlib
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import torch
from torch.nn import functional as F

from medlab.networks.base import few

TIMEOUT = 30  # seconds without an answer


def imagenet(name: str) -> Path:
    """The file with torchvision's weights for ImageNet; downloaded where it is not there yet.

    Raises:
        FileNotFoundError: If it cannot be downloaded; no part of it is left.
        ValueError: If the file that is there is not the one it should be.
    """
    address = _address(name)
    file = address.rsplit("/", 1)[-1]
    checksum = file.removesuffix(".pth").rsplit("-", 1)[-1]  # torchvision's names end in the beginning of the SHA-256
    folders = [Path(torch.hub.get_dir(), "checkpoints")]
    if own := os.environ.get("MEDLAB_DATA"):
        folders.insert(0, Path(own).expanduser() / "weights")
    by_hand = f"By hand: get {address} and put it into {' or '.join(map(str, folders))}"
    for folder in folders:
        path = folder / file
        if path.is_file():
            with open(path, "rb") as opened:
                if not hashlib.file_digest(opened, "sha256").hexdigest().startswith(checksum):
                    raise ValueError(
                        f"{path}: damaged or another file: its SHA-256 is not {checksum}...; delete it. {by_hand}"
                    )
            return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _impatient():
            torch.hub.download_url_to_file(address, str(path), checksum)
    except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: cut short, or another file came
        raise FileNotFoundError(
            f"{file}: cannot be downloaded from {address} ({error}). {by_hand}; or say weights=None for random weights"
        ) from error
    return path


def read(path: str | Path) -> dict[str, torch.Tensor]:
    """Names and tensors of a file of torch (.pth, .pt) or a .safetensors file; nothing in it is executed.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or holds anything but tensors by name.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'weights: there is no file {path}; "imagenet" downloads, None draws random weights')
    try:
        state = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    except OSError:
        raise
    except Exception as error:  # what a damaged file makes of a reader is anybody's guess
        said = (str(error).splitlines() or [type(error).__name__])[0][:120]
        if "weights_only" in str(error):  # torch's words go on to say how to run what is in there all the same
            asked = re.search(r"GLOBAL (\S+)", str(error))
            said = f"it asks to run {asked[1]}" if asked else "no file of torch"
        raise ValueError(f"{path}: not read: damaged, or more than tensors by name ({said})") from None
    if not state or not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()):
        raise ValueError(f"{path}: holds no tensors by name, or more than that: {few(state)}")
    if all(name.startswith("net.") for name in state):  # of a TorchvisionNet
        state = {name.removeprefix("net."): tensor for name, tensor in state.items()}
    return state


def adapt_kernels(kernels: torch.Tensor, in_channels: int, side: int) -> torch.Tensor:
    """Kernels (out, in, k, k) for another number of channels, and for a smaller side where k is 7 and `side` 3.

    A grey image, repeated in all channels, gives the same activations before and after the channels change. Shrunk
    kernels keep their sums: on a smooth image they answer as the large ones do on one enlarged as much.
    """
    if kernels.shape[1] != in_channels:
        kernels = (kernels.sum(1, keepdim=True) / in_channels).expand(-1, in_channels, -1, -1)
    old = kernels.shape[-1]
    if (old, side) == (7, 3):
        fine = kernels.repeat_interleave(side, 2).repeat_interleave(side, 3)  # areas: 7 × 7 pixels of the new grid
        kernels = F.avg_pool2d(fine, old) * (old / side) ** 2
    return kernels.contiguous()


def _address(name: str) -> str:
    from torchvision import models

    return models.get_model_weights(name).DEFAULT.url


@contextmanager
def _impatient() -> Iterator[None]:
    """torch.hub itself would wait for a silent server for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _read_torch(path: Path) -> dict[str, torch.Tensor]:
    state = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(state, dict):
        state = state.get("state_dict", state)  # many keep the weights beside other things
    if not isinstance(state, dict):
        raise ValueError(f"it holds a {type(state).__name__}")
    return state


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(path)
