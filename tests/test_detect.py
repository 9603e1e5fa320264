"""Detection: windows, suppression, boosting against brute force and scikit-learn; cascades on squares and chests."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier

from medlab import detect, features, phantoms
from medlab.detect import chests as chest_windows

SIZE = 8  # side of the windows below


def cells(sides, size):
    """Where the cells of a window begin and end, rounded half up."""
    return [int(np.floor(k * sides / size + 0.5)) for k in range(size + 1)]


def sliding(shape, size):
    """Boxes of all windows of a size that fit into an image, row by row."""
    places = itertools.product(*(range(n - size + 1) for n in shape))
    return np.array([(*low, *(np.array(low) + size)) for low in places])


# windows


@pytest.mark.parametrize("side", [8, 11, 16, 19])
def test_cut_windows_are_means_of_blocks(side):
    image = np.random.default_rng(0).integers(0, 255, (30, 26)).astype(np.uint8)
    boxes = np.array([[0, 0, side, side], [5, 3, 5 + side, 3 + side]])
    for window, box in zip(detect.cut_windows(image, boxes, size=SIZE), boxes):
        y, x = np.array(cells(side, SIZE)) + box[0], np.array(cells(side, SIZE)) + box[1]
        for i, j in itertools.product(range(SIZE), repeat=2):
            assert window[i, j] == pytest.approx(image[y[i] : y[i + 1], x[j] : x[j + 1]].mean())


def test_cut_windows_of_a_volume_are_three_planes_and_go_on_at_the_border():
    volume = np.random.default_rng(0).normal(size=(9, 20, 22))
    box = np.array([[-3, 4, 5, 9, 16, 17]])  # three slices of it lie below the volume
    axial, coronal, sagittal = detect.cut_windows(volume, box, size=6)[0]
    cube = np.pad(volume, ((3, 0), (0, 0), (0, 0)), mode="edge")[0:12, 4:16, 5:17]
    blocks = cube.reshape(6, 2, 6, 2, 6, 2).mean(axis=(1, 3, 5))
    assert axial == pytest.approx(blocks[2:4].mean(axis=0))
    assert coronal == pytest.approx(blocks[:, 2:4].mean(axis=1))
    assert sagittal == pytest.approx(blocks[:, :, 2:4].mean(axis=2))


@pytest.mark.parametrize(
    ("image", "box", "said"),
    [
        (np.zeros(9), [0, 0, 8, 8], "image"),
        (np.full((9, 9), np.nan), [0, 0, 8, 8], "finite"),
        (np.zeros((9, 9)), [0, 0, 7, 8], "size=8"),
        (np.zeros((9, 9)), [-5, 0, 3, 8], "middle"),
        (np.zeros((9, 9)), [0, 0, 0, 8], "boxes"),
        (np.zeros((9, 9, 9)), [0, 0, 8, 8], "boxes"),
        (np.zeros((9, 9)), [0.5, 0, 8.5, 8], "boxes"),
    ],
)
def test_cut_windows_refuse(image, box, said):
    with pytest.raises(ValueError, match=said):
        detect.cut_windows(image, np.array([box]), size=8)


# suppression


def boxes_in(axes):
    one = st.tuples(*[st.tuples(st.integers(0, 6), st.integers(1, 6))] * axes)
    return st.lists(one, min_size=1, max_size=12).map(
        lambda drawn: np.array([[a for a, _ in box] + [a + s for a, s in box] for box in drawn])
    )


def voxels(box):
    half = len(box) // 2
    return set(itertools.product(*(range(a, b) for a, b in zip(box[:half], box[half:]))))


@given(boxes_in(2), boxes_in(2))
@settings(max_examples=30, deadline=None)
def test_iou_counts_pixels(a, b):
    expected = [[len(voxels(p) & voxels(q)) / len(voxels(p) | voxels(q)) for q in b] for p in a]
    assert detect.box_iou(a, b) == pytest.approx(np.array(expected))


@given(st.one_of(boxes_in(2), boxes_in(3)), st.floats(0, 1), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_suppression_by_its_definition(boxes, max_overlap, seed):
    scores = np.random.default_rng(seed).integers(0, 4, len(boxes))
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        overlaps = [len(voxels(boxes[i]) & voxels(boxes[k])) / len(voxels(boxes[i]) | voxels(boxes[k])) for k in kept]
        if all(overlap <= max_overlap for overlap in overlaps):
            kept.append(i)
    assert detect.non_max_suppression(boxes, scores, max_overlap=max_overlap).tolist() == kept


def test_suppression_by_hand():
    """Overlaps of neighbours: 8 of 24 pixels = 1/3, so the middle one goes and the last one stays."""
    boxes = np.array([[0, 0, 4, 4], [0, 2, 4, 6], [0, 4, 4, 8]], np.uint8)  # uint8 must not wrap around
    scores = [3, 2, 1]
    assert detect.non_max_suppression(boxes, scores).tolist() == [0, 2]
    assert detect.non_max_suppression(boxes, scores, max_overlap=0.34).tolist() == [0, 1, 2]
    assert detect.non_max_suppression(np.zeros((0, 4)), []).tolist() == []


@pytest.mark.parametrize(
    ("boxes", "scores", "options", "said"),
    [
        ([[0, 0, 2]], [1], {}, "boxes"),
        ([[0, 0, 2, 0]], [1], {}, "boxes"),
        ([[0, 0, np.nan, 2]], [1], {}, "boxes"),
        ([[0, 0, 2, 2]], [1, 2], {}, "scores"),
        ([[0, 0, 2, 2]], [np.nan], {}, "scores"),
        ([[0, 0, 2, 2]], [1], {"max_overlap": 1.5}, "max_overlap"),
    ],
)
def test_suppression_refuses(boxes, scores, options, said):
    with pytest.raises(ValueError, match=said):
        detect.non_max_suppression(np.array(boxes), scores, **options)


# boosting


def table(seed, n=60, n_features=7, *, ties=True):
    """Features of which some know the label, and one is constant."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    values = rng.normal(size=(n, n_features)) + labels[:, None] * np.linspace(-1, 1, n_features)
    values[:, 0] = 3.0
    return (values.round(1) if ties else values), labels


