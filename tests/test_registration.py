"""Key points and registration against known maps, the phantoms' truth, and scikit-image's pairs."""

from functools import cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.feature import match_descriptors

from medlab import phantoms, preprocess, registration
from medlab.registration import images
from medlab.registration.transforms import most_agreed

PIXEL = (1.3, 1.3)
ONE_MM = {"spacing_moving": (1, 1, 1), "spacing_fixed": (1, 1, 1)}


def shown(hu: np.ndarray) -> np.ndarray:
    return preprocess.window(hu, center=-400, width=1200)


@cache
def slice_of_chest() -> np.ndarray:
    return shown(phantoms.chest_ct(0, n_nodules=3, shape=(16, 200, 200)).image[8])


@cache
def patient(i: int) -> phantoms.patients.Patient:
    return phantoms.patient(0, i)


def places(shape: tuple[int, ...]) -> np.ndarray:
    """Pixels spread over the middle of an image."""
    axes = [np.linspace(0.25 * n, 0.75 * n, 5) for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(shape))


def apart(points: np.ndarray, others: np.ndarray) -> float:
    return float(np.linalg.norm(points - others, axis=-1).max())


@pytest.mark.parametrize("method", ["sift", "orb"])
@pytest.mark.parametrize("model", ["rigid", "similarity"])
def test_known_rotation_and_shift(method, model):
    fixed = slice_of_chest()
    truth = preprocess.affine(fixed.shape, degrees=-11, shift=(4.3, -6.6))
    moved = preprocess.moved_image(fixed, truth)
    found = registration.register(fixed, moved, spacing_moving=PIXEL, spacing_fixed=PIXEL, model=model, method=method)
    at = places(fixed.shape)
    assert apart(registration.apply(found.in_voxels, at), registration.apply(truth, at)) < 0.5
    assert 20 < found.inliers <= found.n_matches == len(found.moving_points) == len(found.fixed_points)
    kept = found.kept
    assert apart(registration.apply(found.matrix, found.moving_points[kept]), found.fixed_points[kept]) < 3
    again = registration.register(fixed, moved, spacing_moving=PIXEL, spacing_fixed=PIXEL, model=model, method=method)
    assert np.array_equal(again.matrix, found.matrix)
    if model == "rigid":
        assert found.matrix[:2, :2] @ found.matrix[:2, :2].T == pytest.approx(np.eye(2))


def test_spacing_is_respected():
    """The other image has pixels of another shape; in mm they are laid on each other all the same."""
    fixed = slice_of_chest()
    truth = preprocess.affine(fixed.shape, degrees=8, shift=(3, 5))
    other = preprocess.resample(preprocess.moved_image(fixed, truth), spacing=PIXEL, new_spacing=(2.0, 1.0))
    found = registration.register(fixed, other, spacing_moving=PIXEL, spacing_fixed=(2.0, 1.0))
    at = places(fixed.shape)
    middles = (np.array(fixed.shape) - 1) / 2, (np.array(other.shape) - 1) / 2  # both grids share their center
    expected = (registration.apply(truth, at) - middles[0]) * PIXEL / (2.0, 1.0) + middles[1]
    assert apart(registration.apply(found.in_voxels, at) * (2, 1), expected * (2, 1)) < 0.65
    assert found.matrix[:2, :2] @ found.matrix[:2, :2].T == pytest.approx(np.eye(2))


def test_the_limit_of_scale_holds():
    """1.6 times as large: only a similarity that may go so far explains it."""
    fixed = slice_of_chest()
    larger = preprocess.moved_image(fixed, preprocess.affine(fixed.shape, factor=1.6))
    sides = {"spacing_moving": PIXEL, "spacing_fixed": PIXEL, "tolerance_mm": 1.0}
    lies = registration.register(fixed, larger, model="similarity", max_scale=2, **sides)
    assert np.sqrt(np.linalg.det(lies.matrix[:2, :2])) == pytest.approx(1.6, abs=0.02)
    for model in ("rigid", "similarity"):
        with pytest.raises(ValueError, match=f"agree on a map of model '{model}', at least 8"):
            registration.register(fixed, larger, model=model, **sides)


