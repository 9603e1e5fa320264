"""Nodules in chests: what a cascade learns from, and how it is used."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from medlab.detect.cascade import Cascade
from medlab.detect.search import Found
from medlab.detect.suppression import merge_slices, non_max_suppression
from medlab.detect.windows import cut_windows

if TYPE_CHECKING:
    from medlab.phantoms import Chest

FILL = 0.5  # diameter of a nodule in a window made for its size
SIZES_MM = (
    16.0,
    22.0,
    31.0,
    44.0,
)  # windows for nodules of about 8, 11, 16 and 22 mm; 5 mm are still seen in the first
_JITTER = 0.06  # of the side: a window of the search is rarely centred either
_ZOOM = 0.2  # log of the side, either way
_MARGIN = 2  # voxels around a nodule where no window without nodule has its middle


def nodule_windows(
    chest: "Chest", *, size: int, rng: np.random.Generator, per_nodule: int = 4, planes: int = 3
) -> np.ndarray:
    """Windows with a nodule: of every nodule some, a little shifted, enlarged and mirrored each time.

    Args:
        chest: One of `phantoms.chest_ct`, or anything with image, labels, boxes and spacing like it.
        size: Side of the windows in pixels. Small nodules get a window of so many voxels, however small they are.
        rng: Where the randomness comes from.
        per_nodule: Windows of each nodule.
        planes: 3 for three planes through its middle, 1 for axial slices through its middle half.

    Returns:
        (n, 3, size, size) or (n, size, size), HU, float64.

    Raises:
        ValueError: If `planes` is neither 1 nor 3, or an option is out of range.
    """
    if planes not in (1, 3):
        raise ValueError(f"planes must be 1 or 3, got {planes!r}")
    if per_nodule < 1:
        raise ValueError(f"per_nodule must be 1 or more, got {per_nodule}")
    shape = (3, size, size) if planes == 3 else (size, size)
    found = [np.zeros((0, *shape))]
    for number, box in enumerate(chest.boxes, start=1):
        part = tuple(slice(a, b) for a, b in zip(box[:3], box[3:]))
        mask = chest.labels[part] == number
        if planes == 3:
            boxes = _boxes_around(mask, box[:3], chest.spacing, size, rng, per_nodule)
            found.append(cut_windows(chest.image, boxes, size=size))
            continue
        sections = mask.sum(axis=(1, 2))
        for z in rng.choice(np.flatnonzero(sections >= sections.max() / 2), per_nodule):
            boxes = _boxes_around(mask[z], box[1:3], chest.spacing[1:], size, rng, 1)
            found.append(cut_windows(chest.image[box[0] + z], boxes, size=size))
    return _mirrored(np.concatenate(found), rng)


def lung_windows(
    chests: Sequence["Chest"], *, rng: np.random.Generator, sizes: Sequence[float] = SIZES_MM
) -> Callable[[Cascade, int], np.ndarray]:
    """A source of windows without nodule for `Cascade.fit`: those in the lungs that the cascade takes for one.

    A new cascade takes anything. Later ones err on crossings of vessels, the hilum and the chest wall.

    Args:
        chests: Where to look, at least one.
        rng: Where the randomness comes from.
        sizes: Sides of the windows in mm.

    Raises:
        ValueError: If there is no chest.
    """
    chests = list(chests)
    if not chests:
        raise ValueError("lung_windows needs at least one chest, got none")

    def draw(cascade: Cascade, n: int) -> np.ndarray:
        shape = (3, cascade.size, cascade.size) if cascade.planes == 3 else (cascade.size, cascade.size)
        found, left = [np.zeros((0, *shape))], n
        places = [(i, z) for i in range(len(chests)) for z in _slices(chests[i], cascade)]
        most = -(-2 * n // len(places))  # not all from one patient
        for k in rng.permutation(len(places)):
            i, z = places[k]
            chest = chests[i]
            boxes = _false_alarms(cascade, chest, z, sizes, rng, min(most, left))
            image = chest.image if z is None else chest.image[z]
            found.append(cut_windows(image, boxes, size=cascade.size))
            left -= len(boxes)
            if left <= 0:
                break
        return np.concatenate(found)

    return draw


def find_nodules(
    cascade: Cascade,
    hu: np.ndarray,
    lungs: np.ndarray,
    *,
    spacing: tuple[float, float, float],
    sizes: Sequence[float] = SIZES_MM,
    step: float = 1.0,
    max_overlap: float = 0.1,
) -> Found:
    """Candidates in a chest, one a place, best first.

    Args:
        cascade: Trained on three planes, or on axial slices: then each slice is searched, and slices are joined.
        hu: CT numbers (z, y, x), HU.
        lungs: Where to look, bool, same shape, such as `segment.lungs` gives.
        spacing: Voxel size in mm, (z, y, x).
        sizes: Sides of the windows in mm.
        step: As in `Cascade.find`.
        max_overlap: Of two candidates, intersection over union.

    Returns:
        Boxes (n, 6), scores (n,), and how many windows each stage examined.

    Raises:
        ValueError: If shapes or spacing do not fit.
    """
    hu, lungs = np.asarray(hu), np.asarray(lungs)
    if hu.ndim != 3 or lungs.shape != hu.shape or len(spacing) != 3:
        raise ValueError(f"hu and lungs must be (z, y, x) of one shape, got {hu.shape} and {lungs.shape}, {spacing}")
    if cascade.planes == 3:
        found = cascade.find(hu, sizes=sizes, spacing=spacing, mask=lungs, step=step)
        kept = non_max_suppression(found.boxes, found.scores, max_overlap=max_overlap)
        return Found(found.boxes[kept], found.scores[kept], found.examined)
    boxes, scores, examined = [], [], np.zeros(len(cascade.stages), int)
    for image, mask in zip(hu, lungs):
        found = cascade.find(image, sizes=sizes, spacing=spacing[1:], mask=mask, step=step)
        kept = non_max_suppression(found.boxes, found.scores, max_overlap=max_overlap)
        boxes.append(found.boxes[kept])
        scores.append(found.scores[kept])
        examined += found.examined
    return Found(*merge_slices(boxes, scores), examined)


def _boxes_around(mask, corner, spacing, size, rng, n) -> np.ndarray:
    """n boxes around a lesion, which fills about `FILL` of their side: (n, 4) or (n, 6)."""
    axes, spacing = mask.ndim, np.asarray(spacing, float)
    volume = mask.sum() * spacing.prod()
    diameter = 2 * np.sqrt(volume / np.pi) if axes == 2 else np.cbrt(6 * volume / np.pi)
    middle = np.argwhere(mask).mean(axis=0) + 0.5 + corner
    side = np.maximum(diameter / FILL * np.exp(rng.uniform(-_ZOOM, _ZOOM, (n, 1))), size * spacing.max())
    sides = np.rint(side / spacing).astype(int)
    low = np.rint(middle + _JITTER * sides * rng.uniform(-1, 1, (n, axes)) - sides / 2).astype(int)
    return np.concatenate([low, low + sides], axis=1)


def _mirrored(windows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each window mirrored along z, y and x by chance; the planes of one window alike."""
    flips = rng.random((3, len(windows))) < 0.5
    if windows.ndim == 3:
        for axis in (1, 2):
            windows[flips[axis]] = np.flip(windows[flips[axis]], axis=axis)
        return windows
    for plane, axes in enumerate(((1, 2), (0, 2), (0, 1))):
        for place, axis in enumerate(axes, start=1):
            windows[flips[axis], plane] = np.flip(windows[flips[axis], plane], axis=place)
    return windows


