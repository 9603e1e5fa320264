"""Train a network: learn from one data set, judge every epoch on another, and end with the best weights."""

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from medlab.data import Dataset
from medlab.train import checkpoint, tasks
from medlab.train.augment import Augment
from medlab.train.options import Options, check_data
from medlab.train.processes import pick_device
from medlab.train.run import Data, Run, own_randomness

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class History:
    """What happened in a training.

    Args:
        table: One row an epoch: epoch (from 1), train_loss, val_loss, val_auc (or val_mae), lr, seconds.
        best_epoch: The epoch whose weights the model has now; 0 if it was stopped before the first was done.
        interrupted: Whether it was stopped by hand before its last epoch.
    """

    table: "pandas.DataFrame"
    best_epoch: int
    interrupted: bool = False


def fit(
    model: nn.Module,
    train: Dataset,
    val: Dataset,
    *,
    epochs: int,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    resume: str | Path | None = None,
    batch_size: int | None = None,
    optimizer: str = "adamw",
    lr: float | None = None,
    weight_decay: float | None = None,
    schedule: str = "one-cycle",
    label_smoothing: float = 0.0,
    class_weights: str | Sequence[float] | None = None,
    augment: Augment | bool = True,
    average: float = 0.99,
    values: Sequence[str] = (),
    scale: str | None = None,
    clip: tuple[float, float] | None = None,
    keep: str = "best",
    device: str | torch.device | None = None,
    progress: bool = True,
) -> History:
    """Train a network on one data set, judge it after every epoch on another, and leave it with its best weights.

    The images stay in memory as they are (or on the disk where they are memory-mapped); batches are scaled and
    augmented as tensors on the device. The same seed gives the same bytes on the same machine with the same number of
    threads. Started by `torchrun`, the processes share every batch and end with one result.

    Stopping it by hand (Ctrl-C, the square button of a notebook) leaves the best weights so far in the model.

    Args:
        model: Any network that gives (N, K + V) outputs for K classes and V values, such as those of
            `medlab.networks`; the weights it has are where the training starts.
        train: What to learn from.
        val: What the epoch is chosen on; its patients must not be in `train`.
        epochs: How often every training image is seen.
        seed: Of the order of the images, their augmentation and dropout (the first weights are the model's own).
        dtype: torch.bfloat16 computes in half the bits where the processor is faster so; None in float32.
        resume: A file for the state after each epoch; if it is there, the training goes on from it, and ends with the
            weights that it would have had undisturbed. Made for other settings or data, it is refused.
        batch_size: Images a step; None takes 128, fewer where there are few images. What is left over sits out.
        optimizer: "adamw" or "sgd" (with Nesterov's momentum 0.9).
        lr: Highest learning rate; None takes 0.003 for AdamW and 0.1 for SGD.
        weight_decay: Of weights with two or more axes (norms and biases have none); None takes 0.05 for AdamW and
            0.0005 for SGD.
        schedule: "one-cycle" rises for a quarter of the steps and falls to 0; "constant".
        label_smoothing: How much of each label is spread over all classes, 0 to below 1.
        class_weights: "balanced" counts each class as much as any other, or one number a class.
        augment: What may happen to a training image; False leaves them as they are.
        average: Each step's averaged weights keep this share of the former ones; they are what is judged and kept. 0
            takes the weights themselves.
        values: Columns of the tables that are learned as numbers beside the classes; NaN where not known.
        scale: "image" or "train", see `Recipe`; "keep", for fine-tuning, as in the network's former training, the units
            of its values included. None takes "image" for grey bytes and "train" otherwise.
        clip: Lowest and highest pixel value that counts (a window in HU).
        keep: "best" keeps the epoch with the lowest validation loss, "last" the last one.
        device: None takes a GPU where there is one.
        progress: Whether to show a bar with loss and AUC.

    Raises:
        ValueError: If data and network do not fit, a label is out of range, there is one class only, a batch is larger
            than the data, the validation set is empty, or an option is not known.
        LeakError: If a patient is in both sets.
        FloatingPointError: If the loss is not a number any more; the model then has the best weights so far, those it
            came with where no epoch was done.
    """
    options = Options(
        epochs=epochs, seed=seed, dtype=dtype, batch_size=batch_size, optimizer=optimizer, lr=lr,
        weight_decay=weight_decay, schedule=schedule, label_smoothing=label_smoothing, class_weights=class_weights,
        augment=augment, average=average, values=values, scale=scale, clip=clip, keep=keep,
    )  # fmt: skip
    check_data(train, val)
    run = Run(model, train, options, device=pick_device(device))
    judged = Data(val, run.recipe, model, run.device)
    path = None if resume is None else Path(resume)
    settings = run.options.as_dict() | {
        "recipe": repr(run.recipe),
        "network": _names(model),
        "data": run.data.fingerprint() + judged.fingerprint(),
    }
    state = None if path is None else checkpoint.read(path, settings)
    if state is not None:
        run.restore(state)
    interrupted = False
    bar = _bar(run) if progress and run.team.rank == 0 else None
    try:
        with own_randomness(run.device):
            for epoch in range(len(run.rows) + 1, epochs + 1):
                start = time.perf_counter()
                run.epoch(epoch, bar and bar.update)
                row = run.judge(judged)
                row["seconds"] = time.perf_counter() - start
                if bar is not None:
                    bar.set_postfix_str(_said(row, run))
                if path is not None:
                    if run.team.rank == 0:
                        checkpoint.write(path, run.state(), settings)
                    run.team.wait()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        run.finish()
        model.recipe = run.recipe
        model.trained_on = _described(train, val, run)
        if bar is not None:
            bar.close()
    return History(run.table(), run.best["epoch"], interrupted)


def _bar(run: Run):
    """Progress over all epochs as one line of plain text, which lasts in reports."""
    from tqdm import tqdm

    done, total = len(run.rows) * run.steps, run.options.epochs * run.steps
    return tqdm(total=total, initial=done, unit="step", mininterval=0.5, desc="train")


def _said(row: dict[str, float], run: Run) -> str:
    name = tasks.score_name(run.recipe)
    return f"epoch {row['epoch']}, loss {row['val_loss']:.3f}, {name} {row[f'val_{name}']:.3f}"


def _names(model: nn.Module) -> str:
    """The weights by name and shape, and which are frozen, to notice another network."""
    text = ";".join(f"{name}{tuple(tensor.shape)}" for name, tensor in model.state_dict().items())
    text += ";".join(name for name, weight in model.named_parameters() if not weight.requires_grad)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _described(train: Dataset, val: Dataset, run: Run) -> dict[str, Any]:
    """What the card says of the training."""
    best = [row for row in run.rows if row["epoch"] == run.best["epoch"]]
    reached = {"epoch": run.best["epoch"]} | {k: v for row in best for k, v in row.items() if k.startswith("val_")}
    reached = {k: v if math.isfinite(v) else None for k, v in reached.items()}  # a card holds no NaN
    about = {"licence": train.licence, "citation": train.citation, "checksum": train.checksum}
    data = {"train": repr(train), "val": repr(val)} | {name: text for name, text in about.items() if text}
    return {"data": data, "settings": run.options.as_dict(), "metrics": reached}