@pytest.mark.parametrize(("model", "scale"), [("rigid", 1), ("similarity", 1.1)])
def test_a_scale_beyond_the_limit_is_cut_and_its_pairs_are_kept(model, scale):
    """A turn of 90 degrees and a factor of 1.15: 30 of 36 pairs are right, and off by 2.3 mm at most."""
    points = np.random.default_rng(0).uniform(-8.6, 8.6, (36, 3))
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    there = 1.15 * points @ turn.T + (5, -3, 2)
    there[:6] += 40
    matrix, kept = most_agreed(points, there, model=model, tolerance_mm=3, max_scale=1.1, least=12, seed=0)
    assert kept.tolist() == [False] * 6 + [True] * 30
    assert np.cbrt(np.linalg.det(matrix[:3, :3])) == pytest.approx(scale)
    assert matrix[:3, :3] == pytest.approx(scale * turn, abs=1e-9)
    middle = points[6:].mean(axis=0)
    assert registration.apply(matrix, middle) == pytest.approx(1.15 * turn @ middle + (5, -3, 2))


def test_a_map_is_no_mirror_image():
    """Points of one plane could as well be turned over: the turn is found, whichever way it goes."""
    points = np.random.default_rng(0).uniform(-20, 20, (30, 3)) * (0, 1, 1)
    for turn in Rotation.random(8, rng=0).as_matrix():
        options = {"model": "rigid", "tolerance_mm": 1, "max_scale": 1, "least": 12, "seed": 0}
        matrix, kept = most_agreed(points, points @ turn.T, **options)
        assert kept.all()
        assert matrix[:3, :3] == pytest.approx(turn, abs=1e-6)


def test_key_points_in_slabs_lie_where_the_blob_is():
    """Each slab's key points lie in its middle: over all slabs that show the ball, those of its centre."""
    at, spacing = np.array([12.0, 16, 18]), (2.0, 1.0, 1.0)
    distance = np.linalg.norm(np.indices((32, 34, 36)) - at[:, None, None, None], axis=0)
    grid = images._Grid(np.exp(-((distance / 3) ** 2)).astype(np.float32), (16, 34, 36), spacing, 1.0)
    nothing = np.zeros(grid.shape, bool)
    for axis in range(3):
        points = images._in_slabs(grid, nothing, axis, "sift").points
        expected = at - np.array(
            [0.5, 0, 0]
        )  # both grids share their center: 15.5 mm on the fine one, 15 mm on the other
        assert (points.min(axis=0) + points.max(axis=0)) / 2 == pytest.approx(expected, abs=0.3)
        assert not len(images._in_slabs(grid, ~nothing, axis, "sift"))


def test_what_is_near_to_a_change_is_left_out():
    """4 mm around one voxel: two voxels of 2 mm along z, four of 1 mm along y."""
    changed = np.zeros((9, 13, 13), bool)
    changed[4, 6, 6] = True
    grid = images._Grid(np.zeros((1, 1, 1)), changed.shape, (2.0, 1.0, 1.0), 1.0)
    near = images._near(changed, grid, "changed")
    assert np.flatnonzero(near[:, 6, 6]).tolist() == [2, 3, 4, 5, 6]
    assert np.flatnonzero(near[4, :, 6]).tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert not images._near(None, grid, "changed").any()


@pytest.mark.parametrize("method", ["sift", "orb"])
@pytest.mark.parametrize("max_ratio", [0.8, 0.95])
def test_match_as_scikit_image(method, max_ratio):
    fixed = slice_of_chest()
    a = registration.keypoints(fixed, n=150, method=method)
    b = registration.keypoints(np.rot90(fixed)[20:, 10:], n=150, method=method)
    pairs = registration.match(a, b, max_ratio=max_ratio)
    expected = match_descriptors(a.descriptors, b.descriptors, cross_check=True, max_ratio=max_ratio)
    assert len(pairs) > 10
    assert np.array_equal(pairs, expected)


def test_keypoints_keep_the_strongest():
    """Blobs of falling contrast: the n asked for are the first n."""
    y, x = np.mgrid[:64, :256]
    blobs = sum((8 - i) / 8 * np.exp(-((y - 32) ** 2 + (x - 16 - 32 * i) ** 2) / 32) for i in range(8))
    everything = registration.keypoints(blobs, n=1000).points.round()
    of_two = int(np.isin(everything[:, 1], (16, 48)).sum())  # a round blob points many ways, and stands as often
    found = registration.keypoints(blobs, n=of_two)
    assert len(everything) > of_two == len(found) == len(found.descriptors)
    assert np.unique(found.points.round(), axis=0).tolist() == [[32, 16], [32, 48]]
    # any unit will do
    assert registration.keypoints(200 * blobs - 1000, n=of_two).points == pytest.approx(found.points, abs=0.01)
    assert len(registration.keypoints(blobs.round(1), n=5, method="orb")) <= 5