@pytest.mark.parametrize("seed", range(4))
def test_boosting_takes_the_best_stump_of_all(seed):
    """Every feature, every threshold, both sides, round by round."""
    values, labels = table(seed)
    stumps = detect.boost(values, labels, rounds=6)
    weights = np.full(len(labels), 1 / len(labels))
    for stump in stumps:
        errors = []
        for column in values.T:
            for low, high in itertools.pairwise(np.unique(column)):
                wrong = (column > (low + high) / 2) != labels
                errors += [weights[wrong].sum(), weights[~wrong].sum()]
        assert stump.error == pytest.approx(min(errors))
        assert stump.weight == pytest.approx(np.log((1 - min(errors)) / min(errors)))
        wrong = stump.says(values[:, stump.feature]) != labels
        assert weights[wrong].sum() == pytest.approx(min(errors))
        weights[wrong] *= np.exp(stump.weight)
        weights /= weights.sum()


def test_boosting_as_scikit_learn():
    """Its trees split by Gini impurity, not by error; on one feature that is seldom the same, with two values it is."""
    rng = np.random.default_rng(1)
    labels = np.arange(300) % 2
    values = (rng.random((300, 12)) < 0.5 + (labels[:, None] - 0.5) * np.linspace(0.1, 0.6, 12)).astype(float)
    other = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1, criterion="gini"), n_estimators=8, random_state=0)
    other.fit(values, labels)
    stumps = detect.boost(values, labels, rounds=8)
    assert [s.feature for s in stumps] == [tree.tree_.feature[0] for tree in other.estimators_]
    assert [s.error for s in stumps] == pytest.approx(other.estimator_errors_)
    assert [s.weight for s in stumps] == pytest.approx(other.estimator_weights_)
    assert ((detect.vote(stumps, values) > 0.5) == other.predict(values)).all()


