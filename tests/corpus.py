"""Files that go wrong in practice, made by code: each entry writes one and says what the error must name."""

import gzip
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nibabel
import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import JPEG2000, MPEG2MPML

from medlab import data, io

SPACING = (2.5, 0.7, 0.6)


class Bad(NamedTuple):
    """Writes a file or folder below the one given and returns its path; `says` is a pattern its error must match."""

    write: Callable[[Path], Path]
    says: str


def volume(shape=(6, 9, 8), *, modality: str = "CT", seed: int = 0) -> io.Volume:
    """A small oblique volume of random HU with odd, unequal sides."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn[:, 0] *= np.sign(np.linalg.det(turn[:, [2, 1, 0]]))  # z along the normal of x and y
    affine = np.eye(4)
    affine[:3, :3] = turn * SPACING
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    array = rng.integers(-1000, 1500, shape).astype(np.int16)
    return io.Volume(array, SPACING, affine, modality, unit="HU" if modality == "CT" else "")


def series(folder: Path, **options) -> list[Path]:
    """The volume as a DICOM series; its files in order."""
    return sorted(io.write(volume(**options), folder).iterdir())


def change(path: Path, **elements) -> Path:
    """Overwrite elements of a DICOM file; None deletes one."""
    ds = pydicom.dcmread(path)
    for keyword, value in elements.items():
        if value is None:
            ds.pop(keyword, None)
        else:
            setattr(ds, keyword, value)
    ds.save_as(path)
    return path


def cut(path: Path, keep: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def named(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def truncated_dicom(folder: Path) -> Path:
    return cut(series(folder / "s")[0], 0.95)


def truncated_jpeg2000(folder: Path) -> Path:
    return cut(named(folder, "head.dcm", data.example("ct-head").read_bytes()), 0.5)


def zero_rows(folder: Path) -> Path:
    return change(series(folder / "s")[0], Rows=0)


def no_pixels(folder: Path) -> Path:
    return change(series(folder / "s")[0], PixelData=None)


def structure_set(folder: Path) -> Path:
    return change(series(folder / "s")[0], SOPClassUID=pydicom.uid.RTStructureSetStorage, PixelData=None, Rows=None)


def film(folder: Path) -> Path:
    path = series(folder / "s")[0]
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = MPEG2MPML
    ds.PixelData = pydicom.encaps.encapsulate([b"\x00\x00\x01\xb3" * 8])
    ds["PixelData"].VR = "OB"
    ds.save_as(path)
    return path


def dicom_bomb(folder: Path) -> Path:
    path = named(folder, "bomb.dcm", data.example("ct-head").read_bytes())
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID in (JPEG2000, pydicom.uid.JPEG2000Lossless)
    return change(path, Rows=65535, Columns=65535, NumberOfFrames=1000)


def spacing_zero(folder: Path) -> Path:
    return change(series(folder / "s")[0], PixelSpacing=[0, 0.7])


def frames_no_number(folder: Path) -> Path:
    path = series(folder / "s")[0]
    ds = pydicom.dcmread(path)
    ds.add_new("NumberOfFrames", "LO", "1A")
    ds.save_as(path)
    return path


def slice_missing(folder: Path) -> Path:
    series(folder / "s")[2].unlink()
    return folder / "s"


def slice_twice(folder: Path) -> Path:
    files = series(folder / "s")
    (folder / "s" / "copy.dcm").write_bytes(files[2].read_bytes())
    return folder / "s"


def two_series(folder: Path) -> Path:
    series(folder / "both" / "first")
    series(folder / "both" / "second", seed=1)
    return folder / "both"


def other_size(folder: Path) -> Path:
    files = series(folder / "s")
    change(files[1], Rows=7, PixelData=bytes(7 * 8 * 2))
    return folder / "s"


def scout_inside(folder: Path) -> Path:
    change(series(folder / "s")[3], ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    return folder / "s"


def no_position(folder: Path) -> Path:
    for file in series(folder / "s"):
        change(file, ImagePositionPatient=None)
    return folder / "s"


def truncated_in_series(folder: Path) -> Path:
    cut(series(folder / "s")[4], 0.9)
    return folder / "s"


def text_in_series(folder: Path) -> Path:
    series(folder / "s")
    named(folder / "s", "notes.dcm", b"see me after the scan")
    return folder / "s"


def uneven_steps(folder: Path) -> Path:
    """A head scan with thicker slices at the bottom, steps of 5 and of 2.5 mm, in one series."""
    files, original = series(folder / "s"), volume()
    for i, file in enumerate(files[3:], start=3):
        change(file, ImagePositionPatient=position(original, i + (i - 2)))
    return folder / "s"


def slice_beside(folder: Path) -> Path:
    """One slice shifted in its own plane."""
    original = volume()
    place = original.to_mm((3, 0, 0)) + 40 * original.affine[:3, 2] / SPACING[2]
    change(series(folder / "s")[3], ImagePositionPatient=[float(f"{v:.10g}") for v in place])
    return folder / "s"


def position(of: io.Volume, z: float) -> list[float]:
    """ImagePositionPatient of a slice in at most 16 characters a number."""
    return [float(f"{v:.10g}") for v in of.to_mm((z, 0, 0))]


def two_patients_one_uid(folder: Path) -> Path:
    series(folder / "both" / "a")
    for file in series(folder / "both" / "b"):
        change(file, PatientID="other")
    return folder / "both"


def empty_in_series(folder: Path) -> Path:
    series(folder / "s")
    named(folder / "s", "IM7", b"")
    return folder / "s"


def header_cut_in_series(folder: Path) -> Path:
    """The last slice is cut off inside its header: without it the stack would look whole."""
    path = series(folder / "s")[5]
    path.write_bytes(path.read_bytes()[:700])
    return folder / "s"


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    """A PNG put together by hand: colour 0 is grey, 2 is RGB; `rows` as they are before packing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def colour_16_bit(folder: Path) -> Path:
    return named(folder, "x.png", png(1, 1, 16, 2, b"\x00" + struct.pack(">3H", 258, 3, 4)))


