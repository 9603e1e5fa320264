"""Read and write NIfTI: (x, y, z) in right-anterior-superior there, (z, y, x) in left-posterior-superior here."""

import warnings
from pathlib import Path

import nibabel
import numpy as np

from medlab.files import beside
from medlab.io.volume import ReadError, Volume, affine_at_origin, ras_to_zyx, refuse_huge, rescale, xyz_to_ras

MM_PER_UNIT = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}


def read(path: Path, max_voxels: int) -> Volume:
    """Read a NIfTI file of two to four axes as (z, y, x), time first, colour last."""
    image = nibabel.load(path)
    shape = image.shape
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise ReadError(f"{path}: has shape {shape}; an image here has two to four axes, each at least 1 long")
    refuse_huge(path, int(np.prod(shape, dtype=np.float64)), max_voxels)
    array = _values(image)
    if len(shape) == 4 and shape[3] == 1:  # one moment in time is a volume
        array, shape = array[0], shape[:3]
    spacing, affine = _geometry(image, path)
    colour = "c" if array.ndim > len(shape) else ""
    axes = "tzyx"[-len(shape) :] + colour
    header = {key: value.tolist() for key, value in image.header.items()}
    return Volume(array, spacing[-min(len(shape), 3) :], affine, "", str(path), header, axes)


def write(volume: Volume, path: Path) -> None:
    """Write a volume as NIfTI-1; booleans as 0 and 1, an unknown place as "unknown" (code 0).

    Raises:
        ValueError: If the spacing is unknown, or the values are of a kind that few NIfTI readers know (int64).
    """
    if volume.spacing is None:
        raise ValueError(f"{path}: NIfTI needs the spacing in mm, and {volume!r} has none; give Volume(..., spacing=)")
    array = volume.array.astype(np.uint8) if volume.array.dtype == bool else volume.array
    if array.dtype not in (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64):
        raise ValueError(f"{path}: {array.dtype} has no place in NIfTI; convert to int16, int32 or float32 first")
    if volume.axes not in ("yx", "zyx", "tzyx"):
        raise ValueError(f"{path}: NIfTI here holds (t, z, y, x) in grey, got axes {volume.axes!r}; write .png images")
    known = volume.affine is not None
    affine = volume.affine if known else affine_at_origin(volume.spacing)
    xyz = array.transpose()  # (z, y, x) to (x, y, z); time, which stood first, comes last as NIfTI wants it
    image = nibabel.Nifti1Image(xyz, xyz_to_ras(affine))
    image.set_sform(xyz_to_ras(affine), code="scanner" if known else "unknown")
    image.set_qform(xyz_to_ras(affine), code="scanner" if known else "unknown", strip_shears=True)
    image.header.set_xyzt_units("mm")
    if volume.axes == "tzyx" and "pixdim" in volume.header:  # the time step, with its unit in the upper bits
        image.header["pixdim"][4] = volume.header["pixdim"][4]
        image.header["xyzt_units"] = 2 | (int(volume.header.get("xyzt_units", 0)) & 0x38)
    with beside(path) as part:
        nibabel.save(image, part)


def _values(image: nibabel.Nifti1Image) -> np.ndarray:
    """Voxels as (z, y, x) with the scale factors applied, in the file's own type where they change nothing."""
    proxy = image.dataobj
    raw = np.asarray(proxy.get_unscaled())
    if raw.dtype.names:  # RGB is stored as a record
        raw = np.stack([raw[name] for name in raw.dtype.names[:3]], axis=-1)
        return np.ascontiguousarray(raw.transpose(*range(raw.ndim - 2, -1, -1), raw.ndim - 1))
    if raw.dtype.kind == "c":
        raise ValueError("complex numbers; write their magnitude to a file of its own")
    values = raw.astype(raw.dtype.newbyteorder("="), copy=False)
    if (proxy.slope, proxy.inter) != (1, 0):
        values = rescale(values, float(proxy.slope), float(proxy.inter))
    return np.array(values.transpose(), order="C")  # a copy of its own: uncompressed files come memory-mapped


def _geometry(image: nibabel.Nifti1Image, path: Path) -> tuple[tuple[float, ...], np.ndarray | None]:
    """Spacing (z, y, x) in mm, and the affine if the header knows one."""
    header = image.header
    mm = MM_PER_UNIT[header.get_xyzt_units()[0]] if hasattr(header, "get_xyzt_units") else 1.0
    codes = [int(header[name]) for name in ("sform_code", "qform_code") if name in header]
    if not any(codes):
        warnings.warn(f"{path}: says nothing about orientation; right, left, front and back are unknown", stacklevel=3)
        return tuple(abs(float(step)) * mm for step in reversed(header.get_zooms()[:3])), None
    affine = ras_to_zyx(np.array(image.affine, dtype=float))
    affine[:3] *= mm
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ReadError(f"{path}: voxel sizes and orientation {affine.tolist()} span no volume; mend the header")
    return tuple(np.linalg.norm(affine[:3, :3], axis=0)), affine
