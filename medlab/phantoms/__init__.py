"""Synthetic patients with known truth: lung nodules, chest CTs, and patients with CT, PET, MR, record and follow-up.

    found = phantoms.nodule(7, diameter_mm=9)     # image in HU, mask, attributes, readers' ratings, malignant
    chest = phantoms.chest_ct(7)                  # 64 × 256 × 256 voxels, 20 nodules
    someone = phantoms.patient(7, 12)             # patient 12 of study 7: ct, pet, mr, record, follow_up

The seed decides everything, down to the byte. Malignancy depends on the attributes by a model written down
(`p_malignant`), so the best possible result is known. For teaching: these are nobody's images.
"""

from medlab.phantoms.attributes import p_malignant, sample_attributes
from medlab.phantoms.chest import Chest, chest_ct
from medlab.phantoms.nodules import Nodule, nodule
from medlab.phantoms.patients import Patient, patient
from medlab.phantoms.scanner import Scanner

__all__ = [
    "Chest",
    "Nodule",
    "Patient",
    "Scanner",
    "chest_ct",
    "nodule",
    "p_malignant",
    "patient",
    "sample_attributes",
]
