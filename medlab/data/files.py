"""Images and masks that stay on disk until they are asked for."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from medlab import io
from medlab.data.dataset import Lazy
from medlab.io.volume import upright

MARKED = (1, 255, 65535)  # how a file says "here": 1, or white in 8 or 16 bits


def lazy_images(paths: Sequence[Path]) -> tuple[Lazy, Lazy]:
    """Images and their spacings in mm (None where a file does not say), read when asked for.

    Volumes are turned so that x, y, z run to left, back and head (LPS).
    """
    names = [str(path) for path in paths]
    return Lazy(partial(_image, names), len(names)), Lazy(partial(_spacing, names), len(names))


def lazy_masks(paths: Sequence[Path], images: Sequence[Path], rows: Sequence[tuple[str, float]] = ()) -> Lazy:
    """Masks as bool, turned as their images are, read when asked for.

    A mask whose file does not say how it lies is taken to lie as its image; one that says otherwise is refused. So is a
    mask that holds something else than 0 and one of `MARKED`, unless its row says which number is meant. `rows` has
    what stands in front of an error, and that number (NaN where the row says none).
    """
    cases = zip(map(str, paths), map(str, images), rows or [("", np.nan)] * len(paths), strict=True)
    return Lazy(partial(_mask, list(cases)), len(paths))


def _image(paths: list[str], i: int) -> np.ndarray:
    return _read(paths[i]).volume.array.copy()  # the volume is kept for the next call


def _spacing(paths: list[str], i: int) -> tuple[float, ...] | None:
    return _read(paths[i]).volume.spacing


def _mask(cases: list[tuple[str, str, tuple[str, float]]], i: int) -> np.ndarray:
    path, image, (row, number) = cases[i]
    values = _on_grid(_read(path), _read(image), path, image)
    if _read(path).volume.axes.endswith("c"):
        if (values != values[..., :1]).any():
            raise ValueError(f"{row}{path}: is in colour; a mask is grey: 0, and 1 where the lesion is")
        values = values[..., 0]
    held, any_mark = np.unique(values[values != 0]), np.isnan(number)
    if any_mark:
        fits = not held.size or (held.size == 1 and held[0] in MARKED)
    else:
        fits = number in held and (held == np.round(held)).all() and not path.lower().endswith((".jpg", ".jpeg"))
    if not fits:
        listed = ", ".join(f"{value:g}" for value in held[:4]) + (", ..." if held.size > 4 else "")
        asked = "" if any_mark else f", and mask_label is {number:g}"
        raise ValueError(
            f"{row}{path}: holds {listed or 'nothing'} beside 0{asked}; a mask holds 0, and 1 (or white: 255, 65535) "
            f"in the lesion. Of several lesions, name the number of the row's own in a column mask_label; what JPEG or "
            f"resampling has blurred, divide at one half (mask > 0.5) and save as PNG or NIfTI"
        )
    return values != 0 if any_mark else values == number


def turned_point(path: Path, point: tuple[float, float, float]) -> tuple[float, ...]:
    """A voxel index (z, y, x) of a file as the index of the same voxel in what `lazy_images` gives."""
    if path.name.lower().endswith((".nii", ".nii.gz")):  # the header is enough
        import nibabel

        from medlab.io.nifti import geometry

        header = nibabel.load(path)
        shape, affine = header.shape[2::-1], geometry(header, path)[1]
    else:
        _, shape, affine = _read(str(path))
    if affine is None or len(shape) != 3:
        return tuple(map(float, point))
    turned = upright(io.Volume(np.broadcast_to(np.uint8(0), shape), affine=affine))
    moved = np.linalg.inv(turned.affine) @ affine @ [*point, 1.0]
    return tuple(moved[:3].round(6).tolist())


class _File(NamedTuple):
    """A volume turned to LPS, with shape and affine as in its file."""

    volume: io.Volume
    shape: tuple[int, ...]
    affine: np.ndarray | None


def _read(path: str) -> _File:
    return _read_once(path, os.stat(path).st_mtime_ns)


@lru_cache(maxsize=2)
def _read_once(path: str, changed: int) -> _File:
    volume = io.read(path)
    return _File(upright(volume), _space_shape(volume), volume.affine)


def _space_shape(volume: io.Volume) -> tuple[int, ...]:
    return tuple(n for n, axis in zip(volume.shape, volume.axes, strict=True) if axis in "zyx")


def _on_grid(mask: _File, image: _File, mask_path: str, image_path: str) -> np.ndarray:
    """The mask's values in the order of its image's voxels."""
    if mask.affine is None or image.affine is None:  # one does not say how it lies: the arrays belong together as saved
        _refuse_other_shape(mask.shape, image.shape, mask_path, image_path)
        saved = mask.volume if mask.affine is None else io.read(mask_path)
        return upright(replace(saved, affine=image.affine, spacing=None)).array
    _refuse_other_shape(_space_shape(mask.volume), _space_shape(image.volume), mask_path, image_path)
    size = (1,) * (3 - len(image.shape)) + _space_shape(image.volume)
    corners = np.array([[*corner, 1] for corner in product(*[(0, n - 1) for n in size])], float).T
    apart = np.linalg.inv(image.volume.affine) @ mask.volume.affine @ corners - corners
    if np.abs(apart).max() > 0.5:
        raise ValueError(
            f"{mask_path}: lies {np.abs(apart).max():.3g} voxels away from {image_path}; a mask must lie on the voxels "
            f"of its image, at most half a voxel off"
        )
    return mask.volume.array


def _refuse_other_shape(of_mask: tuple[int, ...], of_image: tuple[int, ...], mask_path: str, image_path: str) -> None:
    if of_mask != of_image:
        raise ValueError(f"{mask_path}: is {of_mask}, its image {image_path} is {of_image}; a mask has its voxels")
