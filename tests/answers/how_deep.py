"""Answers to exercise 10 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "count_weights": """
def count_weights(channels):
    return sum((9 * a + 1) * b for a, b in channels)
""",
    "multiply_adds": """
import math
def multiply_adds(shape, before, after, kernel, stride):
    rows, columns = math.ceil(shape[0] / stride), math.ceil(shape[1] / stride)
    return kernel**2 * rows * columns * before * after
""",
    "he_deviation": """
import math
def he_deviation(shape):
    return math.sqrt(2 / (np.prod(shape) / shape[0]))
""",
    "residual_block": """
def residual_block(x, f):
    y = np.array(f(x), dtype=float)
    for channel in range(len(x)):
        y[channel] = y[channel] + x[channel]
    return y
""",
    "batch_norm": """
def batch_norm(x, mean, variance, training):
    y = np.empty(x.shape)
    mean, variance = mean.copy(), variance.copy()
    for c in range(x.shape[1]):
        m, s2 = mean[c], variance[c]
        if training:
            v = x[:, c].ravel()
            m, s2 = v.mean(), v.var()
            mean[c] += 0.1 * (m - mean[c])
            variance[c] += 0.1 * (s2 * len(v) / (len(v) - 1) - variance[c])
        y[:, c] = (x[:, c] - m) / (s2 + 1e-5) ** 0.5
    return y, mean, variance
""",
}

WRITTEN_BY_STUDENTS = {
    "count_weights": [
        (
            "def count_weights(channels):\n    return 9 * sum(a * b for a, b in channels)",
            "likely cause: You left out the biases",
        ),
        (
            "def count_weights(channels):\n    return sum(3 * 3 * b + b for a, b in channels)",
            "likely cause: You counted one kernel for each output channel",
        ),
        (
            """
def count_weights(channels):
    for a, b in channels:
        total = 9 * a * b + b
    return total
""",
            "case 2 of 3 differs",
        ),
    ],
    "multiply_adds": [
        (
            """
def multiply_adds(shape, before, after, kernel, stride):
    return shape[0] * shape[1] * kernel * kernel * before * after
""",
            "likely cause: You counted the pixels before the layer",
        ),
        (
            """
def multiply_adds(shape, before, after, kernel, stride):
    h, w = ((n + 2 * (kernel // 2) - kernel) // stride + 1 for n in shape)
    return 2 * h * w * kernel**2 * before * after
""",
            "likely cause: You counted multiplications and additions apart",
        ),
        (
            """
def multiply_adds(shape, before, after, kernel, stride):
    h, w = ((n - kernel) // stride + 1 for n in shape)
    return h * w * kernel**2 * before * after
""",
            "expected 288, got 72",
        ),
    ],
    "he_deviation": [
        (
            "def he_deviation(shape):\n    return np.sqrt(2 / (shape[0] * shape[2] * shape[3]))",
            "likely cause: You counted what leaves the layer (fan-out)",
        ),
        (
            "def he_deviation(shape):\n    return (2 / shape[1]) ** 0.5",
            "likely cause: You counted input channels only",
        ),
        (
            "def he_deviation(shape):\n    return np.random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)",
            "expected a single number, not an array (0.333333), got an array of shape (64, 2, 3, 3)",
        ),
    ],
    "residual_block": [
        (
            """
def residual_block(x, f):
    y = f(x)
    y[: len(x)] += x
    return np.where(y > 0, y, 0)
""",
            "likely cause: You put a ReLU behind the sum",
        ),
        (
            """
def residual_block(x, f):
    y = f(x)
    extra = len(y) - len(x)
    return np.pad(x, ((extra, 0), (0, 0), (0, 0))) + y
""",
            "likely cause: The zeros stand before the channels of x",
        ),
        (
            "def residual_block(x, f):\n    return x + f(x)",
            "operands could not be broadcast together",
        ),
        (
            """
def residual_block(x, f):
    y = f(x)
    x += y[: len(x)]
    return np.concatenate([x, y[len(x) :]])
""",
            "it changed its input: work on a copy",
        ),
    ],
    "batch_norm": [
        (
            """
def batch_norm(x, mean, variance, training):
    m, v = x.mean((0, 2, 3)), x.var((0, 2, 3))
    if training:
        mean = 0.9 * mean + 0.1 * m
        variance = 0.9 * variance + 0.1 * x.var((0, 2, 3), ddof=1)
    return (x - m.reshape(-1, 1, 1)) / np.sqrt(v.reshape(-1, 1, 1) + 1e-5), mean, variance
""",
            "likely cause: You used the batch's own mean and variance in evaluation",
        ),
        (
            """
def batch_norm(x, mean, variance, training):
    m, v = mean, variance
    if training:
        m, v = x.mean((0, 2, 3)), x.var((0, 2, 3))
        mean, variance = 0.9 * mean + 0.1 * m, 0.9 * variance + 0.1 * v
    return (x - m.reshape(-1, 1, 1)) / np.sqrt(v.reshape(-1, 1, 1) + 1e-5), mean, variance
""",
            "likely cause: You divided by n for the running variance",
        ),
        (
            """
def batch_norm(x, mean, variance, training):
    m, v = mean, variance
    if training:
        m, v = x.mean((0, 2, 3)), x.var((0, 2, 3))
        mean, variance = 0.9 * mean + 0.1 * m, 0.9 * variance + 0.1 * x.var((0, 2, 3), ddof=1)
    return (x - m.reshape(-1, 1, 1)) / (np.sqrt(v.reshape(-1, 1, 1)) + 1e-5), mean, variance
""",
            "case 1 of 3 differs",
        ),
        (
            """
def batch_norm(x, mean, variance, training):
    m, v = (x.mean((0, 2, 3)), x.var((0, 2, 3))) if training else (mean, variance)
    return (x - m) / np.sqrt(v + 1e-5), mean, variance
""",
            "operands could not be broadcast together",
        ),
    ],
}

CAUGHT_BY_HIDDEN_CASES = [
    (
        "he_deviation",  # a dense layer has no kernel
        """
def he_deviation(shape):
    return np.sqrt(2 / (shape[1] * shape[2] * shape[3]))
""",
    ),
    (
        "residual_block",  # the channels are at most doubled
        """
def residual_block(x, f):
    y = f(x)
    both = np.concatenate([x, 0 * x])
    return both[: len(y)] + y
""",
    ),
    (
        "batch_norm",  # the last axes happen to be no channels as long as no sides are equal
        """
def batch_norm(x, mean, variance, training):
    axes = tuple(axis for axis in range(4) if x.shape[axis] != len(mean))
    m, s2 = mean, variance
    if training:
        m, s2 = x.mean(axis=axes), x.var(axis=axes)
        mean, variance = 0.9 * mean + 0.1 * m, 0.9 * variance + 0.1 * x.var(axis=axes, ddof=1)
    return (x - m.reshape(-1, 1, 1)) / np.sqrt(s2.reshape(-1, 1, 1) + 1e-5), mean, variance
""",
    ),
]
