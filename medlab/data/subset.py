"""Take part of a set: as many images as asked for, every class as often as in the whole."""

import numpy as np


def subset(
    labels: np.ndarray, n: int | None, *, seed: int, task: str, strata: np.ndarray | None = None, name: str = "the set"
) -> np.ndarray:
    """Positions of `n` images drawn at random, in order; each stratum keeps its share, and each class in it.

    Every stratum gets at least one image where n is enough for that.

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
    if strata is None:
        strata = np.zeros(total, np.int64)
    classes = np.zeros(total, np.int64)
    if task not in ("multilabel", "regression"):
        classes = np.unique(labels, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    _, part = np.unique(strata, return_inverse=True)
    sizes = np.bincount(part)
    chosen = []
    for i, of_part in enumerate(_shares(sizes, n, least=int(n >= len(sizes)))):
        of_class = np.bincount(classes[part == i])
        for c, take in enumerate(_shares(of_class, of_part)):
            chosen.append(rng.choice(np.flatnonzero((part == i) & (classes == c)), take, replace=False))
    return np.sort(np.concatenate(chosen))


def _shares(sizes: np.ndarray, n: int, least: int = 0) -> np.ndarray:
    """Whole numbers that sum to n, in proportion to sizes (the largest remainders are rounded up), `least` or more."""
    exact = sizes * n / sizes.sum()
    found = np.floor(exact).astype(int)
    found[np.argsort(found - exact, kind="stable")[: n - found.sum()]] += 1
    while found.min() < least:
        found[found.argmax()] -= 1
        found[found.argmin()] += 1
    return found
