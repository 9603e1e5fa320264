"""One training as it goes: data on the device, steps, judgements, and all that a checkpoint holds."""

import copy
import hashlib
import math
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from medlab.data import Dataset
from medlab.train import tasks
from medlab.train.batches import Batches, as_array
from medlab.train.options import Options, check_outputs, recipe_for
from medlab.train.predict import outputs_for
from medlab.train.processes import team
from medlab.train.recipe import Recipe, axes_of, standardised

if TYPE_CHECKING:
    import pandas

LOOK = 16  # steps between looks at the loss: asking a GPU for a number makes it wait


class Run:
    """The model and everything that changes with it in training.

    Args:
        model: The network; it is moved to the device.
        train: What it learns from.
        options: As `fit` takes them, not yet settled.
        device: Where to compute.
    """

    def __init__(self, model: nn.Module, train: Dataset, options: Options, *, device: torch.device):
        train = replace(train, images=as_array(train.images))  # files and phantoms are read once
        self.options, self.device = options.settled(train), device
        self.recipe = recipe_for(model, train, self.options)
        check_outputs(model, self.recipe, train.name)
        self.model = model.to(device)
        if axes_of(model) == 2:
            self.model.to(memory_format=torch.channels_last)
        self.team = team(device, model)
        self.team.same_start(model)
        self.data = Data(train, self.recipe, model, device, weights=self.options.class_weights)
        self.steps = len(train) // self.options.batch_size
        self.optimizer = _optimizer(model, self.options)
        total = self.options.epochs * self.steps
        cycle = self.options.schedule == "one-cycle"
        self.rate = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda n: one_cycle(n / total) if cycle else 1.0)
        self.average = _averaged(self.model, self.options.average) if self.options.average else None
        self.rows: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"epoch": 0, "loss": math.inf, "weights": None}
        self.first = copy.deepcopy(model.state_dict())

    @property
    def judged(self) -> nn.Module:
        """The network whose weights count: the averaged one, where there is one."""
        return self.model if self.average is None else self.average.module

    def epoch(self, epoch: int, on_step: Callable[[], object] | None = None) -> None:
        """Every training image once, in an order, with augmentation and dropout, that belong to this epoch."""
        seed = int(np.random.SeedSequence([self.options.seed, epoch]).generate_state(1)[0])
        seed_torch(seed, self.device)
        rng = torch.Generator(self.device).manual_seed(seed)
        order = torch.randperm(len(self.data.images), generator=torch.Generator().manual_seed(seed))
        total = torch.zeros((), device=self.device)
        size = self.options.batch_size
        self.model.train()
        for step in range(self.steps):
            total += self.step(order[step * size : (step + 1) * size], rng)
            if step % LOOK == LOOK - 1 or step == self.steps - 1:
                self._check_loss(float(total), self.data, f"in epoch {epoch}, by step {step + 1} of {self.steps}")
            if on_step is not None:
                on_step()
        self.rows.append({"epoch": epoch, "train_loss": float(total) / self.steps, "lr": self.rate.get_last_lr()[0]})

    def step(self, rows: Tensor, rng: torch.Generator) -> Tensor:
        """One batch, of which this process takes its share; returns the loss of the whole batch."""
        mine, augment = self.team.share(len(rows)), self.options.augment
        pictures = self.recipe.scaled(self.data.images.take(rows if augment else rows[mine]))
        if augment:
            pictures = augment(pictures, rng=rng, rows=mine)
            pictures = standardised(pictures) if self.recipe.scale == "image" else pictures
        if pictures.ndim == 4:
            pictures = pictures.contiguous(memory_format=torch.channels_last)
        rows = rows.to(self.device)
        own, weight = rows[mine], self.data.weight
        bits = torch.autocast(self.device.type, self.options.dtype) if self.options.dtype else nullcontext()
        with bits, self.team.dropout(len(rows)):
            outputs = self.model(pictures)
        of_classes, of_values = tasks.losses(
            outputs, self.data.label[own], self.data.value[own], self.recipe, smoothing=self.options.label_smoothing
        )
        whole = weight[rows].sum().clamp(min=1e-6)  # where class weights are 0, a batch may have nothing that counts
        loss = (of_classes * weight[own]).sum() / whole + of_values.sum() / len(rows)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.team.add_gradients(self.model)
        self.optimizer.step()
        self.rate.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return self.team.sum(loss.detach())

    def judge(self, val: "Data") -> dict[str, float]:
        """Loss and score on the validation set; the weights are kept if they are the best so far."""
        outputs = outputs_for(self.judged, val.images, self.recipe, team=self.team, dtype=self.options.dtype)
        of_classes, of_values = tasks.losses(outputs, val.label, val.value, self.recipe)
        loss = float((of_classes + of_values).mean())
        row = self.rows[-1]
        self._check_loss(loss, val, f"on the validation images after epoch {row['epoch']}")
        said, values = (part.cpu().numpy() for part in tasks.answers(outputs, self.recipe))
        score = tasks.score(said, values, val.labels, val.truths, self.recipe)
        row |= {"val_loss": loss, f"val_{tasks.score_name(self.recipe)}": score}
        if loss < self.best["loss"] or self.best["weights"] is None or self.options.keep == "last":
            self.best = {"epoch": row["epoch"], "loss": loss, "weights": copy.deepcopy(self.judged.state_dict())}
        return row

    def finish(self) -> None:
        """The best weights into the model; without a finished epoch those reached so far."""
        self.model.load_state_dict(self.best["weights"] or self.judged.state_dict())
        self.model.eval()

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        average = None if self.average is None else self.average.state_dict()
        return {"model": self.model.state_dict(), "average": average, "optimizer": self.optimizer.state_dict(),
                "rate": self.rate.last_epoch, "rows": self.rows, "best": self.best}  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rate.last_epoch = state["rate"]
        self.rows, self.best = state["rows"], state["best"]
        if self.best["weights"] is not None:
            self.best["weights"] = {name: tensor.to(self.device) for name, tensor in self.best["weights"].items()}

    def table(self) -> "pandas.DataFrame":
        """One row for each epoch that was done."""
        import pandas

        score = f"val_{tasks.score_name(self.recipe)}"
        columns = ["epoch", "train_loss", "val_loss", score, "lr", "seconds"]
        return pandas.DataFrame([row for row in self.rows if "seconds" in row], columns=columns)

    def _check_loss(self, loss: float, data: "Data", where: str) -> None:
        if math.isfinite(loss):
            return
        if self.best["weights"] is None:  # those reached so far are of no use
            self.best["weights"] = self.first
        lr = self.options.lr
        reason = f"the learning rate may be too high; try lr={lr / 10:.2g} in place of {lr:.2g}"
        if not data.finite():
            reason = "some of these images hold NaN or infinite values"
        raise FloatingPointError(f"the loss is {loss} {where}: {reason}")