def test_no_keypoints_are_no_error_but_no_registration_either():
    slope = np.tile(np.arange(40.0), (40, 1))
    for image in (slope, slope[:5, :5]):
        for method in ("sift", "orb"):
            nothing = registration.keypoints(image, method=method)
            assert len(nothing) == 0
            assert registration.match(nothing, nothing).shape == (0, 2)
    with pytest.raises(ValueError, match="too few key points match: 0, at least 8"):
        registration.register(slope, slope, spacing_moving=(1, 1), spacing_fixed=(1, 1))


def test_pictures_of_different_patients_are_refused():
    scans = [patient(i).ct.image for i in range(2)]
    with pytest.raises(ValueError, match=r"too few key points match: \d, "):
        registration.register(*(shown(s[24]) for s in scans), spacing_moving=(1, 1), spacing_fixed=(1, 1))
    with pytest.raises(ValueError, match="may not show the same thing"):
        registration.register_volumes(*(shown(s) for s in scans), step_mm=1.0, **ONE_MM)


@pytest.mark.parametrize(("i", "method", "step_mm"), [(0, "sift", 0.5), (4, "orb", 0.75)])
def test_follow_up_lies_on_the_first_scan(i, method, step_mm):
    """At the nodule, and 15 mm around it, where the other breath has moved the lung."""
    first, later = patient(i).ct, patient(i).follow_up
    found = registration.register_volumes(
        shown(later.image), shown(first.image), changed_moving=later.mask, changed_fixed=first.mask, method=method,
        step_mm=step_mm, **ONE_MM,
    )  # fmt: skip
    nodule = np.argwhere(first.mask).mean(axis=0)
    around = nodule + 15 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    then = nodule + later.shift_mm
    assert apart(registration.apply(found.matrix, then), nodule) < 0.5
    assert apart(registration.apply(found.matrix, then + later.stretch * (around - nodule)), around) < 0.5
    assert np.linalg.norm(later.shift_mm) > 1.5  # doing nothing would not pass


def test_volumes_of_other_spacing():
    """Thick slices of a piece of the same scan."""
    scan = shown(patient(4).ct.image)
    thick = preprocess.resample(scan[4:], spacing=(1, 1, 1), new_spacing=(2, 1, 1))
    found = registration.register_volumes(
        thick, scan, spacing_moving=(2, 1, 1), spacing_fixed=(1, 1, 1), model="rigid", step_mm=0.75
    )
    at = places(thick.shape)
    expected = (at - (np.array(thick.shape) - 1) / 2) * (2, 1, 1) + (np.array(scan[4:].shape) - 1) / 2 + (4, 0, 0)
    assert apart(registration.apply(found.in_voxels, at), expected) < 0.5


def test_phase_correlation():
    first, later = patient(4).ct, patient(4).follow_up
    found = registration.phase_correlation(shown(later.image), shown(first.image), spacing=(1, 1, 1))
    assert found.matrix[:3, 3] == pytest.approx(-np.array(later.shift_mm), abs=0.6)
    # whole pixels of another size are millimetres
    image = slice_of_chest()
    found = registration.phase_correlation(np.roll(image, (3, -5), (0, 1)), image, spacing=(2.0, 0.7))
    assert found.matrix[:2, 2] == pytest.approx([-6.0, 3.5])
    assert found.in_voxels[:2, 2] == pytest.approx([-3, 5])
    assert found.n_matches == found.inliers == 0


def test_warp_puts_image_and_mask_on_the_fixed_grid():
    image = np.arange(20 * 30, dtype=np.int16).reshape(20, 30)
    matrix = np.array([[1, 0, 4.0], [0, 1, -6.0], [0, 0, 1]])  # mm: 2 rows down, 3 columns to the left
    none = np.empty((0, 2))
    lay = registration.Registration(matrix, (2, 2), (2, 2), none, none, np.empty(0, bool))
    there = registration.warp(image, lay, shape=(25, 40))
    assert there.dtype == np.float32
    assert there.shape == (25, 40)
    assert there[2:22, :27] == pytest.approx(image[:, 3:])
    mask = registration.warp(image % 7 == 0, lay, shape=(25, 40))
    assert mask.dtype == bool
    assert np.array_equal(mask[2:22, :27], image[:, 3:] % 7 == 0)
    assert not mask[22:].any()
    assert not mask[:2].any()
    # a fixed image of half the pixel size has each of them twice
    finer = registration.Registration(np.eye(3), (2, 2), (1, 1), none, none, np.empty(0, bool))
    assert registration.warp(image, finer, shape=(39, 59))[::2, ::2] == pytest.approx(image)
    for wrong in (image[0], image[None]):
        with pytest.raises(ValueError, match="2 axes"):
            registration.warp(wrong, lay, shape=(25, 40))
    with pytest.raises(ValueError, match="finite"):
        registration.warp(np.full((4, 4), np.nan), lay, shape=(4, 4))


