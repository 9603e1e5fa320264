"""Lay one image or volume on another: by key points that agree on one map, or by phase correlation."""

from dataclasses import dataclass

import numpy as np

from medlab import arguments
from medlab.preprocess import resample  # both images on one grid of mm, by the rule that users know
from medlab.registration.keypoints import METHODS, KeyPoints, detected, match, unit_range
from medlab.registration.transforms import Registration, most_agreed

LARGEST = 2e8  # voxels of one resampled image: 0.8 GB
_SLAB_MM = 3.0  # thickness of the slabs of a volume in which key points are sought; neighbours overlap by two thirds
_MARGIN_MM = 4.0  # around what has changed itself: key points so near do not vote either


def register(
    moving: np.ndarray,
    fixed: np.ndarray,
    *,
    spacing_moving: tuple[float, float],
    spacing_fixed: tuple[float, float],
    model: str = "rigid",
    method: str = "sift",
    max_ratio: float = 0.8,
    tolerance_mm: float = 2.0,
    max_scale: float = 1.25,
    seed: int = 0,
) -> Registration:
    """Lay one image on another by key points that agree on one map (RANSAC).

    At least 8 pairs must agree, or the images are held to show different things.

    Args:
        moving: (y, x), any unit; window a CT first. `fixed` likewise; shapes and spacings may differ. Key points are
            sought on pixels of the smallest side that one of them has.
        model: "rigid" (shift and turn) or "similarity" (and one scale).
        method, max_ratio: As in `keypoints` and `match`.
        tolerance_mm: How far apart a mapped key point and its partner may lie and still agree.
        max_scale: A similarity may enlarge or shrink by no more than this factor; 1 or more.
        seed: Of RANSAC's draws.

    Raises:
        ValueError: If an input is wrong, there are too few matches, or too few of them agree.

    Source: Fischler and Bolles 1981 (RANSAC), doi:10.1145/358669.358692; Umeyama 1991, doi:10.1109/34.88573.
    """
    arguments.choice(method, "method", METHODS)
    on_moving, on_fixed = _grids(moving, fixed, spacing_moving, spacing_fixed, None, ndim=2)
    a, b = (detected(grid.image, 300, method) for grid in (on_moving, on_fixed))
    pairs = match(a, b, max_ratio=max_ratio)
    points = on_moving.in_mm(a.points[pairs[:, 0]]), on_fixed.in_mm(b.points[pairs[:, 1]])
    matrix, kept = most_agreed(*points, model=model, tolerance_mm=tolerance_mm, max_scale=max_scale, least=8, seed=seed)
    return Registration(matrix, on_moving.spacing, on_fixed.spacing, *points, kept)


def register_volumes(
    moving: np.ndarray,
    fixed: np.ndarray,
    *,
    spacing_moving: tuple[float, float, float],
    spacing_fixed: tuple[float, float, float],
    changed_moving: np.ndarray | None = None,
    changed_fixed: np.ndarray | None = None,
    model: str = "similarity",
    method: str = "sift",
    step_mm: float = 0.5,
    tolerance_mm: float = 2.0,
    max_scale: float = 1.1,
    seed: int = 0,
) -> Registration:
    """Lay one volume on another, such as a follow-up CT on the first.

    Key points are sought in slabs of 3 mm (maximum intensity, which shows vessels as lines) across each of the three
    axes; every slab of one volume is compared with every slab of the other along the same axis, so that a shift across
    the slabs is found too. All pairs together then vote on one map in 3-D (RANSAC); at least 12 must agree.

    Args:
        moving: (z, y, x), any unit, what is to be matched bright; window a CT first. `fixed` likewise.
        changed_moving: Mask, the shape of `moving`, of what has changed itself, such as a nodule that grew: a large one
            would win the vote, and the map would follow it and not the lung. Key points up to 4 mm from it do not vote
            either. `changed_fixed` likewise; None: nothing.
        model: As in `register`. "similarity" allows for another breath; the scale is that of the surroundings.
        method: As in `keypoints`.
        step_mm: Voxel size on which key points are sought. 0.5 suits a region of 5 cm, 1.5 a whole chest.
        tolerance_mm, seed: As in `register`.
        max_scale: As in `register`; another breath stretches the lung by a few percent.

    Raises:
        ValueError: If an input is wrong, there are too few matches, or too few of them agree.
    """
    arguments.choice(method, "method", METHODS)
    step_mm = arguments.number(step_mm, "step_mm", above=0, unit="mm")
    on_moving, on_fixed = _grids(moving, fixed, spacing_moving, spacing_fixed, step_mm, ndim=3)
    near_moving = _near(changed_moving, on_moving, "changed_moving")
    near_fixed = _near(changed_fixed, on_fixed, "changed_fixed")
    from_points, to_points = [], []
    for axis in range(3):
        a = _in_slabs(on_moving, near_moving, axis, method)
        b = _in_slabs(on_fixed, near_fixed, axis, method)
        pairs = match(a, b, max_ratio=0.9)
        from_points.append(a.points[pairs[:, 0]])
        to_points.append(b.points[pairs[:, 1]])
    points = np.concatenate(from_points), np.concatenate(to_points)
    matrix, kept = most_agreed(
        *points, model=model, tolerance_mm=tolerance_mm, max_scale=max_scale, least=12, seed=seed
    )
    return Registration(matrix, on_moving.spacing, on_fixed.spacing, *points, kept)


