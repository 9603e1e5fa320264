"""Networks of any depth from one loop: with and without shortcuts, otherwise the same."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from medlab.arguments import whole
from medlab.networks.base import Network, convolution, initialise, normalisation


def plain_channels(
    depth: int, *, in_channels: int = 1, width: int | Sequence[int] = 16, stages: int = 3
) -> list[tuple[int, int]]:
    """Channels before and after each convolution of `PlainNet` and `ResidualNet`.

    Args:
        depth: Number of convolutions.
        in_channels: Channels of an image.
        width: Channels of the first stage, doubled at each further one; or the channels after each convolution, one by
            one, the last for all that follow.
        stages: Parts of equal depth, as nearly as whole blocks allow; without use where `width` names them one by one.

    Raises:
        ValueError: If a number is below 1, or the channels become fewer.

    >>> plain_channels(7, width=16)
    [(1, 16), (16, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)]
    >>> plain_channels(5, in_channels=3, width=(64, 64, 128))
    [(3, 64), (64, 64), (64, 128), (128, 128), (128, 128)]
    """
    depth, stages = whole(depth, "depth", low=1), whole(stages, "stages", low=1)
    if isinstance(width, Sequence):
        if not width:
            raise ValueError("width must name the channels of at least one convolution, got none")
        after = [whole(n, "width", low=1) for n in width[:depth]]
        after += [after[-1]] * (depth - len(after))
    else:
        width, blocks = whole(width, "width", low=1), depth // 2 + 1  # the first convolution, then two and two
        stages = min(stages, blocks)
        after = [width * 2 ** ((i + 1) // 2 * stages // blocks) for i in range(depth)]
    if after != sorted(after):
        raise ValueError(f"width may not become smaller, got {tuple(width)}")
    return list(pairwise([in_channels, *after]))


class _DeepNet(Network):
    """The loop: one convolution after the other; the image is halved wherever the channels become more."""

    def __init__(self, depth, *, stride, **options):
        super().__init__(depth=depth, stride=stride, **options)
        norm, ndim = options["norm"], self.ndim
        pairs = plain_channels(depth, **{name: options[name] for name in ("in_channels", "width", "stages")})
        strides = [whole(stride, "stride", low=1), *(2 if b > a else 1 for a, b in pairs[1:])]
        convs = [convolution(a, b, ndim=ndim, norm=norm, stride=s) for (a, b), s in zip(pairs, strides)]
        self.features = nn.Sequential(*self._layers(convs, norm))
        self.head = nn.Linear(pairs[-1][1], self.classes)
        initialise(self, head=self.head)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.check(images)
        return self.head(self.features(images).flatten(2).mean(2))


class PlainNet(_DeepNet):
    """`depth` convolutions of 3 × 3 with ReLU one after the other, the mean of each channel, one dense layer.

    Args:
        depth: Number of 3 × 3 convolutions, from 1.
        in_channels: Channels of an image.
        classes: Numbers it gives for an image.
        width: Channels of the first stage, doubled at each further one; or the channels after each convolution, one by
            one, the last for all that follow.
        stages: Parts in which the channels stay the same; fewer where `depth` is too small for them.
        stride: Of the first convolution; 2 makes all that follows 4 times cheaper in 2-D, 8 times in 3-D.
        norm: None, "batch" or "group" normalisation after each convolution.
        ndim: 2 for images, 3 for volumes (3 × 3 × 3 convolutions then).

    Where the channels become more, the image is halved (by the stride of that convolution; a side of 1 stays 1): any
    image size will do. Weights are drawn as in He et al. 2015.

    Raises:
        ValueError: If an argument is out of range.

    Source: the plain networks of He et al. 2016, doi:10.1109/CVPR.2016.90.

    >>> PlainNet(186, in_channels=3, width=(8, 8, 16, 16, 32, 32, 64))(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        depth: int,
        *,
        in_channels: int = 1,
        classes: int = 2,
        width: int | Sequence[int] = 16,
        stages: int = 3,
        stride: int = 1,
        norm: str | None = None,
        ndim: int = 2,
    ):
        super().__init__(
            depth, in_channels=in_channels, classes=classes, width=width, stages=stages, stride=stride, norm=norm,
            ndim=ndim,
        )  # fmt: skip

    def _layers(self, convs: list[nn.Module], norm: str | None) -> list[nn.Module]:
        return [
            layer
            for conv in convs
            for layer in (conv, *normalisation(norm, conv.out_channels, self.ndim), nn.ReLU())
        ]  # fmt: skip


