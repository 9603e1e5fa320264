"""Folders of DICOM files as a PACS exports them: list the series, sort one by position, stack it."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from medlab.io import dicom
from medlab.io.dicom_geometry import has_place, in_plane_spacing, placed, stack_geometry
from medlab.io.volume import ReadError, Series, Volume, refuse_huge

SAME_SERIES = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")  # UIDs alone are not unique in real exports
SAME_STACK = ("FrameOfReferenceUID", "Modality", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation")
TAGS = [
    "SOPClassUID", *SAME_SERIES, *SAME_STACK, "SeriesNumber", "SeriesDescription", "NumberOfFrames",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SpacingBetweenSlices",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "ImageType", "RescaleSlope",
    "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "Units", "DoseGridScaling",
]  # fmt: skip
DICOM_NAMES = (".dcm", ".dicom", ".ima")

Headers = dict[Path, Dataset]


def list_folder(folder: Path) -> list[Series]:
    """All image series below a folder, by series number; whatever else lies there is passed over.

    Raises:
        ReadError: If no file holds a DICOM image; it says what lies there instead.
    """
    return [_describe(group) for group in _scan(folder)[0]]


def read_folder(folder: Path, *, uid: str | None, max_voxels: int) -> Volume:
    """Read the one series of a folder, or the one named."""
    groups, damaged = _scan(folder)
    found = [_describe(group) for group in groups]
    listing = "\n".join(
        f"  {s.uid}  {s.modality}  {s.n_slices} slices  {s.description or 'no description'}" for s in found
    )
    chosen = [group for group, one in zip(groups, found) if uid in (None, one.uid)]
    if not chosen:
        raise ReadError(f"{folder}: no series {uid!r} here; it holds\n{listing}")
    if len(chosen) > 1 and uid is not None:
        raise ReadError(f"{folder}: series {uid!r} stands for {len(chosen)} patients or studies; split the folder")
    if len(chosen) > 1:
        raise ReadError(f"{folder}: {len(chosen)} series here; choose one with io.read(folder, series=UID):\n{listing}")
    (group,) = chosen
    for error in damaged:  # one that may belong to the series would leave a gap that nobody sees
        if _describe(group).uid.startswith(getattr(error, "series", "")):  # its UID may be cut off, or missing
            raise error
    if len(group) == 1:
        volume = dicom.read(next(iter(group)), max_voxels)
        volume.source = str(folder)
        return volume
    return _stack(folder, group, max_voxels)


def _scan(folder: Path) -> tuple[list[Headers], list[ReadError]]:
    """The headers of each series, and the errors of files that should hold an image and do not."""
    groups: dict[tuple, Headers] = {}
    damaged, others = [], Counter()
    for path in _files(folder):
        promised = path.suffix.lower() in DICOM_NAMES
        try:
            with open(path, "rb") as file:
                start = file.read(132)
            marked = start[128:] == b"DICM" or start[:2] == b"\x08\x00"  # the second: old files without a preamble
            if not (marked or promised or (not start and not path.suffix)):
                others[f"{path.suffix or 'unknown'} file"] += 1
            elif not start:
                damaged.append(ReadError(f"{path}: the file is empty (0 bytes); copy it again, or move it away"))
            else:
                ds = dicom.open_dataset(path, tags=TAGS)
                groups.setdefault(tuple(str(ds.get(tag, "")) for tag in SAME_SERIES), {})[path] = ds
        except ReadError as error:
            if isinstance(error, dicom.NoImage) and error.kind:
                others[error.kind] += 1
            else:
                damaged.append(error)
        except OSError as error:
            if promised or not path.suffix:
                damaged.append(ReadError(f"{path}: cannot be opened ({error.strerror}); mend its permissions"))
            others["unreadable file"] += 1
    if damaged and not groups:
        raise damaged[0]
    if not groups:
        found = ", ".join(f"{n} × {kind}" for kind, n in others.most_common(4)) or "nothing"
        raise ReadError(f"{folder}: no DICOM image in this folder (it holds: {found}); read other images file by file")
    return sorted(groups.values(), key=_number), damaged


def _files(folder: Path) -> list[Path]:
    """All files below a folder, hidden ones left out; a sub-folder that cannot be entered is an error."""

    def refuse(error: OSError) -> None:
        raise ReadError(f"{error.filename}: cannot be opened ({error.strerror}); mend its permissions")

    seen, files = set(), []
    for where, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:  # a link back up
            folders.clear()
            continue
        seen.add(real)
        files += [Path(where) / name for name in names if not name.startswith(".")]
    return sorted(files)


def _number(group: Headers) -> tuple[int, str]:
    ds = next(iter(group.values()))
    text = str(ds.get("SeriesNumber") or "")
    return (int(text) if text.isdigit() else 0, str(ds.get("SeriesInstanceUID", "")))


def _describe(group: Headers) -> Series:
    """What a list says of a series; a header that reading would refuse leaves gaps here, no error."""
    first = next(iter(group.values()))
    try:
        n_slices = sum(dicom.n_frames(ds) for ds in group.values())
        spacing = _spacing(group)
    except (ReadError, ValueError, TypeError, AttributeError):
        n_slices, spacing = len(group), None
    text = {tag: str(first.get(tag, "")) for tag in ("SeriesInstanceUID", "Modality", "SeriesDescription")}
    return Series(*text.values(), n_slices, spacing, tuple(group))


def _spacing(group: Headers) -> tuple[float, float, float] | None:
    headers, names = [placed(ds) for ds in group.values()], [str(path) for path in group]
    if len(headers) > 1:
        return stack_geometry(headers, names)[1]
    between = headers[0].get("SpacingBetweenSlices")
    in_plane = between and in_plane_spacing(headers[0], Path(names[0]))
    return (float(between), *in_plane) if in_plane else None


def _stack(folder: Path, group: Headers, max_voxels: int) -> Volume:
    files, names = list(group), [str(path) for path in group]
    refuse_huge(folder, sum(dicom.voxels(ds, path) for path, ds in group.items()), max_voxels)
    headers = [_checked(ds, group, path) for path, ds in group.items()]
    order, spacing, affine = stack_geometry(headers, names)
    array, lowest = None, None
    for z, i in enumerate(order):  # one file at a time: a series may fill half of the memory
        ds = dicom.open_dataset(files[i])
        pixels = dicom.rescaled(dicom.decoded(ds, files[i]), ds, files[i])
        ds.PixelData = b""  # data sets refer to themselves and would be kept for long
        if array is None:
            dicom.warn_if_unusual(ds, files[i])
            array, lowest = np.empty((len(order), *pixels.shape), pixels.dtype), ds
        array = array.astype(np.promote_types(array.dtype, pixels.dtype), copy=False)
        array[z] = pixels
    about = {"source": str(folder), "header": dicom.plain_header(lowest), **dicom.meaning(lowest, files[order[0]])}
    return Volume(array, spacing, affine, axes="zyx" + "c" * (array.ndim - 3), **about)


def _checked(ds: Dataset, group: Headers, path: Path) -> Dataset:
    """Where a slice lies, once it is clear that it can be stacked on the others."""
    first_path, first = next(iter(group.items()))
    if dicom.n_frames(ds) > 1:
        raise ReadError(f"{path}: holds several frames, so this series is no stack of files; read them one by one")
    dicom.refuse_put_together(ds, path)
    if not has_place(placed(ds)):
        what = f"has no position in the patient, so the {len(group)} files of this series cannot be stacked"
        raise ReadError(f"{path}: {what}; read them one by one")
    for tag in SAME_STACK:
        if ds.get(tag) != first.get(tag):
            raise ReadError(f"{path}: {tag} is {ds.get(tag)}, but {first.get(tag)} in {first_path}; not one series")
    mine, usual = (
        f"{'rescaled' if dicom.has_rule(*one) else 'without a rescale rule'}, unit {dicom.meaning(*one)['unit']!r}"
        for one in ((ds, path), (first, first_path))
    )
    if mine != usual:
        raise ReadError(f"{path}: {mine}, but {first_path}: {usual}; not one series, export it again")
    return placed(ds)
