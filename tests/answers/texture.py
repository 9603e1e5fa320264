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

WRONG_IN_ANOTHER_WAY = [
    (
        "cooccurrence",
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
        "mean_hue",
        "def mean_hue(hue, saturation):\n    return np.average(hue, weights=saturation)",
        "likely cause: You took the plain mean of an angle: of 0.95 and 0.05",
    ),
    (
        "mean_hue",
        """
def mean_hue(hue, saturation):
    a = 2 * np.pi * hue
    s, c = np.sum(saturation * np.sin(a)), np.sum(saturation * np.cos(a))
    return np.arctan(s / c) / (2 * np.pi)  # right for half of the circle
""",
        "case 2 of 3 differs",
    ),
    (
        "sphericity",
        """
def sphericity(volume, surface):
    r = np.sqrt(surface / (4 * np.pi))  # the ball of the same surface
    return volume / (4 / 3 * np.pi * r**3)
""",
        "case 2 of 4 differs",
    ),
]

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
