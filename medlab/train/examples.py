"""A data set as a network takes it: images handed out a batch at a time, labels and values as tensors."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medlab.arguments import choice
from medlab.data import Dataset
from medlab.train.preparation import CLASSES_EXCLUDE, Preparation, shape_of

SHARE_OF_GPU = 0.5  # free memory of the GPU that pictures may take; larger sets stay in the computer's memory


def as_pictures(images: Any, model: nn.Module) -> np.ndarray:
    """Images as one array with channels first, (N, C, *axes), where they are: a memory-mapped file stays on the disk.

    Args:
        images: Grey (N, *axes), colour (N, *axes, C), or slices as channels (N, C, *axes): an array, a tensor, or a
            sequence of images of one size, which is read.
        model: For the axes and channels that it takes.

    Raises:
        ValueError: If sizes differ, there is no image, the type is no number, or the model takes other images.
    """
    if not isinstance(images, np.ndarray):
        shapes = {np.shape(image) for image in images} if isinstance(images, (list, tuple)) else set()
        if len(shapes) > 1:
            some = " and ".join(str(shape) for shape in sorted(shapes)[:2])
            raise ValueError(f"images have different sizes ({some}); cut or resample them alike, e.g. with data.crops")
        images = np.asarray(images)
    if images.ndim == 0 or not len(images):
        raise ValueError("images are empty: there is nothing to train on or to predict")
    if images.dtype.kind not in "uifb":
        raise ValueError(f"images must hold numbers, got {images.dtype}")
    (channels, ndim, _), shape = shape_of(model), images.shape
    if len(shape) == ndim + 1 and channels == 1:
        return images[:, None]
    first, last = (len(shape) == ndim + 2 and shape[axis] == channels for axis in (1, -1))
    if last and (channels in (3, 4) or not first):  # as many slices as pixels a row: no colour, so they come first
        return np.moveaxis(images, -1, 1)
    if first:
        return images
    axes = ", ".join("DHW"[-ndim:])
    takes = f"(N, {axes})" if channels == 1 else f"(N, {axes}, {channels}) or (N, {channels}, {axes})"
    raise ValueError(
        f"the network takes images {takes}, got an array of shape {shape}; a single image needs a first axis, "
        "image[None]; for colour or slices build the network with in_channels=, for volumes with ndim=3"
    )


class Batches:
    """Images kept as they are (bytes stay bytes): in memory, on the GPU where they fit there, or memory-mapped.

    Args:
        images: (N, C, *axes), of `as_pictures`.
        device: Where batches are wanted.
    """

    def __init__(self, images: np.ndarray, device: torch.device):
        self.kept: np.ndarray | Tensor = images
        self.device = device
        if device.type == "cuda" and not isinstance(images, np.memmap):
            free, _ = torch.cuda.mem_get_info(device)
            if images.nbytes < SHARE_OF_GPU * free:
                self.kept = _tensor(images).to(device)

    def __len__(self) -> int:
        return len(self.kept)

    def take(self, rows: Tensor | slice) -> Tensor:
        """(n, C, *axes) on the device, in the type of the images."""
        if isinstance(self.kept, Tensor):
            return self.kept[rows.to(self.device) if isinstance(rows, Tensor) else rows]
        part = np.asarray(self.kept[rows.numpy() if isinstance(rows, Tensor) else rows])
        return _tensor(part).to(self.device, non_blocking=True)


class Examples:
    """Images with what is to be learned of them.

    Args:
        images: Of `as_pictures`.
        dataset: Their labels, and the table of values.
        preparation: What the labels mean, and the units of the values.
        device: Where to compute.
    """

    def __init__(self, images: np.ndarray, dataset: Dataset, preparation: Preparation, device: torch.device):
        self.images = Batches(images, device)
        self.labels, self.truths = targets(dataset, preparation.values)
        scaled = (self.truths - np.array(preparation.value_mean)) / np.array(preparation.value_sd)
        self.label = torch.from_numpy(self.labels).to(device)
        self.value = torch.from_numpy(scaled.astype(np.float32)).to(device)

    def fingerprint(self) -> str:
        """Enough to notice other data."""
        mark = hashlib.blake2b(self.labels.tobytes() + self.truths.tobytes(), digest_size=8)
        for i in np.linspace(0, len(self.images) - 1, 8).astype(int).tolist():
            mark.update(self.images.take(slice(i, i + 1)).cpu().contiguous().numpy().tobytes())
        return mark.hexdigest()

    def finite(self) -> bool:
        """Whether all images hold numbers."""
        pieces = (self.images.take(slice(i, i + 256)).float() for i in range(0, len(self.images), 256))
        return all(bool(piece.isfinite().all()) for piece in pieces)


def _tensor(array: np.ndarray) -> Tensor:
    """Without a copy where torch knows the type (it has no 16-bit unsigned arithmetic) and the memory is writable."""
    known = array.dtype.name in ("bool", "uint8", "int8", "int16", "int32", "float16", "float32", "float64")
    array = array if known and array.dtype.isnative else array.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(array) if array.flags.writeable else array.copy())


def targets(dataset: Dataset, values: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) or (N, K), and values (N, V) in their own unit.

    Args:
        dataset: Where they stand.
        values: Names of the values; for a regression the first is that of the labels, which are then 0.

    Raises:
        ValueError: If a value is no column of the table, or holds no numbers.
    """
    labels, table = np.asarray(dataset.labels), dataset.table
    columns = [labels.astype(float)] if dataset.task == "regression" else []
    for name in values[len(columns) :]:
        if table is None or name not in table.columns:
            there = "it has no table" if table is None else f"there are {', '.join(map(str, table.columns))}"
            raise ValueError(f"{dataset.name}: values={name!r} is no column of its table; {there}")
        try:
            columns.append(table[name].to_numpy(float))
        except (TypeError, ValueError):
            raise ValueError(f"{dataset.name}: the column {name!r} does not hold numbers") from None
    if dataset.task == "regression":
        labels = np.zeros(len(labels), np.int64)
    return labels, np.stack(columns, 1) if columns else np.empty((len(labels), 0))


def weights_of(dataset: Dataset, class_weights: str | None) -> np.ndarray:
    """How much each image counts: (N,) with mean 1 over the images; all alike for None.

    Raises:
        ValueError: If the task has no classes that exclude each other.
    """
    if choice(class_weights, "class_weights", ("balanced", None)) is None:
        return np.ones(len(dataset))
    from sklearn.utils.class_weight import compute_sample_weight  # half a second, and rarely needed

    if dataset.task not in CLASSES_EXCLUDE:
        raise ValueError(f"class_weights are for classes that exclude each other, not for a {dataset.task!r} task")
    of_image = compute_sample_weight(class_weights, dataset.labels)
    return of_image / of_image.mean()