def test_boosting_weighs_and_stops():
    values, labels = np.array([[1.0], [2], [3], [4]]), np.array([0, 1, 1, 1])
    assert detect.boost(values, labels, rounds=1)[0].threshold == 1.5
    perfect = detect.boost(values, labels, rounds=3)
    assert (detect.vote(perfect, values) == labels).all()
    assert np.isfinite([stump.weight for stump in perfect]).all()
    # lesions above 3.5: the second window is wrong, a light one; above 1.5 the third would be, a heavy one
    heavy = detect.boost(values, [0, 1, 0, 1], rounds=1, weights=[1, 1, 9, 9])[0]
    assert (heavy.threshold, heavy.error) == (3.5, pytest.approx(1 / 20))
    assert detect.boost(np.ones((4, 2)), labels, rounds=3) == []  # constant features tell nothing
    assert detect.boost(np.array([[0], [0], [1], [1]], np.uint8), [1, 1, 0, 0], rounds=1)[0].polarity == -1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": np.zeros(4)}, "values"),
        ({"values": np.full((4, 2), np.nan)}, "NaN"),
        ({"labels": [0, 1, 1]}, "labels"),
        ({"labels": [0, 1, 2, 1]}, "labels"),
        ({"labels": [1, 1, 1, 1]}, "one class only"),
        ({"rounds": 0}, "rounds"),
        ({"weights": [1, 1, 0, 1]}, "weights"),
    ],
)
def test_boosting_refuses(change, said):
    given_ = {"values": np.arange(8.0).reshape(4, 2), "labels": [0, 0, 1, 1], "rounds": 2} | change
    with pytest.raises(ValueError, match=said):
        detect.boost(given_.pop("values"), given_.pop("labels"), **given_)


# the cascade


def squares(rng, n, *, lesion, planes):
    """A bright square in the middle of each plane; without lesion in one of three at most, as of a vessel."""
    windows = 40 * rng.standard_normal((n, planes, SIZE, SIZE))
    for window in windows:
        bars = [(slice(None), slice(2, 6)), (slice(2, 6), slice(None)), (slice(0, 0), slice(0, 0))]
        for plane, view in enumerate(rng.permutation(planes)):
            place = bars[rng.integers(3)] if not lesion and (plane > 0 or planes == 1) else (slice(2, 6), slice(2, 6))
            window[view][place] += 100 * rng.uniform(0.6, 1.4)
    return windows if planes == 3 else windows[:, 0]


def trained(planes, **options):
    rng = np.random.default_rng(0)

    def negatives(cascade, n):
        windows = squares(rng, 20 * n, lesion=False, planes=planes)
        return windows[cascade.passed(windows) == len(cascade.stages)][:n]

    given_ = {"stages": 3, "false_alarms": 0.3, "n_negatives": 200, "max_stumps": 20} | options
    cascade = detect.Cascade(clip=(-200, 200), n_features=300, seed=1)
    lesions = [squares(rng, n, lesion=True, planes=planes) for n in (200, 100)]
    return cascade.fit(lesions[0], negatives, validation=lesions[1], **given_)


@pytest.fixture(scope="module")
def flat():
    return trained(1)


@pytest.fixture(scope="module")
def deep():
    return trained(3)


@pytest.mark.parametrize("planes", [1, 3])
def test_cascade_finds_squares(planes, flat, deep):
    cascade = deep if planes == 3 else flat
    rng = np.random.default_rng(7)
    kept = cascade.scores(squares(rng, 300, lesion=True, planes=planes))
    false = cascade.scores(squares(rng, 300, lesion=False, planes=planes))
    assert np.isfinite(kept).mean() > 0.9
    assert np.isfinite(false).mean() < 0.1
    assert (kept[np.isfinite(kept)] >= 0).all()


def test_stages_keep_their_promises(flat):
    assert len(flat.stages) == 3
    assert all(stage.detection >= 0.98 for stage in flat.stages)
    assert all(stage.false_alarms <= 0.3 or len(stage.stumps) == 20 for stage in flat.stages)
    assert [f.dtype.kind for f in (flat.coords["y"], flat.plane)] == ["i", "i"]


def test_training_repeats(flat):
    assert trained(1).stages == flat.stages


def scene(axes):
    rng = np.random.default_rng(3)
    image = 40 * rng.standard_normal((60, 54) if axes == 2 else (20, 34, 30))
    image[(slice(8, 12),) * axes] += 100
    image[(slice(9, 15),) * (axes - 2) + (slice(20, 26), slice(18, 24))] += 100
    return np.rint(image).astype(np.int16)


