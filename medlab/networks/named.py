"""Networks by name: well-known ones from torchvision, fitted to the images at hand, and any of ours built again."""

import math
import os
import socket
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from medlab.arguments import choice
from medlab.networks.base import Network
from medlab.networks.deep import PlainNet, ResidualNet
from medlab.networks.freeze import head
from medlab.networks.small import SmallCNN

NAMES = (
    "alexnet", "vgg11", "vgg11_bn", "vgg16", "vgg16_bn", "resnet18", "resnet34", "resnet50", "mobilenet_v3_small",
    "efficientnet_b0",
)  # fmt: skip
SMALLEST = 64  # pixels; below, these networks, made for 224, have nothing left to look at in their last layers
TIMEOUT = 30  # seconds that a server may be silent


class TorchvisionNet(Network):
    """A network of torchvision with other channels and classes, and new weights; see `named`.

    Attributes:
        net: The network of torchvision itself; its parts have the names they have there.
    """

    def __init__(self, name: str, *, in_channels: int = 1, classes: int = 2):
        from torchvision import models

        super().__init__(name=name, in_channels=in_channels, classes=classes)
        self.net = models.get_model(choice(name, "name", NAMES), weights=None, num_classes=self.classes)
        if self.in_channels != 3:
            first, old = _first(self.net)
            bias = old.bias is not None
            new = nn.Conv2d(in_channels, old.out_channels, old.kernel_size, old.stride, old.padding, bias=bias)
            nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")  # as torchvision's ResNet and VGG
            if bias:
                nn.init.zeros_(new.bias)
            self.net.set_submodule(first, new)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.check(images)
        shorter = min(images.shape[2:])
        if shorter < SMALLEST:
            size = [math.ceil(side * SMALLEST / shorter) for side in images.shape[2:]]
            images = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
        return self.net(images)


ARCHITECTURES = {network.__name__: network for network in (SmallCNN, PlainNet, ResidualNet, TorchvisionNet)}


def build(architecture: Mapping[str, Any]) -> Network:
    """A network with the same layers and newly drawn weights; only the networks of this package are ever made.

    Args:
        architecture: `model.architecture`, perhaps read from JSON.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If the arguments are not those of that network.

    >>> build(SmallCNN(channels=(4,)).architecture).architecture["arguments"]["channels"]
    [4]
    """
    name = choice(architecture["name"], "the name of an architecture", ARCHITECTURES)
    return ARCHITECTURES[name](**architecture["arguments"])


