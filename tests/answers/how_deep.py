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

WRONG_IN_ANOTHER_WAY = [
    (
        "count_weights",
        """
def count_weights(channels):
    for a, b in channels:
        total = 9 * a * b + b
    return total
""",
        "case 2 of 3 differs",
    ),
    (
        "multiply_adds",
        """
def multiply_adds(shape, before, after, kernel, stride):
    return shape[0] * shape[1] * kernel * kernel * before * after
""",
        "likely cause: You counted the pixels before the layer",
    ),
    (
        "multiply_adds",
        """
def multiply_adds(shape, before, after, kernel, stride):
    h, w = ((n - kernel) // stride + 1 for n in shape)
    return h * w * kernel**2 * before * after
""",
        "expected 288, got 72",
    ),
    (
        "residual_block",
        """
def residual_block(x, f):
    y = f(x)
    y[: len(x)] += x
    return np.where(y > 0, y, 0)
""",
        "likely cause: You put a ReLU behind the sum",
    ),
    (
        "batch_norm",
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
]

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
