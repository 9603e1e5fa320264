"""Size and form of a mask in millimetres, in 2-D and 3-D; by the IBSI definitions where there is one.

The surface of the IBSI is the mesh that marching cubes lays half way between mask voxels and their neighbours. Its
facets make the area too large: the sphericity of a ball is 0.92 in cubic voxels, 0.89 in voxels twice as long as wide
and 0.84 in voxels four times as long, however fine they are. `roundness` takes Crofton's area instead, which gives 1 in
all three: use it to compare scans of different slice thickness. (Its 13 directions miss part of flat faces that run
with the grid: the area of a block comes out about a tenth too small.)
"""

from collections.abc import Sequence
from itertools import product

import numpy as np

from medlab import arguments

# Names of the Image Biomarker Standardisation Initiative, reference manual: arXiv:1612.07003
IBSI_CODES = {
    "mesh_volume": "RNU0", "volume": "YEKZ", "surface_area": "C0JK", "surface_to_volume": "2PR5",
    "compactness1": "SKGS", "compactness2": "BQWJ", "spherical_disproportion": "KRCK", "sphericity": "QCFX",
    "asphericity": "25C7", "max_diameter": "L0JK", "major_axis": "TDIC", "minor_axis": "P9VJ", "least_axis": "7J51",
    "elongation": "Q3CK", "flatness": "N17B", "solidity": "R3ER", "hull_area_ratio": "7T7F",
}  # fmt: skip


def shape_features(mask: np.ndarray, *, spacing: Sequence[float]) -> dict[str, float]:
    """Measure a lesion: sizes in mm, mm² and mm³, and forms as ratios.

    In both dimensions: `equivalent_diameter` (of the ball or disc of the same volume or area), `max_diameter` (between
    two points of the surface), `major_axis`, `minor_axis` (4 √eigenvalue of the covariance of the voxel positions),
    `elongation` (minor / major, 1 is round), `solidity` (share of the convex hull that is filled),
    `radius_variation` (standard deviation / mean of the distances from the center to the surface: 0 for a ball,
    larger with lobes and spicules), and the sides of the axis-parallel box, `box_z`, `box_y`, `box_x`,
    `longest_box_side` (voxels × spacing).

    - 3-D: `n_voxels`, `volume` (voxels counted), `mesh_volume`, `surface_area`, `surface_to_volume`, `sphericity`,
      `compactness1`, `compactness2`, `spherical_disproportion`, `asphericity` (the last four are functions of
      sphericity), `least_axis`, `flatness` (least / major), `hull_area_ratio` (surface / that of the hull: 1 or
      above, grows with lobes and spicules), `crofton_area` and `roundness` (surface and sphericity by Crofton's
      formula), `longest_axial_box_side` (of y and x). Slice by slice, since slices are often too thick to show lobes
      along z: `axial_area`, `axial_perimeter` and `axial_max_diameter` (what a reader measures) are the largest of
      any slice; `axial_circularity`, `axial_solidity` and `axial_radius_variation` are means over the slices, weighted
      by area.
    - 2-D: `n_pixels`, `area`, `perimeter`, `circularity` (4π area / perimeter²; above 1 for a handful of pixels),
      `eccentricity` (0 is round).

    Args:
        mask: The lesion, (z, y, x) or (y, x), bool; all of it counts, connected or not.
        spacing: Voxel size in mm, one number an axis.

    Returns:
        One number a name; NaN where there is no answer (the form of a single voxel's axes).

    Raises:
        ValueError: If the mask is empty, not of 2 or 3 axes or not 0 and 1, or the spacing does not fit it.

    Source: Zwanenburg et al. 2020 (IBSI), doi:10.1148/radiol.2020191145; `IBSI_CODES` says which are theirs. Crofton's
    formula: Ohser and Mücklich 2000, Statistical Analysis of Microstructures in Materials Science.

    >>> block = shape_features(np.ones((2, 4, 3), bool), spacing=(2.5, 0.5, 0.5))
    >>> block["volume"], block["longest_box_side"], block["longest_axial_box_side"]
    (15.0, 5.0, 2.0)
    """
    mask = arguments.mask(mask, ndim=(2, 3), empty=False)
    steps = in_mm(spacing, mask.ndim)
    mask = np.pad(mask[arguments.box(mask)], 1)
    sides = (np.array(mask.shape) - 2) * steps
    measures = _solid(mask, steps) if mask.ndim == 3 else _flat(mask, steps)
    measures |= dict(zip(("box_z", "box_y", "box_x")[-mask.ndim :], sides, strict=True))
    measures["longest_box_side"] = sides.max()
    if mask.ndim == 3:
        measures["longest_axial_box_side"] = sides[1:].max()
    return {name: float(value) for name, value in measures.items()}


