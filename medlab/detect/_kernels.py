"""The loops of boosting.py and cascade.py: the best stump of each feature, and windows through the stages."""

import numpy as np

from medlab.kernels import jit


@jit
def best_splits(order, last, signed, total, errors, splits, start, stop):
    """For features `start` to `stop`: the least error less the weight of all others, and the value below its threshold.

    order: (F, N), windows in the order of their values. last: (F, N), True where the next value is larger.
    signed: (N,), weight of each window, negative for those without a lesion. total: their sum.
    errors: (F, 2) for "lesion above" and "lesion below"; splits: (F, 2).
    """
    n = order.shape[1]
    for f in range(start, stop):
        below = 0.0  # signed weight of the windows below the threshold
        low, high = np.inf, -np.inf
        at_low, at_high = 0, 0
        for k in range(n):
            below += signed[order[f, k]]
            if last[f, k]:
                if below < low:
                    low, at_low = below, k
                if below > high:
                    high, at_high = below, k
        errors[f, 0], splits[f, 0] = low, at_low
        errors[f, 1], splits[f, 1] = total - high, at_high


@jit
def _sum(table, z0, y0, x0, z1, y1, x1):
    """Sum over a box of a volume: eight look-ups, four in its lower face and four in its upper one."""
    lower = table[z0, y1, x1] + table[z0, y0, x0] - table[z0, y0, x1] - table[z0, y1, x0]
    upper = table[z1, y1, x1] + table[z1, y0, x0] - table[z1, y0, x1] - table[z1, y1, x0]
    return upper - lower


@jit
def run(table, corners, boxes, factors, parts, cuts, above, weights, ends, limits, passed, margins, start, stop):
    """For windows `start` to `stop`: how many stages they passed, and by how much they beat them in all.

    table: integral volume with a layer of 0 in front along each axis. corners: (n, 3), first voxel of each window.
    boxes: (S, 4, 6), those of each stump, within the window; factors: (S, 4), what each sum is multiplied with;
    parts: (S,), how many of the 4 are used. cuts, above, weights: (S,), threshold, side and vote of each stump.
    ends, limits: (stages,), one past the last stump of each, and the votes needed.
    """
    for i in range(start, stop):
        z, y, x = corners[i, 0], corners[i, 1], corners[i, 2]
        first, reached, margin = 0, 0, 0.0
        for stage in range(ends.size):
            votes = 0.0
            for s in range(first, ends[stage]):
                value = 0.0
                for b in range(parts[s]):
                    box = boxes[s, b]
                    total = _sum(table, z + box[0], y + box[1], x + box[2], z + box[3], y + box[4], x + box[5])
                    value += factors[s, b] * total
                if (above[s] and value > cuts[s]) or (not above[s] and value < cuts[s]):
                    votes += weights[s]
            margin += votes - limits[stage]
            if votes < limits[stage]:
                break
            reached += 1
            first = ends[stage]
        passed[i], margins[i] = reached, margin
