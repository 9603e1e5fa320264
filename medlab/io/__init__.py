"""Read and write medical images: DICOM, NIfTI, PNG, JPEG, TIFF.

    volume = io.read("scan.nii.gz")          # or a DICOM file, a folder with one DICOM series, a PNG
    volume.array, volume.spacing             # (z, y, x) and mm in the same order
    io.write(volume, "copy.nii.gz")          # or "copy.png" (one image), or a new folder (DICOM series)

Whatever a file cannot give is `None`, never guessed; a file that cannot be trusted is refused with the reason.
Taught in: notebook 01.
"""

from medlab.io.files import read, series, write
from medlab.io.volume import ReadError, Series, Volume, middle_slice, reorient

__all__ = ["ReadError", "Series", "Volume", "middle_slice", "read", "reorient", "series", "write"]
