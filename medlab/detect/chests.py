"""Nodules in chests: what a cascade learns from, and how it is used."""

from collections.abc import Callable, Sequence

import numpy as np

from medlab import arguments
from medlab.detect.boxes import non_max_suppression
from medlab.detect.cascade import Cascade, Detections
from medlab.detect.windows import cut_windows
from medlab.phantoms import Chest

SIZES_MM = (16.0, 22.0, 31.0, 44.0)  # for nodules of about 8, 11, 16, 22 mm; 5 mm are still seen in the first
_FILL = 0.5  # diameter of a nodule in a window made for its size
_JITTER = 0.06  # of the side: a window of the search is rarely centred either
_ZOOM = 0.2  # log of the side, either way
_MARGIN = 2  # voxels around a nodule where no window without nodule has its middle


def nodule_windows(chest: Chest, *, size: int, rng: np.random.Generator, per_nodule: int = 4) -> np.ndarray:
    """Windows with a nodule: of every nodule some, a little shifted, enlarged and mirrored each time.

    Args:
        chest: One of `phantoms.chest_ct`, or anything with image, labels, boxes and spacing like it.
        size: Side of the windows in pixels. Small nodules get a window of so many voxels, however small they are.
        rng: Where the randomness comes from.
        per_nodule: Windows of each nodule.

    Returns:
        (n, 3, size, size), three planes through the middle of each as in `cut_windows`; HU, float64.

    Raises:
        ValueError: If an option is out of range.
    """
    size, n = arguments.whole(size, "size", low=1), arguments.whole(per_nodule, "per_nodule", low=1)
    arguments.generator(rng)
    boxes = [np.zeros((0, 6), int)]
    for number, box in enumerate(chest.boxes, start=1):
        part = tuple(slice(a, b) for a, b in zip(box[:3], box[3:]))
        boxes.append(_boxes_around(chest.labels[part] == number, box[:3], np.array(chest.spacing), size, rng, n))
    return _mirrored(cut_windows(chest.image, np.concatenate(boxes), size=size), rng)


def lung_windows(
    chests: Sequence[Chest], *, rng: np.random.Generator, sizes: Sequence[float] = SIZES_MM
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
    arguments.generator(rng)

    def draw(cascade: Cascade, n: int) -> np.ndarray:
        drawn, left = [np.zeros((0, 3, cascade.size, cascade.size))], n
        most = -(-2 * n // len(chests))  # not all from one patient
        for i in rng.permutation(len(chests)):
            boxes = _false_alarms(cascade, chests[i], sizes, rng, min(most, left))
            drawn.append(cut_windows(chests[i].image, boxes, size=cascade.size))
            left -= len(boxes)
            if left <= 0:
                break
        return np.concatenate(drawn)

    return draw


def find_nodules(
    cascade: Cascade,
    hu: np.ndarray,
    lungs: np.ndarray,
    *,
    spacing: tuple[float, float, float],
    sizes: Sequence[float] = SIZES_MM,
    max_overlap: float = 0.1,
) -> Detections:
    """Candidates in a chest, one a place, best first.

    Args:
        cascade: Trained on three planes.
        hu: CT numbers (z, y, x), HU.
        lungs: Where to look, bool, same shape, such as `segment.lungs` gives.
        spacing: Voxel size in mm, (z, y, x).
        sizes: Sides of the windows in mm.
        max_overlap: Of two candidates, intersection over union.

    Returns:
        Boxes (n, 6), scores (n,), and how many windows each stage examined.

    Raises:
        ValueError: If shapes or spacing do not fit.
    """
    everything = cascade.find(hu, sizes=sizes, spacing=spacing, mask=lungs)
    kept = non_max_suppression(everything.boxes, everything.scores, max_overlap=max_overlap)
    return everything._replace(boxes=everything.boxes[kept], scores=everything.scores[kept])


def _boxes_around(mask, corner, spacing: np.ndarray, size: int, rng: np.random.Generator, n: int) -> np.ndarray:
    """n boxes (n, 6) around a lesion, which fills about `_FILL` of their side."""
    volume = mask.sum() * spacing.prod()
    diameter = np.cbrt(6 * volume / np.pi)
    middle = np.argwhere(mask).mean(axis=0) + 0.5 + corner
    side = np.maximum(diameter / _FILL * np.exp(rng.uniform(-_ZOOM, _ZOOM, (n, 1))), size * spacing.max())
    sides = np.rint(side / spacing).astype(int)
    low = np.rint(middle + _JITTER * sides * rng.uniform(-1, 1, (n, 3)) - sides / 2).astype(int)
    return np.concatenate([low, low + sides], axis=1)


def _mirrored(windows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each window mirrored along z, y and x by chance; the planes of one window alike."""
    flips = rng.random((3, len(windows))) < 0.5
    for plane, axes in enumerate(((1, 2), (0, 2), (0, 1))):
        for place, axis in enumerate(axes, start=1):
            windows[flips[axis], plane] = np.flip(windows[flips[axis], plane], axis=place)
    return windows


def _false_alarms(cascade: Cascade, chest: Chest, sizes, rng: np.random.Generator, n: int) -> np.ndarray:
    """Up to n windows off the nodules that the cascade takes for one, no two almost the same."""
    boxes = cascade.find(chest.image, sizes=sizes, spacing=chest.spacing, mask=chest.lungs).boxes
    boxes = boxes[rng.permutation(len(boxes))[: 8 * n]]
    middles = (boxes[:, None, :3] + boxes[:, None, 3:]) / 2
    on_lesion = (middles > chest.boxes[:, :3] - _MARGIN) & (middles < chest.boxes[:, 3:] + _MARGIN)
    boxes = boxes[~on_lesion.all(axis=2).any(axis=1)]
    return boxes[non_max_suppression(boxes, np.zeros(len(boxes)), max_overlap=0.5)[:n]]