class Data:
    """A data set as the network takes it: images in batches, labels and values as tensors."""

    def __init__(
        self, dataset: Dataset, recipe: Recipe, model: nn.Module, device: torch.device, *, weights: Any = None
    ):
        self.images = Batches(dataset.images, model=model, device=device)
        self.labels, self.truths = tasks.targets(dataset, recipe)
        scaled = (self.truths - np.array(recipe.value_mean)) / np.array(recipe.value_sd)
        weight = tasks.weights_of(self.labels, recipe, weights)
        self.label = torch.from_numpy(self.labels).to(device)
        self.value = torch.from_numpy(scaled.astype(np.float32)).to(device)
        self.weight = torch.from_numpy(weight.astype(np.float32)).to(device)

    def fingerprint(self) -> str:
        """Enough to notice other data."""
        mark = hashlib.blake2b(self.labels.tobytes() + self.truths.tobytes(), digest_size=8)
        for i in np.linspace(0, len(self.images) - 1, 8).astype(int).tolist():
            mark.update(self.images.take(slice(i, i + 1)).cpu().contiguous().numpy().tobytes())
        return mark.hexdigest()

    def finite(self) -> bool:
        """Whether all images hold numbers."""
        pieces = (self.images.take(slice(i, i + 256)).float() for i in range(0, len(self.images), 256))
        return all(bool(piece.isfinite().all()) for piece in pieces)


def one_cycle(share: float, *, warm: float = 0.25) -> float:
    """The learning rate as a share of its highest, at a share of the training: up in a line, down along a cosine.

    Source: Smith and Topin 2019, doi:10.1117/12.2520589.

    >>> [round(one_cycle(share), 2) for share in (0, 0.25, 0.625, 1)]
    [0.04, 1.0, 0.5, 0.0]
    """
    if share < warm:
        return 0.04 + 0.96 * share / warm
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (share - warm) / (1 - warm)))


def seed_torch(seed: int, device: torch.device) -> None:
    """The generators that dropout on this device draws from; those of other devices stay as they are."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


@contextmanager
def own_randomness(device: torch.device):
    """Random numbers of torch that end where they began, and on a GPU only algorithms that repeat their bytes."""
    cudnn = torch.backends.cudnn
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        if device.type != "cuda":
            yield
            return
        with cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=cudnn.allow_tf32):
            yield


def _optimizer(model: nn.Module, options: Options) -> torch.optim.Optimizer:
    learned = [p for p in model.parameters() if p.requires_grad]
    if not learned:
        raise ValueError("all weights of the network are frozen: there is nothing to train; see networks.unfreeze")
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if options.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=options.lr, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=options.lr, fused=True)


def _averaged(model: nn.Module, decay: float) -> AveragedModel:
    """Weights averaged over the steps; few steps in, a long memory would still hold the first weights."""

    def mixed(old: Tensor, new: Tensor, n: Tensor) -> Tensor:
        return old + (new - old) * max(1 - decay, 9 / (10 + float(n)))

    return AveragedModel(model, avg_fn=mixed, use_buffers=True)