def in_mm(spacing: Sequence[float], ndim: int) -> np.ndarray:
    """The spacing as an array; one has to be given where features are lengths in mm."""
    if spacing is None:
        raise ValueError(f"spacing must be {ndim} numbers in mm, one an axis, got None")
    return np.array(arguments.spacing(spacing, ndim))


def _solid(mask: np.ndarray, steps: np.ndarray) -> dict[str, float]:
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist
    from skimage.measure import marching_cubes, mesh_surface_area

    vertices, faces, _, _ = marching_cubes(mask.astype(np.float32), 0.5)
    vertices = vertices.astype(float) * steps
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    mesh_volume = abs(np.einsum("ij,ij->", a, np.cross(b, c))) / 6  # tetrahedra from the origin to each facet
    surface = mesh_surface_area(vertices, faces)
    hull = ConvexHull(vertices)
    volume = mask.sum() * steps.prod()
    crofton = _crofton(mask, steps)
    sphericity = (36 * np.pi * mesh_volume**2) ** (1 / 3) / surface
    major, minor, least = _axes(mask, steps)
    return {
        "n_voxels": mask.sum(),
        "volume": volume,
        "mesh_volume": mesh_volume,
        "surface_area": surface,
        "surface_to_volume": surface / mesh_volume,
        "sphericity": sphericity,
        "compactness1": sphericity**1.5 / (6 * np.pi),
        "compactness2": sphericity**3,
        "spherical_disproportion": 1 / sphericity,
        "asphericity": 1 / sphericity - 1,
        "equivalent_diameter": (6 * volume / np.pi) ** (1 / 3),
        "max_diameter": pdist(vertices[hull.vertices]).max(),
        "major_axis": major,
        "minor_axis": minor,
        "least_axis": least,
        "elongation": _ratio(minor, major),
        "flatness": _ratio(least, major),
        "solidity": mesh_volume / hull.volume,
        "hull_area_ratio": surface / hull.area,
        "crofton_area": crofton,
        "roundness": (36 * np.pi * volume**2) ** (1 / 3) / crofton,
        "radius_variation": _radius_variation(mask, vertices, steps),
    } | _axial(mask, steps)


def _axial(mask: np.ndarray, steps: np.ndarray) -> dict[str, float]:
    """The slices of a padded mask, each measured in 2-D: the largest size, and the mean form weighted by area."""
    slices = [_flat(plane, steps[1:]) for plane in mask if plane.any()]
    columns = {name: [measures[name] for measures in slices] for name in slices[0]}
    largest = {f"axial_{name}": max(columns[name]) for name in ("area", "perimeter", "max_diameter")}
    forms = ("circularity", "solidity", "radius_variation")
    return largest | {f"axial_{name}": np.average(columns[name], weights=columns["area"]) for name in forms}


