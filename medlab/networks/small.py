"""The small convolutional network that every course begins with."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from medlab.arguments import choice, number, whole
from medlab.networks.base import Network, convolution, initialise, normalisation
from medlab.networks.sizes import output_size


class SmallCNN(Network):
    """A few blocks of 3 × 3 convolution, ReLU and 2 × 2 pooling, then dense layers.

    Args:
        in_channels: Channels of an image: 1 for grey, 3 for color, n for n slices.
        classes: Numbers it gives for an image.
        size: Sides of the image in pixels, one number or one a side. Decides how many weights the first dense layer
            has; unused, and may be None, where `flatten` is False.
        channels: Channels after each block.
        padding: "same" keeps the sides in a convolution; "valid" pads nothing, each convolution takes 2 pixels away.
        head: Widths of dense layers (with ReLU) before the last one.
        norm: None, "batch" or "group" normalisation after each convolution.
        flatten: Every pixel of the last block goes to the dense layers; False: only the mean of each channel, and
            images of any size will do.
        dropout: Share of the inputs of each dense layer that is set to 0 in training.
        ndim: 2 for images, 3 for volumes (3 × 3 × 3 and 2 × 2 × 2 then).

    Raises:
        ValueError: If an argument is out of range, or the image too small for that many blocks.

    Source: LeCun et al. 1998, doi:10.1109/5.726791; weights drawn as in He et al. 2015.

    >>> SmallCNN(in_channels=1, classes=2, channels=(8, 16))(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 2,
        size: int | Sequence[int] | None = 28,
        channels: Sequence[int] = (32, 64, 128),
        padding: str = "same",
        head: Sequence[int] = (),
        norm: str | None = None,
        flatten: bool = True,
        dropout: float = 0.0,
        ndim: int = 2,
    ):
        super().__init__(
            in_channels=in_channels, classes=classes, size=size if flatten else None, channels=channels,
            padding=padding, head=head, norm=norm, flatten=flatten, dropout=dropout, ndim=ndim,
        )  # fmt: skip
        self.padding = int(choice(padding, "padding", ("same", "valid")) == "same")
        widths = [self.in_channels, *(whole(n, "channels", low=1) for n in channels)]
        if len(widths) == 1:
            raise ValueError("channels must name at least one block, got none")
        self.n_blocks = len(widths) - 1

        blocks = []
        for a, b in pairwise(widths):
            conv = convolution(a, b, ndim=self.ndim, norm=norm, padding=self.padding)
            pooling = (nn.MaxPool2d, nn.MaxPool3d)[self.ndim - 2](2)
            blocks.append(nn.Sequential(conv, *normalisation(norm, b, self.ndim), nn.ReLU(), pooling))
        self.features = nn.Sequential(*blocks)

        inputs = widths[-1]
        if flatten:
            if size is None:
                raise ValueError("size must be given where flatten is True: the first dense layer depends on it")
            inputs *= torch.Size(self.sides_after(self.size)).numel()
        dense = []
        dropout = number(dropout, "dropout", low=0, below=1)
        for width in (*(whole(n, "head", low=1) for n in head), self.classes):
            dense += [nn.Dropout(dropout)] * (dropout > 0) + [nn.Linear(inputs, width), nn.ReLU()]
            inputs = width
        self.classifier = nn.Sequential(*dense[:-1])
        self.flatten = flatten
        initialise(self, head=self.classifier[-1])

    def sides_after(self, size: Sequence[int]) -> tuple[int, ...]:
        """Sides of the image after all blocks.

        Raises:
            ValueError: If none are left.
        """
        left = tuple(size)
        for n in range(self.n_blocks):
            if min(left) + 2 * self.padding < 4:  # a convolution over 3 pixels must leave 2 to pool
                raise ValueError(
                    f"an image of {' × '.join(map(str, size))} pixels is too small for {self.n_blocks} blocks of "
                    f"convolution and pooling; {n} fit"
                )
            left = tuple(output_size(side, kernel=3, padding=self.padding) // 2 for side in left)
        return left

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.check(images)
        if self.size is None:
            self.sides_after(images.shape[2:])
        found = self.features(images).flatten(2)
        return self.classifier(found.flatten(1) if self.flatten else found.mean(2))
