"""What a trained network says about images, and how good that is."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from medlab import metrics
from medlab.data import Dataset
from medlab.train.examples import Batches, as_pictures, targets
from medlab.train.preparation import Preparation, preparation_of
from medlab.train.processes import ALONE, Team

PIECE = 256  # images at once
MOVES = ((0, 1, 0, 0), (6, 1.1, 1, 1), (-6, 1.1, -1, -1), (6, 0.93, -1, 1), (-6, 0.93, 1, -1))  # turn, zoom, x, y
STEP = 0.036  # of the side, for x and y: 1 pixel of 28


def predict(
    model: nn.Module,
    images: Any,
    *,
    flips: bool = False,
    moves: bool = False,
    dtype: torch.dtype | None = None,
    batch_size: int = PIECE,
) -> np.ndarray | dict[str, np.ndarray]:
    """Probabilities of the classes for each image, or the values.

    Args:
        model: A network after `fit` or `load`. One that was never trained gives softmax probabilities of numbered
            classes.
        images: (N, H, W) grey, (N, H, W, C) colour, (N, C, H, W) slices as channels, (N, D, H, W) volumes; a Dataset.
        flips: Average over the image and its mirror along x (volumes: over mirrors along all axes), where the label
            does not know left from right.
        moves: Average over the image and four copies of it, slightly turned, zoomed and shifted. Not for volumes, nor
            for a network that learned a size.
        dtype: torch.bfloat16 computes in half the bits.
        batch_size: Images at once; fewer take less memory.

    Returns:
        (N, K) probabilities, float32; (N,) for a regression; for a network with classes and values a dict with
        "probabilities" (N, K) and (N,) under the name of each value.

    Raises:
        ValueError: If the images do not fit the network.
    """
    preparation = preparation_of(model)
    images = as_pictures(images.images if isinstance(images, Dataset) else images, model)
    batches = Batches(images, next(model.parameters(), torch.empty(0)).device)
    answers = []
    for view in _views(images.ndim - 2, flips=flips, moves=moves):
        outputs = outputs_for(model, batches, preparation, view=view, dtype=dtype, batch_size=batch_size)
        answers.append(preparation.answers(outputs))
    probabilities, values = (sum(p / len(answers) for p in parts).cpu().numpy() for parts in zip(*answers, strict=True))
    named = {name: values[:, i] for i, name in enumerate(preparation.values)}
    if preparation.class_names:
        return {"probabilities": probabilities} | named if named else probabilities
    return values[:, 0] if len(named) == 1 else named


def evaluate(
    model: nn.Module, dataset: Dataset, *, flips: bool = False, moves: bool = False, n: int = 2000, seed: int = 0
) -> dict[str, metrics.Interval]:
    """Every metric of a trained network on a data set, with its interval: by patient, or by image where none are known.

    Args:
        model: A network after `fit` or `load`.
        dataset: Images that it has not seen, with the labels of the same task.
        flips: As in `predict`.
        moves: As in `predict`.
        n: Bootstrap draws.
        seed: Where they start.

    Returns:
        Of classes the metrics of `metrics.evaluate` (auc, accuracy, recall, precision, f1, specificity, brier), of each
        value `mae_<name>`, in its unit; `mae` where there is one value and no class.

    Raises:
        ValueError: If task, classes or images do not fit the network.
    """
    preparation = preparation_of(model)
    names = () if dataset.task == "regression" else dataset.class_names
    if (dataset.task, names) != (preparation.task, preparation.class_names):
        raise ValueError(f"the network was trained for {preparation.task} {preparation.class_names}, "
                         f"{dataset.name} is {dataset.task} {dataset.class_names}")  # fmt: skip
    predicted = predict(model, dataset, flips=flips, moves=moves)
    if not isinstance(predicted, dict):
        predicted = {"probabilities" if preparation.class_names else preparation.values[0]: predicted}
    labels, truths = targets(dataset, preparation.values)
    table = {}
    if preparation.class_names:
        scores = preparation.of_class_1(predicted["probabilities"]).astype(float)
        table |= metrics.evaluate(labels, scores, groups=dataset.patients, n=n, seed=seed)
    for i, name in enumerate(preparation.values):
        known = np.isfinite(truths[:, i])
        groups = None if dataset.patients is None else dataset.patients[known]
        key = "mae" if len(preparation.values) == 1 and not preparation.class_names else f"mae_{name}"
        table[key] = metrics.interval(
            metrics.mae, truths[known, i], predicted[name][known].astype(float), groups=groups, n=n, seed=seed
        )
    return table


def outputs_for(
    model: nn.Module,
    images: Batches,
    preparation: Preparation,
    *,
    view: Callable[[Tensor], Tensor] = lambda images: images,
    team: Team = ALONE,
    dtype: torch.dtype | None = None,
    batch_size: int = PIECE,
) -> Tensor:
    """(N, K + V) outputs of a network for one way to look at the images; its mode is left as it was.

    With several processes each works on its share, and all get the whole.
    """
    result = torch.zeros(len(images), preparation.outputs, device=images.device)
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        mine = team.share(len(images))
        for start in range(mine.start, mine.stop, batch_size):
            rows = slice(start, min(start + batch_size, mine.stop))
            result[rows] = forward(model, view(preparation.scaled(images.take(rows))), dtype)
        team.sum(result)
    model.train(was_training)
    return result


def forward(model: nn.Module, pictures: Tensor, dtype: torch.dtype | None) -> Tensor:
    """(n, K + V) outputs, float32, for scaled pictures or volumes, computed in bits of `dtype`."""
    if pictures.ndim == 4:
        pictures = pictures.contiguous(memory_format=torch.channels_last)
    with torch.autocast(pictures.device.type, dtype) if dtype else nullcontext():
        return model(pictures).float()


def _views(ndim: int, *, flips: bool, moves: bool) -> list[Callable[[Tensor], Tensor]]:
    """Ways to look at a batch: mirrored (pictures: along x; volumes: along all axes), slightly moved, and both."""
    if moves and ndim == 3:
        raise ValueError("moves=True is for pictures; volumes can be mirrored: flips=True")
    axes = [()] if not flips else [(), (3,)] if ndim == 2 else [c for k in range(4) for c in combinations((2, 3, 4), k)]
    return [partial(_seen, mirror=mirror, move=move) for mirror in axes for move in (MOVES if moves else MOVES[:1])]


def _seen(images: Tensor, *, mirror: tuple[int, ...], move: tuple[float, float, float, float]) -> Tensor:
    """A batch, mirrored along some axes, then turned (degrees), zoomed and shifted (in steps)."""
    images = images.flip(mirror) if mirror else images
    if move == MOVES[0]:
        return images
    turn, zoom, x, y = math.radians(move[0]), move[1], 2 * STEP * move[2], 2 * STEP * move[3]
    high = images.shape[2] / images.shape[3]  # the turn is one of pixels, whatever the sides
    cos, sin = math.cos(turn) / zoom, math.sin(turn) / zoom
    rows = [[cos, -sin * high, x], [sin / high, cos, y]]
    matrix = torch.tensor(rows, device=images.device).expand(len(images), 2, 3)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
