"""One slice through a lesion, for lessons that look at images."""

import numpy as np

from medlab.data.dataset import Dataset


def lesion_slice(dataset: Dataset, i: int) -> tuple[np.ndarray, np.ndarray | None, tuple[float, float] | None]:
    """The axial slice of image `i` in which its mask is largest; the middle slice without a mask, a 2-D image itself.

    Returns:
        Image (y, x) in its own unit, mask (y, x) or None, spacing (y, x) in mm or None.

    Raises:
        ValueError: If the image is in colour or has other than two or three axes, or the mask another shape.
    """
    image, spacing = np.asarray(dataset.images[i]), dataset.spacing_of(i)
    mask = None if dataset.masks is None else np.asarray(dataset.masks[i], bool)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] in (3, 4) and spacing is None):
        raise ValueError(f"{dataset.name}: image {i} must be grey, (y, x) or (z, y, x), got shape {image.shape}")
    if mask is not None and mask.shape != image.shape:
        raise ValueError(f"{dataset.name}: the mask of image {i} is {mask.shape}, the image {image.shape}")
    if image.ndim == 3:
        z = len(image) // 2 if mask is None else int(mask.sum(axis=(1, 2)).argmax())
        image, mask = image[z], None if mask is None else mask[z]
    return image, mask, spacing and spacing[-2:]
