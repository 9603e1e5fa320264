"""Images and masks that stay on disk until they are asked for."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from medlab import io
from medlab.data.lazy import Lazy


class Pixels:
    """Reads image `i` of a list of files: volumes turned so that x, y, z run to left, back and head (LPS)."""

    def __init__(self, paths: Sequence[Path]):
        self.paths = [str(path) for path in paths]

    def volume(self, i: int) -> io.Volume:
        path = self.paths[i]
        return _volume(path, os.stat(path).st_mtime_ns)

    def __call__(self, i: int) -> np.ndarray:
        return self.volume(i).array.copy()  # the volume is kept for the next call


class Masks(Pixels):
    """Reads mask `i` as bool: everything above 0."""

    def __call__(self, i: int) -> np.ndarray:
        return self.volume(i).array > 0


class Spacings(Pixels):
    """The spacing of image `i` in mm; None where its file does not say."""

    def __call__(self, i: int) -> tuple[float, ...] | None:
        return self.volume(i).spacing


def lazy_images(paths: Sequence[Path]) -> tuple[Lazy, Lazy]:
    """Images and their spacings, read when asked for."""
    return Lazy(Pixels(paths), len(paths)), Lazy(Spacings(paths), len(paths))


def turned_point(path: Path, point: tuple[float, float, float]) -> tuple[float, ...]:
    """A voxel index (z, y, x) of a file as the index of the same voxel in the volume that `Pixels` gives."""
    if path.name.lower().endswith((".nii", ".nii.gz")):
        shape, affine = _nifti_header(path)
    else:
        volume = io.read(path)
        shape, affine = volume.shape, volume.affine
    if affine is None or len(shape) != 3:
        return tuple(map(float, point))
    from nibabel import orientations

    from medlab.io.volume import xyz_to_ras

    turn = orientations.ornt_transform(
        orientations.io_orientation(xyz_to_ras(affine)), orientations.axcodes2ornt("LPS")
    )
    to_old = orientations.inv_ornt_aff(turn, shape[::-1])
    x, y, z = (np.linalg.inv(to_old) @ [*point[::-1], 1.0])[:3]
    return float(z), float(y), float(x)


def _nifti_header(path: Path) -> tuple[tuple[int, ...], np.ndarray | None]:
    """Shape (z, y, x) and affine of a NIfTI file, without its voxels."""
    import nibabel

    from medlab.io.volume import ras_to_zyx

    image = nibabel.load(path)
    known = int(image.header["sform_code"]) or int(image.header["qform_code"])
    return image.shape[::-1], ras_to_zyx(np.array(image.affine)) if known else None


@lru_cache(maxsize=2)
def _volume(path: str, changed: int) -> io.Volume:
    volume = io.read(path)
    return io.reorient(volume) if volume.affine is not None and volume.space == "zyx" else volume
