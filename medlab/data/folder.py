"""A folder of images: one sub-folder per class, below it images or one folder a patient; or a table that names them."""

import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medlab import io
from medlab.data.dataset import Dataset
from medlab.data.files import lazy_images, lazy_masks
from medlab.data.splits import a_few, subset
from medlab.data.table import by_name, read_table

if TYPE_CHECKING:
    import pandas

NOT_DICOM = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".nii", ".nii.gz", ".hdr")
# nobody takes these for images, so nobody misses them
TEXTS = (".txt", ".csv", ".tsv", ".xls", ".xlsx", ".json", ".xml", ".md", ".html", ".pdf", ".ini", ".db", "dicomdir")
PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
FLAT = ("CR", "DX", "MG", "RG", "IO", "PX", "US", "XA", "RF", "OP", "XC", "ES", "GM")  # their series are no slices
IMAGES = ("image", "images", "img", "imgs")  # folders that are neither a class nor a patient
MASKS = re.compile(r"(.*[ _-])?(masks?|segmentations?)", re.IGNORECASE)  # the same, of masks
MASK = re.compile(r"(?:(?P<image>.+)[ _.-])?(?:masks?|segs?|segmentations?)(?:[ _-]?\d+)?", re.IGNORECASE)


def load(folder: Path, *, n: int | None, seed: int) -> Dataset:
    """Images by class: `class/image.png` or `class/patient/image.png`; `train/`, `val/`, `test/` may lie above.

    Every file is one image, and so is a folder below a class that holds one DICOM series. Files called `x_mask` and
    those in a folder `masks/` are masks: used where every image has one, never counted as images. Patients are known
    only where every image lies in a folder of its patient, and these are not the same in every class. What is left out
    is counted in a warning.
    """
    images, masks, left_out = _scan(folder)
    tops = sorted({place[0] for place in images.values() if len(place) > 1})
    parts, others = ([name for name in tops if (name.lower() in PARTS) == is_part] for is_part in (True, False))
    if parts and others:
        raise ValueError(
            f"{folder}: {', '.join(parts)} are parts of an official split, but beside them lie {', '.join(others)}; "
            f"expected only train, val and test, or only classes: move or rename the others"
        )
    level = 1 if parts else 0  # of the class among the folders
    in_class = {path: place for path, place in images.items() if len(place) > level + 1}
    left_out["in no folder of a class"] = len(images) - len(in_class)
    images = _series_as_one(in_class, level, left_out)
    mask_of = _mask_of_each(images, masks, left_out)
    paths, places = list(images), list(images.values())
    names, labels = by_name(place[level] for place in places)
    if len(names) < 2:
        has = f"{len(images)} images in one sub-folder ({names[0]})" if names else "no images in sub-folders"
        lost = _said(left_out)
        raise ValueError(f"{folder}: expected one sub-folder with images per class, at least two; found {has}{lost}")
    _warn(folder, left_out)
    split = np.array([PARTS[place[0].lower()] if parts else "" for place in places])
    chosen = subset(labels, n, seed=seed, task="multiclass", strata=split if parts else None, name=folder.name)
    patients = _patients([place[level:-1] for place in places], folder)
    paths = [paths[i] for i in chosen]
    pixels, spacing = lazy_images(paths)
    return Dataset(
        folder.name, pixels, labels[chosen], None if patients is None else patients[chosen],
        split[chosen] if parts else None, names, "binary" if len(names) == 2 else "multiclass",
        mask_of and lazy_masks([mask_of[path] for path in paths], paths), spacing,
    )  # fmt: skip


