"""Well-known networks from torchvision by name, fitted to the images at hand."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from medlab.networks import weights as files
from medlab.networks.base import Network, few, share
from medlab.networks.freeze import head

NAMES = (
    "alexnet", "vgg11", "vgg11_bn", "vgg16", "vgg16_bn", "resnet18", "resnet34", "resnet50", "mobilenet_v3_small",
    "efficientnet_b0",
)  # fmt: skip
SMALLEST = 64  # pixels; below, these networks, made for 224, have nothing left to look at in their last layers


class TorchvisionNet(Network):
    """A network of torchvision with other channels, classes and image sizes, and new weights; see `named`.

    Attributes:
        net: The network of torchvision itself; its parts have the names they have there.
    """

    def __init__(
        self,
        name: str,
        *,
        in_channels: int = 1,
        classes: int = 2,
        size: int | Sequence[int] | None = None,
        dropout: float | None = None,
    ):
        from torchvision import models

        super().__init__(name=name, in_channels=in_channels, classes=classes, size=size, dropout=dropout)
        if name not in NAMES:
            raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}")
        self.net = models.get_model(name, weights=None, num_classes=self.classes)
        small_resnet = name.startswith("resnet") and self.size is not None and min(self.size) < SMALLEST
        self.enlarge_to = 1 if small_resnet else SMALLEST
        if small_resnet:
            self.net.maxpool = nn.Identity()
        if small_resnet or self.in_channels != 3:
            _replace_first(self.net, self.in_channels, small=small_resnet)
        if dropout is not None:
            _set_dropout(self.net, share("dropout", dropout))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.check(images)
        shorter = min(images.shape[2:])
        if shorter < self.enlarge_to:
            size = [math.ceil(side * self.enlarge_to / shorter) for side in images.shape[2:]]
            images = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
        return self.net(images)


def named(
    name: str,
    *,
    in_channels: int = 1,
    classes: int = 2,
    weights: str | Path | None = None,
    size: int | Sequence[int] | None = None,
    dropout: float | None = None,
) -> TorchvisionNet:
    """A network of torchvision, with its first and last layer fitted to the images and classes at hand.

    Small images: a ResNet made for a `size` below 64 starts with a 3 × 3 convolution of stride 1 and no pooling, as is
    usual for CIFAR. All others, and a ResNet whose `size` was not given, enlarge an image whose shorter side is below
    64 until that side is 64, in `forward`.

    Weights trained with other channels: each first kernel is summed over its channels, divided by `in_channels` and
    repeated, so that a grey image gives the activations it gave when it was shown in red, green and blue alike. Where a
    7 × 7 kernel becomes 3 × 3 it is shrunk with its sum kept. The last layer is kept where the file has as many classes
    and is new otherwise. ImageNet's weights expect images with mean 0 and standard deviation about 1.

    Args:
        name: One of `networks.NAMES`.
        in_channels: Channels of an image.
        classes: Numbers it gives for an image.
        weights: None: drawn at random, as in torchvision. "imagenet": torchvision's best for ImageNet, from the folder
            `weights` of MEDLAB_DATA or torch's own folder, else downloaded to the latter; never random instead. Or the
            path of a file (.pth, .pt, .safetensors) with weights of this network; nothing in it is executed.
        size: Sides of the image in pixels, one number or one a side; None: not fixed.
        dropout: Share of the last layers' inputs set to 0 in training; None: as in torchvision.

    Raises:
        ValueError: If an argument is out of range, or the file does not hold weights of this network.
        FileNotFoundError: If there is no such file, or it cannot be downloaded; says where to get it and put it.

    Source: Krizhevsky et al. 2012; Simonyan and Zisserman 2015, arXiv:1409.1556; He et al. 2016,
    doi:10.1109/CVPR.2016.90; Howard et al. 2019, arXiv:1905.02244; Tan and Le 2019, arXiv:1905.11946.
    """
    model = TorchvisionNet(name, in_channels=in_channels, classes=classes, size=size, dropout=dropout)
    if weights is None:
        return model
    path = files.imagenet(name) if weights == "imagenet" else Path(weights)
    state = files.read(path)
    problems = _load(model, state)
    if problems:
        others = [other for other in NAMES if other != name and not _load(_on_meta(other), state)]
        is_another = f"; it holds a {' or '.join(others)}" if others else ""
        raise ValueError(f"{path}: not the weights of {name}{is_another}: {'; '.join(problems)}")
    return model


def _first(net: nn.Module) -> tuple[str, nn.Conv2d]:
    return next((name, layer) for name, layer in net.named_modules() if isinstance(layer, nn.Conv2d))


def _replace_first(net: nn.Module, in_channels: int, *, small: bool) -> None:
    """A new first convolution."""
    name, old = _first(net)
    kernel, stride, padding = (3, 1, 1) if small else (old.kernel_size, old.stride, old.padding)
    new = nn.Conv2d(in_channels, old.out_channels, kernel, stride, padding, bias=old.bias is not None)
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")  # as torchvision's ResNet and VGG
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    net.set_submodule(name, new)


def _set_dropout(net: nn.Module, dropout: float) -> None:
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Dropout)]
    if not layers:  # a ResNet has none; beside its pooling, no name of a weight changes
        layers = [nn.Dropout()]
        net.avgpool = nn.Sequential(net.avgpool, *layers)
    for layer in layers:
        layer.p = dropout


def _on_meta(name: str) -> TorchvisionNet:
    with torch.device("meta"):
        return TorchvisionNet(name)


def _load(model: TorchvisionNet, state: dict[str, torch.Tensor]) -> list[str]:
    """Put weights into a network; what does not fit, in words, and then nothing is changed."""
    own, state = model.net.state_dict(), dict(state)
    first, conv = _first(model.net)
    if (kernels := state.get(f"{first}.weight")) is not None and kernels.ndim == 4:
        state[f"{first}.weight"] = files.adapt_kernels(kernels, conv.in_channels, conv.kernel_size[0])
    last = next(name for name, layer in model.net.named_modules() if layer is head(model.net))
    rows = state.get(f"{last}.weight")
    if rows is not None and rows.shape[1:] == own[f"{last}.weight"].shape[1:] and len(rows) != model.classes:
        state |= {name: own[name] for name in (f"{last}.weight", f"{last}.bias")}  # other classes: the head is new

    # files from before torch 0.4.1 don't count batches; nothing depends on it here
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    unknown = [name for name in state if name not in own]
    shapes = [
        f"{name} is {tuple(state[name].shape)}, not {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    found = {"missing": missing, "unknown": unknown, "another shape": shapes}
    problems = [f"{len(names)} {kind} ({few(names)})" for kind, names in found.items() if names]
    if not problems and not next(model.parameters()).is_meta:
        model.net.load_state_dict(state, strict=False)
    return problems