@pytest.mark.parametrize("axes", [2, 3])
def test_find_is_scoring_every_window(axes, flat, deep):
    """Sides that are multiples of the window: the enlarged features are those of the window made smaller."""
    cascade, image = (flat if axes == 2 else deep), scene(axes)
    sizes = (8, 16)
    boxes = np.concatenate([sliding(image.shape, size) for size in sizes])
    scores = np.concatenate(
        [cascade.scores(part) for part in np.array_split(detect.cut_windows(image, boxes, size=SIZE), 9)]
    )
    found = cascade.find(image, sizes=sizes, step=1e-9)
    good = np.isfinite(scores)
    assert good.sum() > 5
    assert found.boxes.tolist() == boxes[good].tolist()
    assert found.scores == pytest.approx(scores[good])


def test_find_at_odd_sizes_is_its_definition(flat):
    """Each box of a feature is its mean in the image times its area in the small window."""
    image = scene(2)[:36, :32]
    side = 11
    at = np.array(cells(side, SIZE))
    clipped = np.clip(image.astype(float), -200, 200) + 200
    expected = []
    for y, x in itertools.product(range(36 - side + 1), range(32 - side + 1)):
        margin = 0.0
        for stage in flat.stages:
            votes = 0.0
            for stump in stage.stumps:
                boxes, signs = features.haar_boxes(flat.coords[[stump.feature]])
                value = 0.0
                for (a, b, c, d), sign in zip(boxes[0], signs[0]):
                    if sign:
                        part = clipped[y + at[a] : y + at[c], x + at[b] : x + at[d]]
                        value += sign * part.mean() * (c - a) * (d - b)
                votes += stump.weight * stump.says(np.array(value))
            if votes < stage.threshold:
                break
            margin += votes - stage.threshold
        else:
            expected.append(([y, x, y + side, x + side], margin))
    found = flat.find(image, sizes=[side], step=1e-9)
    assert len(expected) > 5
    assert found.boxes.tolist() == [box for box, _ in expected]
    assert found.scores == pytest.approx([margin for _, margin in expected])


def test_stages_examine_fewer_and_fewer(flat):
    image = scene(2)
    found = flat.find(image, sizes=(8,))
    assert found.examined[0] == (60 - 8 + 1) * (54 - 8 + 1)
    assert (np.diff(found.examined) < 0).all()
    assert len(found.boxes) < found.examined[-1]
    best = found.boxes[detect.non_max_suppression(found.boxes, found.scores, max_overlap=0)]
    middles = (best[:, :2] + best[:, 2:]) / 2
    assert any(np.abs(middle - 10).max() <= 2 for middle in middles)


def test_mask_says_where_middles_lie(flat):
    """At the very corner the window reaches beyond the image, which goes on there as its border pixels."""
    image = scene(2)
    mask = np.zeros(image.shape, bool)
    mask[0:3, 0:3] = True
    mask[10, 10] = True
    found = flat.find(image, sizes=(8,), mask=mask)
    assert found.examined[0] == 10
    boxes = np.argwhere(mask) - 4
    boxes = np.concatenate([boxes, boxes + 8], axis=1)
    scores = flat.scores(detect.cut_windows(image, boxes, size=SIZE))
    assert found.boxes.tolist() == boxes[np.isfinite(scores)].tolist()
    assert [6, 6, 14, 14] in found.boxes.tolist()
    mask[:] = False
    mask[9, 9] = True  # on the grid of the small windows, between those of the large ones
    assert flat.find(image, sizes=(8, 16), mask=mask).examined[0] == 1
    nowhere = flat.find(image, sizes=(8,), mask=np.zeros(image.shape, bool))
    assert nowhere.boxes.shape == (0, 4)
    assert nowhere.examined.tolist() == [0, 0, 0]


def test_sizes_are_millimetres_with_a_spacing(flat):
    image = scene(2)
    assert (flat.find(image, sizes=(8,)).boxes == flat.find(image, sizes=(4,), spacing=(0.5, 0.5)).boxes).all()
    wide = flat.find(image, sizes=(8,), spacing=(1, 0.5)).boxes
    assert set(map(tuple, wide[:, 2:] - wide[:, :2])) <= {(8, 16)}