def table_beside(folder: Path) -> "tuple[Path, pandas.DataFrame] | None":
    """A table in the folder with a column that names its scans; `image` (and `mask`, found by name) become paths.

    A column names scans where half of its rows or more do, with or without folder and ending; a folder of DICOM files
    is a scan too. None if there is no such table.

    Raises:
        ValueError: If a row names no scan or several, or two tables or columns name different ones.
    """
    tables = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".csv", ".tsv") and path.is_file()]
    if not tables:
        return None
    images, masks, left_out = _scan(folder)
    folders = [above for path in images if _may_be_dicom(path) for above in path.parents if folder in above.parents]
    scans = _by_name(folder, [*images, *folders])
    found = []
    for path in tables:
        table = read_table(path)
        for column in table.columns.drop(["mask", "mask_label", "split"], errors="ignore"):
            files = [scans.get(str(value).strip().replace("\\", "/"), ()) for value in table[column]]
            if 2 * sum(map(bool, files)) >= len(files):
                rank = (column == "image", table[column].dtype.kind not in "iuf", len(set(files)))  # 1 may be a label
                found.append((rank, path, table, table[column], files))
    if not found:
        return None
    rank, path, table, column, files = max(found, key=lambda candidate: candidate[0])
    for of_rank, other, _, rival, named in found:
        if other != path or (of_rank == rank and named != files):
            both = f"{path} ({column.name}) and {other} ({rival.name})"
            raise ValueError(f"{both} name the files: keep one table, and call its column of the images image")
    chosen = _one_a_row(path, column, files)
    mask_of = None if "mask" in table else _mask_of_each({p: _place(folder, p) for p in chosen}, masks, left_out)
    named = {*chosen, *(folder / str(name) for name in table.get("mask", ()))}
    left_out[f"without a row in {path.name}"] = sum(named.isdisjoint([image, *image.parents]) for image in images)
    _warn(folder, left_out)
    table["image"] = [scan.relative_to(folder).as_posix() for scan in chosen]
    if mask_of:
        table["mask"] = [mask_of[scan].relative_to(folder).as_posix() for scan in chosen]
    return path, table


def _scan(folder: Path) -> tuple[dict[Path, tuple[str, ...]], dict[Path, tuple[str, ...]], Counter[str]]:
    """The places of images and of masks, and how many files of which kind are neither."""
    images, masks, left_out = {}, {}, Counter()
    for path in _files(folder):
        if _is_image(path):
            in_masks = any(map(MASKS.fullmatch, path.relative_to(folder).parts[:-1]))
            of_kind = masks if in_masks or MASK.fullmatch(_stem(path.name)) else images
            of_kind[path] = _place(folder, path)
        elif not (path.name.lower().endswith(TEXTS) or (path.suffix == ".img" and path.with_suffix(".hdr").exists())):
            left_out[(path.suffix.lower() or "no ending") if path.exists() else "broken links"] += 1
    return images, masks, left_out


def _place(folder: Path, path: Path) -> tuple[str, ...]:
    """The folders of an image, those for images or masks left out, and its name without ending: "" of a whole folder.

    That of a mask ends with the name of its image, or with the folder where it is called mask alone.
    """
    *folders, name = path.relative_to(folder).parts
    mask = MASK.fullmatch(_stem(name))
    last = [name, ""] if path.is_dir() else [mask["image"] if mask else _stem(name)]
    above = [name for name in folders if name.lower() not in IMAGES and not MASKS.fullmatch(name)]
    return (*above, *(name for name in last if name is not None))


def _files(folder: Path, above: tuple[str, ...] = ()) -> Iterator[Path]:
    """All files by name, those in linked folders too; hidden ones are passed over, and links to a folder above."""
    real = os.path.realpath(folder)
    for path in () if real in above else sorted(folder.iterdir()):
        if not path.name.startswith((".", "__")):
            yield from _files(path, (*above, real)) if path.is_dir() else [path]


def _is_image(path: Path) -> bool:
    name = path.name.lower()
    if name.endswith((*NOT_DICOM, ".dcm", ".dicom", ".ima")):
        return path.is_file()
    if name.endswith(TEXTS) or not path.is_file() or (path.suffix and not path.suffix[1:].isdigit()):
        return False
    with open(path, "rb") as file:  # DICOM often has no ending, and in old files no mark
        start = file.read(132)
    return start[128:] == b"DICM" or start[:2] == b"\x08\x00"


def _may_be_dicom(path: Path) -> bool:
    return not path.name.lower().endswith(NOT_DICOM)


