"""Read one DICOM file: open it, decode its pixels, rescale them, find its geometry."""

import warnings
from collections.abc import MutableSequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder, pixel_array
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from medlab.io.dicom_geometry import functional, has_place, in_plane_spacing, placed, slice_affine, stack_geometry
from medlab.io.volume import ReadError, Volume, refuse_huge, rescale


def read(path: Path, max_voxels: int) -> Volume:
    """Read one DICOM file: a slice as (y, x), frames as (z, y, x) or, where they are moments of a film, (t, y, x)."""
    ds = open_dataset(path)
    refuse_huge(path, voxels(ds, path), max_voxels)
    warn_if_unusual(ds, path)
    pixels = rescaled(decoded(ds, path), ds, path)
    axes = "yx" + ("c" if is_colour(ds) else "")
    about = {"source": str(path), "header": plain_header(ds), **meaning(ds)}
    if pixels.ndim > len(axes):
        frames = [placed(ds, i) for i in range(len(pixels))]
        if _are_slices(frames):
            names = [f"{path} frame {i + 1}" for i in range(len(frames))]
            order, spacing, affine = stack_geometry(frames, names)
            return Volume(pixels[order], spacing, affine, axes="z" + axes, **about)
        axes = "t" + axes
    place = placed(ds)
    spacing = in_plane_spacing(place, path) or in_plane_spacing(ds, path)
    return Volume(pixels, spacing, slice_affine(place, path), axes=axes, **about)


class NoImage(ReadError):
    """A DICOM file without an image.

    Args:
        kind: What it holds, where it is sound: a report, a plan, an index; empty where an image is missing.
        series: UID of the series in which the image is missing.
    """

    def __init__(self, message: str, *, kind: str = "", series: str = ""):
        super().__init__(message)
        self.kind, self.series = kind, series


def open_dataset(path: Path, *, tags: list[str] | None = None) -> Dataset:
    """The data set of a file with an image; `tags` reads only those and no pixels.

    Raises:
        ReadError: If the file is not DICOM or has no image in it.
    """
    options = {"stop_before_pixels": True, "specific_tags": tags} if tags else {}
    try:
        # force reads old files that lack the "DICM" mark; what is not DICOM at all then has neither class nor rows
        ds = pydicom.dcmread(path, force=True, **options)
        known = "SOPClassUID" in ds or "Rows" in ds or "MediaStorageSOPClassUID" in getattr(ds, "file_meta", {})
    except Exception as error:  # pydicom raises many kinds on damaged files
        raise ReadError(f"{path}: the DICOM header is damaged ({error}); export or copy the file again") from error
    if not known:
        start = path.read_bytes()[:16]
        raise ReadError(f"{path}: not a DICOM file, whatever its name says (it begins with {start!r})")
    if "Rows" not in ds:
        kind = pydicom.uid.UID(str(ds.get("SOPClassUID") or ds.file_meta.MediaStorageSOPClassUID)).name
        if "Directory" in kind:
            raise NoImage(f"{path}: is a DICOMDIR, the index of a disc; read the folder it lies in", kind="DICOMDIR")
        if "Image Storage" in kind:
            message = f"{path}: a {kind} without its image; the file is cut off or damaged, export or copy it again"
            raise NoImage(message, series=str(ds.get("SeriesInstanceUID", "")))
        raise NoImage(f"{path}: no pixel data, it holds a {kind}; choose a file with an image", kind=kind)
    return ds


def voxels(ds: Dataset, path: Path) -> int:
    """How many values the image claims to hold; an image without any is refused."""
    rows, columns, frames = int(ds.Rows or 0), int(ds.get("Columns", 0) or 0), n_frames(ds)
    size = rows * columns * frames * int(ds.get("SamplesPerPixel", 1))
    if size <= 0:
        shape = f"{frames} × {rows} × {columns}"
        raise ReadError(f"{path}: the header says {shape} pixels, an image needs at least one; export it again")
    return size


