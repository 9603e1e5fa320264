"""Take part of a set: as many images as asked for, every class as often as in the whole."""

import numpy as np


def subset(
    labels: np.ndarray, n: int | None, *, seed: int, task: str, strata: np.ndarray | None = None, name: str = "the set"
) -> np.ndarray:
    """Positions of `n` images drawn at random, in order; each stratum and class keeps its share.

    Args:
        labels: As in `Dataset`.
        n: How many; None takes all.
        seed: Where the draw starts.
        task: As in `Dataset`; only classes of which an image has one are kept in their shares.
        strata: What else keeps its shares, such as the official split.
        name: For the error.

    Raises:
        ValueError: If n is below 1 or there are not as many.
    """
    total = len(labels)
    if n is None:
        return np.arange(total)
    if not 1 <= n <= total:
        raise ValueError(f"n={n}: {name} has {total:,} images; n takes 1 to {total}, None takes all")
    keys = np.zeros(total, np.int64)
    for part in (strata, labels if task not in ("multilabel", "regression") else None):
        if part is not None:
            values, number = np.unique(part, return_inverse=True)
            keys = keys * len(values) + number
    sizes = np.bincount(keys)
    rng = np.random.default_rng(seed)
    chosen = [
        rng.choice(np.flatnonzero(keys == key), take, replace=False) for key, take in enumerate(_shares(sizes, n))
    ]
    return np.sort(np.concatenate(chosen))


def _shares(sizes: np.ndarray, n: int) -> np.ndarray:
    """Whole numbers that sum to n, in proportion to sizes (the largest remainders are rounded up)."""
    exact = sizes * n / sizes.sum()
    found = np.floor(exact).astype(int)
    found[np.argsort(found - exact, kind="stable")[: n - found.sum()]] += 1
    return found
