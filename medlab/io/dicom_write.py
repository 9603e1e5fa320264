"""Write a volume as a folder of DICOM files, one a slice."""

import hashlib
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.valuerep import DSfloat

from medlab.files import new_folder
from medlab.io.dicom import PET_UNITS
from medlab.io.volume import Volume

CLASSES = {"CT": uid.CTImageStorage, "MR": uid.MRImageStorage, "PT": uid.PositronEmissionTomographyImageStorage}
CARRIED = (  # what a header may bring along from where the volume was read
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName", "InstitutionName", "StudyDescription", "SeriesDescription",
    "SeriesNumber", "BodyPartExamined", "Manufacturer", "ManufacturerModelName", "KVP", "SliceThickness",
    "PatientPosition", "ConvolutionKernel",
)  # fmt: skip
REQUIRED_IF_EMPTY = CARRIED[:10]  # DICOM type 2: the element has to be there, its value may be missing


def write(volume: Volume, folder: Path) -> None:
    """Write a (z, y, x) or (y, x) volume as an uncompressed DICOM series; the same volume gives the same bytes.

    Slices are numbered along z. Readers sort along the normal of the slices, so a left-handed volume comes back with z
    turned round, each voxel still at its place in mm. A rescale rule (slope 1, intercept 0) is written only where
    `volume.unit` is known, so that unknown values do not come back as HU. Names, dates and the polarity (MONOCHROME1:
    low is bright) come from `volume.header` where it has them.

    Raises:
        FileExistsError: If the folder holds something.
        ValueError: If values are not whole numbers of 16 bit, their unit has no place in DICOM, the place in the
            patient is unknown, or rows and columns are not perpendicular.
    """
    slices = _whole_numbers(volume, folder)
    row, column, spacing = _plane(volume, folder)
    rule = _rule(volume, folder)
    inverted = volume.header.get("PhotometricInterpretation") == "MONOCHROME1"
    digest = _digest(volume)
    study, series, frame = (uid.generate_uid(entropy_srcs=[digest, part]) for part in ("study", "series", "frame"))
    apart = abs(np.cross(row, column) @ volume.affine[:3, 0])  # along the normal, whatever the tilt
    with new_folder(folder) as part:
        for i, pixels in enumerate(slices):
            ds = _header(volume)
            ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
            ds.SOPInstanceUID = uid.generate_uid(entropy_srcs=[digest, str(i)])
            ds.InstanceNumber = i + 1
            ds.ImagePositionPatient = _numbers(volume.to_mm((i, 0, 0)))
            ds.ImageOrientationPatient = _numbers([*row, *column])
            ds.PixelSpacing = _numbers(spacing)
            ds.SpacingBetweenSlices = _numbers([apart])[0]
            for keyword, value in rule.items():
                setattr(ds, keyword, value)
            ds.set_pixel_data(pixels, f"MONOCHROME{2 - inverted}", bits_stored=16, generate_instance_uid=False)
            ds.save_as(part / f"{i + 1:04d}.dcm", enforce_file_format=True)


def _whole_numbers(volume: Volume, folder: Path) -> np.ndarray:
    """The slices as int16 or uint16, or an error."""
    if volume.axes not in ("yx", "zyx"):
        raise ValueError(f"{folder}: a DICOM series here is (z, y, x) in grey, got axes {volume.axes!r}")
    array = volume.array.reshape((-1, *volume.array.shape[-2:]))
    if array.dtype.kind == "f" and not (array == np.round(array)).all():
        raise ValueError(
            f"{folder}: DICOM stores whole numbers, got {array.dtype} with fractions (or NaN); "
            f"round first (np.round(array).astype('int16')) or write NIfTI, which keeps them"
        )
    low, high = array.min(), array.max()
    for kind in (np.int16, np.uint16):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind)
    raise ValueError(f"{folder}: values from {low} to {high} do not fit in 16 bit; write NIfTI instead")


def _rule(volume: Volume, folder: Path) -> dict[str, int | str]:
    """The elements that make stored values mean what they mean; none where that is unknown."""
    if not volume.unit:
        return {}
    code = {unit: code for code, unit in PET_UNITS.items()}.get(volume.unit)
    if volume.modality == "CT":
        return {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": volume.unit}
    if volume.modality == "PT" and code:
        return {"RescaleSlope": 1, "RescaleIntercept": 0, "Units": code}
    what = f"HU in CT and Bq/ml in PT, not the unit {volume.unit!r} in modality {volume.modality!r}"
    raise ValueError(f"{folder}: DICOM here can say {what}; write NIfTI, or set unit to ''")


def _plane(volume: Volume, folder: Path) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Unit vectors along a row and a column, and the spacing between rows and between columns."""
    if volume.affine is None:
        raise ValueError(f"{folder}: DICOM needs the place in the patient; give Volume(..., affine=)")
    down, right = (np.linalg.norm(volume.affine[:3, axis]) for axis in (1, 2))
    column, row = volume.affine[:3, 1] / down, volume.affine[:3, 2] / right
    if abs(row @ column) > 1e-4:
        raise ValueError(f"{folder}: rows and columns are not perpendicular, which DICOM cannot say; resample first")
    return row, column, (down, right)


def _header(volume: Volume) -> Dataset:
    ds = Dataset()
    ds.SOPClassUID = CLASSES.get(volume.modality, uid.SecondaryCaptureImageStorage)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.Modality = volume.modality or "OT"
    for keyword in CARRIED:
        value = volume.header.get(keyword)
        if value is not None or keyword in REQUIRED_IF_EMPTY:
            setattr(ds, keyword, value)
    return ds


def _digest(volume: Volume) -> str:
    content = hashlib.sha256(np.ascontiguousarray(volume.array).tobytes())
    content.update(np.round(volume.affine, 6).tobytes() + volume.modality.encode())
    content.update((volume.unit + str(volume.header.get("PhotometricInterpretation", ""))).encode())
    content.update(str(volume.header.get("PatientID", "")).encode())
    return content.hexdigest()


def _numbers(values) -> list[DSfloat]:
    """Decimal strings of at most 16 characters, as DICOM wants them."""
    return [DSfloat(float(value), auto_format=True) for value in values]
