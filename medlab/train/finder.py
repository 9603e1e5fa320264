"""Which learning rate? Raise it step by step, and watch where the loss falls and where it bursts."""

import copy
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from medlab.data import Dataset
from medlab.train.options import Options, check_data
from medlab.train.processes import pick_device
from medlab.train.run import Run, own_randomness, seed_torch

if TYPE_CHECKING:
    import pandas


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

    if not (0 < low < high and math.isfinite(high) and steps >= 2):
        raise ValueError(f"learning rates run from above 0 up in at least 2 steps, got {low} to {high} in {steps}")
    rows, mean, least = [], 0.0, math.inf
    chosen = Options(epochs=1, seed=seed, schedule="constant", average=0.0, **options)
    check_data(train, replace(train, patients=None))
    run = Run(copy.deepcopy(model), train, chosen, device=pick_device(None))
    with own_randomness(run.device):
        seed_torch(seed, run.device)
        run.model.train()
        rng = torch.Generator(run.device).manual_seed(seed)
        order = torch.Generator().manual_seed(seed)
        for step in range(steps):
            lr = low * (high / low) ** (step / (steps - 1))
            for group in run.optimizer.param_groups:
                group["lr"] = lr
            loss = float(run.step(torch.randperm(len(train), generator=order)[: run.options.batch_size], rng))
            mean = 0.9 * mean + 0.1 * loss
            smooth = mean / (1 - 0.9 ** (step + 1))
            least = min(least, smooth)
            if not math.isfinite(loss) or smooth > 4 * least:
                break
            rows.append({"lr": lr, "loss": smooth})
    return pandas.DataFrame(rows, columns=["lr", "loss"])
