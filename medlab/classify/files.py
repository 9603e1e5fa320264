"""Keep a trained model with its card in a file that is safe to open.

The file is a zip archive of two parts: `medlab.json` (format, versions, card) and `model.skops` (scikit-learn's model
without pickle). Opening one runs no code of the file: its parts are checked against a list of known types first, and
the numbers of trees and support vectors, which scikit-learn trusts blindly, afterwards.
"""

import json
import platform
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import medlab
from medlab import files
from medlab.classify import safe
from medlab.metrics.plain import from_plain, to_plain

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

FORMAT = "medlab.classify"
VERSION = 1
NEEDED = ("features", "classes", "data")


def save(model: "BaseEstimator", path: str | Path, *, card: Mapping[str, Any]) -> Path:
    """Write a fitted model and its card.

    Args:
        model: A scikit-learn model made of known parts: those of `classify.model` and `medlab.features`.
        path: Where to; the folder is made if it is not there. A file of that name is replaced once the new one is
            complete.
        card: What a reader must know; "features" (names, or how they are made), "classes" (names in order) and "data"
            (what it was trained on), and whatever else: "metrics", "date", "limits". Text, numbers, lists, dicts and
            `metrics.Interval`s. The versions of medlab and its libraries are noted beside it.

    Returns:
        The path.

    Raises:
        ValueError: If the card lacks a key or cannot be written as JSON, or the model is not fitted or has unknown
            parts.
    """
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    header = {"format": FORMAT, "version": VERSION, "versions": _versions(), "card": _as_json(card)}
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError):
        raise ValueError(f"model must be fitted before it is saved, got {model!r}") from None
    data = safe.skops_io().dumps(model)
    unknown = safe.unknown_types(data)
    if unknown:
        raise ValueError(f"model has parts that would not be opened again: {', '.join(unknown)}")
    with files.beside(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("medlab.json", json.dumps(header, indent=1, ensure_ascii=False))
        archive.writestr("model.skops", data)
    return Path(path)


def load(path: str | Path) -> tuple["BaseEstimator", dict[str, Any]]:
    """Read a model and its card; no code of the file is run, and no type is loaded that is not known to be harmless.

    Returns:
        The fitted model, and the card as it was saved (tuples come as lists).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no model file, is damaged, was written by a newer version, or holds unknown types.
    """
    path = Path(path)
    header, data = _read(path)
    with _damage_told(path):
        unknown = safe.unknown_types(data)
    if unknown:
        raise ValueError(f"{path}: not loaded, since it holds types that are not known: {', '.join(unknown)}")
    here, there = _versions()["scikit-learn"], str(header["versions"].get("scikit-learn", "unknown"))
    if here.split(".")[:2] != there.split(".")[:2]:
        warnings.warn(
            f"{path}: made with scikit-learn {there}, read with {here}; compare its results with those on its card",
            stacklevel=2,
        )
    with _damage_told(path):
        return safe.build(data), header["card"]


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    """The checked header and the bytes of the model."""
    kind = f"{path}: not a model file of medlab.classify"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{kind}, or cut short")
    with _damage_told(path), zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name in ("medlab.json", "model.skops")}
        others = ", ".join(archive.namelist()[:3])
    if "medlab.json" not in parts:
        raise ValueError(f"{kind}: an archive of {others or 'nothing'}")
    with _damage_told(path):
        header = json.loads(parts["medlab.json"], object_hook=from_plain)
    if not isinstance(header, dict) or not isinstance(header.get("format"), str):
        raise ValueError(f"{kind}: it does not say what it holds")
    if header["format"] != FORMAT:
        raise ValueError(f"{kind}: it holds {header['format']!r}; load it with the module that wrote it")
    version = header.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ValueError(
            f"{path}: written in format {version}, medlab {medlab.__version__} reads up to {VERSION}; update medlab"
        )
    about = (header.get("card"), header.get("versions"))
    if version != VERSION or not all(isinstance(part, dict) for part in about) or "model.skops" not in parts:
        raise ValueError(f"{path}: damaged: format {version!r}, with card, versions and model expected")
    return header, parts["model.skops"]


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """What a damaged file makes of a reader is anybody's guess; it ends in one kind of error."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"{path}: damaged, or made to harm: {error}") from error


def _versions() -> dict[str, str]:
    found = {name: metadata.version(name) for name in ("scikit-learn", "skops", "numpy")}
    return {"medlab": medlab.__version__, **found, "python": platform.python_version()}


def _as_json(card: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(card, Mapping):
        raise ValueError(f"card must be a dict, got {type(card).__name__}")
    missing = [name for name in NEEDED if name not in card]
    if missing:
        raise ValueError(f"card lacks {', '.join(missing)}; a model is of no use to others without")
    try:
        return json.loads(json.dumps(dict(card), default=to_plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"card must hold text, finite numbers, lists, dicts and Intervals: {error}") from None
