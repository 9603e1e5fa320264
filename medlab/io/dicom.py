"""Read one DICOM file: open it, decode its pixels, rescale them, find its geometry."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from medlab.io.dicom_geometry import directions, in_plane_spacing, order_slices, slice_affine
from medlab.io.volume import ReadError, Volume


def read(path: Path, max_voxels: int) -> Volume:
    """Read one DICOM file: a slice as (y, x), frames as (z, y, x) or, where they are moments of a film, (t, y, x)."""
    ds = open_dataset(path)
    check_size(ds, path, max_voxels)
    warn_if_inverted(ds, path)
    pixels = rescaled(decoded(ds, path), ds)
    colour = "c" if is_colour(ds) else ""
    about = {"modality": str(ds.get("Modality", "")), "source": str(path), "header": plain_header(ds)}
    if pixels.ndim == 2 + len(colour):
        return Volume(pixels, in_plane_spacing(ds, path), slice_affine(ds, path), axes="yx" + colour, **about)
    stacked = _frames_in_space(ds, pixels, path)
    if stacked is not None:
        return Volume(*stacked, axes="zyx" + colour, **about)
    return Volume(pixels, in_plane_spacing(ds, path), slice_affine(ds, path), axes="tyx" + colour, **about)


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
            raise ReadError(f"{path}: is a DICOMDIR, the index of a disc; read the folder it lies in")
        if "Image Storage" in kind:
            raise ReadError(
                f"{path}: a {kind} without its image; the file is cut off or damaged, export or copy it again"
            )
        raise ReadError(f"{path}: no pixel data, it holds a {kind}; choose a file with an image")
    return ds


def check_size(ds: Dataset, path: Path, max_voxels: int) -> None:
    """Refuse an image without pixels, and one that claims more than fits or than the file can hold."""
    rows, columns = int(ds.Rows or 0), int(ds.get("Columns", 0) or 0)
    frames = n_frames(ds)
    size = rows * columns * frames * int(ds.get("SamplesPerPixel", 1))
    shape = f"{frames} × {rows} × {columns}"
    if size <= 0:
        raise ReadError(f"{path}: the header says {shape} pixels, an image needs at least one; export it again")
    if size > max_voxels:
        raise ReadError(
            f"{path}: claims {shape} pixels, more than max_voxels={max_voxels:,}; "
            f"if you trust the file, read it with a larger max_voxels"
        )
    if not any(name in ds for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ReadError(f"{path}: no pixel data; the file is cut off, or the image was left out: export it again")


def decoded(ds: Dataset, path: Path) -> np.ndarray:
    """Stored pixel values, unpacked; colour as RGB.

    Raises:
        ReadError: If a plug-in is missing (it says which) or the pixels are damaged.
    """
    meta = getattr(ds, "file_meta", None)
    if meta is None or "TransferSyntaxUID" not in meta:
        # a file without the preamble says nothing; DICOM's own default applies (PS3.5 section 10)
        ds.ensure_file_meta()
        ds.file_meta.TransferSyntaxUID = (
            pydicom.uid.ImplicitVRLittleEndian if ds.original_encoding[0] else pydicom.uid.ExplicitVRLittleEndian
        )
    syntax = ds.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ReadError(
            f"{path}: packed as {syntax.name!r}, which no plug-in of pydicom unpacks; "
            f"convert it first (dcmdjpeg of DCMTK and gdcmconv of GDCM do)"
        ) from None
    if not decoder.is_available:
        plugins = "; or ".join(decoder.missing_dependencies)
        raise ReadError(f"{path}: packed as {syntax.name!r}; to unpack it, pip install one of these: {plugins}")
    try:
        pixels = ds.pixel_array
    except Exception as error:  # every plug-in has its own kinds
        reason = " ".join(str(error).split())
        raise ReadError(
            f"{path}: the pixels cannot be unpacked ({reason}); the file is cut off or damaged, export or copy it again"
        ) from error
    if ds.get("PhotometricInterpretation") == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, ds)
        pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def rescaled(pixels: np.ndarray, ds: Dataset) -> np.ndarray:
    """Stored values to what they mean (HU in CT): int16 where that is exact, else float32; unchanged without a rule.

    Source: DICOM PS3.3 C.11.1 (Modality LUT).
    """
    rules = _frame_rules(ds)
    if rules is None:
        if "ModalityLUTSequence" in ds:
            return apply_modality_lut(pixels, ds)
        slope = ds.get("RescaleSlope", ds.get("DoseGridScaling"))  # the second: radiotherapy dose, in Gy
        if slope is None:
            return pixels
        rules = [(float(slope), float(ds.get("RescaleIntercept", 0)))]
    if all(slope == 1 and intercept.is_integer() for slope, intercept in rules) and pixels.dtype.kind in "iu":
        shift = np.array([int(intercept) for _, intercept in rules])
        values = pixels.astype(np.int64) + (shift if len(rules) == 1 else shift[:, None, None])
        fits = np.iinfo(np.int16).min <= values.min() and values.max() <= np.iinfo(np.int16).max
        return values.astype(np.int16 if fits else np.int32)
    slope, intercept = (np.array(column, dtype=np.float64) for column in zip(*rules, strict=True))
    if len(rules) > 1:
        slope, intercept = slope[:, None, None], intercept[:, None, None]
    return (pixels * slope + intercept).astype(np.float32)


def is_colour(ds: Dataset) -> bool:
    """Whether the decoded pixels have a last axis of red, green and blue."""
    return int(ds.get("SamplesPerPixel", 1)) > 1 or ds.get("PhotometricInterpretation") == "PALETTE COLOR"


def n_frames(ds: Dataset) -> int:
    """Images in the file, 1 where the header does not count them."""
    return int(ds.get("NumberOfFrames", 1) or 1)


def warn_if_inverted(ds: Dataset, path: Path) -> None:
    """Say so where low values are meant to look bright: values stay as stored, the reader decides."""
    if ds.get("PhotometricInterpretation") == "MONOCHROME1":
        warnings.warn(
            f"{path}: MONOCHROME1, low values are bright; invert it before mixing it with others", stacklevel=2
        )


def plain_header(ds: Dataset) -> dict[str, Any]:
    """All elements but pixels as plain Python values, by keyword; private ones by their tag."""
    header = {}
    for element in ds:
        if element.VR in ("OB", "OW", "OF", "OD", "UN", "OL", "OV", "OB or OW") or element.tag.group == 0x7FE0:
            continue
        value = element.value
        if element.VR == "SQ":
            value = [plain_header(item) for item in value]
        elif element.VM > 1:
            value = [_plain(item) for item in value]
        else:
            value = _plain(value)
        header[element.keyword or str(element.tag)] = value
    return header


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return None if value is None else str(value)
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, (float, pydicom.valuerep.DSdecimal)) else str(value)


def _functional(ds: Dataset, frame: int, group: str) -> Dataset | None:
    """A functional group of an enhanced multi-frame file: the frame's own, else the one shared by all."""
    own = (ds.get("PerFrameFunctionalGroupsSequence") or [])[frame : frame + 1]
    shared = (ds.get("SharedFunctionalGroupsSequence") or [])[:1]
    for groups in (*own, *shared):
        if group in groups:
            return groups[group].value[0]
    return None


