"""One door for all kinds of files: `read`, `series`, `write`."""

import warnings
from pathlib import Path

import numpy as np

from medlab.io.volume import ReadError, Series, Volume, steps_of

NIFTI = (".nii", ".nii.gz", ".hdr", ".img")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
DICOM = (".dcm", ".dicom", ".ima", "")
MAX_VOXELS = 2**30  # two gigabytes of CT: more than a whole-body scan, less than what brings a laptop down


def read(
    path: str | Path, *, series: str | None = None, fill_nan: float | None = None, max_voxels: int = MAX_VOXELS
) -> Volume:
    """Read an image file, or a folder that holds a DICOM series.

    Args:
        path: A DICOM, NIfTI, PNG, JPEG, TIFF or BMP file, or a folder with DICOM files (folders inside it included).
        series: UID of the series to take from a folder that holds several; `io.series` lists them.
        fill_nan: Value put in place of NaN and infinity; None refuses such a file.
        max_voxels: Refuse files that would unpack to more than this: a small file can claim to be huge.

    Returns:
        A Volume: NIfTI and DICOM series as (z, y, x), one image as (y, x), time first, colour last. The grid is that of
        the file; `io.reorient` turns it. CT comes in HU where each slice has a rescale rule that works, else as stored
        with the unit ""; NIfTI with its scale factors applied; a picture as it is meant to be seen.

    Warns:
        UserWarning: Once, with both statements and which is used, where a header contradicts itself; and where it
            leaves open what values, frames, orientation or low values (MONOCHROME1) mean.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ReadError: If it cannot be read; the message names the file and what to do.

    Taught in: notebook 01.
    """
    if not str(path):
        raise FileNotFoundError("the path is empty; name a file or a folder")
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder (looked from {Path.cwd()})")
    if series is not None and not path.is_dir():
        raise ReadError(f"{path}: is one file; series= chooses among the series of a folder, leave it out")
    try:
        if path.is_dir():
            from medlab.io import dicom_series

            volume = dicom_series.read_folder(path, uid=series, max_voxels=max_voxels)
        else:
            volume = _read_file(path, max_voxels)
        _warn_of_steps(volume)
    except (ReadError, PermissionError, MemoryError):
        raise
    except Exception as error:  # damaged files break the libraries in more ways than anyone can list
        what = f"of a kind not read here, cut off or damaged ({type(error).__name__}: {error})"
        raise ReadError(f"{path}: not what its name says, {what}; copy or export it again") from error
    return _without_nan(volume, fill_nan)


def series(folder: str | Path) -> list[Series]:
    """List the DICOM image series in a folder, folders inside it included; what is not DICOM is passed over.

    Raises:
        FileNotFoundError: If there is no such folder.
        ReadError: If it holds no DICOM image.
    """
    from medlab.io import dicom_series

    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder (looked from {Path.cwd()})")
    return dicom_series.list_folder(folder)


def write(volume: Volume, path: str | Path) -> Path:
    """Write a volume: `.nii` or `.nii.gz`, `.png` for one image, or a new folder of DICOM files.

    A file appears whole or not at all; a folder that holds something is refused. Values and geometry survive a round
    trip; what a format cannot hold is refused, never rounded. The unit survives in DICOM (HU, Bq/ml; unknown stays
    unknown); NIfTI and PNG have no place for it.

    Returns:
        The path written.

    Raises:
        ValueError: If the format cannot hold the volume or the ending is unknown; also if low values are bright
            (MONOCHROME1 in the header), which only DICOM can say.
        FileExistsError: If the folder for a DICOM series is not empty.
    """
    path = Path(path).expanduser()
    kind = _suffix(path)
    if kind in (".nii", ".nii.gz"):
        from medlab.io import nifti as writer
    elif kind == ".png":
        from medlab.io import picture as writer
    elif kind == "":
        from medlab.io import dicom_write as writer
    else:
        raise ValueError(f"{path}: write to .nii.gz, .nii, .png or a folder (no ending: DICOM), not {kind!r}")
    if kind and volume.header.get("PhotometricInterpretation") == "MONOCHROME1":
        raise ValueError(f"{path}: low is bright (MONOCHROME1 in header), which only DICOM can say; invert it first")
    writer.write(volume, path)
    return path


def _read_file(path: Path, max_voxels: int) -> Volume:
    if path.stat().st_size == 0:
        raise ReadError(f"{path}: the file is empty (0 bytes); copy or download it again")
    kind = _suffix(path)
    with open(path, "rb") as file:
        is_dicom = file.read(132)[128:] == b"DICM"
    if is_dicom or kind in DICOM:
        from medlab.io import dicom as reader
    elif kind in NIFTI:
        from medlab.io import nifti as reader
    elif kind in PICTURES:
        from medlab.io import picture as reader
    else:
        known = ", ".join([".dcm", *NIFTI, *PICTURES])
        raise ReadError(f"{path}: {kind!r} is not a kind of image file known here ({known}, or a folder of DICOM)")
    return reader.read(path, max_voxels)


def _warn_of_steps(volume: Volume) -> None:
    """One warning where slices lean, or where other words of a DICOM header contradict their positions."""
    if volume.affine is None or volume.space != "zyx":
        return
    step, apart = float(np.linalg.norm(volume.affine[:3, 0])), steps_of(volume.affine)[0]
    lean = np.degrees(np.arccos(min(apart / step, 1)))
    header = volume.header
    names = ("SpacingBetweenSlices", "GantryDetectorTilt")
    said = {name: header[name] for name in names if header.get(name)}
    between, tilt = (abs(float(said.get(name, 0))) for name in names)
    if lean or tilt > 3 or (between and min(abs(between - step), abs(between - apart)) > 0.02 * step):
        what = f"by position slices lie {step:.4g} mm apart and lean {lean:.1f}°; the header says {said or 'no more'}"
        used = f"positions are used, and spacing z is from plane to plane ({apart:.4g} mm), so that volumes are right"
        warnings.warn(f"{volume.source}: {what}; {used}", stacklevel=3)


def _suffix(path: Path) -> str:
    name = path.name.lower()
    if name.endswith(".nii.gz"):
        return ".nii.gz"
    suffix = path.suffix.lower()
    # "1.2.840.113.7" and "IM.0001" are names of DICOM files, not endings
    return "" if suffix[1:].isdigit() else suffix


def _without_nan(volume: Volume, fill: float | None) -> Volume:
    if volume.array.dtype.kind != "f" or np.isfinite(volume.array).all():
        return volume
    bad = ~np.isfinite(volume.array)
    if fill is None:
        raise ReadError(
            f"{volume.source}: {bad.sum()} of {bad.size} values are NaN or infinite, which would spread through every "
            f"later step; give io.read(..., fill_nan=VALUE) the value of the background to put in their place"
        )
    volume.array[bad] = fill
    return volume
