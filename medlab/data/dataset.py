"""One shape for all data: images, labels, patients, and what has to be known about them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas

TASKS = ("binary", "multiclass", "multilabel", "ordinal", "regression")
SPLITS = ("train", "val", "test")


@dataclass(eq=False, repr=False)
class Dataset:
    """Images with their labels, and where they come from.

    Args:
        name: Short name, for captions and tables.
        images: One array where sizes agree, else a sequence that reads an image when it is asked for.
        labels: Class numbers (N,), 0 or 1 for each class (N, K) where task is "multilabel", numbers for "regression".
        patients: Who each image is of, as text; None where that is not known.
        split: Official part of each image, "train", "val" or "test"; None where there is no official split.
        class_names: Their names in the order of the labels; empty for "regression".
        task: "binary", "multiclass", "multilabel", "ordinal" or "regression".
        masks: The lesion in each image, bool, same shapes as the images; None where there are none.
        spacing: mm between voxels in the order of the axes: a tuple for all images, or a sequence with one for each;
            None where unknown.
        table: What else is known, one row an image.
        licence: Terms of use; empty where unknown.
        citation: Whom to cite.
        checksum: MD5 of the file it came from; empty where there is none.

    `dataset[indices]` (numbers, a bool mask or a slice) is a Dataset of these; `len(dataset)` counts images.

    Raises:
        ValueError: If lengths, labels, class names and task do not fit each other.

    >>> data = Dataset("toy", np.zeros((3, 8, 8)), np.array([0, 1, 1]), class_names=("benign", "malignant"))
    >>> data[data.labels == 1]
    toy: 2 images 8 × 8, binary (benign 0, malignant 2), patients unknown
    """

    name: str
    images: Sequence[np.ndarray]
    labels: np.ndarray
    patients: np.ndarray | None = None
    split: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    task: str = "binary"
    masks: Sequence[np.ndarray] | None = None
    spacing: tuple[float, ...] | Sequence[tuple[float, ...]] | None = None
    table: "pandas.DataFrame | None" = None
    licence: str = ""
    citation: str = ""
    checksum: str = ""

    def __post_init__(self) -> None:
        self.class_names = tuple(str(name) for name in self.class_names)
        self.labels = np.asarray(self.labels)
        for name in ("patients", "split"):
            if getattr(self, name) is not None:
                setattr(self, name, as_text(getattr(self, name), f"{self.name}: {name}"))
        if isinstance(self.spacing, (tuple, list, np.ndarray)) and len(self.spacing):
            one_for_all = all(np.isscalar(step) for step in self.spacing)
            if one_for_all or isinstance(self.spacing, tuple):
                self.spacing = tuple(self.spacing) if one_for_all else list(self.spacing)
        self._check_spacing()
        self._check_lengths()
        self._check_labels()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices) -> "Dataset":
        if not isinstance(indices, slice):
            indices = np.asarray(indices)
            if indices.ndim != 1:
                raise TypeError(f"dataset[...] takes a list, array or slice; for one image: dataset.images[{indices}]")
            indices = indices.astype(np.int64) if indices.size == 0 else indices
        parts = {name: taken(getattr(self, name), indices) for name in ("images", "labels", "patients", "split")}
        parts["masks"] = taken(self.masks, indices)
        parts["spacing"] = self.spacing if isinstance(self.spacing, tuple) else taken(self.spacing, indices)
        parts["table"] = None if self.table is None else self.table.iloc[indices].reset_index(drop=True)
        return replace(self, **parts)

    def spacing_of(self, i: int) -> tuple[float, ...] | None:
        """mm between voxels of image `i`; None where unknown."""
        spacing = self.spacing if isinstance(self.spacing, tuple) or self.spacing is None else self.spacing[i]
        return None if spacing is None else tuple(float(step) for step in spacing)

    def _check_lengths(self) -> None:
        n = len(self.images)
        for name in ("labels", "patients", "split", "masks", "spacing", "table"):
            part = getattr(self, name)
            if part is None or isinstance(part, tuple):
                continue
            if len(part) != n:
                raise ValueError(f"{self.name}: {n} images but {len(part)} {name}; each image needs its own")

    def _check_spacing(self) -> None:
        """Only one spacing for all; where each image has its own, it is looked at when it is needed."""
        if not isinstance(self.spacing, tuple):
            return
        try:
            steps = tuple(float(step) for step in self.spacing)
        except (TypeError, ValueError):
            steps = ()
        if not steps or not all(np.isfinite(step) and step > 0 for step in steps):
            raise ValueError(f"{self.name}: spacing must be numbers above 0 in mm, one an axis, got {self.spacing}")
        self.spacing = steps
        if isinstance(self.images, np.ndarray) and self.images.ndim > 1:
            shape = self.images.shape[1:]
            colour = len(shape) == len(steps) + 1 and shape[-1] in (3, 4)
            if len(shape) != len(steps) and not colour:
                raise ValueError(f"{self.name}: spacing {steps} has {len(steps)} numbers, but the images are {shape}")

    def _check_labels(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"{self.name}: task must be one of {', '.join(TASKS)}, got {self.task!r}")
        labels, k = self.labels, len(self.class_names)
        if labels.ndim != (2 if self.task == "multilabel" else 1):
            wanted = "(images, classes)" if self.task == "multilabel" else "(images,)"
            raise ValueError(f"{self.name}: labels of a {self.task} task have shape {wanted}, got {labels.shape}")
        if self.task == "regression":
            if not np.isfinite(self.labels.astype(float)).all():
                raise ValueError(
                    f"{self.name}: {(~np.isfinite(labels.astype(float))).sum()} labels are NaN or infinite"
                )
            return
        if k == 0:
            raise ValueError(f"{self.name}: class_names are missing; a {self.task} task needs one name a class")
        if labels.dtype.kind not in "iub":
            raise ValueError(f"{self.name}: labels of classes are whole numbers from 0, got {labels.dtype}")
        self.labels = labels = labels.astype(np.int64)
        if self.task == "binary" and k != 2:
            raise ValueError(f"{self.name}: a binary task has two classes, got class_names {self.class_names}")
        if self.task == "multilabel" and labels.shape[1] != k:
            raise ValueError(f"{self.name}: labels have {labels.shape[1]} columns, class_names has {k}")
        top = 1 if self.task == "multilabel" else k - 1
        if labels.size and (labels.min() < 0 or labels.max() > top):
            raise ValueError(
                f"{self.name}: labels run from {labels.min()} to {labels.max()}, allowed are 0 to {top} "
                f"({k} class_names: {', '.join(self.class_names)})"
            )

    def __repr__(self) -> str:
        said = [f"{len(self):,} images{_size(self.images)}", self.task + self._counts()]
        said.append("patients unknown" if self.patients is None else f"{len(np.unique(self.patients)):,} patients")
        if self.split is not None:
            said.append("official split " + "/".join(f"{(self.split == part).sum()}" for part in SPLITS))
        return f"{self.name}: {', '.join(said)}"

    def _counts(self) -> str:
        if self.task == "regression":
            return f" ({self.labels.min():.4g} to {self.labels.max():.4g})" if len(self) else ""
        columns = (
            self.labels.T if self.task == "multilabel" else [self.labels == c for c in range(len(self.class_names))]
        )
        return (
            f" ({', '.join(f'{name} {int(np.sum(c)):,}' for name, c in zip(self.class_names, columns, strict=True))})"
        )


def taken(part: Any, indices: Any) -> Any:
    """The items of a sequence at some indices: of an array, a `Lazy`, a list; None stays None."""
    if part is None or isinstance(part, np.ndarray) or hasattr(part, "make"):
        return None if part is None else part[indices]
    if isinstance(indices, slice):
        return part[indices]
    chosen = np.arange(len(part))[indices]
    return [part[int(i)] for i in chosen]


def as_text(values: Any, what: str) -> np.ndarray:
    """Ids as text, the same under every type (7, 7.0, b"7", " 7 "); a missing one is an error.

    Missing ones would become a patient of their own called "nan".
    """
    import pandas as pd

    items = np.asarray(values, dtype=object)
    if items.ndim != 1:
        raise ValueError(f"{what} must be a list or array of one axis, one for each image, got {items.ndim} axes")
    texts = [_text(item) for item in items]
    missing = np.flatnonzero(pd.isna(items) | np.isin(np.array(texts, dtype=str), ("", "nan")))
    if len(missing):
        raise ValueError(f"{what} missing for {len(missing)} images (the first at position {missing[0]})")
    return np.array(texts, dtype=str if texts else "<U1")


def _text(item: Any) -> str:
    if isinstance(item, bytes):
        item = item.decode("utf-8", errors="backslashreplace")
    elif isinstance(item, (float, np.floating)) and float(item).is_integer():
        item = int(item)
    return str(item).strip()


def _size(images: Any) -> str:
    return f" {' × '.join(map(str, images.shape[1:]))}" if isinstance(images, np.ndarray) else ""
