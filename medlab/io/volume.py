"""What every reader returns: an array, the size of its voxels and where they lie in the patient."""

import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from medlab import arguments

AXES_OF_NDIM = {2: "yx", 3: "zyx", 4: "tzyx"}
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # DICOM counts towards left and back, NIfTI towards right and front
LUMA = (0.2125, 0.7154, 0.0721)  # how much red, green and blue weigh in a grey; ITU-R BT.709


class ReadError(ValueError):
    """A file that cannot be read, or not safely; the message names it and says what to do."""


def refuse_huge(path: Path, size: int, max_voxels: int) -> None:
    """Stop before unpacking what would not fit into memory."""
    if size > max_voxels:
        what = f"claims {size:,} voxels, more than max_voxels={max_voxels:,}"
        raise ReadError(f"{path}: {what}; if you trust it, read it with a larger max_voxels")


def rescale(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Stored numbers to what they mean: slope × stored + intercept, in the smallest type that holds it exactly.

    Returns:
        With slope 1 and whole numbers: int16, else int32, else int64 (float64 beyond). Otherwise float32.

    Source: DICOM PS3.3 C.11.1, NIfTI-1 scl_slope and scl_inter. Taught in: notebook 01.

    >>> rescale(np.array([0, 4095], dtype=np.uint16), 1, -1024)
    array([-1024,  3071], dtype=int16)
    """
    if slope != 1 or not float(intercept).is_integer() or stored.dtype.kind not in "iu":
        return (stored * np.float64(slope) + intercept).astype(np.float32)
    shift = int(intercept)
    ends = [int(stored.min()), int(stored.max())]
    needed = [shift, *ends, *(end + shift for end in ends)]  # before, after and between: nothing may wrap around
    for kind in (np.int16, np.int32, np.int64):
        if np.iinfo(kind).min <= min(needed) and max(needed) <= np.iinfo(kind).max:
            return stored.astype(kind) + kind(shift)
    return stored.astype(np.float64) + shift


def palette_of_8_bits(palette: np.ndarray, declared: int, stored: int, path: Path) -> np.ndarray:
    """A palette as 8 bits a colour; where header (`declared`), storage and values disagree, the values count."""
    bits = 16 if palette.max() > 255 else 8
    if not declared == stored == bits:
        what = f"should have {declared} bits a colour, is stored in {stored} and has values up to {palette.max()}"
        warnings.warn(f"{path}: the palette {what}; read as {bits} bits", stacklevel=5)
    return (palette >> (bits - 8)).astype(np.uint8)


@dataclass(eq=False)
class Volume:
    """An image or a stack of images with its geometry.

    Args:
        array: Pixels, axes as in `axes`; CT in HU.
        spacing: Distance between voxel centres in mm, one number per spatial axis, in their order; None if the file
            does not say. Where slices lean (a tilted gantry) z is the distance between planes: the product is always
            the volume of a voxel, and `affine` says how far it is to the next.
        affine: 4x4 matrix from the index (z, y, x, 1) to millimetres in the patient, towards left, posterior and
            superior (LPS, as in DICOM). A single image has z = 0. None if the file does not say.
        modality: "CT", "MR", "PT", "US", ...; empty if the file does not say.
        source: The file or folder it came from.
        header: What else the file says, as plain Python values.
        axes: One letter per axis: z, y, x in space, t for time or frame, c for colour. Left out, it is "yx", "zyx" or
            "tzyx" by the number of axes; colour has to be named.
        unit: Of the values: "HU" only where the file gives the rule that makes them so; empty if unknown, and then it
            is written as unknown.

    Raises:
        ValueError: If axes, spacing and affine do not fit the array or each other.
    """

    array: np.ndarray
    spacing: tuple[float, ...] | None = None
    affine: np.ndarray | None = None
    modality: str = ""
    source: str = ""
    header: dict[str, Any] = field(default_factory=dict, repr=False)
    axes: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        self.axes = self.axes or AXES_OF_NDIM.get(self.array.ndim, "")
        if len(self.axes) != self.array.ndim:
            raise ValueError(f"axes {self.axes!r} do not describe an array of shape {self.array.shape}")
        if 0 in self.array.shape:
            raise ValueError(f"an image needs at least one pixel, got shape {self.array.shape}")
        if self.spacing is not None:
            self.spacing = arguments.spacing(self.spacing, len(self.space))
        if self.affine is not None:
            self.affine = np.asarray(self.affine, dtype=float)
            self._check_affine()

    def _check_affine(self) -> None:
        if self.affine.shape != (4, 4) or not np.isfinite(self.affine).all():
            raise ValueError(f"affine must be a finite 4x4 matrix, got {self.affine.tolist()}")
        if abs(np.linalg.det(self.affine[:3, :3])) < 1e-9:
            raise ValueError(f"affine must span a volume, got {self.affine.tolist()}")
        n, sides = len(self.space), self.affine[:3, :3]
        steps = np.linalg.norm(sides, axis=0)[-n:]
        planes = 1 / np.linalg.norm(np.linalg.inv(sides), axis=1)[-n:]  # from one to the next
        if self.spacing is not None and not np.all((0.99 * planes <= self.spacing) & (self.spacing <= 1.01 * steps)):
            raise ValueError(f"spacing {self.spacing} mm and affine (steps of {steps.round(4).tolist()} mm) disagree")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def space(self) -> str:
        """The spatial axes, "zyx" or "yx"."""
        return "".join(axis for axis in self.axes if axis in "zyx")

    def to_mm(self, index: tuple[float, ...]) -> np.ndarray:
        """Where a voxel lies in the patient: (left, posterior, superior) in mm.

        Raises:
            ValueError: If the position is not known.
        """
        if self.affine is None:
            raise ValueError(f"{self.source or 'this volume'} does not say where it lies in the patient")
        index = (0,) * (3 - len(index)) + tuple(index)
        return (self.affine @ [*index, 1.0])[:3]

    def __repr__(self) -> str:
        size = " × ".join(str(n) for n in self.array.shape)
        step = " × ".join(f"{s:.4g}" for s in self.spacing) + " mm" if self.spacing else "spacing unknown"
        # min and max of a colour or huge image say little, but cost little too
        values = f"{self.array.dtype} {self.array.min():.6g} to {self.array.max():.6g}"
        return f"{self.modality or 'Image'} {size} ({', '.join(self.axes)}), {step}, {values}, {Path(self.source).name}"


@dataclass(frozen=True)
class Series:
    """One DICOM series in a folder, as `io.series` lists it.

    Args:
        uid: Series instance UID, unique in the world.
        modality: "CT", "MR", ...
        description: What the scanner calls it.
        n_slices: Images in it, the frames of multi-frame files counted one by one.
        spacing: (z, y, x) in mm; None where the headers do not give all three.
        files: Its files, unsorted.
    """

    uid: str
    modality: str
    description: str
    n_slices: int
    spacing: tuple[float, float, float] | None
    files: tuple[Path, ...] = field(repr=False)


def reorient(volume: Volume, axes: str = "LPS") -> Volume:
    """Turn a volume so that its axes run, as nearly as possible, in the named directions of the body.

    Only flips and swaps axes: no value changes, and every voxel keeps its place in millimetres.

    Args:
        volume: Any volume with three spatial axes and an affine.
        axes: Directions in which x, y and z grow. "LPS" (from right to left, front to back, feet to head) is how
            radiologists look at an axial slice; "RAS" is common in brain research.

    Raises:
        ValueError: If the volume has no affine or is a single image.

    Source: nibabel.orientations. Taught in: notebook 01.
    """
    from nibabel import orientations

    if volume.affine is None or volume.space != "zyx":
        raise ValueError(f"reorient needs a volume with axes z, y, x and an affine, got {volume!r}")
    before = orientations.io_orientation(xyz_to_ras(volume.affine))
    turn = orientations.ornt_transform(before, orientations.axcodes2ornt(axes))
    first = volume.axes.index("z")
    xyz_first = np.moveaxis(volume.array, [first + 2, first + 1, first], [0, 1, 2])
    turned = orientations.apply_orientation(xyz_first, turn)
    affine = xyz_to_ras(volume.affine) @ orientations.inv_ornt_aff(turn, xyz_first.shape[:3])
    spacing = volume.spacing and tuple(volume.spacing[2 - axis] for axis in np.argsort(turn[:, 0])[::-1])
    array = np.ascontiguousarray(np.moveaxis(turned, [0, 1, 2], [first + 2, first + 1, first]))
    return replace(volume, array=array, spacing=spacing, affine=ras_to_zyx(affine), header=dict(volume.header))


def upright(volume: Volume) -> Volume:
    """The volume turned to LPS if it has three spatial axes and says how it lies; else as it is."""
    return reorient(volume) if volume.affine is not None and volume.space == "zyx" else volume


def middle_slice(volume: Volume) -> Volume:
    """The middle slice of the first frame, turned to LPS where the file says how it lies; colour becomes grey.

    Args:
        volume: As `io.read` gives it.

    Returns:
        A Volume with the axes (y, x) and its spacing in mm, if known; values stay in their unit, colour is weighted as
        a screen weighs it (float32).
    """
    volume = upright(volume)
    array, axes = volume.array, volume.axes
    if axes.startswith("t"):
        array, axes = array[0], axes[1:]
    if axes.startswith("z"):
        array, axes = array[len(array) // 2], axes[1:]
    if axes.endswith("c"):
        array = (array[..., :3] @ np.array(LUMA)).astype(np.float32)
    spacing = volume.spacing and volume.spacing[-2:]
    return replace(volume, array=array, spacing=spacing, affine=None, axes="yx")


def steps_of(affine: np.ndarray) -> tuple[float, ...]:
    """Steps (z, y, x) in mm whose product is the volume of a voxel: z, where it leans, from plane to plane."""
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    planes = np.abs(np.diag(np.linalg.qr(affine[:3, 2::-1])[1]))[::-1]
    return tuple((steps if np.allclose(planes, steps, rtol=1e-3) else planes).tolist())


def xyz_to_ras(affine: np.ndarray) -> np.ndarray:
    """The same affine in NIfTI's terms: index (x, y, z) to right, anterior, superior."""
    return LPS_TO_RAS @ affine[:, [2, 1, 0, 3]]


def ras_to_zyx(affine: np.ndarray) -> np.ndarray:
    """The way back: NIfTI's affine as index (z, y, x) to left, posterior, superior."""
    return (LPS_TO_RAS @ affine)[:, [2, 1, 0, 3]]


def affine_at_origin(spacing: tuple[float, ...]) -> np.ndarray:
    """An affine for an image whose place is unknown: first voxel at 0, axes along the body."""
    dz, dy, dx = (1.0,) * (3 - len(spacing)) + tuple(spacing)
    return np.array([[0, 0, dx, 0], [0, dy, 0, 0], [dz, 0, 0, 0], [0, 0, 0, 1.0]])
