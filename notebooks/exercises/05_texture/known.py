"""Exercise 05: the functions that yours are compared with, and the mistakes that the checks recognise."""

from collections.abc import Callable, Sequence

import numpy as np

_AROUND = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))  # from the right against the clock
_FROM_UPPER_LEFT = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


def _codes(image: np.ndarray, steps: Sequence[tuple[int, int]], asks: Callable = np.greater_equal) -> np.ndarray:
    """Bit i says whether asks(neighbour i, middle) is true."""
    height, width = image.shape
    middle = image[1:-1, 1:-1]
    neighbors = [image[1 + dy : height - 1 + dy, 1 + dx : width - 1 + dx] for dy, dx in steps]
    return sum(asks(neighbor, middle) * 2**i for i, neighbor in enumerate(neighbors))


def lbp(image: np.ndarray) -> np.ndarray:
    """Codes of the 8 neighbours of each pixel that has them, (y - 2, x - 2); bit i is neighbour i of `_AROUND`."""
    return _codes(image, _AROUND)


def _on_circle(image: np.ndarray) -> np.ndarray:
    from skimage.feature import local_binary_pattern

    return local_binary_pattern(image, 8, 1)[1:-1, 1:-1]


MISTAKES["lbp"] = {
    "You asked whether a neighbour is brighter: one that is equal counts too (>=).": (
        lambda image: _codes(image, _AROUND, np.greater)
    ),
    "You asked the other way round: a bit is 1 where the neighbour is at least as bright as the middle.": (
        lambda image: _codes(image, _AROUND, np.less_equal)
    ),
    "You went around with the clock: bit 1 is the upper right neighbour, bit 2 the upper one.": (
        lambda image: _codes(image, (_AROUND[0], *_AROUND[:0:-1]))
    ),
    "You began at the upper left and went with the clock, as some books do: here bit 0 is the right neighbour, "
    "then against the clock.": (lambda image: _codes(image, _FROM_UPPER_LEFT)),
    "You gave the right neighbour the largest power: it is bit 0 and adds 1, the last one adds 128.": (
        lambda image: _codes(image, _AROUND[::-1])
    ),
    "These are the library's codes on a circle, where the four corners are interpolated: take the eight pixels "
    "themselves.": _on_circle,
}


def cooccurrence(image: np.ndarray, levels: int) -> np.ndarray:
    """Share of each pair of grey levels among neighbours in a row, both orders, (levels, levels)."""
    from skimage.feature import graycomatrix

    pairs = graycomatrix(image.astype(np.uint8), [1], [0], levels=levels, symmetric=True, normed=True)
    return pairs[:, :, 0, 0]


def _counts(a: np.ndarray, b: np.ndarray, levels: int) -> np.ndarray:
    matrix = np.zeros((levels, levels))
    np.add.at(matrix, (a.ravel(), b.ravel()), 1)
    return matrix


def _to_the_right(image: np.ndarray, levels: int) -> np.ndarray:
    return _counts(image[:, :-1], image[:, 1:], levels)


def _both_orders(matrix: np.ndarray) -> np.ndarray:
    return (matrix + matrix.T) / (2 * matrix.sum())


def _at_most_once(image: np.ndarray, levels: int) -> np.ndarray:
    matrix, a, b = np.zeros((levels, levels)), image[:, :-1].ravel(), image[:, 1:].ravel()
    matrix[a, b] += 1
    matrix[b, a] += 1
    return matrix / matrix.sum()


MISTAKES["cooccurrence"] = {
    "You counted each pair in one order only: add the transposed matrix, so that left and right are one.": (
        lambda image, levels: _to_the_right(image, levels) / _to_the_right(image, levels).sum()
    ),
    "These are counts: divide by their sum, or a large image would have another texture than a small one.": (
        lambda image, levels: _to_the_right(image, levels) + _to_the_right(image, levels).T
    ),
    "You paired each pixel with the one below: here it is the one to the right.": (
        lambda image, levels: _both_orders(_counts(image[:-1], image[1:], levels))
    ),
    "You paired the last pixel of a row with the first one of the next: pairs lie within a row.": (
        lambda image, levels: _both_orders(_counts(image.ravel()[:-1], image.ravel()[1:], levels))
    ),
    "`matrix[a, b] += 1` with arrays counts a pair that occurs often only once: loop over the pairs, or use "
    "np.add.at.": _at_most_once,
}


