"""Exercise 10: the references that no library has in one call, and the mistakes that its checks recognise.

MISTAKES has for each task, by the name of its function, pairs of a wrong answer and what it does wrong.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

EPSILON = 1e-5
MOMENTUM = 0.1


def count_weights(channels: Sequence[tuple[int, int]]) -> int:
    """Weights and biases of a stack of 3 × 3 convolutions, from the channels before and after each."""
    return sum(math.prod((after, before, 3, 3)) + after for before, after in channels)


def multiply_adds(shape: tuple[int, int], before: int, after: int, kernel: int, stride: int) -> int:
    """Multiply-adds of a convolution with padding kernel // 2; the places of the kernel are counted."""
    rows, columns = (len(range(0, n, stride)) for n in shape)
    return rows * columns * after * before * kernel * kernel


def he_deviation(shape: tuple[int, ...]) -> float:
    """Standard deviation of new weights of this shape, (out, in, ...), that a ReLU follows."""
    return math.sqrt(2 / math.prod(shape[1:]))


def residual_block(x: np.ndarray, f: Callable) -> np.ndarray:
    """x + f(x), (channels, h, w); channels that x lacks are zeros."""
    result = f(x).astype(float)
    result[: len(x)] += x
    return result


def batch_norm(
    x: np.ndarray, mean: np.ndarray, variance: np.ndarray, training: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalised x, (n, c, h, w), and the running mean and variance afterwards, each (c,), as in PyTorch."""
    return _normalised(x, mean, variance, training)


def _normalised(
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    training: bool,
    *,
    axes: tuple[int, ...] = (0, 2, 3),
    use_batch: Callable = bool,
    update: Callable = bool,
    ddof: int = 0,
    running_ddof: int = 1,
    momentum: float = MOMENTUM,
    epsilon: float = EPSILON,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    running = np.reshape(mean, (1, -1, 1, 1)), np.reshape(variance, (1, -1, 1, 1))
    batch = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True, ddof=ddof)
    middle, spread = batch if use_batch(training) else running
    if update(training):
        mean = (1 - momentum) * mean + momentum * x.mean(axis=(0, 2, 3))
        variance = (1 - momentum) * variance + momentum * x.var(axis=(0, 2, 3), ddof=running_ddof)
    return (x - middle) / np.sqrt(spread + epsilon), mean, variance


def _normalising(**changes) -> Callable:
    """Batch normalisation with something else in its place."""
    return lambda x, mean, variance, training: _normalised(x, mean, variance, training, **changes)


def _filled_by(fill: Callable) -> Callable:
    """A block whose shortcut is filled up in another way: fill(x, channels that are missing)."""

    def block(x, f):
        result = f(x)
        return result + fill(x, len(result) - len(x))

    return block


def _zeros(x: np.ndarray, missing: int) -> np.ndarray:
    return np.zeros((missing, *x.shape[1:]))


MISTAKES = {
    "count_weights": [
        (
            lambda channels: sum(9 * a * b for a, b in channels),
            "You left out the biases: one for each output channel.",
        ),
        (
            lambda channels: sum(9 * a * b + a for a, b in channels),
            "You counted a bias for each input channel: there is one for each output channel.",
        ),
        (
            lambda channels: sum((9 + 1) * a * b for a, b in channels),
            "You counted a bias for each kernel: what the kernels of one output channel give is added up first, and "
            "gets one bias.",
        ),
        (
            lambda channels: sum(9 * b + b for a, b in channels),
            "You counted one kernel for each output channel: there is one for each pair of input and output channel.",
        ),
        (
            lambda channels: sum(3 * a * b + b for a, b in channels),
            "A kernel of 3 × 3 has nine weights, not three.",
        ),
    ],
    "multiply_adds": [
        (
            lambda shape, before, after, kernel, stride: shape[0] * shape[1] * before * after * kernel**2,
            "You counted the pixels before the layer: a stride leaves fewer places, and each place is computed once.",
        ),
        (
            lambda shape, before, after, kernel, stride: 2 * multiply_adds(shape, before, after, kernel, stride),
            "You counted multiplications and additions apart: here the two together are one.",
        ),
        (
            lambda shape, before, after, kernel, stride: multiply_adds(shape, 1, after, kernel, stride),
            "You left out the input channels: each output channel has a kernel for each of them.",
        ),
        (
            lambda shape, before, after, kernel, stride: multiply_adds(shape, before, after, 1, stride) * kernel,
            "You took the kernel's side: a place costs kernel × kernel products.",
        ),
        (
            lambda shape, before, after, kernel, stride: (
                (shape[0] // stride) * (shape[1] // stride) * before * after * kernel**2
            ),
            "You divided the side by the stride and rounded down: with this padding the kernel lies on pixel 0, s, "
            "2 s, ... of each row, so an odd side is rounded up.",
        ),
        (
            lambda shape, before, after, kernel, stride: before * after * kernel**2,
            "These are the weights: each is used at every place of the kernel.",
        ),
    ],
    "he_deviation": [
        (
            lambda shape: math.sqrt(2 / (math.prod(shape) / shape[1])),
            "You counted what leaves the layer (fan-out): what enters a sum is the input channels × the kernel.",
        ),
        (
            lambda shape: math.sqrt(2 / shape[1]),
            "You counted input channels only: each comes with all the pixels under the kernel.",
        ),
        (
            lambda shape: math.sqrt(1 / math.prod(shape[1:])),
            "You left out the 2: a ReLU takes half of the variance away, layer after layer.",
        ),
        (
            lambda shape: 2 / math.prod(shape[1:]),
            "This is the variance: the standard deviation is its square root.",
        ),
        (
            lambda shape: math.sqrt(2 / math.prod(shape)),
            "You counted all weights: one output is the sum over the weights of one output channel.",
        ),
        (
            lambda shape: math.sqrt(2 / (math.prod(shape[1:]) + math.prod(shape) / shape[1])),
            "This is Glorot's rule, with the mean of fan-in and fan-out: He's takes the fan-in.",
        ),
    ],
    "residual_block": [
        (
            lambda x, f: f(x),
            "You returned f(x): without the shortcut it is a plain layer, and what f forgets is lost.",
        ),
        (
            lambda x, f: np.maximum(residual_block(x, f), 0),
            "You put a ReLU behind the sum: then nothing negative passes the shortcut, and the block can't leave x as "
            "it is.",
        ),
        (
            lambda x, f: residual_block(x, lambda x: np.maximum(f(x), 0)),
            "You put a ReLU behind f: then a block can only add, never take away.",
        ),
        (
            _filled_by(lambda x, missing: np.concatenate([_zeros(x, missing), x])),
            "The zeros stand before the channels of x: they come after them.",
        ),
        (
            _filled_by(lambda x, missing: np.resize(x, (len(x) + missing, *x.shape[1:]))),
            "You repeated the channels of x: fill up with zeros.",
        ),
    ],
    "batch_norm": [
        (
            _normalising(use_batch=lambda training: False),
            "You used the running mean and variance in training: there the batch's own are used.",
        ),
        (
            _normalising(use_batch=lambda training: True),
            "You used the batch's own mean and variance in evaluation: then a patient's result depends on who else is "
            "in the batch.",
        ),
        (
            _normalising(update=lambda training: True),
            "You changed the running values in evaluation: what was learned must stay as it is.",
        ),
        (
            _normalising(update=lambda training: False),
            "You left the running values as they were in training: evaluation would have nothing to go by.",
        ),
        (
            _normalising(axes=(0,)),
            "You took mean and variance of each pixel: a channel has one of each, over images, rows and columns.",
        ),
        (
            _normalising(axes=(0, 1, 2, 3)),
            "You took one mean and variance for all channels: each has its own.",
        ),
        (
            _normalising(axes=(2, 3)),
            "You took mean and variance of each image: that is instance normalisation.",
        ),
        (
            _normalising(ddof=1),
            "You divided by n - 1 in normalising: that is for the running variance only (ddof=0 here).",
        ),
        (
            _normalising(running_ddof=0),
            "You divided by n for the running variance: it is to stand for images not seen, so n - 1 (ddof=1).",
        ),
        (
            _normalising(momentum=1 - MOMENTUM),
            "You swapped 0.9 and 0.1: the running values keep nine tenths of what they were.",
        ),
        (
            _normalising(epsilon=0),
            "You left out ε: a channel that is constant gives 0 / 0.",
        ),
    ],
}
