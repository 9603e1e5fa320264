"""Read one DICOM file: open it, decode its pixels, rescale them, find its geometry."""

import warnings
from collections.abc import MutableSequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder, pixel_array
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from medlab.io.dicom_geometry import are_slices, functional, in_plane_spacing, placed, slice_affine, stack_geometry
from medlab.io.volume import ReadError, Volume, palette_of_8_bits, refuse_huge, rescale

PET_UNITS = {"BQML": "Bq/ml", "GML": "g/ml", "CNTS": "counts"}  # DICOM PS3.3 C.8.9.1.1.3
MOMENTS = {"FrameTime", "FrameTimeVector", "TemporalPositionIndex"}  # what the frames of a film are counted by


def read(path: Path, max_voxels: int) -> Volume:
    """Read one DICOM file: a slice as (y, x), frames as (z, y, x) or, where they are moments of a film, (t, y, x)."""
    ds = open_dataset(path)
    refuse_huge(path, voxels(ds, path), max_voxels)
    refuse_put_together(ds, path)
    frames = [placed(ds, i) for i in range(n_frames(ds))]
    stacked = len(frames) > 1 and are_slices(frames)
    if len(frames) > 1 and not stacked:
        _refuse_other_than_moments(ds, path)
    warn_if_unusual(ds, path)
    pixels = rescaled(decoded(ds, path), ds, path)
    axes = "yx" + ("c" if is_colour(ds) else "")
    about = {"source": str(path), "header": plain_header(ds), **meaning(ds, path)}
    if stacked:
        order, spacing, affine = stack_geometry(frames, [f"{path} frame {i + 1}" for i in range(len(frames))])
        return Volume(pixels[order], spacing, affine, axes="z" + axes, **about)
    place = frames[0]
    spacing = in_plane_spacing(place, path) or (None if place is ds else in_plane_spacing(ds, path))
    return Volume(pixels, spacing, slice_affine(place, path), axes="t" * (len(frames) > 1) + axes, **about)


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
        if "SpectroscopyData" in ds:
            raise ReadError(f"{path}: holds spectra (SpectroscopyData) and no image; they are not read here")
        raise ReadError(f"{path}: no pixel data; the file is cut off, or the image was left out: export it again")
    ds.ensure_file_meta()
    if "TransferSyntaxUID" not in ds.file_meta:  # as in old files; DICOM's own default, PS3.5 section 10
        plain = (pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.ImplicitVRLittleEndian)
        ds.file_meta.TransferSyntaxUID = plain[ds.original_encoding[0]]
    syntax = ds.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ReadError(f"{path}: packed as {syntax.name!r}, which no plug-in unpacks; convert it with DCMTK") from None
    if not decoder.is_available:
        plugins = "; or ".join(decoder.missing_dependencies)
        raise ReadError(f"{path}: packed as {syntax.name!r}; to unpack it, pip install one of these: {plugins}")
    try:
        pixels = pixel_array(ds)  # unlike ds.pixel_array it keeps no second copy
    except Exception as error:  # every plug-in has its own kinds
        reason = f"the pixels cannot be unpacked ({' '.join(str(error).split())})"
        raise ReadError(f"{path}: {reason}: of a kind not read here, cut off or damaged; copy it again") from error
    if ds.get("PhotometricInterpretation") == "PALETTE COLOR":
        pixels = _coloured(pixels, ds, path)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _coloured(pixels: np.ndarray, ds: Dataset, path: Path) -> np.ndarray:
    """Palette colours as RGB of 8 bits; a table whose descriptor contradicts its data is read as the data are.

    Source: DICOM PS3.3 C.7.6.3.1.5 and 6.
    """
    if "RedPaletteColorLookupTableData" not in ds:  # in segments
        rgb = apply_color_lut(pixels, ds)[..., :3]
        return (rgb >> 8).astype(np.uint8) if rgb.dtype == np.uint16 else rgb
    entries, first, bits = (int(n) for n in ds.RedPaletteColorLookupTableDescriptor)
    entries = entries or 2**16
    stored = [ds[f"{colour}PaletteColorLookupTableData"].value for colour in ("Red", "Green", "Blue")]
    if min(map(len, stored)) < entries:
        raise ReadError(f"{path}: its palette has fewer than the {entries} colours that it says; export it again")
    order = "<" if ds.file_meta.TransferSyntaxUID.is_little_endian else ">"
    size = min(2, min(map(len, stored)) // entries)
    palette = np.stack([np.frombuffer(raw, f"{order}u{size}", entries) for raw in stored], axis=-1)
    palette = palette_of_8_bits(palette, bits, 8 * size, path)
    return palette[np.clip(pixels.astype(np.int32) - first, 0, entries - 1)]


def refuse_put_together(ds: Dataset, path: Path) -> None:
    """Refuse one large picture that is a volume in truth (mosaic), and small ones that are parts of one (tiles)."""
    if "MOSAIC" in (ds.get("ImageType") or ()):
        raise ReadError(f"{path}: a MOSAIC (ImageType), slices side by side, is not read here; dcm2niix makes it NIfTI")
    whole = ds.get("TotalPixelMatrixRows"), ds.get("TotalPixelMatrixColumns")
    if (any(whole) and whole != (ds.Rows, ds.Columns)) or (n_frames(ds) > 1 and ds.get("Modality") == "SM"):
        raise ReadError(f"{path}: tiles of a slide (TotalPixelMatrix {whole}) are not read here; export a part as TIFF")


def _refuse_other_than_moments(ds: Dataset, path: Path) -> None:
    """Frames at one place are a film only where the header counts them by time; warn where it does not say."""
    n, dimensions = n_frames(ds), [item.DimensionIndexPointer for item in ds.get("DimensionIndexSequence") or []]
    pointers = np.atleast_1d(ds.get("FrameIncrementPointer") or dimensions)
    counted = [keyword_for_tag(int(tag)) or str(tag) for tag in pointers]
    counted = counted or [element.keyword for element in ds if element.keyword.endswith("Vector")]
    if counted and not MOMENTS & set(counted):
        what = f"{n} frames are counted by {', '.join(counted)} ({ds.get('Modality', '')}), not by time or place"
        raise ReadError(f"{path}: its {what}; they are not read here, export single images")
    if not counted and not any(ds.get(name) for name in ("FrameTime", "CineRate", "RecommendedDisplayFrameRate")):
        warnings.warn(f"{path}: does not say what its {n} frames are; taken as moments in time", stacklevel=3)


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
    return apply_modality_lut(pixels, ds) if ds.get("ModalityLUTSequence") else pixels


def has_rule(ds: Dataset, path: Path) -> bool:
    """Whether `rescaled` finds a rule that works: slope and intercept are numbers, and the slope is not 0."""
    return bool(_rules(ds, path) or ds.get("ModalityLUTSequence"))


def meaning(ds: Dataset, path: Path) -> dict[str, str]:
    """Modality, and unit of the rescaled values: that of the rule which was applied, so none without a rule."""
    modality, unit = str(ds.get("Modality", "")), ""
    rules, table = _rules(ds, path), ds.get("ModalityLUTSequence")
    if modality == "CT" and rules:
        kind = str(_rule_header(ds).get("RescaleType") or "HU")
        unit = "HU" if kind == "US" else kind  # some scanners write "unspecified" and mean HU
    elif modality == "CT" and table and table[0].get("ModalityLUTType") != "US":
        unit = str(table[0].get("ModalityLUTType") or "")
    elif modality == "PT" and rules:
        unit = PET_UNITS.get(str(ds.get("Units", "")), "")
    elif "DoseGridScaling" in ds and rules:
        unit = "Gy"
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
    modality, header = str(ds.get("Modality", "")), _rule_header(ds)
    names = ["DoseGridScaling"] if modality == "RTDOSE" else ["RescaleSlope", "RescaleIntercept"]
    if not has_rule(ds, path) and (modality in ("CT", "PT", "RTDOSE") or any(name in header for name in names)):
        what = ", ".join(f"{name} is {header.get(name)}" for name in names)
        unit = "not HU" if modality == "CT" else "of unknown unit"
        warnings.warn(f"{path}: no rescale rule ({what}); its values stay as stored and are {unit}", stacklevel=3)


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


def _rule_header(ds: Dataset) -> Dataset:
    """Where the rescale rule stands: in the first frame's functional group, or in the header itself."""
    group = functional(ds, 0, "PixelValueTransformationSequence")
    return ds if group is None else group


def _rules(ds: Dataset, path: Path) -> list[tuple[float, float]]:
    """Slope and intercept, one for all frames or one a frame; empty where the header has none that works."""
    groups = [functional(ds, i, "PixelValueTransformationSequence") for i in range(n_frames(ds))]
    rules = [_rule(group) for group in groups] if any(group is not None for group in groups) else [_rule(ds)]
    lacking = rules.count(None)
    if 0 < lacking < len(rules):
        raise ReadError(f"{path}: {lacking} of {len(groups)} frames lack a rescale rule; export it again")
    return [] if lacking else rules


def _rule(header: Dataset | None) -> tuple[float, float] | None:
    """Slope and intercept; None where one is missing, empty or no number, or the slope is 0."""
    try:
        if "DoseGridScaling" in header:  # radiotherapy dose has no intercept
            slope, intercept = float(header.DoseGridScaling), 0.0
        else:
            slope, intercept = float(header.RescaleSlope), float(header.RescaleIntercept)
    except (AttributeError, TypeError, ValueError):
        return None
    return (slope, intercept) if slope != 0 and np.isfinite([slope, intercept]).all() else None
