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
from medlab.io.volume import ras_to_zyx, upright, xyz_to_ras


def lazy_images(paths: Sequence[Path]) -> tuple[Lazy, Lazy]:
    """Images and their spacings in mm (None where a file does not say), read when asked for.

    Volumes are turned so that x, y, z run to left, back and head (LPS).
    """
    names = [str(path) for path in paths]
    return Lazy(partial(_image, names), len(names)), Lazy(partial(_spacing, names), len(names))


def lazy_masks(paths: Sequence[Path], images: Sequence[Path]) -> Lazy:
    """Masks as bool, everything above 0, turned as their images are, read when asked for.

    A mask whose file does not say how it lies is taken to lie as its image; one that says otherwise is refused.
    """
    return Lazy(partial(_mask, [str(path) for path in paths], [str(path) for path in images]), len(paths))


def _image(paths: list[str], i: int) -> np.ndarray:
    return _read(paths[i]).volume.array.copy()  # the volume is kept for the next call


def _spacing(paths: list[str], i: int) -> tuple[float, ...] | None:
    return _read(paths[i]).volume.spacing


def _mask(paths: list[str], images: list[str], i: int) -> np.ndarray:
    return _on_grid(_read(paths[i]), _read(images[i]), paths[i], images[i]) > 0


def turned_point(path: Path, point: tuple[float, float, float]) -> tuple[float, ...]:
    """A voxel index (z, y, x) of a file as the index of the same voxel in what `lazy_images` gives."""
    if path.name.lower().endswith((".nii", ".nii.gz")):
        shape, affine = _nifti_header(path)
    else:
        volume = io.read(path)
        shape, affine = volume.shape, volume.affine
    if affine is None or len(shape) != 3:
        return tuple(map(float, point))
    from nibabel import orientations

    turn = orientations.ornt_transform(
        orientations.io_orientation(xyz_to_ras(affine)), orientations.axcodes2ornt("LPS")
    )
    to_old = orientations.inv_ornt_aff(turn, shape[::-1])
    x, y, z = (np.linalg.inv(to_old) @ [*point[::-1], 1.0])[:3]
    return float(z), float(y), float(x)


def _nifti_header(path: Path) -> tuple[tuple[int, ...], np.ndarray | None]:
    """Shape (z, y, x) and affine of a NIfTI file, without its voxels."""
    import nibabel

    image = nibabel.load(path)
    known = int(image.header["sform_code"]) or int(image.header["qform_code"])
    return image.shape[::-1], ras_to_zyx(np.array(image.affine)) if known else None


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
        raise ValueError(
            f"{mask_path}: is {of_mask}, its image {image_path} is {of_image}; a mask has a voxel for each"
        )
