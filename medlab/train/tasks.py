"""What each kind of task asks of a network's outputs: its loss, its probabilities, its score."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from medlab import metrics
from medlab.train.recipe import Recipe

CLASSES_EXCLUDE = ("binary", "multiclass", "ordinal")


def losses(
    outputs: Tensor, labels: Tensor, values: Tensor, recipe: Recipe, *, smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """The loss of each image: that of its classes, and that of its values (summed, 0 where one is not known).

    Classes that exclude each other: cross-entropy. Ordered ones: the mean over all cuts of the cross-entropy of "above
    the cut", which punishes a neighbour less than the far end. Labels that do not: the mean cross-entropy of each.
    Values: Huber's loss in units of their spread.

    Args:
        outputs: (n, K + V) of the network.
        labels: (n,) classes, (n, K) for "multilabel", ignored for "regression".
        values: (n, V) in units of their spread, NaN where not known.
        smoothing: How much of each label is spread over all classes, 0 to below 1.
    """
    classes, numbers = recipe.split(outputs.float())
    of_classes = torch.zeros(len(outputs), device=outputs.device)
    if recipe.task in ("binary", "multiclass"):
        of_classes = functional.cross_entropy(classes, labels, reduction="none", label_smoothing=smoothing)
    elif recipe.task == "ordinal":
        cuts, logs = range(1, classes.shape[1]), torch.log_softmax(classes, 1)
        above, below = (
            torch.stack([part.logsumexp(1) for part in parts], 1)
            for parts in ([logs[:, cut:] for cut in cuts], [logs[:, :cut] for cut in cuts])
        )
        truth = (labels[:, None] >= torch.tensor(cuts, device=labels.device)).float()
        truth = truth * (1 - smoothing) + smoothing / 2
        of_classes = -(truth * above + (1 - truth) * below).mean(1)
    elif recipe.task == "multilabel":
        truth = labels.float() * (1 - smoothing) + smoothing / 2
        of_classes = functional.binary_cross_entropy_with_logits(classes, truth, reduction="none").mean(1)
    known = values.isfinite()
    error = functional.huber_loss(numbers, torch.where(known, values, numbers.detach()), reduction="none")
    return of_classes, (error * known).sum(1)


def weights_of(labels: np.ndarray, recipe: Recipe, class_weights: str | Sequence[float] | None) -> np.ndarray:
    """How much each image counts: (N,) with mean 1 over the images; all alike for None.

    Raises:
        ValueError: If the weights do not fit the classes, or the task has no classes that exclude each other.
    """
    if class_weights is None:
        return np.ones(len(labels))
    if recipe.task not in CLASSES_EXCLUDE:
        raise ValueError(f"class_weights are for tasks whose classes exclude each other, this one is {recipe.task!r}")
    k = len(recipe.class_names)
    if isinstance(class_weights, str):
        if class_weights != "balanced":
            raise ValueError(f'class_weights must be "balanced", one number a class, or None, got {class_weights!r}')
        counts = np.bincount(labels, minlength=k)
        by_class = np.where(counts > 0, len(labels) / np.maximum(counts, 1), 0.0)
    else:
        by_class = np.asarray(class_weights, float)
        if by_class.shape != (k,) or not (np.isfinite(by_class).all() and (by_class >= 0).all() and by_class.any()):
            raise ValueError(f"class_weights must be {k} numbers from 0, one a class, got {class_weights}")
    of_image = by_class[labels]
    return of_image / of_image.mean()


def answers(outputs: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Probabilities (n, K), and values (n, V) in their own unit."""
    classes, numbers = recipe.split(outputs.float())
    said = torch.sigmoid(classes) if recipe.task == "multilabel" else torch.softmax(classes, 1)
    mean, sd = (
        torch.tensor(v, device=numbers.device, dtype=torch.float32) for v in (recipe.value_mean, recipe.value_sd)
    )
    return said, numbers * sd + mean


def score_name(recipe: Recipe) -> str:
    """What a validation score is called."""
    return "auc" if recipe.class_names else "mae"


def score(
    probabilities: np.ndarray, values: np.ndarray, labels: np.ndarray, truths: np.ndarray, recipe: Recipe
) -> float:
    """AUC of the classes, or the mean absolute error of the first value, in its unit."""
    if recipe.class_names:
        return float(metrics.auc(labels, of_class_1(probabilities, recipe)))
    known = np.isfinite(truths[:, 0])
    return float(metrics.mae(truths[known, 0], values[known, 0])) if known.any() else float("nan")


def of_class_1(probabilities: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Probabilities as metrics take them: (N,) of class 1 for two classes, (N, K) beyond."""
    return probabilities[:, 1] if recipe.task == "binary" else probabilities


def targets(dataset: Any, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) or (N, K), and values (N, V) in their own unit.

    Raises:
        ValueError: If a value is no column of the table, or holds no numbers.
    """
    labels = np.asarray(dataset.labels)
    columns = []
    for i, name in enumerate(recipe.values):
        if recipe.task == "regression" and i == 0:
            columns.append(labels.astype(float))
            continue
        table = dataset.table
        if table is None or name not in table.columns:
            raise ValueError(f"{dataset.name}: values={name!r} is no column of its table" + _columns(table))
        try:
            column = table[name].to_numpy(float)
        except (TypeError, ValueError):
            raise ValueError(f"{dataset.name}: the column {name!r} does not hold numbers") from None
        columns.append(column)
    values = np.stack(columns, 1) if columns else np.empty((len(labels), 0))
    if recipe.task == "regression":
        labels = np.zeros(len(labels), np.int64)
    return labels, values


def _columns(table: Any) -> str:
    return "; it has no table" if table is None else f"; there are {', '.join(map(str, table.columns))}"
