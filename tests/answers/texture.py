"""Answers to exercise 05 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "lbp": """
def lbp(image):
    middle, turned, total = image[1:-1, 1:-1], image, 0
    for quarter in range(4):  # the upper right corner and the right side of the image as it is turned
        right = np.rot90(turned[1:-1, 2:] >= turned[1:-1, 1:-1], quarter)
        corner = np.rot90(turned[:-2, 2:] >= turned[1:-1, 1:-1], quarter)
        total = total + right * 4**quarter + corner * 2 * 4**quarter
        turned = np.rot90(turned, -1)
    return total
""",
    "cooccurrence": """
def cooccurrence(image, levels):
    code = levels * image[:, :-1] + image[:, 1:]
    counts = np.bincount(code.ravel(), minlength=levels**2).reshape(levels, levels)
    p = counts / counts.sum()
    return (p + p.T) / 2
""",
    "haralick": """
def haralick(p):
    n = len(p)
    contrast = sum(d**2 * (np.trace(p, d) + np.trace(p, -d)) for d in range(1, n))
    return [contrast, np.linalg.norm(p)]
""",
    "mean_hue": """
def mean_hue(hue, saturation):
    arrows = np.sum(saturation * np.exp(2j * np.pi * hue))
    turns = np.angle(arrows) / (2 * np.pi)
    return turns + 1 if turns < 0 else turns
""",
    "sphericity": """
def sphericity(volume, surface):
    return np.cbrt(np.pi) * np.cbrt(6 * volume) ** 2 / surface
""",
}

WRITTEN_BY_STUDENTS = {
    "lbp": [
        (
            """
def lbp(image):
    h, w = image.shape
    codes = np.zeros((h - 2, w - 2), int)
    around = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    for y in range(1, h - 1):
        for x in range(1, w - 1):
            for k, (dy, dx) in enumerate(around):
                codes[y - 1, x - 1] |= int(image[y + dy, x + dx] >= image[y, x]) << k
    return codes
""",
            "likely cause: You began at the upper left",
        ),
        (
            """
def lbp(image):
    c = image[1:-1, 1:-1]
    around = [image[1:-1, 2:], image[:-2, 2:], image[:-2, 1:-1], image[:-2, :-2], image[1:-1, :-2], image[2:, :-2],
              image[2:, 1:-1], image[2:, 2:]]
    return sum((n > c) * 2**k for k, n in enumerate(around))
""",
            "likely cause: You asked whether a neighbour is brighter",
        ),
        (
            """
from skimage.feature import local_binary_pattern
def lbp(image):
    return local_binary_pattern(image, 8, 1).astype(int)[1:-1, 1:-1]
""",
            "likely cause: These are the library's codes on a circle",
        ),
        (
            """
from skimage.feature import local_binary_pattern
def lbp(image):
    return local_binary_pattern(image, 8, 1).astype(int)
""",
            "expected an array of shape (1, 1), got an array of shape (3, 3)",
        ),
    ],
    "cooccurrence": [
        (
            """
def cooccurrence(image, levels):
    m = np.zeros((levels, levels))
    h, w = image.shape
    for y in range(h):
        for x in range(w - 1):
            m[image[y, x], image[y, x + 1]] += 1
    return m / m.sum()
""",
            "likely cause: You counted each pair in one order only",
        ),
        (
            """
def cooccurrence(image, levels):
    m = np.zeros((levels, levels))
    a, b = image[:, :-1], image[:, 1:]
    m[a, b] += 1
    m[b, a] += 1
    return m / m.sum()
""",
            "counts a pair that occurs often only once",
        ),
        (
            """
def cooccurrence(image, levels):
    m = np.zeros((levels, levels), int)
    for row in image:
        for i in range(len(row) - 1):
            m[row[i], row[i + 1]] += 1
            m[row[i + 1], row[i]] += 1
    return m
""",
            "likely cause: These are counts",
        ),
        (
            """
def cooccurrence(image, levels):
    n = image.max() + 1
    m = np.zeros((n, n))
    np.add.at(m, (image[:, :-1], image[:, 1:]), 1)
    return (m + m.T) / (m + m.T).sum()
""",
            "expected an array of shape (4, 4), got an array of shape (3, 3)",
        ),
    ],
    "haralick": [
        (
            """
def haralick(p):
    contrast = energy = 0
    for i in range(len(p)):
        for j in range(len(p)):
            contrast += (i - j) ** 2 * p[i, j]
            energy += p[i, j] ** 2
    return contrast, energy
""",
            "likely cause: You left out the square root",
        ),
        (
            """
def haralick(p):
    i = np.arange(len(p))
    return np.sum(np.abs(i[:, None] - i) * p), np.sqrt(np.sum(p**2))
""",
            "likely cause: You did not square the difference",
        ),
        (
            "def haralick(p):\n    i, j = np.indices(p.shape)\n    return ((i - j) ** 2 * p).sum()",
            "expected an array of shape (2,), got a single number",
        ),
    ],
    "mean_hue": [
        (
            "def mean_hue(hue, saturation):\n    return np.average(hue, weights=saturation)",
            "likely cause: You took the plain mean of an angle: of 0.95 and 0.05",
        ),
        (
            """
def mean_hue(hue, saturation):
    a = hue * 2 * np.pi
    return np.arctan2(np.sin(a).mean(), np.cos(a).mean()) / (2 * np.pi) % 1
""",
            "likely cause: You left out the saturation",
        ),
        (
            """
def mean_hue(hue, saturation):
    a = 2 * np.pi * hue
    s, c = np.sum(saturation * np.sin(a)), np.sum(saturation * np.cos(a))
    return np.arctan(s / c) / (2 * np.pi)  # right for half of the circle
""",
            "case 2 of 3 differs",
        ),
    ],
    "sphericity": [
        (
            """
def sphericity(volume, surface):
    r = (volume / (4 / 3 * np.pi)) ** 1 / 3
    return 4 * np.pi * r**2 / surface
""",
            "likely cause: `x ** 1 / 3` is a third of x",
        ),
        (
            """
def sphericity(volume, surface):
    r = np.cbrt(volume * 3 / 4 / np.pi)
    return surface / (4 * np.pi * r * r)
""",
            "likely cause: You divided the wrong way round",
        ),
        (
            """
def sphericity(volume, surface):
    r = np.sqrt(surface / (4 * np.pi))  # the ball of the same surface
    return volume / (4 / 3 * np.pi * r**3)
""",
            "case 2 of 4 differs",
        ),
    ],
}

CAUGHT_BY_HIDDEN_CASES = [
    (
        "lbp",  # greys between whole numbers are cut off
        """
def lbp(image):
    image = image.astype(np.int64)
    steps = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]
    h, w = image.shape
    shifted = [image[1 + y : h - 1 + y, 1 + x : w - 1 + x] for y, x in steps]
    return sum((s >= image[1:-1, 1:-1]) * 2**i for i, s in enumerate(shifted))
""",
    ),
]