def _slices(chest: "Chest", cascade: Cascade) -> Sequence[int | None]:
    """Where to look in a chest: everywhere at once (None), or slice by slice."""
    return (None,) if cascade.planes == 3 else range(len(chest.image))


def _false_alarms(cascade, chest, z, sizes, rng, n) -> np.ndarray:
    """Up to n windows off the nodules that the cascade takes for one, no two almost the same."""
    if z is None:
        found = cascade.find(chest.image, sizes=sizes, spacing=chest.spacing, mask=chest.lungs)
        lesions = chest.boxes
    else:
        found = cascade.find(chest.image[z], sizes=sizes, spacing=chest.spacing[1:], mask=chest.lungs[z])
        lesions = chest.boxes[(chest.boxes[:, 0] - _MARGIN <= z) & (z < chest.boxes[:, 3] + _MARGIN)][:, [1, 2, 4, 5]]
    axes = found.boxes.shape[1] // 2
    boxes = found.boxes[rng.permutation(len(found.boxes))[: 8 * n]]
    middles = (boxes[:, None, :axes] + boxes[:, None, axes:]) / 2
    on_lesion = (middles > lesions[:, :axes] - _MARGIN) & (middles < lesions[:, axes:] + _MARGIN)
    boxes = boxes[~on_lesion.all(axis=2).any(axis=1)]
    return boxes[non_max_suppression(boxes, np.zeros(len(boxes)), max_overlap=0.5)[:n]]
