"""Where DICOM slices lie: pixel spacing, directions, position, and the order of slices along their normal."""

import warnings
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from medlab.io.volume import ReadError, steps_of

UNIT_CM = 3  # the only unit of length of an ultrasound region, DICOM PS3.3 C.8.5.5.1.15
TOLERANCE = 0.05  # of the usual step between slices: positions are rounded in headers; a missing slice makes 1.0
ROUNDING = 1e-3  # of a pixel's size: what the last digits in headers of one series may differ by
SAME_PLACE = 1e-4  # mm; positions that differ by less differ by rounding
PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


def placed(ds: Dataset, frame: int = 0) -> Dataset:
    """Position, orientation and pixel spacing of one frame under the names of a plain slice.

    Enhanced files keep them in functional groups, radiotherapy dose as offsets; a plain slice is returned as it is.
    What is not known is missing from the result.
    """
    groups = [functional(ds, frame, f"{g}Sequence") for g in ("PlanePosition", "PlaneOrientation", "PixelMeasures")]
    header = Dataset()
    if any(group is not None for group in groups):
        for keyword, group in zip(PLACE, groups, strict=True):
            if group is not None and group.get(keyword):
                setattr(header, keyword, group[keyword].value)
        return header
    offsets = ds.get("GridFrameOffsetVector")
    if not (offsets and len(offsets) > frame and all(ds.get(keyword) for keyword in PLACE)):
        return ds
    along_row, along_column = directions(ds, Path(""))
    shift = np.cross(along_row, along_column) * (float(offsets[frame]) - float(offsets[0]))
    header.ImagePositionPatient = [float(p) + d for p, d in zip(ds.ImagePositionPatient, shift, strict=True)]
    header.ImageOrientationPatient, header.PixelSpacing = ds.ImageOrientationPatient, ds.PixelSpacing
    return header


def functional(ds: Dataset, frame: int, group: str) -> Dataset | None:
    """A functional group of an enhanced multi-frame file: the frame's own, else the one shared by all, else None."""
    own = (ds.get("PerFrameFunctionalGroupsSequence") or [])[frame : frame + 1]
    shared = (ds.get("SharedFunctionalGroupsSequence") or [])[:1]
    for groups in (*own, *shared):
        if groups.get(group):
            return groups[group].value[0]
    return None


def has_place(ds: Dataset) -> bool:
    """Whether position, orientation and pixel spacing are all known."""
    return all(ds.get(keyword) for keyword in PLACE)


def are_slices(frames: list[Dataset]) -> bool:
    """Whether frames lie at places of their own; those of a film do not."""
    if not all(map(has_place, frames)):
        return False
    return np.ptp([[float(p) for p in frame.ImagePositionPatient] for frame in frames], axis=0).max() > SAME_PLACE


def in_plane_spacing(ds: Dataset, path: Path) -> tuple[float, float] | None:
    """Distance between rows and between columns in mm; None where the header does not say.

    X-ray images give it at the detector, so organs measure larger than they are by the magnification. A spacing that is
    none (0, empty, NaN) is passed over with a warning; an image with a place in the patient is refused.
    """
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        if ds.get(name):
            spacing = tuple(float(step) for step in np.atleast_1d(ds[name].value))
            if _is_spacing(spacing):
                return spacing
            if ds.get("ImagePositionPatient"):
                raise ReadError(f"{path}: {name} must be two numbers above 0 mm, the header says {spacing}")
            warnings.warn(f"{path}: {name} is {spacing}, which is no spacing in mm; it is passed over", stacklevel=3)
    regions = ds.get("SequenceOfUltrasoundRegions") or []
    if len(regions) == 1 and all(regions[0].get(f"PhysicalUnits{axis}Direction") == UNIT_CM for axis in "XY"):
        spacing = tuple(abs(float(regions[0].get(f"PhysicalDelta{axis}") or 0)) * 10 for axis in "YX")
        return spacing if _is_spacing(spacing) else None
    return None  # regions of different scale in one picture give no single answer


def _is_spacing(spacing: tuple[float, ...]) -> bool:
    return len(spacing) == 2 and all(0 < step < np.inf for step in spacing)