@pytest.mark.parametrize(
    ("image", "options", "said"),
    [
        (np.zeros((9, 9, 9)), {}, "image"),
        (np.full((9, 9), np.inf), {}, "finite"),
        (np.zeros((9, 9)), {"sizes": (7,)}, "at least 8"),
        (np.zeros((9, 9)), {"sizes": ()}, "sizes"),
        (np.zeros((9, 9)), {"sizes": (8, 10)}, "does not fit"),
        (np.zeros((9, 9)), {"spacing": (0, 1)}, "spacing"),
        (np.zeros((9, 9)), {"spacing": (1, 1, 1)}, "spacing"),
        (np.zeros((9, 9)), {"mask": np.ones((9, 8), bool)}, "mask"),
        (np.zeros((9, 9)), {"mask": np.full((9, 9), 2)}, "mask"),
        (np.zeros((9, 9)), {"step": 0}, "step"),
    ],
)
def test_find_refuses(flat, image, options, said):
    with pytest.raises(ValueError, match=said):
        flat.find(image, **({"sizes": (8,)} | options))


def test_cascade_refuses(flat):
    with pytest.raises(ValueError, match="not trained"):
        detect.Cascade().find(np.zeros((9, 9)), sizes=(8,))
    with pytest.raises(ValueError, match="clip"):
        detect.Cascade(clip=(1, 1))
    with pytest.raises(ValueError, match="n_features"):
        detect.Cascade(n_features=0)
    with pytest.raises(ValueError, match=r"\(N, 8, 8\)"):
        flat.scores(np.zeros((3, 9, 9)))
    with pytest.raises(ValueError, match="NaN"):
        flat.scores(np.full((1, 8, 8), np.nan))
    windows = np.zeros((9, 8, 8))
    for bad, options, said in [
        (np.zeros((9, 8, 7)), {}, "positives"),
        (windows, {"validation": np.zeros((9, 7, 7))}, "validation"),
        (windows, {"validation": windows[:0]}, "validation"),
        (windows, {"detection": 0}, "detection"),
        (windows, {"false_alarms": 2}, "false_alarms"),
        (windows, {"stages": 0}, "stages"),
    ]:
        with pytest.raises(ValueError, match=said):
            detect.Cascade().fit(bad, lambda c, n: np.zeros((n, 8, 8)), **({"validation": windows} | options))
    with pytest.raises(ValueError, match="at least 20"):
        detect.Cascade(n_features=50).fit(windows, lambda c, n: windows, validation=windows)
    with pytest.raises(ValueError, match="no feature"):  # the same windows with both labels
        detect.Cascade(n_features=50).fit(windows, lambda c, n: np.zeros((n, 8, 8)), validation=windows)


# chests


@pytest.fixture(scope="module")
def chests():
    small = {"shape": (20, 160, 160), "spacing": (2.5, 2.0, 2.0)}
    return [phantoms.chest_ct(seed, n_nodules=12, **small) for seed in range(3)]


def test_nodule_windows_show_nodules(chests):
    """Brighter in the middle than at the rim, on average, and the same with the same seed."""
    options = {"size": 8, "per_nodule": 3}
    windows = detect.nodule_windows(chests[0], rng=np.random.default_rng(0), **options)
    assert windows.shape == (36, 3, 8, 8)
    assert (windows == detect.nodule_windows(chests[0], rng=np.random.default_rng(0), **options)).all()
    rim = np.ones((8, 8), bool)
    rim[1:-1, 1:-1] = False
    assert windows[..., 3:5, 3:5].mean() > windows[..., rim].mean() + 150
    with pytest.raises(ValueError, match="per_nodule"):
        detect.nodule_windows(chests[0], rng=np.random.default_rng(0), size=12, per_nodule=0)


def test_a_nodule_fills_half_of_its_window():
    """A ball of 12 mm in voxels of (2, 1, 1) mm: windows of about 24 mm, 8 cells of 3 mm, planes 6 mm thick.

    Up to 3 mm off its middle the ball's section is pi (36 - 3) mm² on average, 11.5 cells of 9 mm².
    """
    z, y, x = np.ogrid[:30, :60, :60]
    ball = ((2 * (z - 15)) ** 2 + (y - 30) ** 2 + (x - 30) ** 2) <= 6**2
    where = np.argwhere(ball)
    box = np.array([[*where.min(axis=0), *(where.max(axis=0) + 1)]])
    chest = phantoms.Chest(1 * ball, ball, ball.astype(np.uint8), box, [], (2.0, 1.0, 1.0), phantoms.Scanner())
    windows = detect.nodule_windows(chest, size=8, rng=np.random.default_rng(0), per_nodule=200)
    assert windows.sum(axis=(2, 3)).mean(axis=0) == pytest.approx(np.pi * 33 / 9, abs=0.7)


