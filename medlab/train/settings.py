"""What `fit` is asked for, checked before anything is computed, and what follows from the training data."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from medlab import networks
from medlab.arguments import choice, number, whole
from medlab.data import Dataset, LeakError
from medlab.train.augment import Augment
from medlab.train.examples import targets
from medlab.train.preparation import CLASSES_EXCLUDE, SCALES, Preparation, check_outputs

NO_SETTINGS = ("model", "train", "val", "resume", "device", "progress")  # of what `fit` is given
LEARNING_RATE = {"adamw": 3e-3, "sgd": 0.1}
# AdamW multiplies its weight decay by the learning rate, SGD adds it to the gradient
WEIGHT_DECAY = {"adamw": 0.05, "sgd": 5e-4}
FLAT, DEEP = 64, 16  # sides in pixels from which the first convolution halves the image: 4 (8) times less to compute


def check_data(train: Dataset, val: Dataset) -> None:
    """Errors in the data that would spoil a training, said before it begins."""
    if not len(train):
        raise ValueError("train is empty: there are no images to learn from")
    if not len(val):
        raise ValueError("val is empty: without validation images no epoch can be chosen; see data.split")
    for part in (train, val):
        replace(part)  # a Dataset checks its labels when it is made; they may have been changed since
    if train.task != val.task or train.class_names != val.class_names:
        raise ValueError(f"train and val are different tasks: {train!r} and {val!r}")
    if train.patients is not None and val.patients is not None:
        shared = np.intersect1d(train.patients, val.patients)
        if len(shared):
            raise LeakError(f"{len(shared)} patients are in train and in val ({', '.join(shared[:3])}); see data.split")
    if train.task in CLASSES_EXCLUDE and len(np.unique(train.labels)) < 2:
        only = train.class_names[int(train.labels[0])]
        raise ValueError(f"train has one class only ({only}): there is nothing to tell apart")


def settled(given: Mapping[str, Any], train: Dataset) -> SimpleNamespace:
    """The options of `fit` by name, checked, and with everything decided that depends on the training data."""
    s = SimpleNamespace(**{name: value for name, value in given.items() if name not in NO_SETTINGS})
    s.epochs, s.seed = whole(s.epochs, "epochs", low=1), whole(s.seed, "seed")
    if s.batch_size is None:  # 128, or a power of two that leaves 8 steps an epoch where that is 8 or more
        s.batch_size = min(len(train), max(8, min(128, 2 ** int(math.log2(max(1, len(train) // 8))))))
    if whole(s.batch_size, "batch_size", low=1) > len(train):
        raise ValueError(f"batch_size {s.batch_size} is larger than the training data of {len(train)} images")
    s.batch_size = int(s.batch_size)
    choice(s.optimizer, "optimizer", LEARNING_RATE)
    choice(s.schedule, "schedule", ("one-cycle", "constant"))
    choice(s.keep, "keep", ("best", "last"))
    choice(s.scale, "scale", (*SCALES, "keep", None))
    s.lr = number(LEARNING_RATE[s.optimizer] if s.lr is None else s.lr, "lr", above=0)
    decay = WEIGHT_DECAY[s.optimizer] if s.weight_decay is None else s.weight_decay
    s.weight_decay = number(decay, "weight_decay", low=0)
    s.label_smoothing = number(s.label_smoothing, "label_smoothing", low=0, below=1)
    s.average = number(s.average, "average", low=0, below=1)
    if s.dtype is not None and not (isinstance(s.dtype, torch.dtype) and s.dtype.is_floating_point):
        raise ValueError(f"dtype must be torch.bfloat16 or another type of floating point, got {s.dtype!r}")
    if s.clip is not None:
        if s.scale == "keep":
            raise ValueError('scale="keep" keeps the clip of the former training, too; leave clip out')
        if not (len(s.clip) == 2 and s.clip[0] < s.clip[1]):
            raise ValueError(f"clip must be a lowest and a highest pixel value, got {s.clip}")
        s.clip = (float(s.clip[0]), float(s.clip[1]))
    s.values = (s.values,) if isinstance(s.values, str) else tuple(s.values)
    if not isinstance(s.augment, (bool, Augment)):
        raise ValueError(f"augment must be True, False or train.Augment(...), got {s.augment!r}")
    if s.augment is True:  # a size that is to be learned must not be changed
        s.augment = Augment(scale=0) if s.values or train.task == "regression" else Augment()
    return s


def as_json(settings: SimpleNamespace) -> dict[str, Any]:
    """Settings as plain values: for the card of a model, and to compare with those of a checkpoint."""

    def plain(value: Any) -> Any:
        return asdict(value) if isinstance(value, Augment) else str(value)

    return json.loads(json.dumps(vars(settings), default=plain))


def preparation_for(model: nn.Module, train: Dataset, images: np.ndarray, settings: SimpleNamespace) -> Preparation:
    """How to feed and read the network, with the statistics of the training images (N, C, *axes) and values."""
    class_names, values = train.class_names, settings.values
    if train.task == "regression":
        class_names, values = (), (train.name or "value", *values)
    if settings.scale == "keep":
        preparation = getattr(model, "preparation", None)
        if not isinstance(preparation, Preparation):
            raise ValueError('scale="keep" is for a network that was trained before; this one was not')
        if len(values) != len(preparation.values):
            before = len(preparation.values)
            raise ValueError(f'scale="keep": the network learned {before} values, now there are {len(values)}')
        preparation = replace(preparation, task=train.task, class_names=class_names, values=values)
    else:
        scale = settings.scale or ("image" if images.dtype == np.uint8 and images.shape[1] == 1 else "train")
        truths = targets(train, values)[1]
        for name, known in zip(values, np.isfinite(truths).any(0), strict=True):
            if not known:
                raise ValueError(f"{train.name}: no number in the column {name!r} is known")
        value_mean, value_sd = np.nanmean(truths, 0), np.nanstd(truths, 0)
        mean, sd = _statistics(images, settings.clip) if scale == "train" else ((), ())
        value_sd = np.where(value_sd > 0, value_sd, 1.0)
        units = {"value_mean": tuple(value_mean.tolist()), "value_sd": tuple(value_sd.tolist())}
        preparation = Preparation(
            train.task, class_names, values, scale=scale, clip=settings.clip, mean=mean, sd=sd, **units
        )
    check_outputs(model, preparation, train.name)
    return preparation


def _statistics(images: np.ndarray, clip: tuple[float, float] | None) -> tuple[tuple, tuple]:
    """Mean and spread of each channel, in float64, a piece at a time so that a memory-mapped file stays on the disk."""
    axes = (0, *range(2, images.ndim))
    total, squares = np.zeros(images.shape[1]), np.zeros(images.shape[1])
    for start in range(0, len(images), 256):
        piece = np.asarray(images[start : start + 256]).astype(np.float64)
        piece = piece if clip is None else piece.clip(*clip)
        total += piece.sum(axes)
        squares += np.square(piece).sum(axes)
    mean, square = (part / (images.size / images.shape[1]) for part in (total, squares))
    return tuple(mean.tolist()), tuple(np.sqrt(np.maximum(square - mean**2, 0)).tolist())


def network(dataset: Dataset, *, seed: int = 0) -> networks.ResidualNet:
    """A small residual network to begin with, that fits a data set: its axes, its channels, its classes.

    Grey images (H, W) and colour images (H, W, 3) get a network for images, volumes (D, H, W) one for volumes.

    Args:
        dataset: Images of one size, with task and classes.
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
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return networks.ResidualNet(
            in_channels=shape[-1] if colour else 1,
            classes=1 if dataset.task == "regression" else len(dataset.class_names),
            stride=2 if max(shape[:ndim]) >= (FLAT if ndim == 2 else DEEP) else 1,
            ndim=ndim,
        )
