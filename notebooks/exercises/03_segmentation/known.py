"""Exercise 03: the functions that yours are compared with, and the mistakes that the checks recognise."""

import numpy as np

MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


def _slopes(image: np.ndarray, spacing: tuple[float, ...]) -> list[np.ndarray]:
    return list(np.gradient(image.astype(float), *spacing))


def gradient_magnitude(image: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Steepness in HU per mm: the root of the sum of the squared central differences along each axis."""
    return np.sqrt(sum(slope**2 for slope in _slopes(image, spacing)))


MISTAKES["gradient_magnitude"] = {
    "You left out the spacing: this is HU per pixel, and thick slices look steeper than they are.": (
        lambda image, spacing: gradient_magnitude(image, (1,) * image.ndim)
    ),
    "You gave the spacing in the wrong order: it goes with the axes, (y, x) or (z, y, x).": (
        lambda image, spacing: gradient_magnitude(image, spacing[::-1])
    ),
    "You added absolute values: an oblique edge then looks up to 1.4 times as steep as a straight one.": (
        lambda image, spacing: sum(np.abs(slope) for slope in _slopes(image, spacing))
    ),
    "You did not take the square root: this is HU² per mm².": (
        lambda image, spacing: sum(slope**2 for slope in _slopes(image, spacing))
    ),
}


def _otsu_by(image: np.ndarray, score, *, bins_on: float = 0.0) -> float:
    """The bin center with the best score(w0, w1, m0, m1) of the two classes' shares and means."""
    counts, edges = np.histogram(image, bins=256)
    centers = (edges[:-1] + edges[1:]) / 2
    share, total = counts / counts.sum(), (counts * centers).sum() / counts.sum()
    w0, sum0 = share.cumsum()[:-1], (share * centers).cumsum()[:-1]
    best = np.argmax(score(w0, 1 - w0, sum0 / w0, (total - sum0) / (1 - w0)))
    return float(centers[best] + bins_on * (edges[1] - edges[0]))


def _between(w0, w1, m0, m1):
    return w0 * w1 * (m1 - m0) ** 2


MISTAKES["otsu"] = {
    "You took the middle between darkest and brightest: a single screw of metal would move it.": (
        lambda image: (image.min() + image.max()) / 2
    ),
    "You took the mean of all pixels: it follows the larger of the two classes.": lambda image: image.mean(),
    "You left out the weights w0 w1: without them a class of a few extreme pixels wins.": (
        lambda image: _otsu_by(image, lambda w0, w1, m0, m1: (m1 - m0) ** 2)
    ),
    "You took the smallest between-class variance: look for the largest.": (
        lambda image: _otsu_by(image, lambda *classes: -_between(*classes))
    ),
    "You returned the upper edge of the bin: the threshold is the center of the last dark bin.": (
        lambda image: _otsu_by(image, _between, bins_on=0.5)
    ),
    "You returned the lower edge of the bin: the threshold is the center of the last dark bin.": (
        lambda image: _otsu_by(image, _between, bins_on=-0.5)
    ),
}


def _piece_at(mask: np.ndarray, seed: tuple[int, int], *, corners: bool = False) -> np.ndarray:
    from scipy.ndimage import label

    pieces, _ = label(mask, np.ones((3, 3)) if corners else None)
    return (pieces == pieces[seed]) & mask[seed]


def grow(image: np.ndarray, seed: tuple[int, int], low: float, high: float) -> np.ndarray:
    """The 4-connected part of low <= image <= high that holds the seed; empty if the seed is not in that range."""
    return _piece_at((image >= low) & (image <= high), seed)


def _wrapping(image: np.ndarray, seed: tuple[int, int], low: float, high: float) -> np.ndarray:
    """Grows over the border, as `image[y - 1, x]` does when y is 0."""
    inside = (image >= low) & (image <= high)
    grown = _piece_at(inside, seed)
    while True:
        wider = grown | inside & np.any([np.roll(grown, s, axis) for s in (-1, 1) for axis in (0, 1)], axis=0)
        if np.array_equal(wider, grown):
            return grown
        grown = wider


MISTAKES["grow"] = {
    "You took all pixels in the range: only those connected with the seed belong to the region.": (
        lambda image, seed, low, high: (image >= low) & (image <= high)
    ),
    "You went over corners: a pixel has 4 neighbours here, left, right, above and below.": (
        lambda image, seed, low, high: _piece_at((image >= low) & (image <= high), seed, corners=True)
    ),
    "You grew over the border: in NumPy index -1 is the last row. Check that a neighbour lies in the image.": _wrapping,
    "You left out pixels that equal `low` or `high`: both belong to the range (<=).": (
        lambda image, seed, low, high: _piece_at((image > low) & (image < high), seed)
    ),
}


MISTAKES["dice"] = {
    "This is the IoU (Jaccard), which divides by the union: Dice divides by the sum of the two sizes.": (
        lambda a, b: float((a & b).sum() / (a | b).sum()) if (a | b).any() else 1.0
    ),
    "You forgot the 2: equal masks are to give 1, not 0.5.": (
        lambda a, b: float((a & b).sum() / (a.sum() + b.sum())) if (a | b).any() else 1.0
    ),
    "Two empty masks agree perfectly: 1, not 0.": (
        lambda a, b: float(2 * (a & b).sum() / (a.sum() + b.sum())) if (a | b).any() else 0.0
    ),
    "Two empty masks give 0/0: return 1 for them.": (
        lambda a, b: float(2 * (a & b).sum() / (a.sum() + b.sum())) if (a | b).any() else float("nan")
    ),
}


def _ball(volume: float) -> float:
    return 2 * (3 * volume / (4 * np.pi)) ** (1 / 3)


def equivalent_diameter(mask: np.ndarray, spacing: tuple[float, float, float]) -> float:
    """Diameter in mm of the ball with the volume of a 3-D mask; 0 for an empty one."""
    return _ball(mask.sum() * np.prod(spacing))


MISTAKES["equivalent_diameter"] = {
    "You counted voxels: each of them has a volume, the product of the spacing, in mm³.": (
        lambda mask, spacing: _ball(mask.sum())
    ),
    "This is the radius: the diameter is twice as long.": (
        lambda mask, spacing: _ball(mask.sum() * np.prod(spacing)) / 2
    ),
    "You solved for a disc: the volume of a ball is 4/3 π r³, so the root is a cube root.": (
        lambda mask, spacing: 2 * np.sqrt(mask.sum() * np.prod(spacing) / np.pi)
    ),
}
