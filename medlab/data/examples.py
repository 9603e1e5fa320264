"""Images that need no network: real ones inside pydicom, nibabel and scikit-image, and one synthetic patient."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Example:
    """One image inside an installed package, or in the checkout of this one.

    Args:
        package: Python package that brings it.
        file: Path below the package.
        shows: What it shows, for a caption.
        licence: Terms under which the package passes it on.
    """

    package: str
    file: str
    shows: str
    licence: str


_PYDICOM = "MIT, as part of pydicom"
_NIBABEL = "MIT, as part of nibabel"

EXAMPLES = {
    "ct-head": Example(
        "pydicom", "data/test_files/J2K_pixelrep_mismatch.dcm", "CT of a head at the skull base, one slice", _PYDICOM
    ),
    "ct-spine": Example("pydicom", "data/test_files/CT_small.dcm", "CT of a thoracic vertebra, one slice", _PYDICOM),
    "mr-abdomen": Example("pydicom", "data/test_files/examples_overlay.dcm", "MR of an abdomen, one slice", _PYDICOM),
    "mr-brain": Example("nibabel", "tests/data/example4d.nii.gz", "MR of a brain, two volumes in time", _NIBABEL),
    "us-heart": Example(
        "pydicom", "data/test_files/examples_ybr_color.dcm", "ultrasound of a beating heart, 30 frames", _PYDICOM
    ),
    "us-burnt-in": Example(
        "pydicom", "data/test_files/examples_palette.dcm", "ultrasound with text burnt into the pixels", _PYDICOM
    ),
    "bone-scan": Example("pydicom", "data/test_files/JPEG2000.dcm", "whole-body bone scintigram", _PYDICOM),
    "pacs-folder": Example(
        "pydicom", "data/test_files/dicomdirtests", "folder of a PACS: three patients, 16 × 16 pixels", _PYDICOM
    ),
    "phantom-patient": Example(
        "medlab", "../data/sample/dicom", "CT of a synthetic chest, a DICOM series of 28 files", "MIT, made by medlab"
    ),
    "fundus": Example("skimage", "data/retina.jpg", "colour photograph of a retina", "CC0, Mikael Häggström"),
    "histology": Example(
        "skimage", "data/ihc.png", "colon glands, stained: brown antibody, blue nuclei", "no known restrictions, CMMI"
    ),
    "cell": Example("skimage", "data/cell.png", "one cell under a quantitative phase microscope", "CC0"),
}  # fmt: skip


def example(name: str) -> Path:
    """Where an example image lies on this machine.

    Args:
        name: A key of `EXAMPLES`, such as "ct-head" or "pacs-folder".

    Raises:
        KeyError: If there is no such example; it lists the names.
        FileNotFoundError: If the package that should bring it does not.

    Taught in: notebook 00.
    """
    if name not in EXAMPLES:
        raise KeyError(f"no example image {name!r}; there are {', '.join(EXAMPLES)}")
    chosen = EXAMPLES[name]
    package = find_spec(chosen.package)
    path = (Path(package.origin).parent / chosen.file).resolve() if package and package.origin else None
    if path is None or not path.exists():
        raise FileNotFoundError(
            f"example {name!r} should lie in the package {chosen.package!r} as {chosen.file}; "
            f"install the course again: pip install -r requirements.txt"
        )
    return path
