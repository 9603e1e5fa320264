"""Trained networks with their cards, and the states of unfinished trainings, in files that are safe to open.

A model file is safetensors: numbers only, and a header of text that holds the card as JSON. Its network is built again
by name and arguments (those of `medlab.networks`, nothing else), so opening a file runs no code of it.
"""

import hashlib
import json
import os
import platform
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

import medlab
from medlab import networks
from medlab.files import beside
from medlab.metrics.plain import from_plain, to_plain
from medlab.train.preparation import Preparation, preparation_of

FORMAT = "medlab.train 2"
CHECKPOINT = "medlab.train checkpoint 2"


def save(model: nn.Module, path: str | Path, *, card: Mapping[str, Any] | None = None) -> Path:
    """Write the weights of a network and its card.

    Args:
        model: A network of `medlab.networks`, after `fit`.
        path: Where to, ending in .safetensors. A file of that name is replaced once the new one is complete.
        card: What a reader must know besides what `fit` noted itself (architecture, class names, preprocessing, data,
            settings, validation metrics, versions): test metrics, limits, date. Text, numbers, lists, dicts and
            `metrics.Interval`s.

    Returns:
        The path.

    Raises:
        ValueError: If the card cannot be written as JSON, the network is none of `medlab.networks`, or the file's name
            ends in something else.
    """
    from safetensors.torch import save_file

    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"{path}: the name of a model file ends in .safetensors")
    if not isinstance(model, networks.Network):
        raise ValueError(
            f"{type(model).__name__} cannot be built again from a file: only networks of medlab.networks can"
        )
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
    header = {"format": FORMAT, "card": _card(model, card), "sum": _sum(tensors)}
    with beside(path) as part:
        save_file(tensors, part, metadata={"medlab": json.dumps(header, ensure_ascii=False)})
    return path


def _card(model: networks.Network, card: Mapping[str, Any] | None) -> dict[str, Any]:
    if card is not None and not isinstance(card, Mapping):
        raise ValueError(f"card must be a dict, got {type(card).__name__}")
    preparation = preparation_of(model)
    noted = {"architecture": model.architecture, "class_names": preparation.class_names}
    noted["preprocessing"] = asdict(preparation)
    taken = sorted(set(noted) & set(card or {}))
    if taken:
        raise ValueError(f"card: {', '.join(taken)} is noted from the network itself; leave it out")
    versions = {"medlab": medlab.__version__, "torch": torch.__version__, "python": platform.python_version()}
    whole = noted | getattr(model, "trained_on", {}) | {"version": versions} | dict(card or {})
    try:
        return json.loads(json.dumps(whole, default=to_plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"card must hold text, finite numbers, lists, dicts and Intervals: {error}") from None


def load(path: str | Path) -> tuple[nn.Module, dict[str, Any]]:
    """Read a network and its card; ready to predict, on the CPU.

    Returns:
        The network, and the card (tuples come as lists).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no model file, is damaged, or was written by another version.
    """
    path = Path(path)
    card, tensors = _read(path)
    try:
        with torch.random.fork_rng(devices=[]):  # its first weights are drawn and not used
            model = networks.build(card["architecture"])
        fields = {name: tuple(v) if isinstance(v, list) else v for name, v in card["preprocessing"].items()}
        model.preparation = Preparation(**fields)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the card describes no network that medlab can build: {error}") from error
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path}: the weights do not fit the network of the card: {error}") from error
    model.trained_on = {name: card.get(name, {}) for name in ("data", "settings", "metrics")}
    if model.ndim == 2:  # as in training, so that the same sums are made in the same order
        model.to(memory_format=torch.channels_last)
    return model.eval(), card


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("medlab")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: no safetensors file, or damaged: {error}") from error
    if text is None:
        raise ValueError(
            f"{path}: weights without a card of medlab.train; networks.named(..., weights=path) reads such"
        )
    try:
        header = json.loads(text, object_hook=from_plain)
        kind, card, total = (header[name] for name in ("format", "card", "sum"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: its card is damaged: {error}") from error
    if kind != FORMAT or not isinstance(card, dict):
        raise ValueError(f"{path}: not a model file that this medlab reads, {FORMAT!r}: it holds {kind!r}")
    if total != _sum(tensors):
        raise ValueError(f"{path}: damaged: the weights are not those that were written")
    return card, tensors


def _sum(tensors: Mapping[str, torch.Tensor]) -> str:
    """Safetensors itself has no sum that would notice a changed byte."""
    mark = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        mark.update(name.encode())
        mark.update(tensor.flatten().view(torch.uint8).numpy())
    return mark.hexdigest()


def write_checkpoint(path: Path, state: dict[str, Any], settings: dict[str, Any]) -> None:
    """Replace the state of a training; whoever is killed in the middle leaves the old one as it was."""
    with beside(path) as part, part.open("wb") as file:
        torch.save({"format": CHECKPOINT, "settings": settings, "state": state}, file)
        file.flush()
        os.fsync(file.fileno())


def read_checkpoint(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The state to go on from; None where there is no checkpoint yet.

    Raises:
        ValueError: If the file is no checkpoint, is damaged, or belongs to a training with other settings.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()  # torch itself does not look at the sums
        if broken:
            raise zipfile.BadZipFile(broken)
        held = torch.load(path, map_location="cpu", weights_only=True)  # tensors and plain values, no code
        kind, there, state = held["format"], dict(held["settings"]), held["state"]
    except Exception as error:  # a damaged file raises anything
        raise ValueError(f"{path}: no checkpoint of medlab.train, or damaged ({type(error).__name__})") from error
    if kind != CHECKPOINT:
        raise ValueError(f"{path}: a checkpoint of another version: {kind!r}, this is {CHECKPOINT!r}")
    other = [name for name in settings if there.get(name) != settings[name]]
    if other:
        differences = ", ".join(f"{name} was {there.get(name)!r} and is {settings[name]!r}" for name in other)
        raise ValueError(
            f"{path}: belongs to another training: {differences}. Delete it to start anew, or name another file"
        )
    return state
