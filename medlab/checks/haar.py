"""Exercise 04: the references that no library has in one call, and the mistakes that its checks recognise.

MISTAKES has for each task, by the name of its function, pairs of a wrong answer and what it does wrong.
"""

from collections.abc import Callable

import numpy as np


def haar_2x(table: np.ndarray, y: int, x: int, height: int, width: int) -> float:
    """Two boxes side by side, the right one less the left one, from the integral image of a picture.

    The slow way, by what it means: undo the sums, then add up the pixels of each box.
    """
    image = np.diff(np.diff(table, axis=0, prepend=0), axis=1, prepend=0)
    left, right = image[y : y + height, x : x + width], image[y : y + height, x + width : x + 2 * width]
    return right.sum() - left.sum()


def stump(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[float, int, float]:
    """Threshold, polarity and weighted error of the best decision stump on one feature, all (N,)."""
    return _best(values, labels, weights, _middles(values))


def reweight(weights: np.ndarray, right: np.ndarray) -> tuple[float, np.ndarray]:
    """A stump's vote, log((1 - error) / error), and the weights for the next round, (N,).

    By what AdaBoost brings about: afterwards those that it got right and those that it got wrong hold one half each.
    """
    error = weights[~right].sum()
    return np.log((1 - error) / error), np.where(right, weights / (2 - 2 * error), weights / (2 * error))


def box_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two half-open boxes (y0, x0, y1, x1), by painting both."""
    from medlab import metrics

    masks = np.zeros((2, *np.maximum(a, b)[2:]), bool)
    for mask, (y0, x0, y1, x1) in zip(masks, (a, b)):
        mask[y0:y1, x0:x1] = True
    return metrics.iou(*masks)


def _counted_twice(image: np.ndarray) -> np.ndarray:
    table = np.zeros(np.add(image.shape, 1), np.int64 if image.dtype.kind in "iu" else float)
    for y, x in np.ndindex(image.shape):
        table[y + 1, x + 1] = image[y, x] + table[y, x + 1] + table[y + 1, x]
    return table[1:, 1:]


def _haar_by(box: Callable) -> Callable:
    """The feature from a wrong sum over a box(table, y0, x0, y1, x1)."""

    def feature(table, y, x, height, width):
        left = box(table, y, x, y + height, x + width)
        return box(table, y, x + width, y + height, x + 2 * width) - left

    return feature


def _best(values, labels, weights, thresholds, polarities=(1, -1), error=lambda wrong, weights: weights[wrong].sum()):
    """The first stump with the least error among these thresholds and polarities."""
    tried = []
    for threshold in thresholds:
        for polarity in polarities:
            says = values > threshold if polarity == 1 else values < threshold
            tried.append((threshold, polarity, error(says != labels, weights)))
    return min(tried, key=lambda found: found[2])


def _middles(values: np.ndarray) -> np.ndarray:
    levels = np.unique(values)
    return (levels[:-1] + levels[1:]) / 2


def _at_value(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[float, int, float]:
    threshold, *rest = stump(values, labels, weights)
    return values[values < threshold].max(), *rest


def _reweighted(weights: np.ndarray, factors: np.ndarray) -> np.ndarray:
    return weights * factors / (weights * factors).sum()


def _vote(weights: np.ndarray, right: np.ndarray) -> float:
    return reweight(weights, right)[0]


def _iou_by(ratio: Callable, *, more: int = 0, least: float = 0) -> Callable:
    """Another ratio(overlap, size a, size b), with `more` added to each side, sides of the overlap at least `least`."""

    def of_two(a: np.ndarray, b: np.ndarray) -> float:
        overlap = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
        sides = np.maximum(overlap + more, least), a[2:] - a[:2] + more, b[2:] - b[:2] + more
        return ratio(*(np.prod(side) for side in sides))

    return of_two


MISTAKES = {
    "integral_image": [
        (
            lambda image: image.cumsum(axis=1),
            "You summed along the rows only: sum the result down the columns too.",
        ),
        (
            lambda image: image.cumsum(axis=0),
            "You summed down the columns only: sum the result along the rows too.",
        ),
        (
            lambda image: image.cumsum().reshape(image.shape),
            "You summed pixel after pixel over the whole image: only pixels above and to the left of a place count.",
        ),
        (
            lambda image: image.cumsum(0, dtype=image.dtype).cumsum(1, dtype=image.dtype),
            "Your sums are of the image's own type and wrap around, an 8-bit one at 256: use a table of int64.",
        ),
        (
            lambda image: np.pad(image.cumsum(0).cumsum(1), ((1, 0), (1, 0)))[:-1, :-1],
            "You left out the pixel's own row and column: the sum at (y, x) includes pixel (y, x).",
        ),
        (
            _counted_twice,
            "You added the sum above and the sum to the left: what lies in both was counted twice, subtract it once.",
        ),
    ],
    "haar_2x": [
        (
            lambda table, y, x, height, width: -haar_2x(table, y, x, height, width),
            "The sign is the other way round: here, as in scikit-image, the right box is added, the left subtracted.",
        ),
        (
            _haar_by(
                lambda s, y0, x0, y1, x1: s[y1 - 1, x1 - 1] - s[y0 - 1, x1 - 1] - s[y1 - 1, x0 - 1] + s[y0 - 1, x0 - 1]
            ),
            "At the upper or left border you looked up row or column -1, which in NumPy is the last one: take 0 there.",
        ),
        (
            _haar_by(lambda s, y0, x0, y1, x1: (t := np.pad(s, ((1, 0), (1, 0))))[y1, x1] - t[y0, x1] - t[y1, x0]),
            "You did not add the upper left corner again: it was subtracted twice, with the strip above and the one "
            "to the left.",
        ),
        (
            _haar_by(lambda s, y0, x0, y1, x1: s[y1, x1] - s[y0, x1] - s[y1, x0] + s[y0, x0]),
            "You looked one pixel too far down and right: S[y, x] includes pixel (y, x), and the last pixel of a box "
            "is (y1 - 1, x1 - 1).",
        ),
        (
            lambda table, y, x, height, width: haar_2x(table, y, x, height, width // 2),
            "You took `width` for both boxes together: it is the width of one of them.",
        ),
        (
            lambda table, y, x, height, width: haar_2x(table.T, x, y, width, height),
            "You compared the lower box with the upper one (type-2-y): here the boxes lie side by side.",
        ),
    ],
    "stump": [
        (
            lambda values, labels, weights: _best(
                values, labels, weights, _middles(values), error=lambda wrong, _: wrong.mean()
            ),
            "You counted the errors: each costs its weight, which makes a stump look at the hard cases.",
        ),
        (
            lambda values, labels, weights: _best(values, labels, weights, _middles(values), polarities=(1,)),
            "You tried one direction only: a lesion may also lie below the threshold (polarity -1).",
        ),
        (
            _at_value,
            "Your threshold is one of the values: take the middle between it and the next larger one.",
        ),
        (
            lambda values, labels, weights: _best(values, labels, weights, (values[:-1] + values[1:]) / 2),
            "You took the middles of neighbours as they came: sort the values first (np.unique does it).",
        ),
    ],
    "reweight": [
        (
            lambda weights, right: (_vote(weights, right), np.where(right, 1, np.exp(_vote(weights, right))) * weights),
            "Your new weights do not sum to 1: divide them by their sum.",
        ),
        (
            lambda weights, right: (
                _vote(weights, right),
                _reweighted(weights, np.where(right, np.exp(_vote(weights, right)), 1)),
            ),
            "You gave more weight to what was right: the next stump is to look at what this one got wrong.",
        ),
        (
            lambda weights, right: (
                _vote(np.full(len(right), 1 / len(right)), right),
                _reweighted(weights, np.where(right, 1, right.sum() / (~right).sum())),
            ),
            "Your error is the share of the cases: it is the share of the weight that was wrong.",
        ),
        (
            lambda weights, right: (_vote(weights, right) / 2, reweight(weights, right)[1]),
            "Your weights are right, the vote is half of what is asked: some books write ½ log and let it act on right "
            "and wrong cases alike; here it is the whole logarithm.",
        ),
        (
            lambda weights, right: (
                _vote(weights, right) / 2,
                _reweighted(weights, np.where(right, 1, np.exp(_vote(weights, right) / 2))),
            ),
            "You took half the logarithm: the wrong cases get too little weight (they are to hold one half).",
        ),
    ],
    "box_iou": [
        (
            _iou_by(lambda both, a, b: both / (a + b - both), least=-np.inf),
            "You did not stop at 0: boxes apart in y and in x have two negative sides, whose product is positive.",
        ),
        (
            _iou_by(lambda both, a, b: both / (a + b - both), more=1),
            "You added 1 to the sides: boxes are half open, a side is y1 - y0.",
        ),
        (
            _iou_by(lambda both, a, b: 2 * both / (a + b)),
            "This is Dice: IoU divides the overlap by the union, the sum of both sizes less the overlap.",
        ),
        (
            _iou_by(lambda both, a, b: both / (a + b)),
            "You counted the overlap twice in the union: subtract it once from the sum of the sizes.",
        ),
        (
            _iou_by(lambda both, a, b: both / min(a, b)),
            "You divided by the smaller box: a small box inside a large one would count as the same.",
        ),
    ],
}
