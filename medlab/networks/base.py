"""What all networks share: what they know about their input, and the layers they are built from."""

import json
import math
import operator
from typing import Any

import torch
from torch import nn

from medlab.arguments import choice, whole


class Network(nn.Module):
    """A network that knows what it takes and how to build it again.

    Args:
        arguments: All arguments of the network, as `networks.build` would give them again.

    Attributes:
        in_channels: Channels of an image.
        classes: Numbers it gives for an image.
        ndim: 2 for images, 3 for volumes.
        size: Sides of the image in pixels, or None where any will do.
        architecture: `{"name": ..., "arguments": {...}}`, fit for JSON.
    """

    def __init__(self, **arguments: Any):
        super().__init__()
        self.in_channels = whole(arguments["in_channels"], "in_channels", low=1)
        self.classes = whole(arguments["classes"], "classes", low=1)
        self.ndim = choice(arguments.get("ndim", 2), "ndim", (2, 3))
        self.size = _sides(arguments.get("size"), self.ndim)
        self.architecture = {
            "name": type(self).__name__,
            "arguments": json.loads(json.dumps(arguments, default=operator.index)),  # tuples as lists, NumPy's as int
        }

    def check(self, images: torch.Tensor) -> None:
        """Refuse a batch that the network was not made for.

        Raises:
            ValueError: If `images` is not float, or has other axes, channels or sides.
        """
        axes = self.size or ("D", "H", "W")[-self.ndim :]
        fits = images.ndim == self.ndim + 2 and images.shape[1] == self.in_channels
        if not (fits and images.is_floating_point() and self.size in (None, tuple(images.shape[2:]))):
            expected = ", ".join(map(str, ("N", self.in_channels, *axes)))
            got = f"{str(images.dtype).removeprefix('torch.')} {tuple(images.shape)}"
            raise ValueError(f"images must be float ({expected}), got {got}")


def convolution(a: int, b: int, *, ndim: int, norm: str | None, stride: int = 1, padding: int = 1) -> nn.Module:
    """3 × 3 (× 3), from `a` to `b` channels; no bias where a normalisation follows that would take it away."""
    return (nn.Conv2d, nn.Conv3d)[ndim - 2](a, b, 3, stride=stride, padding=padding, bias=norm is None)


def normalisation(norm: str | None, channels: int, ndim: int) -> list[nn.Module]:
    """None, or one layer: "batch", or "group" with up to 8 groups."""
    if choice(norm, "norm", (None, "batch", "group")) is None:
        return []
    if norm == "batch":
        return [(nn.BatchNorm2d, nn.BatchNorm3d)[ndim - 2](channels)]
    return [nn.GroupNorm(math.gcd(8, channels), channels)]


def initialise(model: nn.Module, head: nn.Linear) -> None:
    """Draw weights that keep the size of the activations from layer to layer; biases are 0.

    Source: He et al. 2015, doi:10.1109/ICCV.2015.123.
    """
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.Linear)):
            no_relu_follows = layer is head
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if no_relu_follows else "relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _sides(size: Any, ndim: int) -> tuple[int, ...] | None:
    """One number for all sides, or one a side."""
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size,) * ndim
    if len(sides) != ndim:
        raise ValueError(f"size must be one number or {ndim}, got {sides}")
    return tuple(whole(side, "size", low=1) for side in sides)
