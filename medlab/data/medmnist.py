"""MedMNIST v2: its 18 sets (`medmnist.csv`), found on disk or fetched, checked, in official order and split."""

import csv
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medlab.data.dataset import SPLITS, Dataset
from medlab.data.download import fetch, file_md5
from medlab.data.splits import subset
from medlab.data.table import POSITIVE

RECORD = "https://zenodo.org/records/10519652"  # for a browser
ADDRESS = RECORD + "/files/{file}?download=1"
PAPER = "Yang et al. 2023, MedMNIST v2, doi:10.1038/s41597-022-01721-8"
SIZES = (28, 64, 128, 224)


@dataclass(frozen=True)
class Entry:
    """One set of MedMNIST.

    Args:
        title: Its name in papers.
        shows: What is in the images.
        task: As in `Dataset.task`.
        classes: Official class names in the order of the labels; in BreastMNIST 0 is malignant.
        channels: 1 grey, 3 colour.
        n: Images in train, val and test.
        md5: Checksum of the file of each size that exists.
        source: Who made the images, to cite beside `PAPER`; empty where that paper itself is the source.
        licence: Terms of use.
    """

    title: str
    shows: str
    task: str
    classes: tuple[str, ...]
    channels: int
    n: tuple[int, int, int]
    md5: dict[int, str]
    source: str
    licence: str

    @property
    def dimensions(self) -> int:
        return 3 if self.title.endswith("3D") else 2

    def shape(self, size: int) -> tuple[int, ...]:
        """Shape of one image: (y, x), (y, x, 3) or (z, y, x)."""
        return (size,) * self.dimensions + ((3,) if self.channels == 3 else ())


def _catalogue() -> dict[str, Entry]:
    """The table beside this file: facts as in the `medmnist` package 3.0.2, `info.py` (Apache-2.0)."""
    with open(Path(__file__).with_suffix(".csv"), encoding="utf-8", newline="") as file:
        return {
            row["name"]: Entry(
                row["title"], row["shows"], row["task"], tuple(row["classes"].split("; ")), int(row["channels"]),
                tuple(int(row[part]) for part in SPLITS),
                {size: row[f"md5_{size}"] for size in SIZES if row[f"md5_{size}"]},
                row["source"], row["licence"],
            )
            for row in csv.DictReader(file)
        }  # fmt: skip


CATALOGUE = _catalogue()


def load(name: str, *, size: int, n: int | None, seed: int, label: str | None, folder: Path, download: bool) -> Dataset:
    """A set of the catalogue as a Dataset: train, val and test behind each other; `split` says which is which.

    `label` chooses one finding of a set with several an image (ChestMNIST), which makes it "binary".

    Raises:
        ValueError: If there is no such size, or the file does not hold what the catalogue says.
        FileNotFoundError: If the file is not there and `download` is False.
        DownloadError: If it cannot be fetched.
    """
    entry = CATALOGUE[name]
    if size not in entry.md5:
        raise ValueError(f"{entry.title} comes in the sizes {', '.join(map(str, entry.md5))}, not {size}")
    if label is not None and (entry.task != "multilabel" or label not in entry.classes):
        findings = f"one of {', '.join(entry.classes)}" if entry.task == "multilabel" else "None: there is one label"
        raise ValueError(f"label={label!r}: for {entry.title} it is {findings}")
    path = find(name, size, folder, download)
    checksum = file_md5(path)
    if checksum != entry.md5[size]:
        warnings.warn(
            f"{path}: its MD5 is {checksum}, that of the official file is {entry.md5[size]}; "
            f"it is used as it is, so results may differ from published ones",
            stacklevel=3,
        )
    labels, split = _labels(path, entry)
    chosen = subset(labels, n, seed=seed, task=entry.task, strata=split, name=entry.title)
    dataset = Dataset(
        path.stem, _images(path, entry.shape(size), split, chosen), labels[chosen], None, split[chosen],
        entry.classes, entry.task, licence=entry.licence, citation=f"{PAPER}; {entry.source}".removesuffix("; "),
        checksum=checksum,
    )  # fmt: skip
    if entry.task == "binary" and entry.classes[0] in POSITIVE:
        warnings.warn(
            f"{entry.title}: {entry.classes[0]} is class 0 here, as its makers numbered it, and "
            f"{entry.classes[1]!r} is class 1; sensitivity and AUC of class 1 are not those of the disease",
            stacklevel=3,
        )
    if label is None:
        return dataset
    column = dataset.labels[:, entry.classes.index(label)]
    return replace(dataset, labels=column, class_names=(f"no {label}", label), task="binary")


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


def file_name(name: str, size: int) -> str:
    """`pneumoniamnist.npz` for 28 pixels, `pneumoniamnist_64.npz` for others."""
    return f"{name}.npz" if size == 28 else f"{name}_{size}.npz"


def _array(path: Path, name: str) -> np.ndarray:
    """One array of a file; nothing in the file is run."""
    try:
        with np.load(path, allow_pickle=False) as file:
            array = file[name]
        if not isinstance(array, np.ndarray):
            raise ValueError("it is no array of NumPy")
    except Exception as error:  # NumPy, zip and zlib have their own kinds
        reason = str(error).split(".")[0]  # NumPy goes on to say how to trust the file
        raise ValueError(
            f"{path}: {name} cannot be read ({reason}); it is damaged, or no file of MedMNIST: delete it and load "
            f"it again, or get it from {RECORD}"
        ) from error
    return array


def _labels(path: Path, entry: Entry) -> tuple[np.ndarray, np.ndarray]:
    """Labels of all parts, (N,), or (N, classes) where an image may have several; and the part of each."""
    found = {}
    columns = len(entry.classes) if entry.task == "multilabel" else 1
    for part in SPLITS:
        labels = _array(path, f"{part}_labels")
        if labels.dtype.kind not in "iubf" or (labels.dtype.kind == "f" and not (labels == np.floor(labels)).all()):
            some = ", ".join(map(str, np.unique(labels)[:3]))
            raise ValueError(f"{path}: {part}_labels are {labels.dtype} ({some}, ...), expected whole numbers from 0")
        if labels.ndim != 2 or labels.shape[1] != columns:
            raise ValueError(f"{path}: {part}_labels have shape {labels.shape}, expected (images, {columns})")
        found[part] = labels.astype(np.int64)
    counts = tuple(map(len, found.values()))
    if counts != entry.n:
        warnings.warn(f"{path}: holds {counts} images in train, val and test, officially {entry.n}", stacklevel=4)
    labels = np.concatenate(list(found.values()))
    return labels if entry.task == "multilabel" else labels[:, 0], np.repeat(SPLITS, counts)


def _images(path: Path, shape: tuple[int, ...], split: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen images in one array; one part is unpacked at a time."""
    images = np.empty((len(chosen), *shape), np.uint8)
    for part in SPLITS:
        of_part = _array(path, f"{part}_images")
        expected = (int((split == part).sum()), *shape)
        if of_part.shape != expected or of_part.dtype != np.uint8:
            raise ValueError(f"{path}: {part}_images are {of_part.shape} {of_part.dtype}, expected {expected} uint8")
        if len(of_part) > 1 and of_part.min() == of_part.max():  # a second copy of a set once came like that
            raise ValueError(f"{path}: all {part} images are blank; delete the file and get it from {RECORD}")
        rows = np.flatnonzero(split == part)
        images[split[chosen] == part] = of_part[np.isin(rows, chosen)]
    return images
