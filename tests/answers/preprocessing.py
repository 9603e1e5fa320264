"""Answers to exercise 02 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "window": """
def window(hu, center, width):
    low = center - width / 2
    return np.minimum(np.maximum((np.float32(hu) - low) / width, 0), 1)
""",
    "psnr": """
def psnr(reference, image, data_range):
    rms = np.sqrt(np.mean(np.subtract(reference, image, dtype=float) ** 2))
    return 20 * np.log10(data_range / rms)  # 1 / 0 is infinite in NumPy
""",
    "median3": """
def median3(image):
    h, w = image.shape
    out = []
    for y in range(h):
        rows = [max(y - 1, 0), y, min(y + 1, h - 1)]
        for x in range(w):
            columns = [max(x - 1, 0), x, min(x + 1, w - 1)]
            out.append(sorted(image[r, c] for r in rows for c in columns)[4])
    return np.array(out).reshape(h, w)
""",
    "standardize": """
def standardize(train, val):
    mean = np.sum(train) / train.size
    variance = np.mean((train - mean) ** 2)
    return np.array([(image - mean) / np.sqrt(variance) for image in val]).reshape(val.shape)
""",
    "flip_boxes": """
def flip_boxes(boxes, width):
    y0, x0, y1, x1 = boxes.T
    return np.column_stack([y0, width - x1, y1, width - x0])
""",
}

WRITTEN_BY_STUDENTS = {
    "window": [
        (
            """
def window(hu, center, width):
    low, high = center - width / 2, center + width / 2
    return (hu - low) / (high - low)
""",
            "likely cause: You did not clip",
        ),
        (
            """
def window(hu, center, width):
    low, high = center - width // 2, center + width // 2
    out = np.copy(hu)
    out[out < low] = low
    out[out > high] = high
    return (out - low) / (high - low) * 255
""",
            "expected [0, 0, 0.5, 1, 1], got [0, 0, 127.5, 255, 255]",
        ),
        (
            """
def window(hu, center, width):
    g = (hu - center) / width + 0.5
    np.clip(g, 0, 1)
    return np.maximum(0, np.minimum(1, g))
""",
            "likely cause: You subtracted in 16-bit integers",
        ),
        ("def window(hu, center, width):\n    g = (hu - center) / width\n    g.clip(0, 1)", "forget `return`?"),
    ],
    "psnr": [
        (
            """
import math
def psnr(reference, image, data_range):
    mse = ((reference.astype(float) - image.astype(float)) ** 2).mean()
    if mse == 0:
        return math.inf
    return 10 * math.log10(reference.max() ** 2 / mse)
""",
            "likely cause: You took the brightest pixel for the range",
        ),
        (
            """
def psnr(reference, image, data_range):
    error = ((reference - image) ** 2).sum() / reference.size
    return 10 * np.log10(data_range**2 / error)
""",
            "likely cause: You subtracted or squared in small integers",
        ),
        (
            """
import math
def psnr(reference, image, data_range):
    mse = float(((reference.astype(float) - image) ** 2).mean())
    return 10 * math.log10(data_range**2 / mse)
""",
            "it raised ZeroDivisionError: float division by zero",
        ),
    ],
    "median3": [
        (
            """
def median3(image):
    h, w = image.shape
    out = np.zeros((h, w))
    for y in range(h):
        for x in range(w):
            values = []
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    inside = 0 <= y + dy < h and 0 <= x + dx < w
                    values.append(image[y + dy, x + dx] if inside else 0)
            out[y, x] = sorted(values)[4]
    return out
""",
            "likely cause: You padded with zeros",
        ),
        (
            """
def median3(image):
    out = image.copy()
    for y in range(1, image.shape[0] - 1):
        for x in range(1, image.shape[1] - 1):
            out[y, x] = np.median(image[y - 1 : y + 2, x - 1 : x + 2])
    return out
""",
            "likely cause: You left the outermost pixels unfiltered",
        ),
        (
            """
def median3(image):
    p = np.pad(image, 1, mode="edge")
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            image[y, x] = np.median(p[y : y + 3, x : x + 3])
    return image
""",
            "it changed its input: work on a copy",
        ),
    ],
    "standardize": [
        (
            """
def standardize(train, val):
    mean, sd = np.mean(val), np.std(val)
    return (val - mean) / sd
""",
            "likely cause: You used the validation images' own mean and deviation",
        ),
        (
            """
def standardize(train, val):
    everything = np.concatenate([train.ravel(), val.ravel()])
    return (val - np.mean(everything)) / np.std(everything)
""",
            "likely cause: You took the mean and deviation of both parts together",
        ),
        (
            "def standardize(train, val):\n    return (train - train.mean()) / train.std()",
            "expected an array of shape (2, 32, 32), got an array of shape (4, 32, 32)",
        ),
    ],
    "flip_boxes": [
        (
            """
def flip_boxes(boxes, width):
    out = []
    for y0, x0, y1, x1 in boxes:
        out.append([y0, width - 1 - x1, y1, width - 1 - x0])
    return np.array(out)
""",
            "likely cause: You are one pixel off",
        ),
        (
            """
def flip_boxes(boxes, width):
    b = boxes.copy()
    b[:, 1::2] = width - b[:, 1::2]
    return b
""",
            "likely cause: You did not swap the sides",
        ),
        (
            """
def flip_boxes(boxes, width):
    b = boxes.copy()
    b[:, 1] = width - b[:, 3]
    b[:, 3] = width - b[:, 1]  # reads what the line above wrote
    return b
""",
            "likely cause: You read x0 after writing over it",
        ),
    ],
}

CAUGHT_BY_HIDDEN_CASES = [
    (
        "flip_boxes",  # no boxes at all: an array of shape (0,)
        """
def flip_boxes(boxes, width):
    return np.array([[y0, width - x1, y1, width - x0] for y0, x0, y1, x1 in boxes])
""",
    ),
]