def test_a_window_is_mirrored_as_a_whole():
    """Its three planes are those of the mirrored cube, in one of eight ways, and all ways occur."""
    cube = np.random.default_rng(0).normal(size=(6, 6, 6))
    ways = [axes for n in range(4) for axes in itertools.combinations(range(3), n)]
    mirrored = [np.stack([np.flip(cube, axes).mean(axis=plane) for plane in range(3)]) for axes in ways]
    windows = chest_windows._mirrored(np.repeat(mirrored[:1], 80, axis=0), np.random.default_rng(0))
    matches = np.array([[np.allclose(window, one) for one in mirrored] for window in windows])
    assert (matches.sum(axis=1) == 1).all()
    assert matches.any(axis=0).all()


def test_cascade_finds_nodules_of_a_chest_it_has_not_seen(chests):
    rng = np.random.default_rng(0)
    sizes = (24.0, 36.0)
    lesions = [detect.nodule_windows(chest, size=8, rng=rng, per_nodule=8) for chest in chests]
    cascade = detect.Cascade(n_features=400).fit(
        lesions[0],
        detect.lung_windows(chests[:1], rng=rng, sizes=sizes),
        validation=lesions[1],
        stages=3,
        n_negatives=400,
        max_stumps=20,
    )
    unseen = chests[2]
    found = detect.find_nodules(cascade, unseen.image, unseen.lungs, spacing=unseen.spacing, sizes=sizes)
    assert (np.diff(found.scores) <= 0).all()
    assert (np.diff(found.examined) < 0).all()
    middles = (found.boxes[:, :3] + found.boxes[:, 3:] - 1) / 2
    large = [nodule.box for nodule in unseen.nodules if nodule.attributes["diameter_mm"] > 6]
    hit = [((middles >= box[:3]) & (middles < box[3:])).all(axis=1).any() for box in large]
    assert np.mean(hit) > 0.5
    # as many marks at random places in the lungs would seldom do as well
    places = rng.choice(np.argwhere(unseen.lungs), len(middles))
    luck = [((places >= box[:3]) & (places < box[3:])).all(axis=1).any() for box in large]
    assert np.mean(hit) > np.mean(luck) + 0.25


def test_false_alarms_lie_off_the_nodules(chests):
    """With nodules of 1000 HU in lungs of -1000 HU no window that is drawn shows one in its middle."""
    chest = chests[0]
    marked = phantoms.Chest(
        np.where(chest.labels > 0, 1000, -1000).astype(np.int16),
        *(chest.lungs, chest.labels, chest.boxes, chest.nodules, chest.spacing, chest.scanner),
    )
    rng = np.random.default_rng(0)
    seen = []

    def draw(cascade, n):
        seen.append(detect.lung_windows([marked], rng=rng, sizes=(24.0,))(cascade, n))
        return seen[-1]

    windows = detect.nodule_windows(chest, size=8, rng=rng)
    detect.Cascade(clip=(-1000, 1000), n_features=50).fit(windows, draw, validation=windows, stages=1, n_negatives=300)
    assert seen[0].shape == (300, 3, 8, 8)
    assert (seen[0][:, :, 3:5, 3:5] == -1000).all()
    assert (seen[0] > -1000).any()  # beside the nodules it may well look
    with pytest.raises(ValueError, match="at least one chest"):
        detect.lung_windows([], rng=rng)


def test_find_nodules_refuses(flat, deep, chests):
    with pytest.raises(ValueError, match="mask must have the shape"):
        detect.find_nodules(deep, chests[0].image, chests[0].lungs[:5], spacing=(1, 1, 1))
    with pytest.raises(ValueError, match=r"image must be \(y, x\)"):
        detect.find_nodules(flat, chests[0].image, chests[0].lungs, spacing=(1, 1, 1))
