"""The state of a training on the disk: written beside and renamed, read without running anything."""

import os
import zipfile
from pathlib import Path
from typing import Any

import torch

FORMAT = "medlab.train checkpoint 1"


def write(path: Path, state: dict[str, Any], settings: dict[str, Any]) -> None:
    """Replace the checkpoint; whoever is killed in the middle leaves the old one as it was."""
    beside = path.with_name(f".{path.name}.part")  # always the same: what a killed process left is written over
    try:
        with beside.open("wb") as file:
            torch.save({"format": FORMAT, "settings": settings, "state": state}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The state to go on from; None where there is no checkpoint yet.

    Raises:
        ValueError: If the file is no checkpoint, is damaged, or belongs to a training with other settings.
    """
    if not path.exists():
        if not path.parent.is_dir():
            raise FileNotFoundError(f"resume: there is no folder {path.parent} for the checkpoint {path.name}")
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()  # torch itself does not look at the sums
        if broken:
            raise zipfile.BadZipFile(broken)
        found = torch.load(path, map_location="cpu", weights_only=True)  # tensors and plain values, no code
        right = found["format"] == FORMAT
        there, state = dict(found["settings"]), found["state"]
    except Exception as error:  # a damaged file raises anything
        raise ValueError(f"{path}: no checkpoint of medlab.train, or damaged ({type(error).__name__})") from error
    if not right:
        raise ValueError(f"{path}: a checkpoint of another version: {found['format']!r}, this is {FORMAT!r}")
    other = [name for name in settings if there.get(name) != settings[name]]
    if other:
        said = ", ".join(f"{name} was {there.get(name)!r} and is {settings[name]!r}" for name in other)
        raise ValueError(f"{path}: belongs to another training: {said}. Delete it to start anew, or name another file")
    return state
