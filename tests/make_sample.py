"""Make the sample patient in data/sample: `python -m tests.make_sample`. Her name and all dates are invented."""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from medlab import io, phantoms
from tests import notebooks

FOLDER = notebooks.REPOSITORY / "data" / "sample"
SEED = 4
SHAPE, SPACING = (28, 160, 160), (2.5, 2.1, 2.1)
HEADER = {
    "PatientName": "Phantom^Paula",
    "PatientID": "MEDLAB-0001",
    "PatientBirthDate": "19600229",
    "PatientSex": "F",
    "PatientAge": "066Y",
    "StudyDate": "20260301",
    "StudyTime": "101500",
    "AccessionNumber": "A0001",
    "ReferringPhysicianName": "Example^Emil",
    "InstitutionName": "Hospital of Nowhere",
    "StudyDescription": "CT chest",
    "SeriesDescription": "Synthetic, medlab",
    "SeriesNumber": 1,
    "BodyPartExamined": "CHEST",
    "Manufacturer": "medlab phantoms",
    "PatientPosition": "HFS",
}


def make(folder: Path) -> Path:
    """Write dicom/ (a series), chest.nii.gz and nodules.nii.gz (0, or the number of the nodule) into a new folder."""
    chest = phantoms.chest_ct(SEED, n_nodules=6, shape=SHAPE, spacing=SPACING, thickness_mm=SPACING[0])
    volume = io.Volume(chest.image, SPACING, affine(), "CT", header=dict(HEADER), unit="HU")
    io.write(volume, folder / "dicom")
    io.write(volume, folder / "chest.nii.gz")
    labels = np.asarray(chest.labels, dtype=np.uint8)
    io.write(replace(volume, array=labels, modality="", unit=""), folder / "nodules.nii.gz")
    return folder


def affine() -> np.ndarray:
    """The middle of the scan at the origin; x to the left, y to the back, z to the head, as the phantom is drawn."""
    dz, dy, dx = SPACING
    corner = [-(n - 1) / 2 * step for n, step in zip(SHAPE, SPACING, strict=True)][::-1]
    return np.array([[0, 0, dx, corner[0]], [0, dy, 0, corner[1]], [dz, 0, 0, corner[2]], [0, 0, 0, 1.0]])


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"written to {make(FOLDER)}")


if __name__ == "__main__":
    main()
