"""One shape for all data: images, labels, patients, and what has to be known about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab import arguments
from medlab.data.table import NOBODY

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
        self._settle_spacing()
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
        for name in ("labels", "patients", "split", "masks", "spacing", "table"):
            part = getattr(self, name)
            if part is not None and not isinstance(part, tuple) and len(part) != len(self):
                raise ValueError(f"{self.name}: {len(self)} images but {len(part)} {name}; each image needs its own")

    def _settle_spacing(self) -> None:
        """One spacing for all becomes a tuple; where each image has its own, it is looked at when it is needed."""
        if not isinstance(self.spacing, (tuple, list, np.ndarray)):
            return
        if not len(self.spacing) or not all(isinstance(step, Real) for step in self.spacing):
            self.spacing = list(self.spacing)
            return
        self.spacing = arguments.spacing(self.spacing, len(self.spacing), f"{self.name}: spacing")
        if isinstance(self.images, np.ndarray) and self.images.ndim > 1:
            shape, n = self.images.shape[1:], len(self.spacing)
            if len(shape) != n and not (len(shape) == n + 1 and shape[-1] in (3, 4)):  # colour has no spacing
                raise ValueError(f"{self.name}: spacing {self.spacing} has {n} numbers, but the images are {shape}")

    def _check_labels(self) -> None:
        arguments.choice(self.task, f"{self.name}: task", TASKS)
        labels, k = self.labels, len(self.class_names)
        if labels.ndim != (2 if self.task == "multilabel" else 1):
            wanted = "(images, classes)" if self.task == "multilabel" else "(images,)"
            raise ValueError(f"{self.name}: labels of a {self.task} task have shape {wanted}, got {labels.shape}")
        if self.task == "regression":
            unknown = int((~np.isfinite(labels.astype(float))).sum())
            if unknown:
                raise ValueError(f"{self.name}: {unknown} labels are NaN or infinite")
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

    def of_class(self) -> np.ndarray:
        """(images, classes) as bool: which images are of which class; an image may have several, or none."""
        if self.task == "multilabel":
            return self.labels == 1
        return self.labels[:, None] == np.arange(len(self.class_names))

    def __repr__(self) -> str:
        size = f" {' × '.join(map(str, self.images.shape[1:]))}" if isinstance(self.images, np.ndarray) else ""
        parts = [f"{len(self):,} images{size}", f"{self.task}{self._contents()}"]
        parts.append("patients unknown" if self.patients is None else f"{len(np.unique(self.patients)):,} patients")
        if self.split is not None:
            parts.append("official split " + "/".join(f"{(self.split == part).sum()}" for part in SPLITS))
        return f"{self.name}: {', '.join(parts)}"

    def _contents(self) -> str:
        if self.task == "regression":
            return f" ({self.labels.min():.4g} to {self.labels.max():.4g})" if len(self) else ""
        counts = [f"{name} {n:,}" for name, n in zip(self.class_names, self.of_class().sum(0).tolist())]
        return f" ({', '.join(counts)})"


def taken(part: Any, indices: Any) -> Any:
    """The items of a sequence at some indices: of an array, a `Lazy`, a list; None stays None."""
    if part is None or isinstance(part, (np.ndarray, Lazy)) or isinstance(indices, slice):
        return None if part is None else part[indices]
    return [part[int(i)] for i in np.arange(len(part))[indices]]


class Lazy(Sequence):
    """Items made one at a time and not kept, so that memory does not grow with their number.

    Args:
        make: Gives item `i`; a module-level function or an object, so that worker processes can receive it.
        index: Which items of `make`, in which order; a number stands for all from 0.

    An integer gives an item, anything else that NumPy takes as an index gives a shorter `Lazy`. `np.asarray` makes one
    array of all, where their sizes agree.

    >>> squares = Lazy(lambda i: np.full((2, 2), i * i), 10)
    >>> squares[3].tolist(), len(squares[::2]), np.asarray(squares[2:5]).shape
    ([[9, 9], [9, 9]], 5, (3, 2, 2))
    """

    def __init__(self, make: Callable[[int], Any], index: int | np.ndarray):
        self.make = make
        self.index = np.arange(index) if isinstance(index, (int, np.integer)) else np.asarray(index)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, which):
        if isinstance(which, (int, np.integer)) and not isinstance(which, (bool, np.bool_)):
            return self.make(int(self.index[which]))
        return Lazy(self.make, self.index[which])

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if not len(self):
            return np.empty(0, dtype or np.float32)
        first = np.asarray(self[0])
        array = np.empty((len(self), *first.shape), dtype or first.dtype)
        for i, item in enumerate(self):
            item = np.asarray(item)
            if item.shape != first.shape:
                raise ValueError(
                    f"image {i} is {item.shape} and image 0 is {first.shape}: no single array holds both; "
                    f"take them one by one, or cut them alike with data.crops"
                )
            if dtype is None and not np.can_cast(item.dtype, array.dtype, "same_kind"):
                array = array.astype(np.result_type(array, item))
            array[i] = item
        return array

    def __repr__(self) -> str:
        return f"{len(self):,} items, made when asked for"


def as_text(values: Any, what: str) -> np.ndarray:
    """Ids as text, the same under every type (7, 7.0, b"7", " 7 "); a missing one is an error.

    Missing ones (`NOBODY`) would become a patient of their own called "nan".
    """
    import pandas as pd

    items = np.asarray(values, dtype=object)
    if items.ndim != 1:
        raise ValueError(f"{what} must be a list or array of one axis, one for each image, got {items.ndim} axes")
    texts = [_text(item) for item in items]
    missing = np.flatnonzero(pd.isna(items) | np.isin([text.lower() for text in texts], NOBODY))
    if len(missing):
        raise ValueError(f"{what} missing for {len(missing)} images (the first at position {missing[0]})")
    return np.array(texts, dtype=str if texts else "<U1")


def _text(item: Any) -> str:
    if isinstance(item, bytes):
        item = item.decode("utf-8", errors="backslashreplace")
    elif isinstance(item, (float, np.floating)) and float(item).is_integer():
        item = int(item)
    return str(item).strip()
