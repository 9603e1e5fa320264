"""What `fit` is asked for, checked before anything is computed, and the recipe that follows from the training data."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from medlab.data import Dataset, LeakError
from medlab.train import tasks
from medlab.train.augment import Augment
from medlab.train.batches import as_array
from medlab.train.recipe import SCALES, Recipe, axes_of, channels_of, outputs_of, statistics, with_channels

KNOWN = {"optimizer": ("adamw", "sgd"), "schedule": ("one-cycle", "constant"), "keep": ("best", "last")}
LEARNING_RATE = {"adamw": 3e-3, "sgd": 0.1}
# AdamW multiplies its weight decay by the learning rate, SGD adds it to the gradient
WEIGHT_DECAY = {"adamw": 0.05, "sgd": 5e-4}


@dataclass(frozen=True)
class Options:
    """The settings of one training; `fit` says what each means."""

    epochs: int
    seed: int = 0
    dtype: torch.dtype | None = None
    batch_size: int | None = None
    optimizer: str = "adamw"
    lr: float | None = None
    weight_decay: float | None = None
    schedule: str = "one-cycle"
    label_smoothing: float = 0.0
    class_weights: str | Sequence[float] | None = None
    augment: Augment | bool = True
    average: float = 0.99
    values: Sequence[str] = ()
    scale: str | None = None
    clip: tuple[float, float] | None = None
    keep: str = "best"

    def __post_init__(self) -> None:
        for name, known in {**KNOWN, "scale": (*SCALES, "keep", None)}.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(map(str, known))}, got {getattr(self, name)!r}")
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if value is not None and not (whole and value >= 1):
                raise ValueError(f"{name} must be a whole number from 1, got {value!r}")
        for name in ("label_smoothing", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and below 1, got {getattr(self, name)}")
        if self.lr is not None and not (math.isfinite(self.lr) and self.lr > 0):
            raise ValueError(f"lr must be above 0, got {self.lr}")
        if self.weight_decay is not None and not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError(f"weight_decay must be 0 or more, got {self.weight_decay}")
        if not isinstance(self.seed, (int, np.integer)) or self.seed < 0:
            raise ValueError(f"seed must be a whole number from 0, got {self.seed!r}")
        if self.dtype is not None and not (isinstance(self.dtype, torch.dtype) and self.dtype.is_floating_point):
            raise ValueError(f"dtype must be torch.bfloat16 or another type of floating point, got {self.dtype!r}")
        if not isinstance(self.augment, (bool, Augment)):
            raise ValueError(f"augment must be True, False or train.Augment(...), got {self.augment!r}")
        if self.clip is not None and self.scale == "keep":
            raise ValueError('scale="keep" keeps the clip of the former training, too; leave clip out')
        if self.clip is not None and not (len(self.clip) == 2 and self.clip[0] < self.clip[1]):
            raise ValueError(f"clip must be a lowest and a highest pixel value, got {self.clip}")

    def settled(self, train: Dataset) -> "Options":
        """With everything that depends on the training data decided."""
        values = (self.values,) if isinstance(self.values, str) else tuple(self.values)
        augment = self.augment
        if augment is True:  # a size that is to be learned must not be changed
            augment = Augment(scale=0) if values or train.task == "regression" else Augment()
        return replace(
            self,
            values=values,
            augment=augment,
            lr=float(self.lr or LEARNING_RATE[self.optimizer]),  # a NumPy number does not go into a checkpoint
            weight_decay=WEIGHT_DECAY[self.optimizer] if self.weight_decay is None else float(self.weight_decay),
            batch_size=_batch_size(self.batch_size, len(train)),
            clip=None if self.clip is None else (float(self.clip[0]), float(self.clip[1])),
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON, and to compare."""
        found = {
            name: value for name, value in asdict(self).items() if name not in ("dtype", "class_weights", "values")
        }
        weights = self.class_weights
        found["class_weights"] = weights if weights is None or isinstance(weights, str) else [float(w) for w in weights]
        found |= {"dtype": str(self.dtype).removeprefix("torch."), "values": list(self.values)}
        return json.loads(json.dumps(found, default=float))  # NumPy's numbers become plain ones


