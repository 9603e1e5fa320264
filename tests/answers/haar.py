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

WRITTEN_BY_STUDENTS = {
    "integral_image": [
        (
            """
def integral_image(image):
    table = np.zeros_like(image)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            table[y, x] = image[: y + 1, : x + 1].sum()
    return table
""",
            "likely cause: Your sums are of the image's own type",
        ),
        (
            """
def integral_image(image):
    table = np.zeros(image.shape, int)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            table[y, x] = image[y, x]
            if y > 0:
                table[y, x] += table[y - 1, x]
            if x > 0:
                table[y, x] += table[y, x - 1]
    return table
""",
            "likely cause: You added the sum above and the sum to the left",
        ),
        (
            """
def integral_image(image):
    table = np.zeros(image.shape)
    for y, x in np.ndindex(image.shape):
        table[y, x] = image[: y + 1, : x + 1].sum()
    return table
""",
            "expected whole numbers (int64), got float64",
        ),
        (
            """
def integral_image(image):
    return np.pad(np.cumsum(np.cumsum(image, 0), 1), ((1, 0), (1, 0)))
""",
            "expected an array of shape (2, 3), got an array of shape (3, 4)",
        ),
    ],
    "haar_2x": [
        (
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
            """
def haar_2x(table, y, x, height, width):
    t = np.pad(table, ((1, 0), (1, 0)))
    a, b, c = (t[y + height, u] - t[y, u] for u in (x, x + width, x + 2 * width))
    return (b - a) - (c - b)
""",
            "likely cause: The sign is the other way round",
        ),
        (
            """
def haar_2x(table, y, x, height, width):
    def box(y0, x0, y1, x1):
        return table[y1, x1] + table[y0, x0] - table[y0, x1] - table[y1, x0]
    left = box(y, x, y + height, x + width)
    return box(y, x + width, y + height, x + 2 * width) - left
""",
            "it raised IndexError: index 2 is out of bounds for axis 0 with size 2",
        ),
        (
            """
def haar_2x(table, y, x, height, width):
    left = table[y : y + height, x : x + width].sum()  # takes the table for the image
    return table[y : y + height, x + width : x + 2 * width].sum() - left
""",
            "expected 2, got 6",
        ),
    ],
    "stump": [
        (
            """
def stump(values, labels, weights):
    best = (0, 1, 2.0)
    v = np.sort(np.unique(values))
    for i in range(len(v) - 1):
        t = (v[i] + v[i + 1]) / 2
        error = weights[(values > t) != labels].sum()
        if error < best[2]:
            best = (t, 1, error)
    return best
""",
            "likely cause: You tried one direction only",
        ),
        (
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
            """
def stump(values, labels, weights):
    v = np.unique(values)
    tried = []
    for t in (v[1:] + v[:-1]) / 2:
        for polarity, says in ((1, values > t), (-1, values < t)):
            tried.append((np.mean(says != labels), t, polarity))
    error, t, polarity = min(tried, key=lambda found: found[0])
    return t, polarity, error
""",
            "likely cause: You counted the errors",
        ),
        (
            """
def stump(values, labels, weights):
    v = np.unique(values)
    tried = [(weights[(values > t) != labels].sum(), t) for t in (v[1:] + v[:-1]) / 2]
    return min(tried)
""",
            "expected an array of shape (3,), got an array of shape (2,)",
        ),
    ],
    "reweight": [
        (
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
            """
def reweight(weights, right):
    error = np.sum(~right) / len(right)
    vote = np.log((1 - error) / error)
    new = weights.copy()
    new[~right] *= np.exp(vote)
    return vote, new / new.sum()
""",
            "likely cause: Your error is the share of the cases",
        ),
        (
            """
def reweight(weights, right):
    error = weights[~right].sum()
    vote = np.log((1 - error) / error)
    weights[~right] *= np.exp(vote)
    return vote, weights / weights.sum()
""",
            "it changed its input: work on a copy",
        ),
        (
            """
def reweight(weights, right):
    error = weights[~right].sum()
    new = weights * np.where(right, 1, (1 - error) / error)
    return new / new.sum()
""",
            "expected 2 values to be returned, got one ndarray",
        ),
    ],
    "box_iou": [
        (
            """
def box_iou(a, b):
    h = min(a[2], b[2]) - max(a[0], b[0]) + 1
    w = min(a[3], b[3]) - max(a[1], b[1]) + 1
    inter = max(h, 0) * max(w, 0)
    def area(c):
        return (c[2] - c[0] + 1) * (c[3] - c[1] + 1)
    return inter / (area(a) + area(b) - inter)
""",
            "likely cause: You added 1 to the sides",
        ),
        (
            """
def box_iou(a, b):
    inter = (min(a[2], b[2]) - max(a[0], b[0])) * (min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return inter / union
""",
            "likely cause: You did not stop at 0",
        ),
        (
            """
def box_iou(a, b):
    y0, x0, h, w = a  # takes the far corner for a size
    v0, u0, g, s = b
    inter = max(0, min(y0 + h, v0 + g) - max(y0, v0)) * max(0, min(x0 + w, u0 + s) - max(x0, u0))
    return inter / (h * w + g * s - inter)
""",
            "case 1 of 5 differs",
        ),
    ],
}

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
