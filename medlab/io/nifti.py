"""Read and write NIfTI: (x, y, z) in right-anterior-superior there, (z, y, x) in left-posterior-superior here."""

import gzip
import warnings
from contextlib import suppress
from pathlib import Path

import nibabel
import numpy as np

from medlab.files import beside
from medlab.io.volume import ReadError, Volume, affine_at_origin, ras_to_zyx, refuse_huge, rescale, steps_of, xyz_to_ras

MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # code in xyzt_units: unknown, metre, millimetre, micrometre


def read(path: Path, max_voxels: int) -> Volume:
    """Read a NIfTI file of two to four axes as (z, y, x), time first, colour last."""
    try:
        image = nibabel.load(path)
    except nibabel.spatialimages.HeaderDataError as error:
        raise ReadError(f"{path}: its header says what is not read here ({error}); convert it to float32") from error
    if not isinstance(image, nibabel.analyze.AnalyzeImage):
        kind = type(image).__name__.removesuffix("Image")
        raise ReadError(f"{path}: a {kind} file holds surfaces or connections, no volume; it is not read here")
    shape = image.shape
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise ReadError(f"{path}: has shape {shape}; an image here has two to four axes, each at least 1 long")
    refuse_huge(path, int(np.prod(shape, dtype=np.float64)), max_voxels)
    array = _values(image, path)
    if len(shape) == 4 and shape[3] == 1:  # one moment in time is a volume
        array, shape = array[0], shape[:3]
    spacing, affine = geometry(image, path)
    colour = "c" if array.ndim > len(shape) else ""
    axes = "tzyx"[-len(shape) :] + colour
    header = {key: value.tolist() for key, value in image.header.items()}
    return Volume(array, spacing, affine, "", str(path), header, axes)


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
    leans = not np.allclose(np.linalg.norm(affine[:3, :3], axis=0), steps_of(affine), rtol=1e-3)  # no qform says that
    image.set_qform(xyz_to_ras(affine), code="scanner" if known and not leans else "unknown", strip_shears=True)
    image.header.set_xyzt_units("mm")
    if volume.axes == "tzyx" and "pixdim" in volume.header:  # the time step, with its unit in the upper bits
        image.header["pixdim"][4] = volume.header["pixdim"][4]
        image.header["xyzt_units"] = 2 | (int(volume.header.get("xyzt_units", 0)) & 0x38)
    if volume.unit not in ("", "HU"):
        warnings.warn(f"{path}: NIfTI cannot say that values are in {volume.unit}; keep it elsewhere", stacklevel=3)
    with beside(path) as part:
        nibabel.save(image, part)


def _values(image: nibabel.Nifti1Image, path: Path) -> np.ndarray:
    """Voxels as (z, y, x) with the scale factors applied, in the file's own type where they change nothing."""
    proxy = image.dataobj
    if path.suffix.lower() == ".gz":  # read to its end, where the checksum stands
        with gzip.open(path) as file:
            spec = (proxy.shape, proxy.dtype, proxy.offset, proxy.slope, proxy.inter)
            raw = nibabel.arrayproxy.ArrayProxy(file, spec).get_unscaled()
            while file.read(2**24):
                pass
    else:
        raw = np.asarray(proxy.get_unscaled())
    if raw.dtype.names:  # RGB is stored as a record
        raw = np.stack([raw[name] for name in raw.dtype.names[:3]], axis=-1)
        return np.ascontiguousarray(raw.transpose(*range(raw.ndim - 2, -1, -1), raw.ndim - 1))
    if raw.dtype.kind == "c":
        raise ReadError(f"{path}: complex numbers are not read here; write their magnitude to a file of its own")
    values = raw.astype(raw.dtype.newbyteorder("="), copy=False)
    if (proxy.slope, proxy.inter) != (1, 0):
        values = rescale(values, float(proxy.slope), float(proxy.inter))
    return np.array(values.transpose(), order="C")  # a copy of its own: uncompressed files come memory-mapped


def geometry(image: nibabel.Nifti1Image, path: Path) -> tuple[tuple[float, ...] | None, np.ndarray | None]:
    """Spacing (z, y, x) in mm, and the affine, as far as the header knows them.

    Where it contradicts itself the affine counts (sform before qform, as in nibabel), with one warning.
    """
    header, n = image.header, min(image.ndim, 3)
    unit = int(header["xyzt_units"]) & 7 if "xyzt_units" in header else 2
    if unit not in MM_PER_UNIT:
        warnings.warn(f"{path}: xyzt_units has the unknown unit of length {unit}; taken as millimetres", stacklevel=3)
    mm = MM_PER_UNIT.get(unit, 1.0)
    sizes = _stored_sizes(image)[n - 1 :: -1] * mm
    sform, qform = (int(header[name]) if name in header else 0 for name in ("sform_code", "qform_code"))
    if not sform and not np.all((sizes > 0) & (sizes < np.inf)):
        warnings.warn(f"{path}: pixdim says voxels of {sizes.tolist()} mm; spacing and place are unknown", stacklevel=3)
        return None, None
    if not sform and not qform:
        warnings.warn(f"{path}: says nothing about orientation; right, left, front and back are unknown", stacklevel=3)
        return tuple(sizes.tolist()), None
    affine = ras_to_zyx(np.array(image.affine, dtype=float))
    affine[:3] *= mm
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ReadError(f"{path}: voxel sizes and orientation {affine.tolist()} span no volume; mend the header")
    steps = np.linalg.norm(affine[:3, :3], axis=0)[-n:]
    name = "sform" if sform else "qform"
    if not np.allclose(steps, sizes, rtol=1e-2):
        said = f"pixdim says voxels of {sizes.round(4).tolist()} mm, the {name} {steps.round(4).tolist()}"
        warnings.warn(f"{path}: {said}; the {name} is used", stacklevel=3)
    elif sform == qform:  # two statements about one space
        with suppress(ValueError):  # a qform that is none says nothing
            off = np.abs(np.linalg.solve(image.affine, header.get_qform()) - np.eye(4)) * [*(*image.shape, 1)[:3], 1]
            if off.max() > 0.5:
                warnings.warn(
                    f"{path}: sform and qform lie {off.max():.3g} voxels apart; the sform is used", stacklevel=3
                )
    return steps_of(affine)[-n:], affine


def _stored_sizes(image: nibabel.Nifti1Image) -> np.ndarray:
    """Voxel sizes (x, y, z) as the file has them; nibabel puts 1 in place of 0 as it loads. Signs mean nothing."""
    holder = image.file_map.get("header") or image.file_map["image"]
    with holder.get_prepare_fileobj("rb") as file:
        return np.abs(type(image.header).from_fileobj(file, check=False)["pixdim"][1:4].astype(float))