def complex_nifti(folder: Path) -> Path:
    return nifti(folder, np.zeros((2, 3, 4), np.complex64))


def only_pictures(folder: Path) -> Path:
    (folder / "p").mkdir()
    io.write(io.Volume(np.zeros((4, 5), np.uint8)), folder / "p" / "a.png")
    return folder / "p"


def empty_folder(folder: Path) -> Path:
    (folder / "e").mkdir()
    return folder / "e"


def nifti(folder: Path, array: np.ndarray, name: str = "scan.nii.gz", affine: np.ndarray | None = None) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine), folder / name)
    return folder / name


def truncated_nifti(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    return cut(nifti(folder, rng.integers(0, 1000, (20, 20, 20)).astype(np.int16)), 0.5)


def nan_nifti(folder: Path) -> Path:
    array = np.zeros((4, 5, 6), np.float32)
    array[1, 2, 3] = np.nan
    return nifti(folder, array)


def infinite_nifti(folder: Path) -> Path:
    return nifti(folder, np.full((4, 5, 6), np.inf, np.float32))


def five_axes(folder: Path) -> Path:
    return nifti(folder, np.zeros((2, 2, 2, 1, 3), np.float32))


def edited_nifti(folder: Path, place: int, content: bytes) -> Path:
    """A NIfTI whose raw header is overwritten at a byte position (NIfTI-1: dim at 40, srow_x at 280)."""
    path = nifti(folder, np.zeros((4, 5, 6), np.int16), "scan.nii")
    raw = bytearray(path.read_bytes())
    raw[place : place + len(content)] = content
    path.write_bytes(bytes(raw))
    return path


def nifti_bomb(folder: Path) -> Path:
    path = edited_nifti(folder, 40, struct.pack("<8h", 3, 30000, 30000, 30000, 1, 1, 1, 1))
    small = folder / "bomb.nii.gz"
    small.write_bytes(gzip.compress(path.read_bytes()))
    return small


def flat_nifti(folder: Path) -> Path:
    return edited_nifti(folder, 280, struct.pack("<12f", *([0.0] * 12)))


def empty_axis(folder: Path) -> Path:
    return edited_nifti(folder, 40, struct.pack("<8h", 3, 4, 0, 6, 1, 1, 1, 1))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    return png(width, height, 8, 0, b"\x00" * 64)


def picture(folder: Path, name: str) -> Path:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 50), dtype=np.uint8)).save(folder / name)
    return folder / name


def pages_differ(folder: Path) -> Path:
    pages = [Image.new("L", size) for size in ((4, 5), (6, 7))]
    pages[0].save(folder / "pages.tiff", save_all=True, append_images=pages[1:])
    return folder / "pages.tiff"


