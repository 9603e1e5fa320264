"""Boxes: how much two of them overlap, and one box a lesion where several mark it."""

import numpy as np

from medlab import arguments


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
    return _iou(a, b)


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
    boxes, scores = as_boxes(boxes), np.asarray(scores, float)
    if scores.shape != (len(boxes),) or not np.isfinite(scores).all():
        raise ValueError(f"scores must be {len(boxes)} finite numbers, one a box, got shape {scores.shape}")
    arguments.number(max_overlap, "max_overlap", low=0, high=1)
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[_iou(boxes[[best]], boxes[left])[0] <= max_overlap]
    return np.array(kept, int)


def as_boxes(boxes: np.ndarray, *, axes: int | None = None) -> np.ndarray:
    """Boxes as an array (n, 4) or (n, 6), each with an extent along every axis; of so many axes where given."""
    boxes = np.asarray(boxes)
    if boxes.size == 0:
        return np.zeros((0, 2 * (axes or 2)), int)
    if boxes.ndim != 2 or boxes.shape[1] not in ((2 * axes,) if axes else (4, 6)) or boxes.dtype.kind not in "iuf":
        raise ValueError(f"boxes must be (n, {2 * axes if axes else '4) or (n, 6'}), got {boxes.shape} {boxes.dtype}")
    if boxes.dtype.kind == "u":
        boxes = boxes.astype(np.int64)  # unsigned numbers would wrap around below 0
    low, high = np.split(boxes, 2, axis=1)
    good = np.isfinite(boxes).all(axis=1) & (high > low).all(axis=1)
    if not good.all():
        raise ValueError(f"boxes must end after they begin along every axis, got {boxes[~good][0].tolist()}")
    return boxes


def _iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (low_a, high_a), (low_b, high_b) = (np.split(boxes.astype(float), 2, axis=1) for boxes in (a, b))
    shared = np.minimum(high_a[:, None], high_b) - np.maximum(low_a[:, None], low_b)
    shared = shared.clip(0).prod(axis=2)
    return shared / ((high_a - low_a).prod(axis=1)[:, None] + (high_b - low_b).prod(axis=1) - shared)
