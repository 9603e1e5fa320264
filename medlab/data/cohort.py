"""A cohort: a folder with `cohort.csv`, one row a lesion, and the image files that it names."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab import io
from medlab.data.dataset import Dataset
from medlab.data.download import file_md5
from medlab.data.files import lazy_images, lazy_masks, turned_point
from medlab.data.splits import subset
from medlab.data.table import from_column, read_table
from medlab.files import new_folder
from medlab.io.volume import affine_at_origin

if TYPE_CHECKING:
    import pandas

TABLE, ABOUT = "cohort.csv", "about.json"
TEXT = ("patient_id", "image", "mask", "split")  # columns that stay text, whatever they look like
POINT = ["z", "y", "x"]
KNOWN = {
    "lidc-nodules": {
        "licence": "CC BY 3.0 (images), CC BY 4.0 (table)",
        "citation": "Armato et al. 2011, doi:10.1118/1.3528204; Setio et al. 2017, doi:10.1016/j.media.2017.06.015",
    }
}


def load(folder: Path, *, label: str | None, n: int | None, seed: int) -> Dataset:
    """Read the table; images and masks are read when asked for, turned to LPS where their files say how they lie.

    Columns: `image` and `mask` are paths from the table, below its folder; `patient_id` names the patient, `split` an
    official part; z, y, x are a voxel of the image file, counted from 0 (in `Dataset.table` they are turned as the
    image is).
    """
    table = _table(folder / TABLE)
    known = _about(folder / ABOUT) if (folder / ABOUT).is_file() else KNOWN.get(folder.name, {})
    labels, class_names, task, rows = _labels(table, label, known, folder)
    official = "split" in table and (table["split"] != "").any()
    strata = table["split"].to_numpy()[rows] if official else None
    chosen = subset(labels, n, seed=seed, task=task, strata=strata, name=folder.name)
    labels, rows = labels[chosen], rows[chosen]
    table = table.iloc[rows].reset_index(drop=True)
    images = _paths(folder, table, "image")
    pixels, spacing = lazy_images(images)
    masks = lazy_masks(_paths(folder, table, "mask"), images) if "mask" in table else None
    if set(POINT) <= set(table.columns):
        points = table[POINT].to_numpy(float)
        table[POINT] = [turned_point(path, tuple(point)) for path, point in zip(images, points, strict=True)]
    return Dataset(
        known.get("name", folder.name), pixels, labels,
        table["patient_id"].to_numpy() if "patient_id" in table else None,
        table["split"].to_numpy() if official else None,
        class_names, task, masks, spacing, table,
        known.get("licence", ""), known.get("citation", ""), file_md5(folder / TABLE),
    )  # fmt: skip


def write_cohort(dataset: Dataset, folder: str | Path) -> Path:
    """Write a Dataset as a cohort: images and masks as .nii.gz, and `cohort.csv`; `data.load(folder)` gives it back.

    One image is in memory at a time. The folder appears whole or not at all. `about.json` beside the table keeps name,
    task, class names, licence and citation.

    Args:
        dataset: Grey images of two or three axes with a spacing; their axes are taken as z, y, x in LPS.
        folder: A new or empty folder.

    Raises:
        FileExistsError: If the folder holds something.
        ValueError: If an image has no spacing, or values that NIfTI cannot hold.
    """
    folder = Path(folder).expanduser()
    with new_folder(folder) as part:
        table = _table_of(dataset)
        for i in range(len(dataset)):
            spacing = dataset.spacing_of(i)
            if spacing is None:
                raise ValueError(f"{dataset.name}: image {i} has no spacing, which NIfTI needs; set dataset.spacing")
            _write(dataset.images[i], spacing, part / table["image"][i])
            if dataset.masks is not None:
                _write(np.asarray(dataset.masks[i], bool), spacing, part / table["mask"][i])
        table.to_csv(part / TABLE, index=False)
        about = {name: getattr(dataset, name) for name in ("name", "task", "class_names", "licence", "citation")}
        (part / ABOUT).write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")
    return folder


def _write(image: np.ndarray, spacing: tuple[float, ...], path: Path) -> None:
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.ndim != len(spacing):
        raise ValueError(f"a cohort holds grey images of two or three axes, got shape {image.shape}, spacing {spacing}")
    io.write(io.Volume(image, spacing, affine_at_origin(spacing)), path)


def _table_of(dataset: Dataset) -> "pandas.DataFrame":
    import pandas as pd

    n = len(dataset)
    columns: dict[str, Any] = {}
    if dataset.patients is not None:
        columns["patient_id"] = dataset.patients
    columns["image"] = [f"images/{i:06d}.nii.gz" for i in range(n)]
    if dataset.masks is not None:
        columns["mask"] = [f"masks/{i:06d}.nii.gz" for i in range(n)]
    if dataset.split is not None:
        columns["split"] = dataset.split
    labels = dataset.labels
    columns["label"] = [" ".join(map(str, row)) for row in labels] if dataset.task == "multilabel" else labels
    if dataset.table is not None:
        columns |= {str(c): dataset.table[c].to_numpy() for c in dataset.table if str(c) not in columns and c != "mask"}
    return pd.DataFrame(columns)


def _table(path: Path) -> "pandas.DataFrame":
    table = read_table(path, text=TEXT)
    if "image" not in table:
        raise ValueError(f"{path}: has no column 'image'; it has {', '.join(table.columns)}")
    nobody = np.flatnonzero(table["patient_id"].str.strip() == "") if "patient_id" in table else ()
    if len(nobody):
        raise ValueError(
            f"{path}: row {nobody[0] + 2} has no patient_id; every lesion needs one, or none may have the column"
        )
    return table


def _about(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); write the cohort again, or delete this file") from error


def _labels(table: "pandas.DataFrame", label: str | None, known: dict[str, Any], folder: Path):
    """The column that was asked for; the column `label` of a cohort written here means what it meant there."""
    if label is None and "label" in table and "task" in known:
        task, names = known["task"], tuple(known["class_names"])
        values = table["label"]
        if task == "multilabel":
            labels = np.array([[int(v) for v in str(row).split()] for row in values])
        else:
            labels = values.to_numpy(float if task == "regression" else np.int64)
        return labels, names, task, np.arange(len(table))
    try:
        return from_column(table, label)
    except (KeyError, ValueError) as error:
        raise type(error)(f"{folder / TABLE}: {error.args[0]}") from None


def _paths(folder: Path, table: "pandas.DataFrame", column: str) -> list[Path]:
    top = Path(os.path.normpath(folder))  # the folder itself may be named with ".."
    outside = [name for name in table[column] if not Path(os.path.normpath(folder / name)).is_relative_to(top)]
    if outside:
        some = ", ".join(repr(name) for name in outside[:3])
        raise ValueError(
            f"{folder / TABLE}: {len(outside)} of {len(table)} {column} paths leave the folder of the cohort ({some}); "
            f"put the files below it"
        )
    paths = [folder / name for name in table[column]]
    missing = [name for name, path in zip(table[column], paths, strict=True) if not name or not path.exists()]
    if missing:
        some = ", ".join(repr(name) for name in missing[:3])
        raise FileNotFoundError(
            f"{folder / TABLE}: {len(missing)} of {len(paths)} {column} files are not there ({some})"
        )
    return paths
