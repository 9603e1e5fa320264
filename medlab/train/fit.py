"""Train a network: learn from one data set, judge every epoch on another, and end with the best weights."""

import copy
import hashlib
import inspect
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from medlab.arguments import number, whole
from medlab.data import Dataset
from medlab.train.augment import Augment
from medlab.train.examples import Examples, as_pictures
from medlab.train.files import read_checkpoint, write_checkpoint
from medlab.train.processes import pick_device
from medlab.train.settings import as_json, check_data
from medlab.train.training import Training, own_randomness

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class History:
    """What happened in a training.

    Args:
        table: One row an epoch: epoch (from 1), train_loss, val_loss, val_auc (or val_mae), lr, seconds.
        best_epoch: The epoch whose weights the model has now; 0, those it came with, if it was stopped before the first
            was done.
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
    class_weights: str | None = None,
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
    threads. Started by `torchrun`, the processes share every batch and end with one result: that of one process, but
    for dropout, which each process draws for itself, and batch normalisation.

    Stopping it by hand (Ctrl-C, the square button of a notebook) leaves the best weights so far in the model, those it
    came with where no epoch was done.

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
        class_weights: "balanced" counts each class as much as any other; None counts each image alike.
        augment: What may happen to a training image; False leaves them as they are.
        average: Each step's averaged weights keep this share of the former ones; they are what is judged and kept. 0
            takes the weights themselves.
        values: Columns of the tables that are learned as numbers beside the classes; NaN where not known.
        scale: "image" or "train", see `Preparation`; "keep", for fine-tuning, as in the network's former training, the
            units of its values included. None takes "image" for grey bytes and "train" otherwise.
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
    given = dict(locals())  # every option by its name, taken before there are other locals
    import pandas
    from tqdm import tqdm

    check_data(train, val)
    training = Training(model, train, given, pick_device(device))
    judged = Examples(as_pictures(val.images, model), val, training.preparation, training.device)
    if resume is not None:
        belongs_to = as_json(training.settings) | {
            "preparation": repr(training.preparation),
            "network": _fingerprint(model),
            "data": training.examples.fingerprint() + judged.fingerprint(),
        }
        state = read_checkpoint(Path(resume), belongs_to)
        if state is not None:
            training.restore(state)
    done, interrupted = len(training.rows), False
    score = "val_auc" if training.preparation.class_names else "val_mae"
    bar = tqdm(
        total=epochs * training.steps, initial=done * training.steps, unit="step", mininterval=0.5, desc="train",
        disable=not progress or training.team.rank > 0,
    )  # fmt: skip
    try:
        with own_randomness(training.device):
            for epoch in range(done + 1, epochs + 1):
                start = time.perf_counter()
                row = training.epoch(epoch, bar.update)
                training.judge(judged, row)
                row["seconds"] = time.perf_counter() - start
                training.rows.append(row)
                bar.set_postfix_str(f"epoch {epoch}, loss {row['val_loss']:.3f}, {score[4:]} {row[score]:.3f}")
                if resume is not None:
                    if training.team.rank == 0:
                        write_checkpoint(Path(resume), training.state(), belongs_to)
                    training.team.wait()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        training.finish()
        model.trained_on = _described(train, val, training)
        bar.close()
    columns = ["epoch", "train_loss", "val_loss", score, "lr", "seconds"]
    return History(pandas.DataFrame(training.rows, columns=columns), training.best["row"]["epoch"], interrupted)


def _fingerprint(model: nn.Module) -> str:
    """The weights by name and shape, and which are frozen, to notice another network."""
    text = ";".join(f"{name}{tuple(tensor.shape)}" for name, tensor in model.state_dict().items())
    text += ";".join(name for name, weight in model.named_parameters() if not weight.requires_grad)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _described(train: Dataset, val: Dataset, training: Training) -> dict[str, Any]:
    """What the card says of the training."""
    best = {k: v for k, v in training.best["row"].items() if k == "epoch" or k.startswith("val_")}
    metrics = {k: v if math.isfinite(v) else None for k, v in best.items()}  # a card holds no NaN
    about = {"licence": train.licence, "citation": train.citation, "checksum": train.checksum}
    data = {"train": repr(train), "val": repr(val)} | {name: text for name, text in about.items() if text}
    return {"data": data, "settings": as_json(training.settings), "metrics": metrics}


def learning_rates(
    model: nn.Module,
    train: Dataset,
    *,
    low: float = 1e-5,
    high: float = 1.0,
    steps: int = 60,
    seed: int = 0,
    **options: Any,
) -> "pandas.DataFrame":
    """The training loss while the learning rate grows from `low` to `high`; the model itself is left as it is.

    The loss is a running mean, corrected for its start, as one batch says little. It stops once the loss is four times
    the least so far.

    Args:
        model: A network as for `fit`.
        train: What to learn from.
        low: First learning rate.
        high: Last one, above `low`.
        steps: Batches from first to last, at least 2.
        seed: Of order and augmentation.
        options: Others of `fit`: batch_size, optimizer, augment, ...

    Returns:
        One row a step: lr, loss.

    Raises:
        ValueError: As `fit`, and if low, high and steps make no range.

    Source: Smith 2017, doi:10.1109/WACV.2017.58. Taught in: notebook 09.
    """
    import pandas

    low, steps = number(low, "low", above=0), whole(steps, "steps", low=2)
    high = number(high, "high", above=low)
    check_data(train, replace(train, patients=None))
    given = inspect.signature(fit).bind(
        model, train, train, epochs=1, seed=seed, schedule="constant", average=0, **options
    )
    given.apply_defaults()
    training = Training(copy.deepcopy(model), train, given.arguments, pick_device(given.arguments["device"]))
    rows, mean, least = [], 0.0, math.inf
    with own_randomness(training.device):
        torch.manual_seed(seed)
        training.model.train()
        rng = torch.Generator(training.device).manual_seed(seed)
        order = torch.Generator().manual_seed(seed)
        for step in range(steps):
            lr = low * (high / low) ** (step / (steps - 1))
            drawn = torch.randperm(len(train), generator=order)[: training.settings.batch_size]
            loss = float(training.step(drawn, lr, rng))
            mean = 0.9 * mean + 0.1 * loss
            smooth = mean / (1 - 0.9 ** (step + 1))
            least = min(least, smooth)
            if not math.isfinite(loss) or smooth > 4 * least:
                break
            rows.append({"lr": lr, "loss": smooth})
    return pandas.DataFrame(rows, columns=["lr", "loss"])
