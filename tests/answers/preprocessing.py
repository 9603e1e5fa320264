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

WRONG_IN_ANOTHER_WAY = [
    (
        "window",
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
        "psnr",
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
        "standardize",
        """
def standardize(train, val):
    mean, sd = np.mean(val), np.std(val)
    return (val - mean) / sd
""",
        "likely cause: You used the validation images' own mean and deviation",
    ),
]

CAUGHT_BY_HIDDEN_CASES = [
    (
        "flip_boxes",  # no boxes at all: an array of shape (0,)
        """
def flip_boxes(boxes, width):
    return np.array([[y0, width - x1, y1, width - x0] for y0, x0, y1, x1 in boxes])
""",
    ),
]