def _frame_rules(ds: Dataset) -> list[tuple[float, float]] | None:
    groups = [_functional(ds, i, "PixelValueTransformationSequence") for i in range(n_frames(ds))]
    if not all(groups):
        return None
    rules = [(float(g.RescaleSlope), float(g.RescaleIntercept)) for g in groups]
    return rules[:1] if len(set(rules)) == 1 else rules


def _frames_in_space(ds: Dataset, pixels: np.ndarray, path: Path):
    """Frames that are slices, sorted along their normal: (pixels, spacing, affine); None for a film."""
    frames = [_frame_header(ds, i) for i in range(len(pixels))]
    if any(frame is None for frame in frames):
        return None
    names = [f"{path} frame {i + 1}" for i in range(len(frames))]
    try:
        order, step = order_slices(frames, names)
    except ReadError:
        same_place = len({tuple(map(float, frame.ImagePositionPatient)) for frame in frames}) == 1
        if same_place:
            return None  # a film of one slice
        raise
    affine = slice_affine(frames[order[0]], path, step=step)
    spacing = (float(np.linalg.norm(step)), *in_plane_spacing(frames[0], path))
    return pixels[order], spacing, affine


def _frame_header(ds: Dataset, frame: int) -> Dataset | None:
    """Position, orientation and spacing of one frame as a data set of its own; None if the file does not give them."""
    header = Dataset()
    position, plane, measures = (
        _functional(ds, frame, f"{g}Sequence") for g in ("PlanePosition", "PlaneOrientation", "PixelMeasures")
    )
    if position and plane and measures:
        header.ImagePositionPatient = position.ImagePositionPatient
        header.ImageOrientationPatient = plane.ImageOrientationPatient
        header.PixelSpacing = measures.PixelSpacing
        return header
    offsets = ds.get("GridFrameOffsetVector")  # radiotherapy dose
    if offsets and len(offsets) > frame and ds.get("ImagePositionPatient") and ds.get("ImageOrientationPatient"):
        normal = np.cross(*directions(ds, Path("")))
        first = np.array([float(p) for p in ds.ImagePositionPatient])
        header.ImagePositionPatient = [float(p) for p in first + normal * (float(offsets[frame]) - float(offsets[0]))]
        header.ImageOrientationPatient = ds.ImageOrientationPatient
        header.PixelSpacing = ds.PixelSpacing
        return header
    return None
