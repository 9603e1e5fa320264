"""One mark a lesion: overlapping boxes thinned out, boxes of neighbouring slices joined."""

from collections.abc import Sequence

import numpy as np

from medlab.detect.windows import as_boxes


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every box of `a` with every box of `b`, from 0 to 1.

    Args:
        a: (n, 4) or (n, 6): all lower ends, then all upper ends, half open.
        b: (m, 4) or (m, 6).

    Returns:
        (n, m).

    Raises:
        ValueError: If a box does not end after it begins, or the boxes have different axes.

    >>> box_iou(np.array([[0, 0, 2, 2]]), np.array([[0, 1, 2, 3], [2, 2, 3, 3]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    a, b = as_boxes(a), as_boxes(b)
    if len(a) == 0 or len(b) == 0:
        return np.zeros((len(a), len(b)))
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"boxes must have the same axes, got {a.shape[1]} and {b.shape[1]} numbers each")
    half = a.shape[1] // 2
    low = np.maximum(a[:, None, :half], b[None, :, :half])
    high = np.minimum(a[:, None, half:], b[None, :, half:])
    shared = np.clip(high - low, 0, None).astype(float).prod(axis=2)
    sizes = [(boxes[:, half:] - boxes[:, :half]).astype(float).prod(axis=1) for boxes in (a, b)]
    return shared / (sizes[0][:, None] + sizes[1] - shared)


def non_max_suppression(boxes: np.ndarray, scores: np.ndarray, *, max_overlap: float = 0.3) -> np.ndarray:
    """Keep the best box, drop those that overlap it, keep the best of the rest, and so on.

    Args:
        boxes: (n, 4) or (n, 6): all lower ends, then all upper ends, half open.
        scores: One a box, finite; of equal ones the first comes first.
        max_overlap: Boxes whose intersection over union is larger mean the same thing; 0 to 1.

    Returns:
        Numbers of the boxes kept, best first.

    Raises:
        ValueError: If lengths differ, a score is not finite, or `max_overlap` is out of range.

    >>> non_max_suppression(np.array([[0, 0, 4, 4], [0, 1, 4, 5], [9, 9, 12, 12]]), np.array([1, 2, 0])).tolist()
    [1, 2]
    """
    boxes, scores = as_boxes(boxes), _scores(scores, len(boxes))
    if not 0 <= max_overlap <= 1:
        raise ValueError(f"max_overlap must be from 0 to 1, got {max_overlap}")
    half = boxes.shape[1] // 2
    order = np.argsort(-scores, kind="stable")
    low, high = boxes[order, :half].astype(float), boxes[order, half:].astype(float)
    sizes = (high - low).prod(axis=1)
    kept = []
    while len(order):
        kept.append(order[0])
        shared = (np.minimum(high[0], high) - np.maximum(low[0], low)).clip(0).prod(axis=1)
        rest = shared <= max_overlap * (sizes[0] + sizes - shared)
        rest[0] = False
        order, low, high, sizes = order[rest], low[rest], high[rest], sizes[rest]
    return np.array(kept, int)


def merge_slices(
    boxes: Sequence[np.ndarray], scores: Sequence[np.ndarray], *, min_overlap: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Join boxes of neighbouring slices to boxes in the volume.

    A box goes with the box of the slice before that it overlaps most, if they overlap enough and that one is not taken
    by a better one. A chain becomes one box, whose middle in the slice is that of its best member.

    Args:
        boxes: For each slice (n, 4), (y0, x0, y1, x1).
        scores: For each slice (n,), above 0.
        min_overlap: Intersection over union at which two boxes are of one thing.

    Returns:
        Boxes (m, 6), (z0, y0, x0, z1, y1, x1), and their scores (m,): the sum over the slices. Best first.

    Raises:
        ValueError: If there are not as many lists of scores as of boxes, lengths within differ, or `min_overlap` is
            not above 0 and at most 1.
    """
    if not 0 < min_overlap <= 1:
        raise ValueError(f"min_overlap must be above 0 and at most 1, got {min_overlap}")
    if len(boxes) != len(scores):
        raise ValueError(f"boxes and scores must be of the same slices, got {len(boxes)} and {len(scores)}")
    chains: list[list[tuple[int, np.ndarray, float]]] = []
    ends: list[int] = []  # chains that reached the slice before
    for z, (flat, marks) in enumerate(zip(boxes, scores)):
        flat = as_boxes(flat, axes=2)
        marks = _scores(marks, len(flat))
        last = np.array([chains[i][-1][1] for i in ends]).reshape(-1, 4)
        overlap = box_iou(flat, last)
        now = []
        for i in np.argsort(-marks, kind="stable"):
            to = int(overlap[i].argmax()) if len(ends) else -1
            if to >= 0 and overlap[i, to] >= min_overlap:
                chain = ends[to]
                overlap[:, to] = -1
            else:
                chain = len(chains)
                chains.append([])
            chains[chain].append((z, flat[i], float(marks[i])))
            now.append(chain)
        ends = now
    joined = np.zeros((len(chains), 6), int)
    total = np.array([sum(mark for *_, mark in chain) for chain in chains])
    for row, chain in zip(joined, chains):
        best = max(chain, key=lambda member: member[2])[1]
        row[:] = chain[0][0], *best[:2], chain[-1][0] + 1, *best[2:]
    order = np.argsort(-total, kind="stable")
    return joined[order], total[order]


def _scores(scores: np.ndarray, n: int) -> np.ndarray:
    scores = np.asarray(scores, float)
    if scores.shape != (n,) or not np.isfinite(scores).all():
        raise ValueError(f"scores must be {n} finite numbers, one a box, got shape {scores.shape}")
    return scores
