"""What a trained network must know besides its weights: how pictures go in, and what its outputs mean."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

SCALES = ("image", "train")
EMPTY = 1e-6  # a picture of one value is not divided by a spread of 0


@dataclass(frozen=True)
class Recipe:
    """How a network is fed and read; `fit` attaches one to the model, `save` writes it into the card.

    Args:
        task: "binary", "multiclass", "multilabel", "ordinal" or "regression", as in a Dataset.
        class_names: Names of the classes in the order of the outputs; empty for "regression".
        values: Names of the numbers that are learned; their outputs come after those of the classes.
        value_mean: Mean of each in the training data; the network learns them in units of their spread.
        value_sd: Spread of each in the training data.
        scale: "image": each picture minus its own mean, divided by its own spread. "train": minus the mean of the
            training data and divided by their spread, channel by channel; this keeps Hounsfield units comparable.
        clip: Lowest and highest value that counts, applied first; None keeps all.
        mean: Mean of each channel in the training data, for "train".
        sd: Spread of each channel, for "train".
    """

    task: str
    class_names: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    value_mean: tuple[float, ...] = ()
    value_sd: tuple[float, ...] = ()
    scale: str = "image"
    clip: tuple[float, float] | None = None
    mean: tuple[float, ...] = ()
    sd: tuple[float, ...] = ()

    @property
    def outputs(self) -> int:
        """How many numbers the network must give."""
        return len(self.class_names) + len(self.values)

    def split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs of the classes, and those of the values."""
        k = len(self.class_names)
        return outputs[:, :k], outputs[:, k:]

    def scaled(self, pictures: Tensor) -> Tensor:
        """(N, C, ...) pixel values of any type as float32 on the scale that the network was trained with."""
        x = pictures.float()
        if self.clip is not None:
            x = x.clamp(*self.clip)
        if self.scale == "image":
            return standardised(x)
        shape = (1, -1) + (1,) * (x.ndim - 2)
        mean, sd = (torch.tensor(v, device=x.device).view(shape) for v in (self.mean, self.sd))
        return (x - mean) / (sd + EMPTY)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> "Recipe":
        """From JSON, where tuples are lists."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})


def standardised(images: Tensor) -> Tensor:
    """Each image minus its own mean, divided by its own spread."""
    axes = tuple(range(1, images.ndim))
    x = images - images.mean(axes, keepdim=True)
    return x / (x.square().mean(axes, keepdim=True).sqrt() + EMPTY)  # several times faster than torch.std


def recipe_of(model: nn.Module) -> Recipe:
    """The recipe that `fit` or `load` gave a model; without one, the classes of an untrained model are numbered."""
    found = getattr(model, "recipe", None)
    if isinstance(found, Recipe):
        return found
    return Recipe("multiclass", tuple(str(k) for k in range(outputs_of(model))))


def outputs_of(model: nn.Module) -> int:
    """How many numbers a model gives for each picture.

    Raises:
        ValueError: If it does not say so.
    """
    k = getattr(model, "classes", None)
    if not isinstance(k, int):
        raise ValueError(
            f"{type(model).__name__} does not say how many outputs it has; set model.classes to that number"
        )
    return k


def axes_of(model: nn.Module) -> int:
    """2 for a network that takes pictures, 3 for one that takes volumes."""
    ndim = getattr(model, "ndim", None)
    return ndim if ndim in (2, 3) else 3 if any(isinstance(m, nn.Conv3d) for m in model.modules()) else 2


def channels_of(model: nn.Module) -> int:
    """How many channels a model takes.

    Raises:
        ValueError: If that cannot be found.
    """
    said = getattr(model, "in_channels", None)
    if isinstance(said, int):
        return said
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)):
            return module.in_channels
    raise ValueError(f"{type(model).__name__} does not say how many channels it takes; set model.in_channels")


def with_channels(batch: np.ndarray | Tensor, *, channels: int, ndim: int) -> np.ndarray | Tensor:
    """A batch as (N, C, *axes), from grey (N, *axes), colour last (N, *axes, C), or slices as channels (N, C, *axes).

    Raises:
        ValueError: If the batch does not fit a network of that many channels and axes.
    """
    shape = tuple(batch.shape)
    if len(shape) == ndim + 1 and channels == 1:
        return batch[:, None]
    first, last = (len(shape) == ndim + 2 and shape[axis] == channels for axis in (1, -1))
    if last and (channels in (3, 4) or not first):  # as many slices as pixels a row: no colour, so they come first
        return np.moveaxis(batch, -1, 1) if isinstance(batch, np.ndarray) else batch.movedim(-1, 1)
    if first:
        return batch
    wanted = f"images of {ndim} axes with {channels} channel{'s' if channels > 1 else ''}"
    hint = ""
    if len(shape) == ndim or (len(shape) == ndim + 1 and channels in (shape[0], shape[-1])):
        hint = "; a single image needs a first axis: image[None]"
    elif len(shape) == 4 and ndim == 2 and channels == 1:
        hint = "; for volumes build the network with ndim=3, for colour with in_channels=3"
    elif len(shape) == ndim + 1:
        hint = "; for grey images build the network with in_channels=1"
    raise ValueError(f"the network takes {wanted}, got an array of shape {shape} (images first){hint}")


def statistics(images: Sequence, *, channels: int, ndim: int, clip: tuple[float, float] | None) -> tuple[tuple, tuple]:
    """Mean and spread of each channel, in float64, a piece at a time so that a memory-mapped file stays on the disk."""
    total, squares, count = np.zeros(channels), np.zeros(channels), 0
    for start in range(0, len(images), 256):
        piece = with_channels(np.asarray(images[start : start + 256]), channels=channels, ndim=ndim).astype(np.float64)
        piece = piece if clip is None else piece.clip(*clip)
        axes = (0, *range(2, piece.ndim))
        total += piece.sum(axes)
        squares += np.square(piece).sum(axes)
        count += piece.size // channels
    mean = total / count
    sd = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return tuple(mean.tolist()), tuple(sd.tolist())
