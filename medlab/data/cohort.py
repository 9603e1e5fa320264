"""A cohort: a folder with `cohort.csv`, one row a lesion, and the image files that it names."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab import arguments, io
from medlab.data.dataset import Dataset
from medlab.data.download import file_md5
from medlab.data.files import lazy_images, lazy_masks, turned_point
from medlab.data.splits import a_few, subset
from medlab.data.table import NOBODY, from_column, is_missing, numbers, read_table
from medlab.files import new_folder
from medlab.io.volume import affine_at_origin

if TYPE_CHECKING:
    import pandas

TABLE, ABOUT = "cohort.csv", "about.json"
POINT = ["z", "y", "x"]
KNOWN = {
    "lidc-nodules": {
        "licence": "CC BY 3.0 (images), CC BY 4.0 (table)",
        "citation": "Armato et al. 2011, doi:10.1118/1.3528204; Setio et al. 2017, doi:10.1016/j.media.2017.06.015",
    }
}


def load(folder: Path, *, label: str | None, n: int | None, seed: int, beside: tuple | None = None) -> Dataset:
    """Read the table; images and masks are read when asked for, turned to LPS where their files say how they lie.

    Columns: `image` and `mask` are paths from the table, below its folder; `mask_label` says which number of the mask
    is the row's lesion; `patient_id` names the patient, `split` an official part; z, y, x are a voxel of the image
    file, counted from 0 (in `Dataset.table` they are turned as the image is). `beside` is the path of another
    table than `cohort.csv`, and its content.
    """
    known = _about(folder / ABOUT) if (folder / ABOUT).is_file() and not beside else KNOWN.get(folder.name, {})
    path, table = beside or (folder / TABLE, read_table(folder / TABLE, types=known.get("types")))
    _check_names(table, path)
    labels, class_names, task, rows = _labels(table, label, known, path)
    official = "split" in table and (table["split"] != "").any()
    strata = table["split"].to_numpy()[rows] if official else None
    chosen = subset(labels, n, seed=seed, task=task, strata=strata, name=folder.name)
    labels, table = labels[chosen], table.iloc[rows[chosen]].copy()
    images = _paths(folder, table, "image", path)
    pixels, spacing = lazy_images(images)
    masks = None
    if "mask" in table:
        lesions = numbers(table["mask_label"], f"{path}: ") if "mask_label" in table else np.full(len(table), np.nan)
        of_row = [(f"{path}: row {row}: ", lesion) for row, lesion in zip(table.index, lesions.tolist(), strict=True)]
        masks = lazy_masks(_paths(folder, table, "mask", path), images, of_row)
    if set(POINT) <= set(table.columns):
        points = np.transpose([numbers(table[axis], f"{path}: ") for axis in POINT])
        table[POINT] = [turned_point(image, tuple(point)) for image, point in zip(images, points, strict=True)]
    return Dataset(
        known.get("name", folder.name), pixels, labels,
        table["patient_id"].to_numpy() if "patient_id" in table else None,
        table["split"].to_numpy() if official else None,
        class_names, task, masks, spacing, table.reset_index(drop=True),
        known.get("licence", ""), known.get("citation", ""), file_md5(path),
    )  # fmt: skip


def write_cohort(dataset: Dataset, folder: str | Path) -> Path:
    """Write a Dataset as a cohort: images and masks as .nii.gz, and `cohort.csv`; `data.load(folder)` gives it back.

    One image is in memory at a time. The folder appears whole or not at all. `about.json` beside the table keeps name,
    task, class names, licence, citation, and which columns are text and which numbers.

    Args:
        dataset: Grey images of two or three axes with a spacing; their axes are taken as z, y, x in LPS.
        folder: A new or empty folder.

    Raises:
        FileExistsError: If the folder holds something.
        ValueError: If an image has no spacing, or values that NIfTI cannot hold.
    """
    from pandas.api.types import infer_dtype

    folder = Path(folder).expanduser()
    with new_folder(folder) as part:
        table = _table_of(dataset)
        for i in range(len(dataset)):
            spacing = dataset.spacing_of(i)
            if spacing is None:
                raise ValueError(f"{dataset.name}: image {i} has no spacing, which NIfTI needs; set dataset.spacing")
            _write(dataset.images[i], spacing, part / table["image"][i])
            if dataset.masks is not None:
                mask = arguments.mask(dataset.masks[i], f"{dataset.name}: mask {i}")
                _write(mask, spacing, part / table["mask"][i])
        table.to_csv(part / TABLE, index=False)
        about = {name: getattr(dataset, name) for name in ("name", "task", "class_names", "licence", "citation")}
        about["types"] = {name: "text" if infer_dtype(c) == "string" else c.dtype.name for name, c in table.items()}
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
        written = (*columns, "mask", "mask_label")  # a mask is written as 0 and 1
        columns |= {str(c): dataset.table[c].to_numpy() for c in dataset.table if str(c) not in written}
    return pd.DataFrame(columns)


def _check_names(table: "pandas.DataFrame", path: Path) -> None:
    """Every row needs an image, and a patient where the table has them; "NA" names nobody."""
    if "image" not in table:
        raise ValueError(f"{path}: has no column 'image'; it has {', '.join(table.columns)}")
    for column in {"image", "patient_id"} & set(table.columns):
        nobody = table[column][is_missing(table[column], NOBODY)]
        if len(nobody):
            raise ValueError(f"{path}: row {nobody.index[0]} has no {column} ({nobody.iloc[0]!r}); every row needs one")


def _about(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); write the cohort again, or delete this file") from error


def _labels(table: "pandas.DataFrame", label: str | None, known: dict[str, Any], path: Path):
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
        raise type(error)(f"{path}: {error.args[0]}") from None


def _paths(folder: Path, table: "pandas.DataFrame", column: str, path: Path) -> list[Path]:
    top = Path(os.path.normpath(folder))  # the folder itself may be named with ".."
    names = table[column].str.strip().str.replace("\\", "/", regex=False)
    paths = [folder / name for name in names]
    by_row = [f"row {row}: {name!r}" for row, name in names.items()]
    outside = [row for row, p in zip(by_row, paths) if not Path(os.path.normpath(p)).is_relative_to(top)]
    if outside:
        what = f"{len(outside)} of {len(paths)} {column} paths leave the folder of the cohort ({a_few(outside)})"
        raise ValueError(f"{path}: {what}; put the files below it")
    gone = [row for row, name, p in zip(by_row, names, paths) if not name or not p.exists()]
    if gone:
        raise FileNotFoundError(f"{path}: {len(gone)} of {len(paths)} {column} files are not there ({a_few(gone)})")
    return paths
