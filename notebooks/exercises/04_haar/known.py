"""Exercise 04: the functions that yours are compared with, and the mistakes that the checks recognise."""

import numpy as np

MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


def _counted_twice(image: np.ndarray) -> np.ndarray:
    table = np.zeros(np.add(image.shape, 1), np.int64 if image.dtype.kind in "iu" else float)
    for y, x in np.ndindex(image.shape):
        table[y + 1, x + 1] = image[y, x] + table[y, x + 1] + table[y + 1, x]
    return table[1:, 1:]


MISTAKES["integral_image"] = {
    "You summed along the rows only: sum the result down the columns too.": lambda image: image.cumsum(axis=1),
    "You summed down the columns only: sum the result along the rows too.": lambda image: image.cumsum(axis=0),
    "You summed pixel after pixel over the whole image: only pixels above and to the left of a place count.": (
        lambda image: image.cumsum().reshape(image.shape)
    ),
    "Your sums are of the image's own type and wrap around, an 8-bit one at 256: use a table of int64.": (
        lambda image: image.cumsum(0, dtype=image.dtype).cumsum(1, dtype=image.dtype)
    ),
    "You left out the pixel's own row and column: the sum at (y, x) includes pixel (y, x).": (
        lambda image: np.pad(image.cumsum(0).cumsum(1), ((1, 0), (1, 0)))[:-1, :-1]
    ),
    "You added the sum above and the sum to the left: what lies in both was counted twice, subtract it "
    "once.": _counted_twice,
}


def haar_2x(table: np.ndarray, y: int, x: int, height: int, width: int) -> float:
    """Two boxes side by side, the right one less the left one, from the integral image of a picture.

    The slow way, by what it means: undo the sums, then add up the pixels of each box.
    """
    image = np.diff(np.diff(table, axis=0, prepend=0), axis=1, prepend=0)
    left, right = image[y : y + height, x : x + width], image[y : y + height, x + width : x + 2 * width]
    return right.sum() - left.sum()


def _corner_at_minus_one(table, y, x, height, width):
    def box(y0, x0, y1, x1):
        return table[y1 - 1, x1 - 1] - table[y0 - 1, x1 - 1] - table[y1 - 1, x0 - 1] + table[y0 - 1, x0 - 1]

    return box(y, x + width, y + height, x + 2 * width) - box(y, x, y + height, x + width)


def _corner_left_out(table, y, x, height, width):
    padded = np.pad(table, ((1, 0), (1, 0)))

    def box(y0, x0, y1, x1):
        return padded[y1, x1] - padded[y0, x1] - padded[y1, x0]

    return box(y, x + width, y + height, x + 2 * width) - box(y, x, y + height, x + width)


def _one_too_far(table, y, x, height, width):
    def box(y0, x0, y1, x1):
        return table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]

    return box(y, x + width, y + height, x + 2 * width) - box(y, x, y + height, x + width)