def decoded(ds: Dataset, path: Path) -> np.ndarray:
    """Stored pixel values, unpacked; colour as RGB.

    Raises:
        ReadError: If a plug-in is missing (it says which) or the pixels are damaged.
    """
    if not any(name in ds for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ReadError(f"{path}: no pixel data; the file is cut off, or the image was left out: export it again")
    ds.ensure_file_meta()
    if "TransferSyntaxUID" not in ds.file_meta:  # as in old files; DICOM's own default, PS3.5 section 10
        plain = (pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.ImplicitVRLittleEndian)
        ds.file_meta.TransferSyntaxUID = plain[ds.original_encoding[0]]
    syntax = ds.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ReadError(
            f"{path}: packed as {syntax.name!r}, which no plug-in of pydicom unpacks; convert it with DCMTK or GDCM"
        ) from None
    if not decoder.is_available:
        plugins = "; or ".join(decoder.missing_dependencies)
        raise ReadError(f"{path}: packed as {syntax.name!r}; to unpack it, pip install one of these: {plugins}")
    try:
        pixels = pixel_array(ds)  # unlike ds.pixel_array it keeps no second copy
    except Exception as error:  # every plug-in has its own kinds
        reason = " ".join(str(error).split())
        raise ReadError(
            f"{path}: the pixels cannot be unpacked ({reason}); the file is cut off or damaged, export or copy it again"
        ) from error
    if ds.get("PhotometricInterpretation") == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, ds)
        pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def rescaled(pixels: np.ndarray, ds: Dataset, path: Path) -> np.ndarray:
    """Stored values to what they mean (HU in CT): whole numbers where that is exact, else float32.

    Without a rule in the header the values stay as they are.

    Source: DICOM PS3.3 C.11.1 (Modality LUT), C.7.6.16.2.9 (frame by frame).
    """
    rules = _rules(ds, path)
    if len(set(rules)) == 1:
        return rescale(pixels, *rules[0])
    if rules:
        frames = [rescale(frame, *rule) for frame, rule in zip(pixels, rules, strict=True)]
        return np.stack(frames).astype(np.result_type(*frames), copy=False)
    return apply_modality_lut(pixels, ds) if "ModalityLUTSequence" in ds else pixels


def meaning(ds: Dataset) -> dict[str, str]:
    """Modality, and unit of the rescaled values where the header gives a rule for them."""
    modality = str(ds.get("Modality", ""))
    group = functional(ds, 0, "PixelValueTransformationSequence")
    rule = group if group is not None else ds
    unit = ""
    if "RescaleSlope" in rule and modality == "CT":
        kind = str(rule.get("RescaleType") or "HU")
        unit = "HU" if kind in ("HU", "US") else kind  # some scanners write "unspecified" and mean HU
    elif "DoseGridScaling" in ds:
        unit = "Gy"
    elif modality == "PT":
        unit = {"BQML": "Bq/ml"}.get(str(ds.get("Units", "")), "")
    return {"modality": modality, "unit": unit}


def is_colour(ds: Dataset) -> bool:
    """Whether the decoded pixels have a last axis of red, green and blue."""
    return int(ds.get("SamplesPerPixel", 1)) > 1 or ds.get("PhotometricInterpretation") == "PALETTE COLOR"


def n_frames(ds: Dataset) -> int:
    """Images in the file, 1 where the header does not count them."""
    return int(ds.get("NumberOfFrames", 1) or 1)


def warn_if_unusual(ds: Dataset, path: Path) -> None:
    """Say what a reader would not expect of the values; they stay as stored."""
    if ds.get("PhotometricInterpretation") == "MONOCHROME1":
        warnings.warn(f"{path}: MONOCHROME1, low values are bright; invert before mixing it with others", stacklevel=3)
    if ds.get("Modality") == "CT" and not meaning(ds)["unit"] and "ModalityLUTSequence" not in ds:
        warnings.warn(f"{path}: a CT without rescale slope and intercept; its values are not HU", stacklevel=3)


def plain_header(ds: Dataset) -> dict[str, Any]:
    """All elements but pixels as plain Python values, by keyword; private ones by their tag."""
    binary = ("OB", "OW", "OF", "OD", "UN", "OL", "OV", "OB or OW")
    elements = (element for element in ds if element.VR not in binary and element.tag.group != 0x7FE0)
    return {element.keyword or str(element.tag): _plain(element.value) for element in elements}


def _plain(value: Any) -> Any:
    if isinstance(value, Dataset):
        return plain_header(value)
    if isinstance(value, MutableSequence):
        return [_plain(item) for item in value]
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else str(value)


def _rules(ds: Dataset, path: Path) -> list[tuple[float, float]]:
    """Slope and intercept, one for all frames or one a frame; empty where the header has none."""
    groups = [functional(ds, i, "PixelValueTransformationSequence") for i in range(n_frames(ds))]
    known = [group for group in groups if group is not None]
    if known and len(known) < len(groups):
        raise ReadError(
            f"{path}: {len(groups) - len(known)} of {len(groups)} frames lack a rescale rule; export it again"
        )
    if known:
        return [(float(group.RescaleSlope), float(group.RescaleIntercept)) for group in known]
    slope = ds.get("RescaleSlope", ds.get("DoseGridScaling"))  # the second: radiotherapy dose
    return [] if slope is None else [(float(slope), float(ds.get("RescaleIntercept", 0)))]


def _are_slices(frames: list[Dataset]) -> bool:
    """Whether frames lie at places of their own; those of a film do not."""
    if not all(map(has_place, frames)):
        return False
    return len({tuple(map(float, frame.ImagePositionPatient)) for frame in frames}) > 1