BAD = {
    "dicom cut off": Bad(truncated_dicom, r"0001\.dcm.*cut off"),
    "dicom jpeg 2000 cut off": Bad(truncated_jpeg2000, r"head\.dcm.*(cut off|damaged)"),
    "dicom text file": Bad(
        lambda f: named(f, "letter.dcm", b"Dear colleague, " * 20), r"letter\.dcm.*not a DICOM file"
    ),
    "dicom empty file": Bad(lambda f: named(f, "empty.dcm", b""), r"empty\.dcm.*empty"),
    "dicom zero rows": Bad(zero_rows, r"0001\.dcm.*0 × 8 pixels"),
    "dicom no pixels": Bad(no_pixels, r"0001\.dcm.*no pixel data"),
    "dicom structure set": Bad(structure_set, r"0001\.dcm.*no pixel data.*RT Structure Set"),
    "dicom film": Bad(film, r"0001\.dcm.*MPEG2.*no plug-in"),
    "dicom bomb": Bad(dicom_bomb, r"bomb\.dcm.*max_voxels"),
    "dicom spacing zero": Bad(spacing_zero, r"0001\.dcm.*PixelSpacing"),
    "dicom frames no number": Bad(frames_no_number, r"0001\.dcm.*damaged.*1A"),
    "series slice missing": Bad(slice_missing, r"0004\.dcm: 1 missing slice.*0002\.dcm"),
    "series slice twice": Bad(slice_twice, r"copy\.dcm: lies at the same place as .*0003\.dcm"),
    "series two": Bad(two_series, r"both: 2 series.*series=UID"),
    "series other size": Bad(other_size, r"0002\.dcm: Rows is 7"),
    "series scout inside": Bad(scout_inside, r"0004\.dcm: lies in another plane"),
    "series no position": Bad(no_position, r"0001\.dcm: has no position"),
    "series slice cut off": Bad(truncated_in_series, r"0005\.dcm.*(cut off|damaged)"),
    "series text file": Bad(text_in_series, r"notes\.dcm.*not a DICOM file"),
    "series uneven steps": Bad(uneven_steps, r"000\d\.dcm: .*(uneven step|missing slice)"),
    "series slice beside": Bad(slice_beside, r"0004\.dcm: lies 40\.0 mm beside the line"),
    "series two patients": Bad(two_patients_one_uid, r"both: 2 series"),
    "series empty file": Bad(empty_in_series, r"IM7.*empty"),
    "series header cut off": Bad(header_cut_in_series, r"0006\.dcm.*(cut off|damaged)"),
    "folder of pictures": Bad(only_pictures, r"p: no DICOM image.*1 × \.png file"),
    "folder empty": Bad(empty_folder, r"e: no DICOM image.*nothing"),
    "nifti cut off": Bad(truncated_nifti, r"scan\.nii\.gz.*cut off"),
    "nifti text file": Bad(lambda f: named(f, "text.nii.gz", b"not packed"), r"text\.nii\.gz: not what its name says"),
    "nifti nan": Bad(nan_nifti, r"scan\.nii\.gz: 1 of 120 values are NaN.*fill_nan"),
    "nifti infinite": Bad(infinite_nifti, r"scan\.nii\.gz: 120 of 120 .*infinite"),
    "nifti five axes": Bad(five_axes, r"scan\.nii\.gz.*two to four axes"),
    "nifti complex": Bad(complex_nifti, r"scan\.nii\.gz.*magnitude"),
    "nifti bomb": Bad(nifti_bomb, r"bomb\.nii\.gz.*max_voxels"),
    "nifti flat": Bad(flat_nifti, r"scan\.nii.*span no volume"),
    "nifti empty axis": Bad(empty_axis, r"scan\.nii.*(at least 1|damaged)"),
    "png cut off": Bad(lambda f: cut(picture(f, "x.png"), 0.6), r"x\.png.*cut off"),
    "png text file": Bad(lambda f: named(f, "x.png", b"hello"), r"x\.png: not what its name says"),
    "png zero size": Bad(lambda f: named(f, "x.png", png_claiming(0, 5)), r"x\.png"),
    "png bomb": Bad(lambda f: named(f, "x.png", png_claiming(60000, 60000)), r"x\.png.*(huge|max_voxels)"),
    "png 16 bit colour": Bad(colour_16_bit, r"x\.png: 16 bits a colour channel"),
    "jpeg cut off": Bad(lambda f: cut(picture(f, "x.jpg"), 0.5), r"x\.jpg.*cut off"),
    "tiff pages differ": Bad(pages_differ, r"pages\.tiff.*differ in size"),
    "unknown kind": Bad(lambda f: named(f, "notes.docx", b"PK\x03\x04"), r"notes\.docx.*'\.docx'"),
}


def silently(path: Path) -> io.Volume:
    """Read, and fail on any warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return io.read(path)