MISTAKES["haar_2x"] = {
    "The sign is the other way round: here, as in scikit-image, the right box is added, the left subtracted.": (
        lambda table, y, x, height, width: -haar_2x(table, y, x, height, width)
    ),
    "At the upper or left border you looked up row or column -1, which in NumPy is the last one: take 0 "
    "there.": _corner_at_minus_one,
    "You did not add the upper left corner again: it was subtracted twice, with the strip above and the one "
    "to the left.": _corner_left_out,
    "You looked one pixel too far down and right: S[y, x] includes pixel (y, x), and the last pixel of a box "
    "is (y1 - 1, x1 - 1).": _one_too_far,
    "You took `width` for both boxes together: it is the width of one of them.": (
        lambda table, y, x, height, width: haar_2x(table, y, x, height, width // 2)
    ),
    "You compared the lower box with the upper one (type-2-y): here the boxes lie side by side.": (
        lambda table, y, x, height, width: haar_2x(table.T, x, y, width, height)
    ),
}


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


def stump(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[float, int, float]:
    """Threshold, polarity and weighted error of the best decision stump on one feature, all (N,)."""
    return _best(values, labels, weights, _middles(values))


def _at_value(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[float, int, float]:
    threshold, *rest = stump(values, labels, weights)
    return values[values < threshold].max(), *rest


MISTAKES["stump"] = {
    "You counted the errors: each costs its weight, which makes a stump look at the hard cases.": (
        lambda values, labels, weights: _best(
            values, labels, weights, _middles(values), error=lambda wrong, _: wrong.mean()
        )
    ),
    "You tried one direction only: a lesion may also lie below the threshold (polarity -1).": (
        lambda values, labels, weights: _best(values, labels, weights, _middles(values), polarities=(1,))
    ),
    "Your threshold is one of the values: take the middle between it and the next larger one.": _at_value,
    "You took the middles of neighbours as they came: sort the values first (np.unique does it).": (
        lambda values, labels, weights: _best(values, labels, weights, (values[:-1] + values[1:]) / 2)
    ),
}


def reweight(weights: np.ndarray, right: np.ndarray) -> tuple[float, np.ndarray]:
    """A stump's vote, log((1 - error) / error), and the weights for the next round, (N,).

    By what AdaBoost brings about: afterwards those that it got right and those that it got wrong hold one half each.
    """
    error = weights[~right].sum()
    return np.log((1 - error) / error), np.where(right, weights / (2 - 2 * error), weights / (2 * error))


def _not_divided(weights, right):
    vote, _ = reweight(weights, right)
    return vote, weights * np.where(right, 1, np.exp(vote))


def _more_for_the_right(weights, right):
    vote, _ = reweight(weights, right)
    changed = weights * np.where(right, np.exp(vote), 1)
    return vote, changed / changed.sum()


def _share_of_cases(weights, right):
    error = (~right).mean()
    changed = weights * np.where(right, 1, (1 - error) / error)
    return np.log((1 - error) / error), changed / changed.sum()


def _half_the_logarithm(weights, right):
    half = reweight(weights, right)[0] / 2
    changed = weights * np.where(right, 1, np.exp(half))
    return half, changed / changed.sum()


MISTAKES["reweight"] = {
    "Your new weights do not sum to 1: divide them by their sum.": _not_divided,
    "You gave more weight to what was right: the next stump is to look at what this one got "
    "wrong.": _more_for_the_right,
    "Your error is the share of the cases: it is the share of the weight that was wrong.": _share_of_cases,
    "Your weights are right, the vote is half of what is asked: some books write ½ log and let it act on right "
    "and wrong cases alike; here it is the whole logarithm.": (
        lambda weights, right: (reweight(weights, right)[0] / 2, reweight(weights, right)[1])
    ),
    "You took half the logarithm: the wrong cases get too little weight (they are to hold one "
    "half).": _half_the_logarithm,
}


def box_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two half-open boxes (y0, x0, y1, x1), by painting both."""
    from medlab import metrics

    masks = np.zeros((2, *np.maximum(a, b)[2:]), bool)
    for mask, (y0, x0, y1, x1) in zip(masks, (a, b)):
        mask[y0:y1, x0:x1] = True
    return metrics.iou(*masks)


def _sizes(a, b, *, more=0, least=0):
    """Pixels of the overlap, of a and of b; with `more` on each side, and no side of the overlap below `least`."""
    overlap = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return np.prod(np.maximum(overlap + more, least)), np.prod(a[2:] - a[:2] + more), np.prod(b[2:] - b[:2] + more)


def _overlap_below_zero(a, b):
    both, size_a, size_b = _sizes(a, b, least=-np.inf)
    return both / (size_a + size_b - both)


def _sides_plus_one(a, b):
    both, size_a, size_b = _sizes(a, b, more=1)
    return both / (size_a + size_b - both)


def _dice(a, b):
    both, size_a, size_b = _sizes(a, b)
    return 2 * both / (size_a + size_b)


def _by_the_smaller(a, b):
    both, size_a, size_b = _sizes(a, b)
    return both / min(size_a, size_b)


MISTAKES["box_iou"] = {
    "You did not stop at 0: boxes apart in y and in x have two negative sides, whose product is "
    "positive.": _overlap_below_zero,
    "You added 1 to the sides: boxes are half open, a side is y1 - y0.": _sides_plus_one,
    "This is Dice: IoU divides the overlap by the union, the sum of both sizes less the overlap.": _dice,
    "You counted the overlap twice in the union: subtract it once from the sum of the sizes.": (
        lambda a, b: _dice(a, b) / 2
    ),
    "You divided by the smaller box: a small box inside a large one would count as the same.": _by_the_smaller,
}
