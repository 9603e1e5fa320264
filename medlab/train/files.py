"""Keep a trained network with its card in one file that is safe to open.

The file is safetensors: numbers only, and a header of text that holds the card as JSON. The network is built again from
its name and arguments (those of `medlab.networks`, nothing else), so opening a file runs no code of it.
"""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

import medlab
from medlab import networks
from medlab.metrics.plain import from_plain, to_plain
from medlab.train.recipe import Recipe, recipe_of

FORMAT = "medlab.train"
VERSION = 1


def save(model: nn.Module, path: str | Path, *, card: Mapping[str, Any] | None = None) -> Path:
    """Write the weights of a network and its card.

    Args:
        model: A network of `medlab.networks`, after `fit`.
        path: Where to, ending in .safetensors; the folder must be there. A file of that name is replaced once the new
            one is complete.
        card: What a reader must know besides what `fit` noted itself (architecture, class names, preprocessing, data,
            settings, validation metrics, versions): test metrics, limits, date. Text, numbers, lists, dicts and
            `metrics.Interval`s.

    Returns:
        The path.

    Raises:
        ValueError: If the card cannot be written as JSON, the network is none of `medlab.networks`, or the file's name
            ends in something else.
        FileNotFoundError: If there is no such folder.
    """
    from safetensors.torch import save_file

    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"{path}: the name of a model file ends in .safetensors")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")
    architecture = getattr(model, "architecture", None)
    if not isinstance(architecture, dict):
        raise ValueError(
            f"{type(model).__name__} cannot be built again from a file: only networks of medlab.networks can"
        )
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
    header = {"format": FORMAT, "version": VERSION, "card": _card(model, architecture, card), "sum": _sum(tensors)}
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        save_file(tensors, beside, metadata={"medlab": json.dumps(header, ensure_ascii=False)})
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def load(path: str | Path, *, device: str | torch.device = "cpu") -> tuple[nn.Module, dict[str, Any]]:
    """Read a network and its card; ready to predict.

    Returns:
        The network, and the card (tuples come as lists).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no model file, is damaged, or was written by a newer version.
    """
    path = Path(path)
    card, tensors = _read(path)
    try:
        with torch.random.fork_rng(devices=[]):  # its first weights are drawn and not used
            model = networks.build(card["architecture"])
        recipe = Recipe.from_dict(card["preprocessing"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the card describes no network that medlab can build: {error}") from error
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path}: the weights do not fit the network of the card: {error}") from error
    model.recipe = recipe
    model.trained_on = {name: card.get(name, {}) for name in ("data", "settings", "metrics")}
    if model.ndim == 2:  # as in training, so that the same sums are made in the same order
        model.to(memory_format=torch.channels_last)
    return model.to(device).eval(), card


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
        kind, version, card, total = (header[name] for name in ("format", "version", "card", "sum"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: its card is damaged: {error}") from error
    if kind != FORMAT or not isinstance(card, dict):
        raise ValueError(f"{path}: not a model file of medlab.train: it holds {kind!r}")
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(
            f"{path}: written in format {version}, medlab {medlab.__version__} reads up to {VERSION}; update medlab"
        )
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


def _card(model: nn.Module, architecture: dict[str, Any], card: Mapping[str, Any] | None) -> dict[str, Any]:
    if card is not None and not isinstance(card, Mapping):
        raise ValueError(f"card must be a dict, got {type(card).__name__}")
    recipe = recipe_of(model)
    noted = {"architecture": architecture, "class_names": recipe.class_names, "preprocessing": recipe.as_dict()}
    taken = sorted(set(noted) & set(card or {}))
    if taken:
        raise ValueError(f"card: {', '.join(taken)} is noted from the network itself; leave it out")
    versions = {"medlab": medlab.__version__, "torch": torch.__version__, "python": platform.python_version()}
    whole = noted | getattr(model, "trained_on", {}) | {"version": versions} | dict(card or {})
    try:
        return json.loads(json.dumps(whole, default=to_plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"card must hold text, finite numbers, lists, dicts and Intervals: {error}") from None
