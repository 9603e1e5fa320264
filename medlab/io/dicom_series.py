"""Folders of DICOM files as a PACS exports them: list the series, sort one by position, stack it."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from medlab.io import dicom
from medlab.io.dicom_geometry import in_plane_spacing, order_slices, slice_affine
from medlab.io.volume import ReadError, Series, Volume

TAGS = [
    "SOPClassUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality", "Rows", "Columns",
    "NumberOfFrames", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SpacingBetweenSlices",
]  # fmt: skip


def list_folder(folder: Path) -> list[Series]:
    """All image series below a folder, by series number; files that are not DICOM, or hold no image, are passed over.

    Raises:
        ReadError: If no file holds a DICOM image; it says what lies there instead.
    """
    headers, others = _scan(folder)
    if not headers:
        kinds = Counter(others.values()).most_common(4)
        found = ", ".join(f"{n} × {kind}" for kind, n in kinds) or "nothing"
        raise ReadError(f"{folder}: no DICOM image in this folder (it holds: {found}); read other images file by file")
    groups = defaultdict(dict)
    for path, ds in headers.items():
        groups[str(ds.get("SeriesInstanceUID", "no UID"))][path] = ds
    first = {uid: next(iter(group.values())) for uid, group in groups.items()}
    by_number = sorted(groups, key=lambda uid: (int(first[uid].get("SeriesNumber") or 0), uid))
    return [_describe(uid, groups[uid]) for uid in by_number]


def read_folder(folder: Path, *, uid: str | None, max_voxels: int) -> Volume:
    """Read the one series of a folder, or the one named."""
    found = list_folder(folder)
    listing = "\n".join(
        f"  {s.uid}  {s.modality}  {s.n_slices} slices  {s.description or 'no description'}" for s in found
    )
    chosen = [s for s in found if s.uid == uid] if uid is not None else found
    if not chosen:
        raise ReadError(f"{folder}: no series {uid!r} here; it holds\n{listing}")
    if len(chosen) > 1:
        raise ReadError(
            f"{folder}: {len(chosen)} series in this folder; choose one with io.read(folder, series=UID):\n{listing}"
        )
    files = chosen[0].files
    if len(files) == 1:
        volume = dicom.read(files[0], max_voxels)
        volume.source = str(folder)
        return volume
    return _stack(folder, files, max_voxels)


def _scan(folder: Path) -> tuple[dict[Path, Dataset], dict[Path, str]]:
    """Headers of the files with an image, and for every other file what it is."""
    headers, others = {}, {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        with open(path, "rb") as file:
            start = file.read(132)
        marked = start[128:] == b"DICM" or start[:2] == b"\x08\x00"  # the second: old files without a preamble
        if not marked and path.suffix.lower() not in (".dcm", ".dicom", ".ima"):
            others[path] = f"{path.suffix or 'unknown'} file"
            continue
        try:
            headers[path] = dicom.open_dataset(path, tags=TAGS)
        except ReadError as error:
            if not marked:
                raise  # its name promises an image: say so instead of a silent gap
            others[path] = str(error).split(": ", 1)[1].split(";")[0]
    return headers, others


def _describe(uid: str, group: dict[Path, Dataset]) -> Series:
    headers, files = list(group.values()), tuple(group)
    ds = headers[0]
    in_plane = in_plane_spacing(ds, files[0])
    between = ds.get("SpacingBetweenSlices") or None
    if len(headers) > 1:
        try:
            between = np.linalg.norm(order_slices(headers, [p.name for p in files])[1])
        except (ReadError, AttributeError):  # listing never fails on a series that reading would refuse
            between = None
    spacing = (float(between), *in_plane) if between and in_plane else None
    n_slices = sum(dicom.n_frames(h) for h in headers)
    return Series(uid, str(ds.get("Modality", "")), str(ds.get("SeriesDescription", "")), n_slices, spacing, files)


def _stack(folder: Path, files: tuple[Path, ...], max_voxels: int) -> Volume:
    datasets = [dicom.open_dataset(path) for path in files]
    names = [str(path) for path in files]
    first = datasets[0]
    for ds, name in zip(datasets, names, strict=True):
        dicom.check_size(ds, Path(name), max_voxels // len(files))
        if not (ds.get("ImagePositionPatient") and ds.get("ImageOrientationPatient") and ds.get("PixelSpacing")):
            raise ReadError(
                f"{name}: has no position in the patient, so the {len(files)} files of this series cannot be stacked; "
                f"read them one by one"
            )
        for tag in ("Rows", "Columns", "PixelSpacing"):
            if ds.get(tag) != first.get(tag):
                raise ReadError(f"{name}: {tag} is {ds.get(tag)}, but {first.get(tag)} in {names[0]}; not one series")
    dicom.warn_if_inverted(first, files[0])
    order, step = order_slices(datasets, names)
    slices = [dicom.rescaled(dicom.decoded(datasets[i], files[i]), datasets[i]) for i in order]
    affine = slice_affine(datasets[order[0]], files[order[0]], step=step)
    spacing = (float(np.linalg.norm(step)), *in_plane_spacing(first, files[0]))
    lowest = datasets[order[0]]
    return Volume(
        np.stack(slices), spacing, affine, str(lowest.get("Modality", "")), str(folder), dicom.plain_header(lowest),
        "zyx" + "c" * (slices[0].ndim - 2),
    )  # fmt: skip
