"""Answers to exercise 03 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "gradient_magnitude": """
def gradient_magnitude(image, spacing):
    squares = np.zeros(image.shape)
    for axis, mm in enumerate(spacing):
        squares += (np.gradient(image.astype(np.float64), axis=axis) / mm) ** 2
    return squares**0.5
""",
    "otsu": """
def otsu(image):
    counts, edges = np.histogram(image.ravel(), bins=256)
    centers = edges[:-1] + np.diff(edges) / 2
    p = counts / image.size
    def within(k):  # the smallest variance within is the largest between
        dark, bright = slice(None, k + 1), slice(k + 1, None)
        mean = [np.average(centers[part], weights=p[part]) for part in (dark, bright)]
        return sum((p[part] * (centers[part] - m) ** 2).sum() for part, m in zip((dark, bright), mean))
    variances = [within(k) for k in range(255)]
    return centers[254 - np.argmin(variances[::-1])]  # of equals the last
""",
    "grow": """
def grow(image, seed, low, high):
    allowed = np.logical_and(image >= low, image <= high)
    region = np.zeros_like(allowed)
    region[seed] = allowed[seed]
    while True:
        wider = region.copy()
        wider[1:] |= region[:-1]
        wider[:-1] |= region[1:]
        wider[:, 1:] |= region[:, :-1]
        wider[:, :-1] |= region[:, 1:]
        wider &= allowed
        if (wider == region).all():
            return region
        region = wider
""",
    "dice": """
def dice(a, b):
    both, either = np.sum(a & b), np.sum(a | b)
    if either == 0:
        return 1
    return 2 * both / (both + either)
""",
    "equivalent_diameter": """
import math
def equivalent_diameter(mask, spacing):
    return math.cbrt(6 * np.count_nonzero(mask) * math.prod(spacing) / math.pi)
""",
}

WRONG_IN_ANOTHER_WAY = [
    (
        "otsu",
        """
def otsu(image):
    counts, edges = np.histogram(image, bins=256)
    mids = 0.5 * (edges[1:] + edges[:-1])
    best, where = 0, 0
    for k in range(255):
        m0 = np.average(mids[: k + 1], weights=counts[: k + 1])
        m1 = np.average(mids[k + 1 :], weights=counts[k + 1 :])
        if (m1 - m0) ** 2 > best:
            best, where = (m1 - m0) ** 2, k
    return mids[where]
""",
        "likely cause: You left out the weights",
    ),
    (
        "dice",
        """
def dice(a, b):
    union = np.logical_or(a, b).sum()
    return np.logical_and(a, b).sum() / union if union else 1.0
""",
        "likely cause: This is the IoU",
    ),
]

CAUGHT_BY_HIDDEN_CASES = [
    (
        "gradient_magnitude",  # 2-D only
        """
def gradient_magnitude(image, spacing):
    gy, gx = np.gradient(image.astype(float), *spacing)
    return np.hypot(gy, gx)
""",
    ),
    (
        "grow",  # a seed outside the range is taken in
        """
def grow(image, seed, low, high):
    out = np.zeros(image.shape, bool)
    out[seed] = True
    todo = [seed]
    while todo:
        y, x = todo.pop()
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            inside = 0 <= v < image.shape[0] and 0 <= u < image.shape[1]
            if inside and not out[v, u] and low <= image[v, u] <= high:
                out[v, u] = True
                todo.append((v, u))
    return out
""",
    ),
    (
        "dice",  # 1 as soon as the first mask is empty
        """
def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum()) if a.any() else 1.0
""",
    ),
]
