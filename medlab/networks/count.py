"""How large a network is and how much it computes."""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(model: nn.Module | Callable[[], nn.Module], *, trainable: bool = False) -> int:
    """Number of weights and biases.

    Args:
        model: A network; or a function that makes one, and then nothing is allocated, however large it is.
        trainable: Count only those that training would change.

    >>> count_parameters(nn.Linear(10, 3)), count_parameters(lambda: nn.Linear(10**6, 10**6))
    (33, 1000001000000)
    """
    return sum(p.numel() for p in _made(model).parameters() if p.requires_grad or not trainable)


def flops(model: nn.Module | Callable[[], nn.Module], shape: Sequence[int]) -> int:
    """Multiply-adds of one pass forward over one image, in convolutions and dense layers; nothing is computed.

    A multiplication and the addition after it count as one; some papers count them as two. Padding is counted as if it
    were image.

    Args:
        model: A network, or a function that makes one.
        shape: Of the image, without the batch: (C, H, W) or (C, D, H, W).

    >>> flops(nn.Conv2d(3, 8, 3, padding=1), (3, 10, 10)) == 10 * 10 * 8 * 3 * 3 * 3
    True
    """
    model = _made(model)
    on_meta = copy.deepcopy(model).to("meta").eval()  # a copy, so that the network keeps its device and mode
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        on_meta(torch.empty(1, *shape, device="meta"))
    return counter.get_total_flops() // 2


def _made(model: nn.Module | Callable[[], nn.Module]) -> nn.Module:
    if isinstance(model, nn.Module):
        return model
    with torch.device("meta"):  # tensors with a shape and no memory
        return model()
