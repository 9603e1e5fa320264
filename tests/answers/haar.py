"""Answers to exercise 04 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "integral_image": """
def integral_image(image):
    table = np.zeros((image.shape[0] + 1, image.shape[1] + 1), np.int64 if image.dtype.kind in "iu" else float)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            table[y + 1, x + 1] = image[y, x] + table[y, x + 1] + table[y + 1, x] - table[y, x]
    return table[1:, 1:]
""",
    "haar_2x": """
def haar_2x(table, y, x, height, width):
    bottom, columns = y + height - 1, [x - 1, x + width - 1, x + 2 * width - 1]
    at = [0 if c < 0 else table[bottom, c] - (table[y - 1, c] if y else 0) for c in columns]
    return at[2] - 2 * at[1] + at[0]
""",
    "stump": """
def stump(values, labels, weights):
    order = np.argsort(values, kind="stable")
    v, signed = values[order], np.where(labels, weights, -weights)[order]
    above = weights[~labels].sum() + np.cumsum(signed)  # lesions up to here are wrong, the others no more
    below = weights.sum() - above
    cuts = np.flatnonzero(v[1:] > v[:-1])
    k, j = cuts[np.argmin(above[cuts])], cuts[np.argmin(below[cuts])]
    if above[k] <= below[j]:
        return 0.5 * (v[k] + v[k + 1]), 1, above[k]
    return 0.5 * (v[j] + v[j + 1]), -1, below[j]
""",
    "reweight": """
def reweight(weights, right):
    error = sum(w for w, ok in zip(weights, right) if not ok)
    beta = error / (1 - error)
    new = [w * (beta if ok else 1) for w, ok in zip(weights, right)]  # as Viola and Jones write it
    return -np.log(beta), np.array(new) / sum(new)
""",
    "box_iou": """
def box_iou(a, b):
    def pixels(box):
        return {(y, x) for y in range(box[0], box[2]) for x in range(box[1], box[3])}
    return len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b))
""",
}

WRONG_IN_ANOTHER_WAY = [
    (
        "haar_2x",
        """
def haar_2x(table, y, x, height, width):
    def box(top, left, bottom, right):
        return table[bottom, right] - table[top - 1, right] - table[bottom, left - 1] + table[top - 1, left - 1]
    end = y + height - 1
    return box(y, x + width, end, x + 2 * width - 1) - box(y, x, end, x + width - 1)
""",
        "likely cause: At the upper or left border you looked up row or column -1",
    ),
    (
        "haar_2x",
        """
def haar_2x(table, y, x, height, width):
    left = table[y : y + height, x : x + width].sum()  # takes the table for the image
    return table[y : y + height, x + width : x + 2 * width].sum() - left
""",
        "expected 2, got 6",
    ),
    (
        "stump",
        """
def stump(values, labels, weights):
    best = (None, None, 1.0)
    for t in np.unique(values):
        for polarity in (1, -1):
            says = polarity * values > polarity * t
            error = weights[says != labels].sum()
            if error < best[2]:
                best = (t, polarity, error)
    return best
""",
        "expected [6, 1, 0], got [5, 1, 0]",
    ),
    (
        "reweight",
        """
def reweight(weights, right):
    error = np.sum(weights[right == False])
    alpha = 0.5 * np.log((1 - error) / error)
    new = weights * np.exp(np.where(right, -alpha, alpha))
    return alpha, new / np.sum(new)
""",
        "likely cause: Your weights are right, the vote is half of what is asked",
    ),
    (
        "box_iou",
        """
def box_iou(a, b):
    y0, x0, h, w = a  # takes the far corner for a size
    v0, u0, g, s = b
    inter = max(0, min(y0 + h, v0 + g) - max(y0, v0)) * max(0, min(x0 + w, u0 + s) - max(x0, u0))
    return inter / (h * w + g * s - inter)
""",
        "case 1 of 5 differs",
    ),
]

CAUGHT_BY_HIDDEN_CASES = [
    (
        "integral_image",  # fractions are cut off
        """
def integral_image(image):
    return image.astype(np.int64).cumsum(0).cumsum(1)
""",
    ),
    (
        "reweight",  # a stump worse than a coin is to vote against itself
        """
def reweight(weights, right):
    error = weights[~right].sum()
    vote = abs(np.log((1 - error) / error))
    new = weights * np.where(right, 1, np.exp(vote))
    return vote, new / new.sum()
""",
    ),
]
