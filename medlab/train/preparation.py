"""What a trained network must know besides its weights: how pictures go in, and what its outputs mean."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from medlab import metrics

CLASSES_EXCLUDE = ("binary", "multiclass", "ordinal")  # tasks in which an image has one class
SCALES = ("image", "train")
EMPTY = 1e-6  # a picture of one value is not divided by a spread of 0


@dataclass(frozen=True)
class Preparation:
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

    def scaled(self, pictures: Tensor, *, change: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """(N, C, ...) pixel values of any type as float32 on the scale that the network was trained with.

        Args:
            pictures: As the data set holds them, channels first.
            change: Augmentation of the scaled pictures; those scaled one by one are scaled again after it.
        """
        x = pictures.float()
        if self.clip is not None:
            x = x.clamp(*self.clip)
        if self.scale == "image":
            return _each_by_itself(x) if change is None else _each_by_itself(change(_each_by_itself(x)))
        shape = (1, -1) + (1,) * (x.ndim - 2)
        mean, sd = (torch.tensor(v, device=x.device).view(shape) for v in (self.mean, self.sd))
        x = (x - mean) / (sd + EMPTY)
        return x if change is None else change(x)

    def losses(
        self, outputs: Tensor, labels: Tensor, values: Tensor, *, smoothing: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """The loss of each image: that of its classes, and that of its values (summed, 0 where one is not known).

        Classes that exclude each other: cross-entropy. Ordered ones: the mean over all cuts of the cross-entropy of
        "above the cut", which punishes a neighbour less than the far end. Labels that do not: the mean cross-entropy of
        each. Values: Huber's loss in units of their spread.

        Args:
            outputs: (n, K + V) of the network.
            labels: (n,) classes, (n, K) for "multilabel", ignored for "regression".
            values: (n, V) in units of their spread, NaN where not known.
            smoothing: How much of each label is spread over all classes, 0 to below 1.
        """
        classes, numbers = self.split(outputs.float())
        of_classes = torch.zeros(len(outputs), device=outputs.device)
        if self.task in ("binary", "multiclass"):
            of_classes = functional.cross_entropy(classes, labels, reduction="none", label_smoothing=smoothing)
        elif self.task == "ordinal":
            cuts, logs = range(1, classes.shape[1]), torch.log_softmax(classes, 1)
            above = torch.stack([logs[:, cut:].logsumexp(1) for cut in cuts], 1)
            below = torch.stack([logs[:, :cut].logsumexp(1) for cut in cuts], 1)
            truth = (labels[:, None] >= torch.tensor(cuts, device=labels.device)).float()
            truth = truth * (1 - smoothing) + smoothing / 2
            of_classes = -(truth * above + (1 - truth) * below).mean(1)
        elif self.task == "multilabel":
            truth = labels.float() * (1 - smoothing) + smoothing / 2
            of_classes = functional.binary_cross_entropy_with_logits(classes, truth, reduction="none").mean(1)
        known = values.isfinite()
        error = functional.huber_loss(numbers, torch.where(known, values, numbers.detach()), reduction="none")
        return of_classes, (error * known).sum(1)

    def answers(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (n, K), and values (n, V) in their own unit."""
        classes, numbers = self.split(outputs.float())
        probabilities = torch.sigmoid(classes) if self.task == "multilabel" else torch.softmax(classes, 1)
        mean, sd = (torch.tensor(v, device=numbers.device).float() for v in (self.value_mean, self.value_sd))
        return probabilities, numbers * sd + mean

    def of_class_1(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities as metrics take them: (N,) of class 1 for two classes, (N, K) beyond."""
        return probabilities[:, 1] if self.task == "binary" else probabilities

    def score(self, outputs: Tensor, labels: np.ndarray, truths: np.ndarray) -> dict[str, float]:
        """Of validation images: AUC of the classes, or the mean absolute error of the first value, in its unit."""
        probabilities, values = (part.cpu().numpy() for part in self.answers(outputs))
        if self.class_names:
            return {"val_auc": float(metrics.auc(labels, self.of_class_1(probabilities)))}
        return {"val_mae": float(metrics.mae(truths[:, 0], values[:, 0]))}


def _each_by_itself(images: Tensor) -> Tensor:
    """Each image minus its own mean, divided by its own spread."""
    axes = tuple(range(1, images.ndim))
    x = images - images.mean(axes, keepdim=True)
    return x / (x.square().mean(axes, keepdim=True).sqrt() + EMPTY)  # several times faster than torch.std


def preparation_of(model: nn.Module) -> Preparation:
    """What `fit` or `load` gave a model; without it, the classes of an untrained model are numbered.

    Raises:
        ValueError: If the model has not as many outputs as that asks for.
    """
    preparation = getattr(model, "preparation", None)
    if not isinstance(preparation, Preparation):
        return Preparation("multiclass", tuple(str(k) for k in range(shape_of(model)[2])))
    check_outputs(model, preparation, "its preparation")
    return preparation


def check_outputs(model: nn.Module, preparation: Preparation, name: str) -> None:
    """The network must give one number a class and one a value."""
    outputs = shape_of(model)[2]
    if outputs != preparation.outputs:
        names = ", ".join(preparation.class_names + preparation.values)
        raise ValueError(
            f"the network has {outputs} outputs, {name} needs {preparation.outputs} ({names}): "
            f"build it with classes={preparation.outputs}"
        )


def shape_of(model: nn.Module) -> tuple[int, int, int]:
    """What a network takes and gives: channels, axes (2 for pictures, 3 for volumes), outputs.

    Raises:
        ValueError: If it does not say so.
    """
    try:
        return model.in_channels, getattr(model, "ndim", 2), model.classes
    except AttributeError:
        raise ValueError(
            f"{type(model).__name__} does not say what it takes and gives: set model.in_channels and model.classes, "
            "the numbers of its channels and outputs, and model.ndim = 3 where it takes volumes"
        ) from None
