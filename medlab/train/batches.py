"""Images kept as they are (bytes stay bytes), and handed out as tensors a batch at a time, without work per image."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medlab.train.recipe import axes_of, channels_of, with_channels

SHARE_OF_GPU = 0.5  # free memory of the GPU that pictures may take; larger sets stay in the computer's memory


class Batches:
    """Images in memory, or on the GPU where they fit there, or memory-mapped; a batch is cut out by position.

    Args:
        images: (N, ...) array, memory-mapped array, or a sequence of images of one size (which is read whole).
        model: For the axes and channels that it takes.
        device: Where batches are wanted.

    Raises:
        ValueError: If sizes differ, there is no image, the type is no number, or axes and channels do not fit.
    """

    def __init__(self, images: Any, *, model: nn.Module, device: torch.device):
        array = as_array(images)
        self.channels, self.ndim, self.device = channels_of(model), axes_of(model), device
        with_channels(array, channels=self.channels, ndim=self.ndim)  # what does not fit is said before any work
        self.kept: np.ndarray | Tensor = array
        if device.type == "cuda" and not isinstance(array, np.memmap):
            free, _ = torch.cuda.mem_get_info(device)
            if array.nbytes < SHARE_OF_GPU * free:
                self.kept = _tensor(array).to(device)

    def __len__(self) -> int:
        return len(self.kept)

    def take(self, rows: np.ndarray | Tensor | slice) -> Tensor:
        """(n, C, *axes) on the device, in the type of the images."""
        if isinstance(self.kept, Tensor):
            part = self.kept[rows.to(self.device) if isinstance(rows, Tensor) else rows]
        else:
            part = _tensor(np.asarray(self.kept[rows.numpy() if isinstance(rows, Tensor) else rows]))
            part = part.to(self.device, non_blocking=True)
        return with_channels(part, channels=self.channels, ndim=self.ndim)


def as_array(images: Any) -> np.ndarray:
    """Images as one array; a memory-mapped one stays on the disk.

    Raises:
        ValueError: If sizes differ, there is no image, or the type is no number.
    """
    if isinstance(images, Tensor):
        images = images.detach().cpu().numpy()
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
    return images


def _tensor(array: np.ndarray) -> Tensor:
    """Without a copy where torch knows the type (it has no 16-bit unsigned arithmetic) and the memory is writable."""
    known = array.dtype.name in ("bool", "uint8", "int8", "int16", "int32", "float16", "float32", "float64")
    array = array if known and array.dtype.isnative else array.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(array) if array.flags.writeable else array.copy())