def recipe_for(model: nn.Module, train: Dataset, options: Options) -> Recipe:
    """How to feed and read the network, with the statistics of the training data."""
    channels, ndim = channels_of(model), axes_of(model)
    images = as_array(train.images)
    with_channels(images, channels=channels, ndim=ndim)
    of_classes = train.task != "regression"
    names = options.values if of_classes else (train.name or "value", *options.values)
    if options.scale == "keep":
        return _kept(model, train, names)
    scale = options.scale or ("image" if images.dtype == np.uint8 and channels == 1 else "train")
    recipe = Recipe(train.task, train.class_names if of_classes else (), names, scale=scale, clip=options.clip)
    if names:
        truths = tasks.targets(train, recipe)[1]
        unknown = [name for name, known in zip(names, np.isfinite(truths).any(0), strict=True) if not known]
        if unknown:
            raise ValueError(f"{train.name}: no number in the column {unknown[0]!r} is known")
        mean, sd = np.nanmean(truths, 0), np.nanstd(truths, 0)
        recipe = replace(recipe, value_mean=tuple(mean.tolist()), value_sd=tuple(np.where(sd > 0, sd, 1.0).tolist()))
    if scale == "train":
        mean, sd = statistics(images, channels=channels, ndim=ndim, clip=options.clip)
        recipe = replace(recipe, mean=mean, sd=sd)
    return recipe


def _kept(model: nn.Module, train: Dataset, names: tuple[str, ...]) -> Recipe:
    """The recipe of the former training, for other labels of the same kind."""
    old = getattr(model, "recipe", None)
    if not isinstance(old, Recipe):
        raise ValueError('scale="keep" is for a network that was trained before; this one was not')
    if len(names) != len(old.values):
        raise ValueError(f'scale="keep": the network learned {len(old.values)} values, now there are {len(names)}')
    return replace(
        old, task=train.task, class_names=train.class_names if train.task != "regression" else (), values=names
    )


def check_data(train: Dataset, val: Dataset) -> None:
    """Errors in the data that would spoil a training, said before it begins."""
    if not len(train):
        raise ValueError("train is empty: there are no images to learn from")
    if not len(val):
        raise ValueError("val is empty: without validation images no epoch can be chosen; see data.split")
    if train.task != val.task or train.class_names != val.class_names:
        raise ValueError(f"train and val are different tasks: {train!r} and {val!r}")
    if train.patients is not None and val.patients is not None:
        shared = np.intersect1d(train.patients, val.patients)
        if len(shared):
            raise LeakError(f"{len(shared)} patients are in train and in val ({', '.join(shared[:3])}); see data.split")
    for part in (train, val):
        _check_labels(part)
    if train.task in tasks.CLASSES_EXCLUDE and len(np.unique(train.labels)) < 2:
        only = train.class_names[int(train.labels[0])]
        raise ValueError(f"train has one class only ({only}): there is nothing to tell apart")


def check_outputs(model: nn.Module, recipe: Recipe, name: str) -> None:
    """The network must give one number a class and one a value."""
    if outputs_of(model) == recipe.outputs:
        return
    parts = [f"{len(recipe.class_names)} classes"] * bool(recipe.class_names)
    parts += [f"{len(recipe.values)} values ({', '.join(recipe.values)})"] * bool(recipe.values)
    raise ValueError(
        f"the network has {outputs_of(model)} outputs, {name} needs {' and '.join(parts)}: "
        f"build it with classes={recipe.outputs}"
    )


def _check_labels(part: Dataset) -> None:
    """A Dataset checks its labels when it is made; they may have been changed since."""
    labels = np.asarray(part.labels)
    if part.task == "regression":
        if not np.isfinite(labels.astype(float)).all():
            raise ValueError(f"{part.name}: some labels are NaN or infinite")
        return
    top = 1 if part.task == "multilabel" else len(part.class_names) - 1
    if labels.min() < 0 or labels.max() > top:
        raise ValueError(f"{part.name}: labels run from {labels.min()} to {labels.max()}, allowed are 0 to {top}")


def _batch_size(wanted: int | None, n: int) -> int:
    """128, or for few images a power of two that leaves at least 8 steps an epoch where it can."""
    if wanted is None:
        return min(n, max(8, min(128, 2 ** int(math.log2(max(1, n // 8))))))
    if wanted > n:
        raise ValueError(f"batch_size {wanted} is larger than the training data of {n} images")
    return int(wanted)