def _stem(name: str) -> str:
    return re.sub(r"(\.nii\.gz|\.[a-z]+)$", "", name, flags=re.IGNORECASE)


def _series_as_one(images: dict, level: int, left_out: Counter[str]) -> dict[Path, tuple[str, ...]]:
    """Images, with the folder in place of its files where one below a class holds the slices of a DICOM series."""
    of_folder: dict[Path, list[Path]] = {}
    for path, place in images.items():
        if len(place) > level + 2 and _may_be_dicom(path):
            of_folder.setdefault(path.parent, []).append(path)
    instead: dict[Path, Path] = {}
    for where, files in of_folder.items():
        try:
            found = io.series(where) if len(files) > 1 else []
        except io.ReadError:  # each file says itself what is wrong with it
            continue
        stacks = [one for one in found if len(one.files) > 1 and one.modality not in FLAT]
        if stacks and len(found) > 1:
            raise ValueError(f"{where}: holds {len(found)} DICOM series; one is one image, put each in its own folder")
        if stacks:
            instead |= dict.fromkeys(files, where)
            left_out["DICOM without an image"] += len(files) - len(stacks[0].files)
    return {instead.get(p, p): (*place[:-1], "") if p in instead else place for p, place in images.items()}


def _mask_of_each(images: dict, masks: dict, left_out: Counter[str]) -> dict[Path, Path] | None:
    """The mask of each image by its name; None where there are none, or some image has not its own."""
    of_name: dict[tuple[str, ...], list[Path]] = {}
    for path, place in masks.items():
        of_name.setdefault(place, []).append(path)
    found = {path: of_name.get(place, of_name.get(place[:-1], [])) for path, place in images.items()}
    used = {mask for of_image in found.values() for mask in of_image}
    if all(len(of_image) == 1 for of_image in found.values()) and len(used) == len(images):
        left_out["masks without an image"] = len(masks) - len(used)
        return {path: mask for path, (mask,) in found.items()}
    without = sum(not of_image for of_image in found.values())
    left_out[f"masks, which not every image has one of ({without} of {len(images)} none)"] = len(masks)
    return None


def _by_name(folder: Path, paths: list[Path]) -> dict[str, tuple[Path, ...]]:
    """The files that a name may mean, with or without folder and ending."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in dict.fromkeys(paths):
        whole = path.relative_to(folder).as_posix()
        for name in {whole, path.name, _stem(whole), _stem(path.name)}:
            found[name] = (*found.get(name, ()), path)
    return found


def _one_a_row(table: Path, column: "pandas.Series", files: list[tuple[Path, ...]]) -> list[Path]:
    for (row, value), paths in zip(column.items(), files, strict=True):
        if len(paths) != 1:
            means = f"may be {' or '.join(map(str, paths[:3]))}; name its folder too" if paths else "is no file here"
            raise ValueError(f"{table}: row {row}: {column.name} {value!r} {means}")
    return [path for (path,) in files]


def _said(left_out: Counter[str]) -> str:
    """How many files were left out, of which kinds; empty where none were."""
    kinds = (+left_out).most_common()
    listed = ", ".join(f"{kind} ({n})" for kind, n in kinds) if len(kinds) > 1 else "".join(dict(kinds))
    return f": {left_out.total()} files left out: {listed}" if kinds else ""


def _warn(folder: Path, left_out: Counter[str]) -> None:
    if _said(left_out):
        warnings.warn(f"{folder}{_said(left_out)}", stacklevel=4)


def _patients(folders: list[tuple[str, ...]], folder: Path) -> np.ndarray | None:
    """The patient of each image; None where some lie in no folder of a patient, or the folders are something else."""
    if any(len(inside) < 2 for inside in folders):
        return None
    pairs = {inside[:2] for inside in folders}
    classes, patients = (sorted(set(names)) for names in zip(*pairs))
    if len(pairs) == len(classes) * len(patients):
        alike = f"every class has the same sub-folders ({a_few(patients)}), which are hardly patients"
        warnings.warn(f"{folder}: {alike}; patients are unknown", stacklevel=4)
        return None
    return np.array([inside[1] for inside in folders])