def phase_correlation(moving: np.ndarray, fixed: np.ndarray, *, spacing: tuple[float, ...]) -> Registration:
    """Shift one image onto another without any key point: by the phase of their Fourier transforms, to 0.1 voxel.

    Args:
        moving: (y, x) or (z, y, x); faded out towards the edges, where the two show different things.
        fixed: The same shape.
        spacing: Voxel size of both in mm.

    Source: Kuglin and Hines 1975; Guizar-Sicairos et al. 2008, doi:10.1364/OL.33.000156.
    """
    from skimage.registration import phase_cross_correlation

    images = [unit_range(moving, "moving", ndim=(2, 3)), unit_range(fixed, "fixed", ndim=(2, 3))]
    ndim, shape = images[0].ndim, images[0].shape
    if images[1].shape != shape:
        raise ValueError(f"moving and fixed must have the same shape, got {shape} and {images[1].shape}")
    steps = arguments.spacing(spacing, ndim)
    images = [image - image.mean() for image in images]
    for fade in np.ix_(*(np.hanning(side + 2)[1:-1] for side in shape)):
        images = [image * fade for image in images]
    shift = phase_cross_correlation(images[1], images[0], upsample_factor=10, normalization="phase")[0]
    matrix = np.eye(ndim + 1)
    matrix[:ndim, ndim] = shift * steps
    none = np.empty((0, ndim))
    return Registration(matrix, steps, steps, none, none, np.empty(0, bool))


@dataclass(frozen=True)
class _Grid:
    """An image from 0 to 1 on pixels of equal sides, and the way from its indices back to mm."""

    image: np.ndarray
    shape: tuple[int, ...]  # of the image as it came
    spacing: tuple[float, ...]
    step: float

    def in_mm(self, points: np.ndarray) -> np.ndarray:
        """Indices on this grid, whose center is that of the image, as mm from the image's first voxel."""
        middle = (np.array(self.shape) - 1) / 2 * self.spacing
        return middle + (points - (np.array(self.image.shape) - 1) / 2) * self.step


def _grids(moving, fixed, spacing_moving, spacing_fixed, step_mm: float | None, *, ndim: int) -> tuple[_Grid, _Grid]:
    """Both images on pixels of the same size; None: the smallest that one of them has."""
    images = unit_range(moving, "moving", ndim=(ndim,)), unit_range(fixed, "fixed", ndim=(ndim,))
    spacings = (
        arguments.spacing(spacing_moving, ndim, "spacing_moving"),
        arguments.spacing(spacing_fixed, ndim, "spacing_fixed"),
    )
    step = step_mm or min(map(min, spacings))
    grids = []
    for image, spacing in zip(images, spacings):
        voxels = np.prod(np.array(image.shape) * spacing / step)
        if voxels > LARGEST:
            raise ValueError(
                f"{step:g} mm a voxel makes {voxels:.1g} voxels, more than {LARGEST:.0g}: take larger steps"
            )
        resampled = resample(image, spacing=spacing, new_spacing=(step,) * ndim)
        grids.append(_Grid(resampled, image.shape, spacing, step))
    return tuple(grids)


def _near(mask: np.ndarray | None, grid: _Grid, name: str) -> np.ndarray:
    """Where a mask is no more than the margin away."""
    from scipy.ndimage import distance_transform_edt

    if mask is None:
        return np.zeros(grid.shape, bool)
    mask = arguments.mask(mask, name, shape=grid.shape)
    return distance_transform_edt(~mask, sampling=grid.spacing) <= _MARGIN_MM if mask.any() else mask


def _in_slabs(grid: _Grid, left_out: np.ndarray, axis: int, method: str) -> KeyPoints:
    """Key points of the maximum intensity of slabs across an axis, as points of the volume in mm; 60 a slab at most."""
    planes = np.moveaxis(grid.image, axis, 0)
    thick = min(max(1, round(_SLAB_MM / grid.step)), len(planes))
    points, descriptors = [], []
    for first in range(0, len(planes) - thick + 1, max(1, thick // 3)):
        flat = detected(planes[first : first + thick].max(axis=0), 60, method, upsampling=1)  # `step_mm` has done that
        points.append(np.insert(flat.points, axis, first + (thick - 1) / 2, axis=1))
        descriptors.append(flat.descriptors)
    in_mm = grid.in_mm(np.concatenate(points))
    voxels = np.clip(np.round(in_mm / grid.spacing).astype(int), 0, np.array(grid.shape) - 1)
    steady = ~left_out[tuple(voxels.T)]
    return KeyPoints(in_mm[steady], np.concatenate(descriptors)[steady])
