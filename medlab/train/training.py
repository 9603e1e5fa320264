"""One training as it goes: steps, epochs, judgements, and all that a checkpoint holds."""

import copy
import math
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from medlab.data import Dataset
from medlab.train.examples import Examples, as_pictures, weights_of
from medlab.train.predict import forward, outputs_for
from medlab.train.processes import team
from medlab.train.settings import preparation_for, settled

LOOK = 16  # steps between looks at the loss: asking a GPU for a number makes it wait


class Training:
    """The model and everything that changes with it in training.

    Args:
        model: The network; it is moved to the device.
        train: What it learns from.
        given: The options of `fit` by name.
        device: Where to compute.
    """

    def __init__(self, model: nn.Module, train: Dataset, given: Mapping[str, Any], device: torch.device):
        self.settings = settled(given, train)
        images = as_pictures(train.images, model)
        self.preparation = preparation_for(model, train, images, self.settings)
        self.device, self.model = device, model.to(device)
        if images.ndim == 4:
            self.model.to(memory_format=torch.channels_last)
        self.team = team(device, model)
        self.team.same_start(model)
        self.examples = Examples(images, train, self.preparation, device)
        weight = weights_of(train, self.settings.class_weights)
        self.weight = torch.from_numpy(weight).float().to(device)
        self.steps = len(train) // self.settings.batch_size
        self.optimizer = _optimizer(model, self.settings)
        self.average = _averaged(self.model, self.settings.average) if self.settings.average else None
        self.rows: list[dict[str, float]] = []  # of each epoch that was done
        before = {"epoch": 0, "val_loss": math.inf}
        self.best: dict[str, Any] = {"row": before, "weights": copy.deepcopy(model.state_dict())}

    @property
    def judged(self) -> nn.Module:
        """The network whose weights count: the averaged one, where there is one."""
        return self.model if self.average is None else self.average.module

    def rate(self, n: int) -> float:
        """The learning rate after n steps."""
        share = n / (self.settings.epochs * self.steps)
        return self.settings.lr * (one_cycle(share) if self.settings.schedule == "one-cycle" else 1.0)

    def epoch(self, epoch: int, on_step: Callable[[], object]) -> dict[str, float]:
        """Every training image once, in an order, with augmentation and dropout, that belong to this epoch."""
        seed = int(np.random.SeedSequence([self.settings.seed, epoch]).generate_state(1)[0])
        torch.manual_seed(seed + self.team.rank)  # of dropout, which each process draws for its own images
        rng = torch.Generator(self.device).manual_seed(seed)
        order = torch.randperm(len(self.examples.images), generator=torch.Generator().manual_seed(seed))
        total = torch.zeros((), device=self.device)
        size = self.settings.batch_size
        self.model.train()
        for step in range(self.steps):
            lr = self.rate((epoch - 1) * self.steps + step)
            total += self.step(order[step * size : (step + 1) * size], lr, rng)
            if step % LOOK == LOOK - 1 or step == self.steps - 1:
                self._check_loss(float(total), self.examples, f"in epoch {epoch}, by step {step + 1} of {self.steps}")
            on_step()
        return {"epoch": epoch, "train_loss": float(total) / self.steps, "lr": self.rate(epoch * self.steps)}

    def step(self, rows: Tensor, lr: float, rng: torch.Generator) -> Tensor:
        """One batch, of which this process takes its share; returns the loss of the whole batch."""
        settings, examples, mine = self.settings, self.examples, self.team.share(len(rows))
        change = partial(settings.augment, rng=rng) if settings.augment else None
        pictures = self.preparation.scaled(examples.images.take(rows), change=change)[mine]
        outputs = forward(self.model, pictures, settings.dtype)
        rows = rows.to(self.device)
        own = rows[mine]
        of_classes, of_values = self.preparation.losses(
            outputs, examples.label[own], examples.value[own], smoothing=settings.label_smoothing
        )
        loss = (of_classes * self.weight[own]).sum() / self.weight[rows].sum() + of_values.sum() / len(rows)
        self.optimizer.zero_grad()
        loss.backward()
        self.team.add_gradients(self.model)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return self.team.sum(loss.detach())

    def judge(self, val: Examples, row: dict[str, float]) -> None:
        """Loss and score on the validation set into the row of the epoch; the best weights so far are kept."""
        outputs = outputs_for(self.judged, val.images, self.preparation, team=self.team, dtype=self.settings.dtype)
        of_classes, of_values = self.preparation.losses(outputs, val.label, val.value)
        loss = float((of_classes + of_values).mean())
        self._check_loss(loss, val, f"on the validation images after epoch {row['epoch']}")
        row |= {"val_loss": loss} | self.preparation.score(outputs, val.labels, val.truths)
        if loss < self.best["row"]["val_loss"] or self.settings.keep == "last":
            self.best = {"row": row, "weights": copy.deepcopy(self.judged.state_dict())}

    def finish(self) -> None:
        """The best weights into the model: without a finished epoch those it came with."""
        self.model.load_state_dict(self.best["weights"])
        self.model.eval()
        self.model.preparation = self.preparation

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        average = None if self.average is None else self.average.state_dict()
        return {"model": self.model.state_dict(), "average": average, "optimizer": self.optimizer.state_dict(),
                "rows": self.rows, "best": self.best}  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rows, self.best = state["rows"], state["best"]
        self.best["weights"] = {name: tensor.to(self.device) for name, tensor in self.best["weights"].items()}

    def _check_loss(self, loss: float, examples: Examples, where: str) -> None:
        if math.isfinite(loss):
            return
        lr = self.settings.lr
        reason = f"the learning rate may be too high; try lr={lr / 10:.2g} in place of {lr:.2g}"
        if not examples.finite():
            reason = "some of these images hold NaN or infinite values"
        raise FloatingPointError(f"the loss is {loss} {where}: {reason}")


def one_cycle(share: float) -> float:
    """The learning rate as a share of its highest, at a share of the training: up in a line, down along a cosine.

    Source: Smith and Topin 2019, doi:10.1117/12.2520589.

    >>> [round(one_cycle(share), 2) for share in (0, 0.25, 0.625, 1)]
    [0.04, 1.0, 0.5, 0.0]
    """
    if share < 0.25:
        return 0.04 + 0.96 * share / 0.25
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (share - 0.25) / 0.75))


@contextmanager
def own_randomness(device: torch.device):
    """Random numbers of torch that end where they began, and on a GPU only algorithms that repeat their bytes."""
    cudnn = torch.backends.cudnn
    steady = {"enabled": True, "benchmark": False, "deterministic": True, "allow_tf32": cudnn.allow_tf32}
    with torch.random.fork_rng([device] if device.type == "cuda" else []), cudnn.flags(**steady):
        yield


def _optimizer(model: nn.Module, settings: Any) -> torch.optim.Optimizer:
    learned = [p for p in model.parameters() if p.requires_grad]
    if not learned:
        raise ValueError("all weights of the network are frozen: there is nothing to train; see networks.unfreeze")
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=settings.lr, fused=True)


def _averaged(model: nn.Module, decay: float) -> AveragedModel:
    """Weights averaged over the steps; few steps in, a long memory would still hold the first weights."""

    def mixed(old: Tensor, new: Tensor, n: Tensor) -> Tensor:
        return old + (new - old) * max(1 - decay, 9 / (10 + float(n)))

    return AveragedModel(model, avg_fn=mixed, use_buffers=True)
