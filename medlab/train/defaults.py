"""The network to begin with, whatever the data set."""

from collections.abc import Sequence

import numpy as np
import torch

from medlab import networks
from medlab.data import Dataset

FLAT, DEEP = 64, 16  # sides in pixels from which the first convolution halves the image: 4 (8) times less to compute


def network(dataset: Dataset, *, values: Sequence[str] = (), depth: int = 13, width: int = 16, seed: int = 0):
    """A small residual network that fits a data set: its axes, its channels, its classes.

    Grey images (H, W) and colour images (H, W, 3) get a network for images, volumes (D, H, W) one for volumes.

    Args:
        dataset: Images of one size, with task and classes.
        values: Columns that `fit` shall learn as numbers, as there.
        depth: 3 × 3 convolutions.
        width: Channels of the first third.
        seed: Of the first weights.

    Raises:
        ValueError: If the images have other axes.

    For slices as channels, build the network yourself: `networks.ResidualNet(in_channels=slices, ...)`.
    """
    shape = np.shape(dataset.images[0])
    colour = len(shape) == 3 and shape[-1] in (3, 4)
    ndim = len(shape) - colour
    if ndim not in (2, 3):
        raise ValueError(f"{dataset.name}: images (H, W), (H, W, 3) or volumes (D, H, W) are expected, got {shape}")
    of_classes = len(dataset.class_names) if dataset.task != "regression" else 1
    names = (values,) if isinstance(values, str) else tuple(values)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return networks.ResidualNet(
            depth,
            in_channels=shape[-1] if colour else 1,
            classes=of_classes + len(names),
            width=width,
            stride=2 if max(shape[:ndim]) >= (FLAT if ndim == 2 else DEEP) else 1,
            ndim=ndim,
        )