def named(name: str, *, in_channels: int = 1, classes: int = 2, weights: str | Path | None = None) -> TorchvisionNet:
    """A network of torchvision, with its first and last layer fitted to the images and classes at hand.

    They were made for pictures of 224 pixels: an image whose shorter side is below 64 pixels is enlarged until that
    side is 64, in `forward`.

    Weights trained with other channels: each first kernel is summed over its channels, divided by `in_channels` and
    repeated, so that a grey image gives the activations it gave when it was shown in red, green and blue alike. The
    last layer is kept where the file has as many classes and is new otherwise. ImageNet's weights expect images with
    mean 0 and standard deviation about 1.

    Args:
        name: "alexnet", "vgg11", "vgg11_bn", "vgg16", "vgg16_bn", "resnet18", "resnet34", "resnet50",
            "mobilenet_v3_small" or "efficientnet_b0".
        in_channels: Channels of an image.
        classes: Numbers it gives for an image.
        weights: None: drawn at random, as in torchvision. "imagenet": torchvision's best for ImageNet, from the folder
            `weights` of MEDLAB_DATA or torch's own folder, else downloaded to the latter; never random instead. Or the
            path of a file (.pth, .pt, .safetensors) with weights of this network; nothing in it is executed.

    Raises:
        ValueError: If an argument is out of range, or the file does not hold weights of this network.
        FileNotFoundError: If there is no such file, or it cannot be downloaded; says where to get it and put it.

    Source: Krizhevsky et al. 2012; Simonyan and Zisserman 2015, arXiv:1409.1556; He et al. 2016,
    doi:10.1109/CVPR.2016.90; Howard et al. 2019, arXiv:1905.02244; Tan and Le 2019, arXiv:1905.11946.
    """
    model = TorchvisionNet(name, in_channels=in_channels, classes=classes)
    if weights is None:
        return model
    path = _imagenet(name) if weights == "imagenet" else Path(weights)
    own, state = model.net.state_dict(), _read(path)
    first = f"{_first(model.net)[0]}.weight"
    if first in state and state[first].ndim == 4 and state[first].shape[1] != in_channels:
        mean = state[first].sum(1, keepdim=True) / in_channels
        state[first] = mean.repeat(1, in_channels, 1, 1)
    last = next(name for name, layer in model.net.named_modules() if layer is head(model.net))
    if f"{last}.weight" in state and len(state[f"{last}.weight"]) != model.classes:
        state |= {part: own[part] for part in (f"{last}.weight", f"{last}.bias")}  # other classes: the head is new
    for part in own:
        if part.endswith("num_batches_tracked"):  # files from before torch 0.4.1 don't count batches
            state.setdefault(part, own[part])
    shapes, found = ({part: tensor.shape for part, tensor in held.items()} for held in (own, state))
    other = sorted(part for part in own.keys() | state.keys() if shapes.get(part) != found.get(part))
    if other:
        raise ValueError(
            f"{path}: not the weights of {name}: {len(other)} parts are missing, unknown or of another shape "
            f"({', '.join(other[:3])})"
        )
    model.net.load_state_dict(state)
    return model


def _first(net: nn.Module) -> tuple[str, nn.Conv2d]:
    return next((name, layer) for name, layer in net.named_modules() if isinstance(layer, nn.Conv2d))


def _imagenet(name: str) -> Path:
    """The file with torchvision's weights for ImageNet; downloaded where it is not there yet."""
    address = _address(name)
    file = address.rsplit("/", 1)[-1]
    folders = [Path(torch.hub.get_dir(), "checkpoints")]
    if own := os.environ.get("MEDLAB_DATA"):
        folders.append(Path(own).expanduser() / "weights")
    for folder in folders:
        if (folder / file).is_file():
            return folder / file
    path, before = folders[0] / file, socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # torch itself would wait for a silent server for ever
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beginning_of_sum = path.stem.rsplit("-", 1)[-1]  # torchvision's names end in it
        torch.hub.download_url_to_file(address, str(path), beginning_of_sum)
    except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: cut short, or another file came
        raise FileNotFoundError(
            f"{file}: cannot be downloaded from {address} ({error}). By hand: get it and put it into "
            f"{' or '.join(map(str, folders))}; or say weights=None for random weights"
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    return path


def _address(name: str) -> str:
    from torchvision import models

    return models.get_model_weights(name).DEFAULT.url


def _read(path: Path) -> dict[str, torch.Tensor]:
    """Names and tensors of a file of torch or of safetensors; nothing in it is executed."""
    from safetensors.torch import load_file

    if not path.is_file():
        raise FileNotFoundError(f'weights: there is no file {path}; "imagenet" downloads, None draws random weights')
    try:
        safe = path.suffix == ".safetensors"
        state = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
        state = dict(state.get("state_dict", state))  # many keep the weights beside other things
    except Exception as error:  # what a damaged file makes of a reader is anybody's guess
        # torch's own words go on to say how to run what is in there all the same
        raise ValueError(f"{path}: not read: damaged, or more than tensors by name ({type(error).__name__})") from None
    if not state or not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()):
        raise ValueError(f"{path}: holds no tensors by name, or more than that")
    return {name.removeprefix("net."): tensor for name, tensor in state.items()}  # net: of a TorchvisionNet