def test_apply_refuses_points_of_other_axes():
    assert registration.apply(np.diag([2.0, 3, 4, 1]), [[1, 1, 1], [0, 0, 2]]).tolist() == [[2, 3, 4], [0, 0, 8]]
    for matrix, points in ((np.eye(4), (1, 2)), (np.eye(3)[:2], (1, 2)), (np.eye(3), 5)):
        with pytest.raises(ValueError, match="points must be"):
            registration.apply(matrix, points)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"moving": np.full((40, 40), 7)}, "moving must have at least two values"),
        ({"fixed": np.where(np.eye(40) > 0, np.nan, 1.0)}, "fixed must be finite"),
        ({"moving": np.zeros((3, 40, 40))}, r"moving must be \(y, x\)"),
        ({"fixed": np.empty((0, 40))}, "fixed must be"),
        ({"spacing_moving": (1, 0)}, "spacing_moving must be 2 numbers above 0"),
        ({"spacing_fixed": (1, 1, 1)}, "spacing_fixed must be 2 numbers"),
        ({"spacing_moving": (1e-4, 1)}, "take larger steps"),
        ({"model": "elastic"}, "'rigid', 'similarity', got 'elastic'"),
        ({"method": "surf"}, "'sift', 'orb', got 'surf'"),
        ({"max_ratio": 0}, "max_ratio"),
        ({"max_ratio": np.nan}, "max_ratio"),
        ({"tolerance_mm": -1}, "tolerance_mm"),
        ({"max_scale": 0.9}, "max_scale must be"),
    ],
)
def test_bad_input(how, message):
    image = slice_of_chest()[50:90, 50:90]
    given = {"moving": image, "fixed": image, "spacing_moving": (1, 1), "spacing_fixed": (1, 1)} | how
    with pytest.raises(ValueError, match=message):
        registration.register(given.pop("moving"), given.pop("fixed"), **given)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"changed_moving": np.zeros((4, 4, 4), bool)},
            r"changed_moving must have the shape of the image, \(20, 20, 20\)",
        ),
        ({"changed_fixed": np.full((20, 20, 20), 2)}, "changed_fixed must hold 0 and 1"),
        ({"changed_fixed": np.ones((20, 20, 20), bool)}, "too few key points match: 0, at least 12"),
        ({"step_mm": 0}, "step_mm must be"),
        ({"method": "surf"}, "got 'surf'"),
        ({"spacing_moving": (1, 1)}, "spacing_moving must be 3 numbers"),
    ],
)
def test_bad_input_in_3d(how, message):
    scan = shown(patient(0).ct.image[:20, :20, :20])
    with pytest.raises(ValueError, match=message):
        registration.register_volumes(scan, scan, **(ONE_MM | how))


def test_bad_input_elsewhere():
    image = slice_of_chest()
    with pytest.raises(ValueError, match="n must be"):
        registration.keypoints(image, n=0)
    with pytest.raises(ValueError, match="image must have at least two values"):
        registration.keypoints(np.zeros((40, 40)))
    with pytest.raises(ValueError, match="image must be"):
        registration.keypoints(np.zeros((40, 40, 3)))
    with pytest.raises(ValueError, match="described alike, got uint8 and bool"):
        registration.match(registration.keypoints(image, n=9), registration.keypoints(image, n=9, method="orb"))
    with pytest.raises(ValueError, match="same shape"):
        registration.phase_correlation(image, image[1:], spacing=(1, 1))
    with pytest.raises(ValueError, match="fixed must have at least two values"):
        registration.phase_correlation(image, np.ones(image.shape), spacing=(1, 1))
    with pytest.raises(ValueError, match="spacing must be 2 numbers"):
        registration.phase_correlation(image, image, spacing=(1, np.inf))
