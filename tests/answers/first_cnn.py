"""Answers to exercise 09 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "softmax": """
def softmax(logits):
    rows = []
    for z in logits:
        e = np.exp(z - max(z))
        rows.append(e / sum(e))
    return rows
""",
    "cross_entropy": """
from scipy.special import logsumexp
def cross_entropy(logits, labels):
    total = 0
    for z, c in zip(logits, labels):
        total += logsumexp(z) - z[c]
    return total / len(labels)
""",
    "sgd_step": """
def sgd_step(weights, gradient, velocity, rate, momentum, decay):
    direction = gradient + decay * weights
    return weights - rate * (direction + momentum * velocity), momentum * velocity + direction
""",
    "average_weights": """
def average_weights(history, decay):
    if len(history) == 1:
        return history[0]
    return decay * average_weights(history[:-1], decay) + (1 - decay) * history[-1]
""",
    "count_parameters": """
def count_parameters(side, channels, classes):
    kernels, biases = [], list(channels[1:]) + [classes]
    for i in range(1, len(channels)):
        kernels.append(channels[i - 1] * channels[i] * 9)
        side = side // 2 - 1  # (n - 2) // 2
    return sum(kernels) + sum(biases) + side**2 * channels[-1] * classes
""",
    "best_epoch": """
def best_epoch(train, val):
    best, at = float("inf"), None
    for epoch, loss in enumerate(val, start=1):
        if loss < best:  # never true for NaN
            best, at = loss, epoch
    return at
""",
}

WRONG_IN_ANOTHER_WAY = [
    (
        "cross_entropy",
        """
def cross_entropy(logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return np.mean([-np.log(p[i, c]) for i, c in enumerate(labels)])
""",
        "likely cause: A very small probability is rounded to 0",
    ),
    (
        "cross_entropy",
        """
from scipy.special import log_softmax
def cross_entropy(logits, labels):
    return -log_softmax(logits, axis=1)[:, labels].mean()  # every image with every label
""",
        "case 1 of 3 differs",
    ),
    (
        "average_weights",
        """
def average_weights(history, decay):
    a = history[0]
    for w in history[1:]:
        a = (1 - decay) * a + decay * w
    return a
""",
        "likely cause: You swapped decay and 1 - decay",
    ),
    (
        "best_epoch",
        "def best_epoch(train, val):\n    return int(np.argmin(val)) + 1",
        "likely cause: An epoch whose loss is NaN won",
    ),
    (
        "best_epoch",
        """
def best_epoch(train, val):
    for i in range(1, len(val)):
        if val[i] > val[i - 1]:  # the first time it rises
            return i
    return len(val)
""",
        "case 2 of 3 differs",
    ),
]

CAUGHT_BY_HIDDEN_CASES = [
    (
        "softmax",  # one number for all images
        """
def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum(axis=1, keepdims=True)
""",
    ),
    (
        "best_epoch",  # no loss is taken to be above 1, and the last of equals wins
        """
def best_epoch(train, val):
    best = 1
    for i in range(len(val)):
        if val[i] <= best:
            best, at = val[i], i + 1
    return at
""",
    ),
]
