"""Read and write NIfTI: (x, y, z) in right-anterior-superior there, (z, y, x) in left-posterior-superior here."""

import os
import warnings
import zlib
from pathlib import Path

import nibabel
import numpy as np

from medlab.io.volume import ReadError, Volume, affine_at_origin, ras_to_zyx, xyz_to_ras

MM_PER_UNIT = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}
DAMAGED = (
    nibabel.filebasedimages.ImageFileError,
    nibabel.spatialimages.HeaderDataError,
    EOFError,
    zlib.error,
    OSError,
    ValueError,
)


def read(path: Path, max_voxels: int) -> Volume:
    """Read a NIfTI file of two to four axes as (z, y, x), time first, colour last."""
    try:
        image = nibabel.load(path)
    except DAMAGED as error:
        raise ReadError(f"{path}: not a NIfTI file, or a damaged one ({error}); copy or export it again") from error
    shape = image.shape
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise ReadError(f"{path}: has shape {shape}; an image here has two to four axes, each at least 1 long")
    if np.prod(shape, dtype=np.int64) > max_voxels:
        raise ReadError(
            f"{path}: claims {' × '.join(map(str, shape))} voxels, more than max_voxels={max_voxels:,}; "
            f"if you trust the file, read it with a larger max_voxels"
        )
    try:
        array = _values(image)
        if len(shape) == 4 and shape[3] == 1:  # one moment in time is a volume
            array, shape = array[0], shape[:3]
    except DAMAGED as error:
        raise ReadError(f"{path}: the voxels are cut off or damaged ({error}); copy or export it again") from error
    affine = _affine(image, path)
    colour = "c" if array.ndim > len(shape) else ""
    axes = "tzyx"[-len(shape) :] + colour
    n_space = min(len(shape), 3)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[-n_space:]
    header = {key: value.tolist() for key, value in image.header.items()}
    return Volume(array, tuple(spacing), affine, "", str(path), header, axes)


def write(volume: Volume, path: Path) -> None:
    """Write a volume as NIfTI-1; booleans as 0 and 1, an unknown position as the origin.

    Raises:
        ValueError: If the spacing is unknown, or the values are of a kind that few NIfTI readers know (int64).
    """
    if volume.spacing is None:
        raise ValueError(f"{path}: NIfTI needs the spacing in mm, and {volume!r} has none; give Volume(..., spacing=)")
    array = volume.array.astype(np.uint8) if volume.array.dtype == bool else volume.array
    if array.dtype not in (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64):
        raise ValueError(f"{path}: {array.dtype} has no place in NIfTI; convert to int16, int32 or float32 first")
    if "c" in volume.axes:
        raise ValueError(f"{path}: colour is not written as NIfTI; write single images as .png")
    affine = affine_at_origin(volume.spacing) if volume.affine is None else volume.affine
    xyz = array.transpose()  # (z, y, x) to (x, y, z); time, which stood first, comes last as NIfTI wants it
    image = nibabel.Nifti1Image(xyz, xyz_to_ras(affine))
    image.header.set_xyzt_units("mm", "sec")
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        nibabel.save(image, beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _values(image: nibabel.Nifti1Image) -> np.ndarray:
    """Voxels as (z, y, x) with the scale factors applied, in the file's own type where they change nothing."""
    proxy = image.dataobj
    raw = np.asarray(proxy.get_unscaled())
    if raw.dtype.names:  # RGB is stored as a record
        raw = np.stack([raw[name] for name in raw.dtype.names[:3]], axis=-1)
        return np.ascontiguousarray(raw.transpose(*range(raw.ndim - 2, -1, -1), raw.ndim - 1))
    if (proxy.slope, proxy.inter) == (1, 0):
        array = raw.astype(raw.dtype.newbyteorder("="))
    elif proxy.slope == 1 and float(proxy.inter).is_integer() and raw.dtype.kind in "iu":
        array = raw.astype(np.int64) + int(proxy.inter)
        array = array.astype(np.int16 if abs(array).max() < 2**15 else np.int32)
    else:
        array = (raw * float(proxy.slope) + float(proxy.inter)).astype(np.float32)
    return np.ascontiguousarray(array.transpose())


def _affine(image: nibabel.Nifti1Image, path: Path) -> np.ndarray:
    header = image.header
    if hasattr(header, "get_sform") and not (header["sform_code"] or header["qform_code"]):
        warnings.warn(
            f"{path}: says nothing about its orientation; right, left, front and back are a guess", stacklevel=2
        )
    unit = header.get_xyzt_units()[0] if hasattr(header, "get_xyzt_units") else "mm"
    affine = ras_to_zyx(np.array(image.affine, dtype=float))
    affine[:3] *= MM_PER_UNIT[unit]
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ReadError(
            f"{path}: voxel sizes {header.get_zooms()[:3]} and orientation do not span a volume; mend the header"
        )
    return affine
