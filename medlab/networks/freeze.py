"""Which layers training changes: for transfer from one task to another."""

import math
from functools import partial

from torch import nn

from medlab.arguments import whole


def head(model: nn.Module) -> nn.Linear:
    """The last dense layer, which gives one number a class.

    Raises:
        ValueError: If the network has no dense layer.
    """
    dense = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    if not dense:
        raise ValueError(f"{type(model).__name__} has no dense layer")
    return dense[-1]


def freeze(model: nn.Module, *, until: str | None = None) -> nn.Module:
    """Keep the first layers as they are in training, all but the head unless said otherwise; the rest trains.

    Frozen batch normalisation also keeps its means and variances: it stays in evaluation mode whatever `model.train()`
    says. Layers count in the order in which the network holds them.

    Args:
        model: Any network of torch; it is changed.
        until: Name of the first part that trains, as in `model.named_modules()`, "layer4" of a ResNet; None: the head.

    Returns:
        The network.

    Raises:
        ValueError: If there is no part of that name.
    """
    first = head(model) if until is None else _part(model, until)
    trains = False
    for layer in model.modules():
        trains = trains or layer is first
        _set(layer, trains=trains, mode=model.training)
    return model


def unfreeze(model: nn.Module, *, last: int | None = None) -> nn.Module:
    """Let layers train again: all, or the last few; the others stay as they are.

    Args:
        model: Any network of torch; it is changed.
        last: How many convolutions and dense layers from the end, the normalisations among and after them included.

    Returns:
        The network.

    Raises:
        ValueError: If `last` is below 1.
    """
    left = math.inf if last is None else whole(last, "last", low=1)
    for layer in reversed(list(model.modules())):
        _set(layer, trains=True, mode=model.training)
        left -= isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.Linear))
        if left == 0:
            break
    return model


def _part(model: nn.Module, name: str) -> nn.Module:
    parts = dict(model.named_modules())
    for known in (name, f"net.{name}"):  # net: what a TorchvisionNet wraps
        if known and known in parts:
            return parts[known]
    names = [part for part in parts if part and part.count(".") < 2]
    raise ValueError(f"until: {type(model).__name__} has no part {name!r}; it has {', '.join(names[:12])}")


def _set(layer: nn.Module, *, trains: bool, mode: bool) -> None:
    for weight in layer.parameters(recurse=False):
        weight.requires_grad_(trains)
    if not hasattr(layer, "running_mean"):
        return
    if not trains:
        layer.eval()
        layer.train = partial(_stay, layer)  # the network's own train() asks each layer's
    elif vars(layer).pop("train", None):
        layer.train(mode)


def _stay(layer: nn.Module, mode: bool = True) -> nn.Module:
    return layer
