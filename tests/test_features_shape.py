"""Form of masks against the IBSI benchmark, scikit-image, balls and ellipsoids of known size, and numbers on paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from skimage.measure import find_contours, perimeter_crofton, regionprops

from medlab import features
from medlab.features.shape import IBSI_CODES

# The digital phantom of the IBSI (arXiv:1612.07003): 4 slices of 4 × 5 voxels of 2 mm; 0 is outside the lesion.
PHANTOM = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
)
SPACING = (2.0, 2.0, 2.0)


def ellipsoid(radii, spacing) -> np.ndarray:
    """An ellipsoid (in 2-D an ellipse) with these half axes in mm, its center off the grid."""
    counts = [int(2 * r / s) + 5 for r, s in zip(radii, spacing, strict=True)]
    grid = np.meshgrid(*[(np.arange(n) - n / 2 + 0.3) * s for n, s in zip(counts, spacing, strict=True)], indexing="ij")
    return sum((axis / r) ** 2 for axis, r in zip(grid, radii, strict=True)) <= 1


# reference values and tolerances of the IBSI for its digital phantom
BENCHMARK = {
    "mesh_volume": (556, 4), "volume": (592, 4), "surface_area": (388, 3), "surface_to_volume": (0.698, 0.004),
    "compactness1": (0.0411, 0.0003), "compactness2": (0.599, 0.004), "spherical_disproportion": (1.19, 0.01),
    "sphericity": (0.843, 0.005), "asphericity": (0.186, 0.001), "max_diameter": (13.1, 0.1),
    "major_axis": (11.4, 0.1), "minor_axis": (9.31, 0.06), "least_axis": (8.54, 0.05), "elongation": (0.816, 0.005),
    "flatness": (0.749, 0.005), "solidity": (0.961, 0.006), "hull_area_ratio": (1.03, 0.01),
}  # fmt: skip


def test_ibsi_benchmark():
    found = features.shape_features(PHANTOM > 0, spacing=SPACING)
    assert set(BENCHMARK) == set(IBSI_CODES)
    for name, (value, tolerance) in BENCHMARK.items():
        assert found[name] == pytest.approx(value, abs=tolerance), name
    assert found["n_voxels"] == 74


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (1, 0.6, 0.6), (1.25, 0.7, 0.7), (0.6, 0.5, 0.9)])
def test_ball_of_known_size(spacing):
    r = 8
    found = features.shape_features(ellipsoid((r, r, r), spacing), spacing=spacing)
    assert found["volume"] == pytest.approx(4 / 3 * np.pi * r**3, rel=0.01)
    assert found["mesh_volume"] == pytest.approx(found["volume"], rel=0.01)
    assert found["equivalent_diameter"] == pytest.approx(2 * r, rel=0.01)
    for name in ("max_diameter", "axial_max_diameter", "longest_box_side", "longest_axial_box_side", "box_z"):
        assert found[name] == pytest.approx(2 * r, abs=max(spacing)), name
    for name in ("major_axis", "minor_axis", "least_axis"):  # a ball's variance along an axis is r² / 5
        assert found[name] == pytest.approx(4 * r / np.sqrt(5), rel=0.015), name
    assert found["crofton_area"] == pytest.approx(4 * np.pi * r**2, rel=0.015)
    assert found["roundness"] == pytest.approx(1, abs=0.01)
    assert found["sphericity"] < 0.925  # a mesh of voxels has facets: see the module
    assert found["solidity"] > 0.93
    assert found["radius_variation"] < 0.03
    assert found["axial_circularity"] == pytest.approx(1, abs=0.04)
    assert found["axial_area"] == pytest.approx(np.pi * r**2, rel=0.02)
    assert found["axial_perimeter"] == pytest.approx(2 * np.pi * r, rel=0.02)


@pytest.mark.parametrize(("spacing", "sphericity"), [((1, 1, 1), 0.92), ((2, 1, 1), 0.89), ((4, 1, 1), 0.84)])
def test_sphericity_knows_the_slice_thickness_and_roundness_does_not(spacing, sphericity):
    found = features.shape_features(ellipsoid((20, 20, 20), spacing), spacing=spacing)
    assert found["sphericity"] == pytest.approx(sphericity, abs=0.005)
    assert found["roundness"] == pytest.approx(1, abs=0.005)


def test_crofton_of_a_cube_by_hand():
    """Rows of the 6 kinds of lines: 3 along axes, 6 along face diagonals, 4 along space diagonals, for one voxel."""
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    shares = np.array([0.0457, 0.0369, 0.0353])  # of the sphere that is nearest to each: Ohser and Mücklich
    # each line cuts the voxel twice, and lines of length l have l voxels an area: 2 / l cuts an area
    by_hand = 2 * sum(n * 2 * share * 2 / length for n, share, length in zip((3, 6, 4), shares, np.sqrt([1, 2, 3])))
    found = features.shape_features(mask, spacing=(1, 1, 1))["crofton_area"]
    assert found == pytest.approx(by_hand, rel=0.01)


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 0.7), (1.25, 0.6, 0.6)])
def test_ellipsoid_of_known_axes(spacing):
    radii = (6, 9, 14)
    found = features.shape_features(ellipsoid(radii, spacing), spacing=spacing)
    assert found["volume"] == pytest.approx(4 / 3 * np.pi * np.prod(radii), rel=0.01)
    assert found["elongation"] == pytest.approx(9 / 14, rel=0.02)
    assert found["flatness"] == pytest.approx(6 / 14, rel=0.02)
    assert [found[f"box_{axis}"] for axis in "zyx"] == pytest.approx([12, 18, 28], abs=max(spacing))
    assert found["longest_box_side"] == found["longest_axial_box_side"] == found["box_x"]


def test_the_longest_side_of_the_axial_box_leaves_z_out():
    found = features.shape_features(np.ones((9, 2, 3), bool), spacing=(2, 1, 0.5))
    assert (found["box_z"], found["box_y"], found["box_x"]) == (18, 2, 1.5)
    assert (found["longest_box_side"], found["longest_axial_box_side"]) == (18, 2)


@pytest.mark.parametrize("mask", [PHANTOM > 0, PHANTOM[1] > 0], ids=["3-D", "2-D"])
def test_twice_the_spacing(mask):
    """Lengths double, areas and volumes follow, forms and counts stay."""
    small = features.shape_features(mask, spacing=(1.5, 0.7, 0.9)[-mask.ndim :])
    large = features.shape_features(mask, spacing=(3, 1.4, 1.8)[-mask.ndim :])
    powers = {
        "mesh_volume": 3,
        "volume": 3,
        "surface_area": 2,
        "area": 2,
        "axial_area": 2,
        "crofton_area": 2,
        "surface_to_volume": -1,
    }
    for name in small:
        length = "diameter" in name or "box" in name or name.endswith(("axis", "perimeter"))
        assert large[name] == pytest.approx(small[name] * 2 ** powers.get(name, int(length))), name


def test_turned_with_its_spacing():
    """What is not about slices does not know which way the axes run."""
    before = features.shape_features(PHANTOM > 0, spacing=(2, 1, 0.5))
    after = features.shape_features((PHANTOM > 0).transpose(2, 0, 1)[::-1], spacing=(0.5, 2, 1))
    for name in before:
        if not name.startswith(("axial", "box", "longest_axial")):
            # marching cubes resolves its ambiguous cubes one way: a facet or two may differ
            assert after[name] == pytest.approx(before[name], rel=0.02), name


def test_place_and_frame_do_not_matter():
    mask = PHANTOM > 0
    moved = np.pad(mask, ((3, 0), (1, 7), (0, 2)))
    assert features.shape_features(moved, spacing=SPACING) == pytest.approx(
        features.shape_features(mask, spacing=SPACING), rel=1e-5
    )


def test_lobes_show():
    grid = np.stack(np.meshgrid(*[np.linspace(-12, 12, 41)] * 3, indexing="ij"))
    radius, angle = np.linalg.norm(grid, axis=0), np.arctan2(grid[1], grid[2])
    ball, lobed = radius <= 8, radius <= 8 + 2 * np.cos(6 * angle) * np.hypot(grid[1], grid[2]) / 8
    a, b = (features.shape_features(mask, spacing=(0.6, 0.6, 0.6)) for mask in (ball, lobed))
    for name in ("sphericity", "roundness", "solidity", "axial_solidity", "axial_circularity"):
        assert b[name] < a[name] - 0.05, name
    for name in ("radius_variation", "axial_radius_variation", "hull_area_ratio"):
        assert b[name] > a[name] + 0.03, name


def test_slices_are_weighted_by_area():
    """Two slices: a 6 × 6 square (36 of 40 pixels) and a line of 4: each alone, then together."""
    mask = np.zeros((2, 8, 8), bool)
    mask[0, 1:7, 1:7] = mask[1, 2, 2:6] = True
    alone = [features.shape_features(plane, spacing=(0.5, 1)) for plane in mask]
    found = features.shape_features(mask, spacing=(3, 0.5, 1))
    for name in ("circularity", "solidity", "radius_variation"):
        expected = 0.9 * alone[0][name] + 0.1 * alone[1][name]
        assert found[f"axial_{name}"] == pytest.approx(expected), name
    assert found["axial_area"] == 18
    assert found["axial_max_diameter"] == alone[0]["max_diameter"]


MASKS = st.integers(0, 10**6).map(lambda seed: np.random.default_rng(seed).random((7, 9)) < 0.6)


@given(MASKS)
@settings(max_examples=40, deadline=None)
def test_plane_figures_as_scikit_image(mask):
    mask[3, 4] = mask[3, 5] = mask[4, 4] = True
    found = features.shape_features(mask, spacing=(1, 1))
    (expected,) = regionprops(mask.astype(np.uint8))
    top, left, bottom, right = expected.bbox
    assert found["n_pixels"] == found["area"] == expected.area
    assert (found["box_y"], found["box_x"]) == (bottom - top, right - left)
    assert found["equivalent_diameter"] == pytest.approx(expected.equivalent_diameter_area)
    assert found["eccentricity"] == pytest.approx(expected.eccentricity)
    assert found["perimeter"] == pytest.approx(perimeter_crofton(np.pad(mask, 2), directions=4))
    bias = np.sqrt(mask.sum() / (mask.sum() - 1))  # IBSI takes the sample's covariance
    assert found["major_axis"] == pytest.approx(bias * expected.axis_major_length)
    assert found["minor_axis"] == pytest.approx(bias * expected.axis_minor_length)
    contours = find_contours(np.pad(mask, 1).astype(float), 0.5)
    outline = np.concatenate(contours)
    distances = np.linalg.norm(outline[:, None] - outline[None], axis=-1)
    assert found["max_diameter"] == pytest.approx(distances.max())
    inside = abs(sum(np.sum(c[:-1, 0] * c[1:, 1] - c[1:, 0] * c[:-1, 1]) for c in contours) / 2)
    assert found["solidity"] == pytest.approx(inside / ConvexHull(outline).volume)


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.8, 0.4), (0.3, 0.9)])
def test_disc_of_known_size(spacing):
    r = 20
    found = features.shape_features(ellipsoid((r, r), spacing), spacing=spacing)
    assert found["area"] == pytest.approx(np.pi * r**2, rel=0.01)
    assert found["perimeter"] == pytest.approx(2 * np.pi * r, rel=0.03)  # four directions see no more
    assert found["circularity"] == pytest.approx(1, abs=0.06)
    assert found["max_diameter"] == pytest.approx(2 * r, abs=max(spacing))
    assert found["eccentricity"] < 0.15
    assert found["solidity"] > 0.98


def test_ellipse_of_known_axes():
    found = features.shape_features(ellipsoid((10, 20), (0.5, 0.25)), spacing=(0.5, 0.25))
    assert found["elongation"] == pytest.approx(0.5, rel=0.01)
    assert found["eccentricity"] == pytest.approx(np.sqrt(1 - 0.25), rel=0.01)
    assert found["major_axis"] == pytest.approx(40, rel=0.01)  # of an ellipse, 4 √variance is the axis itself


def test_one_voxel():
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    found = features.shape_features(mask, spacing=(3, 2, 1))
    assert found["volume"] == 6
    assert found["mesh_volume"] == pytest.approx(1)  # an octahedron holds a sixth of its box
    assert found["max_diameter"] == 3
    assert found["axial_max_diameter"] == 2
    assert found["major_axis"] == 0
    assert np.isnan([found["elongation"], found["flatness"]]).all()
    assert {name for name, value in found.items() if np.isnan(value)} == {"elongation", "flatness"}
    flat = features.shape_features(mask[1], spacing=(2, 1))
    assert [flat["area"], flat["max_diameter"], flat["solidity"]] == pytest.approx([2, 2, 1])
    assert {name for name, value in flat.items() if np.isnan(value)} == {"elongation", "eccentricity"}


def test_masks_of_0_and_1_are_masks():
    mask = PHANTOM > 0
    for dtype in (np.uint8, np.int16, float):
        assert features.shape_features(mask.astype(dtype), spacing=SPACING) == features.shape_features(
            mask, spacing=SPACING
        )


@pytest.mark.parametrize(
    ("mask", "spacing", "message"),
    [
        (np.zeros((4, 4, 4), bool), (1, 1, 1), "mark at least one pixel"),
        (np.zeros((0, 4), bool), (1, 1), "at least one pixel"),
        (np.ones((4, 4), bool), (1, 1, 1), "2 numbers above 0 mm"),
        (np.ones((4, 4), bool), (1, 0), "2 numbers above 0 mm"),
        (np.ones((4, 4), bool), (1, np.nan), "2 numbers above 0 mm"),
        (np.ones((4, 4), bool), (1, -1), "2 numbers above 0 mm"),
        (np.ones((4, 4), bool), 1.0, "2 numbers above 0 mm"),
        (np.ones((4, 4), bool), None, "2 numbers in mm, one an axis, got None"),
        (np.ones(4, bool), (1,), r"\(y, x\) or \(z, y, x\)"),
        (np.full((4, 4), 2), (1, 1), "0 and 1 only, got int64 from 2 to 2"),
        (np.full((4, 4), np.nan), (1, 1), "0 and 1 only"),
        (np.full((4, 4), 255, np.uint8), (1, 1), "0 and 1 only"),
    ],
)
def test_bad_input(mask, spacing, message):
    with pytest.raises(ValueError, match=message):
        features.shape_features(mask, spacing=spacing)