class ResidualNet(_DeepNet):
    """The same convolutions as `PlainNet` with a shortcut around every two; exactly as many weights.

    The first convolution stands alone, each further two make a block; where `depth` is even, the last block has one.
    Normalisation and ReLU stand before each convolution (pre-activation), so that the shortcuts run from the first
    convolution to the end undisturbed: that is what trains deepest. Where a block halves the image and adds channels,
    the shortcut averages over 2 × 2 pixels and fills up with zeros, which takes no weights.

    Depth counts the 3 × 3 convolutions: what He et al. call ResNet-20 is depth 19 with `stages=3` here, the dense layer
    not counted. The project's own small default is depth 13 with width 16: for 28 × 28 as it stands, for cubes of 28
    with `ndim=3, stride=2`.

    Args:
        depth, in_channels, classes, width, stages, stride, ndim: As in `PlainNet`.
        norm: "batch", "group" or None.
        zero_init: Start with every block as its shortcut alone (its last convolution is 0). Needed where `norm` is None
            and the network deep, since each block then adds to the size of the activations.

    Raises:
        ValueError: If an argument is out of range.

    Source: He et al. 2016, Identity mappings in deep residual networks, doi:10.1007/978-3-319-46493-0_38; shortcuts
    without weights: option A of doi:10.1109/CVPR.2016.90, there without averaging.
    """

    def __init__(
        self,
        depth: int = 13,
        *,
        in_channels: int = 1,
        classes: int = 2,
        width: int | Sequence[int] = 16,
        stages: int = 3,
        stride: int = 1,
        norm: str | None = "batch",
        zero_init: bool = False,
        ndim: int = 2,
    ):
        super().__init__(
            depth, in_channels=in_channels, classes=classes, width=width, stages=stages, stride=stride, norm=norm,
            zero_init=zero_init, ndim=ndim,
        )  # fmt: skip
        if zero_init:
            for block in self.features:
                if isinstance(block, Block):
                    nn.init.zeros_(block.body[-1].weight)

    def _layers(self, convs: list[nn.Module], norm: str | None) -> list[nn.Module]:
        first, *rest = convs
        blocks = [Block(rest[i : i + 2], norm, self.ndim) for i in range(0, len(rest), 2)]
        return [first, *blocks, *normalisation(norm, convs[-1].out_channels, self.ndim), nn.ReLU()]


class Block(nn.Module):
    """Normalisation, ReLU and convolution, once or twice, added to what came in."""

    def __init__(self, convs: list[nn.Module], norm: str | None, ndim: int):
        super().__init__()
        layers = [(*normalisation(norm, conv.in_channels, ndim), nn.ReLU(), conv) for conv in convs]
        self.body = nn.Sequential(*(layer for group in layers for layer in group))
        self.stride = math.prod(conv.stride[0] for conv in convs)
        self.more = convs[-1].out_channels - convs[0].in_channels
        self.average = (F.avg_pool2d, F.avg_pool3d)[ndim - 2]
        self.fill = (0, 0) * ndim + (0, self.more)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        shortcut = images
        if self.stride > 1:
            shortcut = self.average(shortcut, self.stride, ceil_mode=True)
        if self.more:
            shortcut = F.pad(shortcut, self.fill)
        return shortcut + self.body(images)
