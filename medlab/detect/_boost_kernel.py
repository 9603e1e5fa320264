"""The loop of boosting.py: the best stump of each feature."""

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