def _flat(mask: np.ndarray, steps: np.ndarray) -> dict[str, float]:
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    edge = _edge_points(mask) * steps
    hull = ConvexHull(edge)
    area = mask.sum() * steps.prod()
    perimeter = _crofton(mask, steps)
    major, minor = _axes(mask, steps)
    return {
        "n_pixels": mask.sum(),
        "area": area,
        "perimeter": perimeter,
        "circularity": 4 * np.pi * area / perimeter**2,
        "equivalent_diameter": np.sqrt(4 * area / np.pi),
        "max_diameter": pdist(edge[hull.vertices]).max(),
        "major_axis": major,
        "minor_axis": minor,
        "elongation": _ratio(minor, major),
        "eccentricity": np.sqrt(1 - _ratio(minor, major) ** 2),
        "solidity": _contour_area(mask) * steps.prod() / hull.volume,  # Qhull's volume of a plane figure is its area
        "radius_variation": _radius_variation(mask, edge, steps),
    }


def _axes(mask: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Lengths of the axes of the ellipsoid with the same covariance, the longest first."""
    points = np.argwhere(mask) * steps
    if len(points) == 1:
        return np.zeros(mask.ndim)
    spread = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    return 4 * np.sqrt(np.maximum(spread, 0))


def _ratio(short: float, long: float) -> float:
    return short / long if long > 0 else np.nan


def _edge_points(mask: np.ndarray) -> np.ndarray:
    """Half way between each voxel of a padded mask and its neighbours outside: the corners of the contour."""
    points = []
    for axis in range(mask.ndim):
        crossings = np.argwhere(np.diff(mask, axis=axis)).astype(float)
        crossings[:, axis] += 0.5
        points.append(crossings)
    return np.concatenate(points)


def _radius_variation(mask: np.ndarray, surface: np.ndarray, steps: np.ndarray) -> float:
    radii = np.linalg.norm(surface - np.argwhere(mask).mean(axis=0) * steps, axis=1)
    return radii.std() / radii.mean()


def _contour_area(mask: np.ndarray) -> float:
    """Area inside the contour half way between pixels, in pixels: what each square of four pixel centers adds."""
    inside = mask.astype(np.int64)
    corners = inside[:-1, :-1] + inside[1:, :-1] + inside[:-1, 1:] + inside[1:, 1:]
    diagonal = (corners == 2) & (mask[:-1, :-1] == mask[1:, 1:])  # two pixels that touch at a corner: kept apart
    return np.array([0, 1 / 8, 1 / 2, 7 / 8, 1])[corners].sum() - diagonal.sum() / 4


def _crofton(mask: np.ndarray, steps: np.ndarray) -> float:
    """Perimeter or surface of a padded mask: lines in every direction cut it the more often, the larger it is.

    The lines run from voxel to neighbouring voxel, in 4 directions of a plane and 13 of space; each direction stands
    for those that are nearest to it, since unequal spacing spreads them unevenly.
    """
    offsets = np.array([offset for offset in product((-1, 0, 1), repeat=mask.ndim) if any(offset)])
    lengths = np.linalg.norm(offsets * steps, axis=1)
    shares = _shares(offsets * steps / lengths[:, None])
    cuts_an_area = 0.0
    for offset, length, share in zip(offsets, lengths, shares, strict=True):
        here = mask[tuple(slice(max(0, -n), min(0, -n) or None) for n in offset)]
        there = mask[tuple(slice(max(0, n), min(0, n) or None) for n in offset)]
        cuts_an_area += share * np.count_nonzero(here != there) * steps.prod() / length
    # cuts per area across the lines, averaged over directions: 2 / π of the perimeter, 1 / 2 of the surface
    return cuts_an_area * (np.pi / 2 if mask.ndim == 2 else 2)


def _shares(directions: np.ndarray) -> np.ndarray:
    """The share of the circle or sphere that is nearest to each of some unit vectors."""
    from scipy.spatial import SphericalVoronoi

    if directions.shape[1] == 3:
        return SphericalVoronoi(directions).calculate_areas() / (4 * np.pi)
    angles = np.arctan2(directions[:, 0], directions[:, 1])
    order = np.argsort(angles)
    gaps = np.diff(angles[order], append=angles[order[0]] + 2 * np.pi)  # to the next direction
    shares = np.empty(len(angles))
    shares[order] = (gaps + np.roll(gaps, 1)) / (4 * np.pi)
    return shares
