"""Where a DICOM slice lies: pixel spacing, directions, position, and the order of slices along their normal."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from medlab.io.volume import ReadError

UNIT_CM = 3  # the only unit of length of an ultrasound region, DICOM PS3.3 C.8.5.5.1.15
TOLERANCE = 0.05  # of the usual step between slices: positions are rounded in headers; a missing slice makes 1.0


def in_plane_spacing(ds: Dataset, path: Path) -> tuple[float, float] | None:
    """Distance between rows and between columns in mm; None where the header does not say.

    X-ray images give it at the detector, so organs measure larger than they are by the magnification.
    """
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        if ds.get(name):
            spacing = tuple(float(step) for step in ds[name].value)
            if len(spacing) != 2 or not all(step > 0 for step in spacing):
                raise ReadError(f"{path}: {name} must be two numbers above 0 mm, the header says {spacing}")
            return spacing
    regions = ds.get("SequenceOfUltrasoundRegions") or []
    steps = {
        (abs(float(r.PhysicalDeltaY)) * 10, abs(float(r.PhysicalDeltaX)) * 10)
        for r in regions
        if r.get("PhysicalUnitsXDirection") == UNIT_CM and r.get("PhysicalUnitsYDirection") == UNIT_CM
    }
    # two regions of different scale in one picture: no single answer
    return steps.pop() if len(steps) == 1 and len(regions) == 1 else None


def slice_affine(ds: Dataset, path: Path, *, step: np.ndarray | None = None) -> np.ndarray | None:
    """4x4 matrix of one slice, index (z, y, x, 1) to LPS mm; None where the header does not say.

    Args:
        step: The way to the next slice in mm; None takes the thickness that the header gives.
    """
    if not (ds.get("ImagePositionPatient") and ds.get("ImageOrientationPatient") and ds.get("PixelSpacing")):
        return None
    along_row, along_column = directions(ds, path)
    down, right = in_plane_spacing(ds, path)
    if step is None:
        thickness = float(ds.get("SpacingBetweenSlices") or ds.get("SliceThickness") or 1)
        step = np.cross(along_row, along_column) * abs(thickness or 1)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = step, along_column * down, along_row * right
    affine[:3, 3] = [float(p) for p in ds.ImagePositionPatient]
    return affine


def directions(ds: Dataset, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors along a row and along a column, in LPS."""
    cosines = np.array([float(c) for c in ds.ImageOrientationPatient])
    if cosines.shape != (6,) or not np.allclose(np.linalg.norm(cosines.reshape(2, 3), axis=1), 1, atol=1e-2):
        raise ReadError(f"{path}: ImageOrientationPatient must be two directions of length 1, got {cosines.tolist()}")
    return cosines[:3], cosines[3:]


def order_slices(headers: list[Dataset], names: list[str]) -> tuple[list[int], np.ndarray]:
    """Sort slices by their position along the normal of the first, and give the vector from one to the next in mm.

    Args:
        headers: One data set a slice, with position and orientation.
        names: What to call each in an error.

    Raises:
        ReadError: If a slice lies in another plane, stands twice, or one is missing between others.
    """
    along_row, along_column = directions(headers[0], Path(names[0]))
    normal = np.cross(along_row, along_column)
    for ds, name in zip(headers, names, strict=True):
        if not np.allclose(np.concatenate(directions(ds, Path(name))), [*along_row, *along_column], atol=1e-3):
            raise ReadError(f"{name}: lies in another plane than {names[0]}; a scout? move it to a folder of its own")
    positions = np.array([[float(p) for p in ds.ImagePositionPatient] for ds in headers])
    heights = positions @ normal
    order = [int(i) for i in np.argsort(heights, kind="stable")]
    steps = np.diff(heights[order])
    if len(steps) == 0:
        return order, normal
    usual = float(np.median(steps[steps > 1e-4])) if (steps > 1e-4).any() else 0.0
    for below, above, step in zip(order[:-1], order[1:], steps, strict=True):
        if step <= max(1e-4, TOLERANCE * usual):
            raise ReadError(
                f"{names[above]}: lies at the same place as {names[below]}; a copy, or a series in time or with "
                f"several echoes: keep one file for each position"
            )
        if step > (1 + TOLERANCE) * usual:
            missing = round(step / usual) - 1
            what = f"{missing} missing slice(s)" if missing else "an uneven step"
            raise ReadError(
                f"{names[above]}: {what} before it: {step:.2f} mm after {names[below]}, elsewhere {usual:.2f} mm; "
                f"export the series again"
            )
    return order, (positions[order[-1]] - positions[order[0]]) / (len(order) - 1)
