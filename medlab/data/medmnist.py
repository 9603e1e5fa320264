"""Load a MedMNIST set: find its file or fetch it, check it, and take its images in official order and split."""

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from medlab.data.dataset import SPLITS, Dataset
from medlab.data.download import DownloadError, fetch, file_md5
from medlab.data.labels import POSITIVE
from medlab.data.medmnist_catalogue import ADDRESS, CATALOGUE, RECORD, Entry, file_name
from medlab.data.subset import subset
from medlab.data.where import data_folder

BLOCK = 1 << 24  # bytes unpacked at once: the sets of 224 pixels hold up to 12 GB


def load(
    name: str, *, size: int, n: int | None, seed: int, label: str | None, folder: str | Path | None, download: bool
) -> Dataset:
    """A set of the catalogue as a Dataset: train, val and test behind each other; `split` says which is which.

    `label` chooses one finding of a set with several an image (ChestMNIST), which makes it "binary".

    Raises:
        ValueError: If there is no such size, or the file does not hold what the catalogue says.
        FileNotFoundError: If the file is not there and `download` is False.
        DownloadError: If it cannot be fetched.
    """
    entry = CATALOGUE[name]
    if size not in entry.md5:
        sizes = ", ".join(map(str, entry.md5))
        raise ValueError(f"{entry.title} comes in the sizes {sizes}, not {size}")
    if label is not None and (entry.task != "multilabel" or label not in entry.classes):
        findings = f"one of {', '.join(entry.classes)}" if entry.task == "multilabel" else "None: there is one label"
        raise ValueError(f"label={label!r}: for {entry.title} it is {findings}")
    path = find(name, size, data_folder(folder), download)
    checksum = file_md5(path)
    if checksum != entry.md5[size]:
        warnings.warn(
            f"{path}: its MD5 is {checksum}, that of the official file is {entry.md5[size]}; "
            f"it is used as it is, so results may differ from published ones",
            stacklevel=3,
        )
    found = _read(path, entry, size, n, seed, checksum)
    if label is None:
        return found
    column = found.labels[:, entry.classes.index(label)]
    return replace(found, labels=column, class_names=(f"no {label}", label), task="binary")


def find(name: str, size: int, folder: Path, download: bool) -> Path:
    """The file of a set in the data folder or its sub-folder `medmnist/`; fetched into the data folder if need be."""
    file = file_name(name, size)
    for path in (folder / file, folder / "medmnist" / file):
        if path.is_file():
            return path
    if not download:
        raise FileNotFoundError(
            f"{file} is not in {folder} (nor in medmnist/ below it), and download=False. By hand: get {file} from "
            f"{RECORD} and put it into {folder}; another folder can be named with folder= or MEDLAB_DATA"
        )
    address = ADDRESS.format(file=file)
    return fetch(address, folder / file, md5=CATALOGUE[name].md5[size], page=RECORD, progress=True)


def _read(path: Path, entry: Entry, size: int, n: int | None, seed: int, checksum: str) -> Dataset:
    try:
        with zipfile.ZipFile(path) as archive:
            labels = [_labels(archive, entry, part, path) for part in SPLITS]
            split = np.repeat(SPLITS, [len(part) for part in labels])
            labels = np.concatenate(labels)
            chosen = subset(labels, n, seed=seed, task=entry.task, strata=split, name=entry.title)
            images = _images(archive, entry, size, split, chosen, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError | DownloadError):
            raise
        raise ValueError(
            f"{path}: damaged, or not a file of MedMNIST ({error}); delete it and load it again, "
            f"or get it from {RECORD}"
        ) from error
    counts = tuple(int((split == part).sum()) for part in SPLITS)
    if counts != entry.n:
        warnings.warn(f"{path}: holds {counts} images in train, val and test, officially {entry.n}", stacklevel=4)
    _refuse_blank(images, split[chosen], path)
    if entry.task == "binary" and entry.classes[0] in POSITIVE:
        warnings.warn(
            f"{entry.title}: {entry.classes[0]} is class 0 here, as its makers numbered it, and "
            f"{entry.classes[1]!r} is class 1; sensitivity and AUC of class 1 are not those of the disease",
            stacklevel=4,
        )
    return Dataset(
        path.stem, images, labels[chosen], None, split[chosen], entry.classes, entry.task,
        licence=entry.licence, citation=entry.citation, checksum=checksum,
    )  # fmt: skip


@contextmanager
def _named(path: Path, array: str) -> Iterator[None]:
    """Say in which file and array NumPy found something that it cannot read."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"{path}: {array} is not an array of numbers ({error}); delete the file and get it from {RECORD}"
        ) from error


def _labels(archive: zipfile.ZipFile, entry: Entry, part: str, path: Path) -> np.ndarray:
    """(N,), or (N, classes) where an image may have several."""
    with archive.open(f"{part}_labels.npy") as file, _named(path, f"{part}_labels"):
        labels = np.lib.format.read_array(file, allow_pickle=False)
    if labels.dtype.kind not in "iubf" or (labels.dtype.kind == "f" and not (labels == np.floor(labels)).all()):
        some = ", ".join(map(str, np.unique(labels)[:3]))
        raise ValueError(f"{path}: {part}_labels are {labels.dtype} ({some}, ...), expected whole numbers from 0")
    labels = labels.astype(np.int64)
    wanted = len(entry.classes) if entry.task == "multilabel" else 1
    if labels.ndim != 2 or labels.shape[1] != wanted:
        raise ValueError(f"{path}: {part}_labels have shape {labels.shape}, expected (images, {wanted})")
    return labels if entry.task == "multilabel" else labels[:, 0]


def _images(
    archive: zipfile.ZipFile, entry: Entry, size: int, split: np.ndarray, chosen: np.ndarray, path: Path
) -> np.ndarray:
    """The chosen images of all parts in one array; unpacked in blocks, so that memory holds no more than these."""
    shape = entry.shape(size)
    found = np.empty((len(chosen), *shape), np.uint8)
    one = int(np.prod(shape))
    for part in SPLITS:
        rows = chosen[split[chosen] == part]  # positions in the whole set; chosen is in order, and so are the parts
        first = int((split == part).argmax())
        place = np.searchsorted(chosen, first)
        with archive.open(f"{part}_images.npy") as file:
            with _named(path, f"{part}_images"):
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                stored, fortran, dtype = read(file)
            expected = (int((split == part).sum()), *shape)
            if stored != expected or dtype != np.uint8 or fortran:
                raise ValueError(f"{path}: {part}_images are {stored} {dtype}, expected {expected} uint8")
            step = max(1, BLOCK // one)
            for start in range(0, expected[0], step):
                count = min(step, expected[0] - start)
                block = np.frombuffer(_exactly(file, count * one), np.uint8).reshape(count, *shape)
                wanted = rows[(rows >= first + start) & (rows < first + start + count)] - first - start
                found[place : place + len(wanted)] = block[wanted]
                place += len(wanted)
    return found


def _exactly(file, count: int) -> bytes:
    content = file.read(count)
    if len(content) != count:
        raise EOFError("it ends too early")
    return content


def _refuse_blank(images: np.ndarray, split: np.ndarray, path: Path) -> None:
    """A second copy of a set once held blank test images: every value the same."""
    for part in np.unique(split):
        of_part = images[split == part]
        if len(of_part) > 1 and (of_part == of_part.flat[0]).all():
            raise ValueError(f"{path}: all {part} images are blank; delete the file and get it from {RECORD}")
