"""How large a network is, how much it computes, and how large its layers are and what they see."""

import copy
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from medlab.arguments import whole


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
    on_meta = copy.deepcopy(_made(model)).to("meta").eval()  # a copy, so that the network keeps its device and mode
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        on_meta(torch.empty(1, *shape, device="meta"))
    return counter.get_total_flops() // 2


def _made(model: nn.Module | Callable[[], nn.Module]) -> nn.Module:
    if isinstance(model, nn.Module):
        return model
    with torch.device("meta"):  # tensors with a shape and no memory
        return model()


def output_size(size: int, *, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """Pixels along one side after a convolution or pooling: floor((n + 2p - k) / s) + 1.

    Args:
        size: Pixels along the side before.
        kernel: Pixels along the side of the kernel.
        padding: Pixels added at each end.
        stride: Pixels from one position of the kernel to the next.

    Raises:
        ValueError: If the kernel is larger than the padded image, or an argument is no whole number or too small.

    Source: Dumoulin and Visin 2016, arXiv:1603.07285.

    >>> output_size(3, kernel=3), output_size(28, kernel=3, padding=1), output_size(28, kernel=2, stride=2)
    (1, 28, 14)
    """
    size, kernel = whole(size, "size", low=1), whole(kernel, "kernel", low=1)
    padded = size + 2 * whole(padding, "padding")
    if kernel > padded:
        raise ValueError(f"kernel reaches over {kernel} pixels, but the padded image has only {padded}")
    return (padded - kernel) // whole(stride, "stride", low=1) + 1


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """Side, in pixels of the image, of the square that one pixel after the last layer depends on.

    Args:
        layers: (kernel, stride) of each convolution and pooling, from the image on.

    Raises:
        ValueError: If a layer is not two whole numbers above 0.

    Source: Araujo et al. 2019, doi:10.23915/distill.00021.

    >>> receptive_field([(3, 1), (3, 1)]), receptive_field([(3, 1), (2, 2), (3, 1)])
    (5, 8)
    """
    field, step = 1, 1  # step: pixels of the image from one pixel of this layer to the next
    for layer in layers:
        if len(layer) != 2:
            raise ValueError(f"a layer is (kernel, stride), got {layer}")
        kernel, stride = (whole(n, "every number of a layer", low=1) for n in layer)
        field += (kernel - 1) * step
        step *= stride
    return field
