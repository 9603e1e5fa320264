"""How well lungs and nodules are outlined: phantoms with known truth, LIDC nodules with readers' masks."""

from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
from scipy.ndimage import binary_fill_holes
from skimage.filters import threshold_otsu
from skimage.segmentation import clear_border

from medlab import data, metrics, phantoms, segment
from tests.bench import Row, entry

CHESTS = range(100, 120)  # 0 to 19 were looked at while tuning
NODULE_CHESTS = range(120, 126)
JITTER_MM = 2.0  # how far from the middle a second click may be


@entry("lungs_phantom")
def lungs_phantom() -> list[Row]:
    """Dice of the lungs of 20 chests; beside it, the threshold with its holes filled. And the nodules on the wall."""
    ours, theirs, inside, of_chest = [], [], [], []
    for seed in CHESTS:
        chest = phantoms.chest_ct(seed)
        found = segment.lungs(chest.image, spacing=chest.spacing)
        ours.append(metrics.dice(found, chest.lungs))
        theirs.append(metrics.dice(thresholded(chest.image), chest.lungs))
        for i, nodule in enumerate(chest.nodules):
            if nodule.attributes["position"] == "juxta-pleural":
                inside.append(found[chest.labels == i + 1].mean())
                of_chest.append(seed)
    kept = metrics.interval(
        metrics.recall, np.ones(len(inside), int), (np.array(inside) >= 0.5).astype(int), groups=of_chest
    )
    peer = "largest parts below -400 HU, holes filled"
    return [
        row("lungs_phantom/dice", np.mean, ours, list(CHESTS), peer, theirs),
        Row("lungs_phantom/sensitivity", kept.value, "juxta-pleural nodules kept", kept.low, kept.high, len(CHESTS)),
        Row(
            "lungs_phantom_worst/sensitivity",
            min(inside),
            "of that nodule",
            min(inside),
            np.median(inside),
            len(CHESTS),
        ),
    ]


@entry("nodule_lidc", needs="lidc-nodules")
def nodule_lidc() -> list[Row]:
    """Median Dice of one click on each LIDC nodule not used for tuning, in the middle and off it; by patient."""
    dataset = data.load("lidc-nodules", label="diameter_mm")
    rows = np.flatnonzero(dataset.table["part"] == "report")
    rng = np.random.default_rng(0)
    middle, beside, theirs = [], [], []
    for i in rows:
        hu, true, spacing = np.asarray(dataset.images[i]), np.asarray(dataset.masks[i], bool), dataset.spacing_of(i)
        click, off = clicks(true, spacing, rng)
        middle.append(clicked(hu, click, spacing, true))
        beside.append(clicked(hu, off, spacing, true))
        theirs.append(metrics.dice(otsu(hu), true))
    patients = dataset.patients[rows]
    return [
        row("nodule_lidc/dice", np.median, middle, patients, "Otsu, largest component", theirs),
        row("nodule_lidc_jitter/dice", np.median, beside, patients, "Otsu, largest component", theirs),
    ]


@entry("nodule_phantom")
def nodule_phantom() -> list[Row]:
    """Median Dice of one click on each nodule of six chests, as readers outline and, at level 1/2, as the edge lies."""
    generous, edge, theirs, of_chest = [], [], [], []
    for seed, hu, true, spacing in phantom_nodules():
        click, _ = clicks(true, spacing, np.random.default_rng(0))
        generous.append(clicked(hu, click, spacing, true))
        edge.append(clicked(hu, click, spacing, true, level=0.5))
        theirs.append(metrics.dice(otsu(hu), true))
        of_chest.append(seed)
    return [
        row("nodule_phantom/dice", np.median, generous, of_chest, "Otsu, largest component", theirs),
        row("nodule_phantom_edge/dice", np.median, edge, of_chest, "Otsu, largest component", theirs),
    ]


def phantom_nodules() -> Iterator[tuple]:
    """Seed, CT numbers in 20 mm around each nodule, its mask, spacing."""
    for seed in NODULE_CHESTS:
        chest = phantoms.chest_ct(seed)
        margin = np.ceil(20 / np.array(chest.spacing)).astype(int)
        for i, box in enumerate(chest.boxes):
            low, high = np.maximum(box[:3] - margin, 0), box[3:] + margin
            part = tuple(slice(a, b) for a, b in zip(low, high))
            yield seed, chest.image[part], chest.labels[part] == i + 1, chest.spacing


def clicks(mask: np.ndarray, spacing: tuple[float, ...], rng: np.random.Generator) -> tuple[tuple, tuple]:
    """The voxel of the mask nearest to its middle, and any within `JITTER_MM` of that."""
    inside = np.argwhere(mask)
    middle = inside[np.linalg.norm((inside - inside.mean(axis=0)) * spacing, axis=1).argmin()]
    near = inside[np.linalg.norm((inside - middle) * spacing, axis=1) <= JITTER_MM]
    return tuple(middle.tolist()), tuple(near[rng.integers(len(near))].tolist())


def clicked(hu: np.ndarray, click: tuple, spacing: tuple[float, ...], true: np.ndarray, **how: float) -> float:
    """Dice of the nodule at the click; 0 where none is found."""
    try:
        return metrics.dice(segment.nodule(hu, click, spacing=spacing, **how), true)
    except ValueError:
        return 0.0


def otsu(hu: np.ndarray) -> np.ndarray:
    return segment.largest_component(hu > threshold_otsu(hu))


def thresholded(hu: np.ndarray) -> np.ndarray:
    """Lungs the simple way: air that does not touch the border, small parts left out, holes filled."""
    air = np.stack([clear_border(one) for one in hu < -400])
    return binary_fill_holes(segment.remove_small(air, min_size=20_000))


def row(name: str, statistic, ours: list[float], groups, peer: str, theirs: list[float]) -> Row:
    """The mean or median of Dice with its interval by group, and how many times larger it is than the peer's."""
    scores = np.array(ours)
    found = metrics.interval(lambda _, values: float(statistic(values)), np.zeros(len(scores)), scores, groups=groups)
    beside = float(statistic(theirs))
    made = Row(name, found.value, "", found.low, found.high, len(scores), peer, beside)
    made.ratio = found.value / beside if beside else None
    made.versions |= {package: version(package) for package in ("medlab", "scikit-image", "scipy")}
    return made