def slice_affine(ds: Dataset, path: Path, *, step: np.ndarray | None = None) -> np.ndarray | None:
    """4x4 matrix of one slice, index (z, y, x, 1) to LPS mm; None where the header does not say.

    Args:
        step: The way to the next slice in mm; None, for a single slice, takes the thickness in the header, or 1 mm.
    """
    if not has_place(ds):
        return None
    along_row, along_column = directions(ds, path)
    down, right = in_plane_spacing(ds, path)
    if step is None:
        thickness = abs(float(ds.get("SpacingBetweenSlices") or ds.get("SliceThickness") or 0)) or 1.0
        step = np.cross(along_row, along_column) * thickness
    position = [float(p) for p in ds.ImagePositionPatient]
    return np.vstack([np.column_stack([step, along_column * down, along_row * right, position]), [0, 0, 0, 1]])


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
        ReadError: If a slice lies in another plane or beside the others, stands twice, if one is missing between
            others, or if the steps are uneven.
    """
    along_row, along_column = directions(headers[0], Path(names[0]))
    normal = np.cross(along_row, along_column)
    for ds, name in zip(headers, names, strict=True):
        if not np.allclose(np.concatenate(directions(ds, Path(name))), [*along_row, *along_column], atol=1e-3):
            raise ReadError(f"{name}: lies in another plane than {names[0]}; a scout? move it to a folder of its own")
    positions = np.array([[float(p) for p in ds.ImagePositionPatient] for ds in headers])
    order = [int(i) for i in np.argsort(positions @ normal, kind="stable")]
    if len(order) == 1:
        return order, normal
    _check_steps(np.diff(positions[order] @ normal), [names[i] for i in order])
    step = (positions[order[-1]] - positions[order[0]]) / (len(order) - 1)
    on_line = positions[order[0]] + np.arange(len(order))[:, None] * step
    off = np.linalg.norm(positions[order] - on_line, axis=1)
    if off.max() > max(0.1, 2 * TOLERANCE * np.linalg.norm(step)):
        name = names[order[int(off.argmax())]]
        raise ReadError(f"{name}: lies {off.max():.1f} mm beside the line of the other slices; export the series again")
    return order, step


def stack_geometry(headers: list[Dataset], names: list[str]) -> tuple[list[int], tuple[float, ...], np.ndarray]:
    """The order of slices along their normal, and spacing and affine of their stack; as `order_slices`.

    Raises:
        ReadError: Also if pixel sizes differ by more than rounding.
    """
    order, step = order_slices(headers, names)
    sizes = [in_plane_spacing(ds, Path(name)) for ds, name in zip(headers, names, strict=True)]
    for size, name in zip(sizes, names, strict=True):
        if not np.allclose(size, sizes[0], rtol=ROUNDING, atol=0):
            raise ReadError(f"{name}: its PixelSpacing {size} is not that of {names[0]}, {sizes[0]}; not one series")
    affine = slice_affine(headers[order[0]], Path(names[order[0]]), step=step)
    return order, (steps_of(affine)[0], *sizes[order[0]]), affine


def _check_steps(steps: np.ndarray, names: list[str]) -> None:
    """Refuse slices at one place, gaps, and steps of different size."""
    apart = steps[steps > SAME_PLACE]
    usual = float(np.median(apart)) if len(apart) else 0.0
    for below, above, step in zip(names[:-1], names[1:], steps, strict=True):
        if step <= max(SAME_PLACE, TOLERANCE * usual):
            what = "a copy, or a series in time or with several echoes: split it so that each position stands once"
            raise ReadError(f"{above}: lies at the same place as {below}; {what}")
        if abs(step - usual) > TOLERANCE * usual:
            missing = round(step / usual) - 1
            what = f"{missing} missing slice(s)" if missing > 0 else "an uneven step"
            raise ReadError(
                f"{above}: {what} before it: {step:.2f} mm after {below}, elsewhere {usual:.2f} mm; "
                f"export the series again, or put the parts with even steps into folders of their own"
            )
