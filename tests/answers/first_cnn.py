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

WRITTEN_BY_STUDENTS = {
    "softmax": [
        (
            """
def softmax(logits):
    e = np.exp(logits)
    return e / e.sum(axis=1)[:, None]
""",
            "likely cause: exp of a large logit is infinite",
        ),
        (
            """
def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum(axis=0)
""",
            "likely cause: You divided by the sum over the images",
        ),
        (
            """
def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum()
""",
            "likely cause: You divided by the sum over the whole table",
        ),
        (
            """
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1))
    return e / e.sum(axis=1)
""",
            "operands could not be broadcast together",
        ),
    ],
    "cross_entropy": [
        (
            """
def cross_entropy(logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return np.mean([-np.log(p[i, c]) for i, c in enumerate(labels)])
""",
            "likely cause: A very small probability is rounded to 0",
        ),
        (
            """
from scipy.special import log_softmax, softmax
def cross_entropy(logits, labels):
    log_p = log_softmax(softmax(logits, axis=1), axis=1)
    return -log_p[np.arange(len(labels)), labels].mean()
""",
            "likely cause: You took softmax twice",
        ),
        (
            """
from scipy.special import log_softmax
def cross_entropy(logits, labels):
    one_hot = np.eye(logits.shape[1])[labels]
    return -np.mean(one_hot * log_softmax(logits, axis=1))
""",
            "likely cause: You divided by the number of classes too",
        ),
        (
            """
from scipy.special import log_softmax
def cross_entropy(logits, labels):
    return -log_softmax(logits, axis=1)[:, labels].mean()  # every image with every label
""",
            "case 1 of 3 differs",
        ),
    ],
    "sgd_step": [
        (
            """
def sgd_step(weights, gradient, velocity, rate, momentum, decay):
    v = momentum * velocity + gradient
    return weights - rate * v, v
""",
            "likely cause: You left out weight decay",
        ),
        (
            """
def sgd_step(weights, gradient, velocity, rate, momentum, decay):
    g = gradient + decay * weights
    v = momentum * velocity + (1 - momentum) * g
    return weights - rate * v, v
""",
            "likely cause: You multiplied the gradient by 1 - momentum",
        ),
        (
            """
def sgd_step(weights, gradient, velocity, rate, momentum, decay):
    velocity *= momentum
    velocity += gradient + decay * weights
    return weights - rate * velocity, velocity
""",
            "it changed its input: work on a copy",
        ),
        (
            """
def sgd_step(weights, gradient, velocity, rate, momentum, decay):
    v = momentum * velocity + gradient + decay * weights
    return weights - rate * v
""",
            "expected 2 values to be returned, got one ndarray",
        ),
    ],
    "average_weights": [
        (
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
            """
def average_weights(history, decay):
    a = np.zeros(history.shape[1])
    for w in history:
        a = decay * a + (1 - decay) * w
    return a
""",
            "likely cause: You began with 0",
        ),
        (
            """
def average_weights(history, decay):
    a = [history[0]]
    for w in history[1:]:
        a.append(decay * a[-1] + (1 - decay) * w)
    return np.array(a)
""",
            "expected an array of shape (2,), got an array of shape (3, 2)",
        ),
    ],
    "count_parameters": [
        (
            """
def count_parameters(side, channels, classes):
    n = 0
    for i in range(len(channels) - 1):
        n += (9 * channels[i] + 1) * channels[i + 1]
        side = side // 2
    return n + (side * side * channels[-1] + 1) * classes
""",
            "likely cause: You took the convolutions to keep the side",
        ),
        (
            """
def count_parameters(side, channels, classes):
    n = 0
    for i in range(len(channels) - 1):
        n += 9 * channels[i] * channels[i + 1]
        side = (side - 2) // 2
    return n + side * side * channels[-1] * classes
""",
            "likely cause: You left out the biases: one for each output channel",
        ),
        (
            """
def count_parameters(side, channels, classes):
    n = 0
    for i in range(len(channels) - 1):
        n += (9 * channels[i] + 1) * channels[i + 1]
        side = (side - 2) / 2
    return n + (side * side * channels[-1] + 1) * classes
""",
            "expected whole numbers",
        ),
    ],
    "best_epoch": [
        (
            "def best_epoch(train, val):\n    return int(np.argmin(val)) + 1",
            "likely cause: An epoch whose loss is NaN won",
        ),
        (
            "def best_epoch(train, val):\n    return np.nanargmin(val)",
            "likely cause: You counted from 0",
        ),
        (
            """
def best_epoch(train, val):
    for i in range(1, len(val)):
        if val[i] > val[i - 1]:  # the first time it rises
            return i
    return len(val)
""",
            "case 2 of 3 differs",
        ),
    ],
}

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
