"""A folder of images: one sub-folder per class, below it image files or one folder a patient."""

import warnings
from pathlib import Path

import numpy as np

from medlab.data.dataset import Dataset
from medlab.data.files import lazy_images
from medlab.data.splits import subset
from medlab.data.table import by_name

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".dcm", ".dicom", ".ima", ".nii", ".nii.gz", ".hdr")
PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def load(folder: Path, *, n: int | None, seed: int) -> Dataset:
    """Images by class: `class/image.png` or `class/patient/image.png`; `train/`, `val/`, `test/` may lie above.

    Every file is one image (a DICOM series would be many: read that with `io.read`, write it as NIfTI). Patients are
    known only where every image lies in a folder of its patient, and these are not the same in every class.
    """
    below = _folders(folder)
    parts, others = ([p.name for p in below if (p.name.lower() in PARTS) == is_part] for is_part in (True, False))
    if parts and others:
        raise ValueError(
            f"{folder}: {', '.join(parts)} are parts of an official split, but beside them lie {', '.join(others)}; "
            f"expected only train, val and test, or only classes: move or rename the others"
        )
    if parts:
        found = [(PARTS[part.name.lower()], *item) for part in below for item in _images(part)]
    else:
        found = [("", *item) for item in _images(folder)]
    names, labels = by_name(name for _, name, _, _ in found)
    if len(names) < 2:
        has = f"{len(found)} images in one sub-folder ({names[0]})" if names else "no images in sub-folders"
        raise ValueError(f"{folder}: expected one sub-folder with images per class, at least two; found {has}")
    split = np.array([part for part, _, _, _ in found])
    official = bool(split[0])
    chosen = subset(labels, n, seed=seed, task="multiclass", strata=split if official else None, name=folder.name)
    patients = _patients(found, folder)
    pixels, spacing = lazy_images([found[i][3] for i in chosen])
    return Dataset(
        folder.name, pixels, labels[chosen], None if patients is None else patients[chosen],
        split[chosen] if official else None, names, "binary" if len(names) == 2 else "multiclass",
        spacing=spacing,
    )  # fmt: skip


def _patients(found: list[tuple[str, str, str, Path]], folder: Path) -> np.ndarray | None:
    """The patient of each image; None where some lie in no folder of a patient, or the folders are something else."""
    patients = np.array([patient for _, _, patient, _ in found])
    if (patients == "").any():
        return None
    of_class: dict[str, set[str]] = {}
    for _, name, patient, _ in found:
        of_class.setdefault(name, set()).add(patient)
    first, *rest = of_class.values()
    if all(inside == first for inside in rest):
        some = ", ".join(sorted(first)[:3]) + (", ..." if len(first) > 3 else "")
        warnings.warn(
            f"{folder}: every class has the same sub-folders ({some}), which are hardly patients; patients are unknown",
            stacklevel=4,
        )
        return None
    return patients


def _images(folder: Path) -> list[tuple[str, str, Path]]:
    """Class, patient (empty where the file lies directly in the class) and path of every image, by name."""
    found = []
    for of_class in _folders(folder):
        for path in sorted(of_class.rglob("*")):
            inside = path.relative_to(of_class).parts
            if path.is_file() and not any(part.startswith((".", "__")) for part in inside) and _is_image(path):
                found.append((of_class.name, inside[0] if len(inside) > 1 else "", path))
    return found


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def _is_image(path: Path) -> bool:
    name = path.name.lower()
    if name.endswith(ENDINGS):
        return True
    if path.suffix and not path.suffix[1:].isdigit():
        return False
    with open(path, "rb") as file:  # DICOM often has no ending
        return file.read(132)[128:] == b"DICM"