def haralick(p: np.ndarray) -> tuple[float, float]:
    """Contrast and energy of a co-occurrence matrix."""
    from skimage.feature import graycoprops

    return tuple(float(graycoprops(p[:, :, None, None], name)[0, 0]) for name in ("contrast", "energy"))


def _steps_apart(p: np.ndarray) -> np.ndarray:
    i, j = np.indices(p.shape)
    return np.abs(i - j)


def _energy(p: np.ndarray) -> float:
    return np.sqrt((p**2).sum())


MISTAKES["haralick"] = {
    "You left out the square root: this is the angular second moment, energy is its root.": (
        lambda p: ((_steps_apart(p) ** 2 * p).sum(), (p**2).sum())
    ),
    "You did not square the difference: this is dissimilarity, contrast has (i - j)².": (
        lambda p: ((_steps_apart(p) * p).sum(), _energy(p))
    ),
    "You took means over the cells: p is a probability, its weighted sums are means already.": (
        lambda p: ((_steps_apart(p) ** 2 * p).mean(), np.sqrt((p**2).mean()))
    ),
    "You returned the two in the other order: contrast first, then energy.": (
        lambda p: (_energy(p), (_steps_apart(p) ** 2 * p).sum())
    ),
}


def mean_hue(hue: np.ndarray, saturation: np.ndarray) -> float:
    """Direction in turns of the sum of arrows, one a pixel, that point to its hue and are as long as its saturation."""
    arrows = saturation * np.exp(2j * np.pi * hue)
    return float(np.angle(arrows.sum()) / (2 * np.pi) % 1)


def _arrow(hue: np.ndarray, saturation: np.ndarray) -> tuple[float, float]:
    """The sum of the arrows, to the right and up."""
    angle = 2 * np.pi * hue
    return (saturation * np.cos(angle)).sum(), (saturation * np.sin(angle)).sum()


MISTAKES["mean_hue"] = {
    "You took the plain mean of an angle: of 0.95 and 0.05, two reds, it makes 0.5, cyan.": (
        lambda hue, saturation: (hue * saturation).sum() / saturation.sum()
    ),
    "You took the plain mean of an angle, and let grey pixels count as much as coloured ones.": (
        lambda hue, saturation: hue.mean()
    ),
    "You left out the saturation: a grey pixel has no hue, and its number is noise.": (
        lambda hue, saturation: mean_hue(hue, np.ones_like(saturation))
    ),
    "Your hue can be negative: one turn more is the same direction, `% 1` brings it to 0 to 1.": (
        lambda hue, saturation: np.arctan2(*_arrow(hue, saturation)[::-1]) / (2 * np.pi)
    ),
    "This is in radians: hue is in turns, divide by 2π.": (
        lambda hue, saturation: np.arctan2(*_arrow(hue, saturation)[::-1]) % (2 * np.pi)
    ),
    "You swapped sine and cosine: it is np.arctan2(sine, cosine).": (
        lambda hue, saturation: np.arctan2(*_arrow(hue, saturation)) / (2 * np.pi) % 1
    ),
}


def sphericity(volume: float, surface: float) -> float:
    """Surface of the ball of the same volume over the surface, from 0 to 1."""
    radius = (3 * volume / (4 * np.pi)) ** (1 / 3)
    return 4 * np.pi * radius**2 / surface


MISTAKES["sphericity"] = {
    "You left out the cube root: this is compactness, the third power of sphericity.": (
        lambda volume, surface: 36 * np.pi * volume**2 / surface**3
    ),
    "You divided the wrong way round: the ball has the smallest surface, so sphericity is at most 1.": (
        lambda volume, surface: 1 / sphericity(volume, surface)
    ),
    "This is surface to volume, in 1/mm: it is smaller for everything large, and says little about form.": (
        lambda volume, surface: surface / volume
    ),
    "You took π r² for the surface of the ball: that is a disc, a ball has 4 π r².": (
        lambda volume, surface: sphericity(volume, surface) / 4
    ),
    "`x ** 1 / 3` is a third of x: the cube root is `x ** (1 / 3)`.": (
        lambda volume, surface: 4 * np.pi * (3 * volume / (4 * np.pi) / 3) ** 2 / surface
    ),
}
