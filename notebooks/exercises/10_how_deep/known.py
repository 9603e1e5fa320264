"""Exercise 10: the functions that yours are compared with, and the mistakes that the checks recognise."""

import math
from collections.abc import Callable, Sequence

import numpy as np

MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


def count_weights(channels: Sequence[tuple[int, int]]) -> int:
    """Weights and biases of a stack of 3 × 3 convolutions, from the channels before and after each."""
    return sum(math.prod((after, before, 3, 3)) + after for before, after in channels)


MISTAKES["count_weights"] = {
    "You left out the biases: one for each output channel.": lambda channels: sum(9 * a * b for a, b in channels),
    "You counted a bias for each input channel: there is one for each output channel.": (
        lambda channels: sum(9 * a * b + a for a, b in channels)
    ),
    "You counted a bias for each kernel: what the kernels of one output channel give is added up first, and "
    "gets one bias.": (lambda channels: sum((9 + 1) * a * b for a, b in channels)),
    "You counted one kernel for each output channel: there is one for each pair of input and output channel.": (
        lambda channels: sum(9 * b + b for a, b in channels)
    ),
    "A kernel of 3 × 3 has nine weights, not three.": lambda channels: sum(3 * a * b + b for a, b in channels),
}


def multiply_adds(shape: tuple[int, int], before: int, after: int, kernel: int, stride: int) -> int:
    """Multiply-adds of a convolution with padding kernel // 2; the places of the kernel are counted."""
    rows, columns = (len(range(0, n, stride)) for n in shape)
    return rows * columns * after * before * kernel * kernel


MISTAKES["multiply_adds"] = {
    "You counted the pixels before the layer: a stride leaves fewer places, and each place is computed once.": (
        lambda shape, before, after, kernel, stride: shape[0] * shape[1] * before * after * kernel**2
    ),
    "You counted multiplications and additions apart: here the two together are one.": (
        lambda shape, before, after, kernel, stride: 2 * multiply_adds(shape, before, after, kernel, stride)
    ),
    "You left out the input channels: each output channel has a kernel for each of them.": (
        lambda shape, before, after, kernel, stride: multiply_adds(shape, 1, after, kernel, stride)
    ),
    "You took the kernel's side: a place costs kernel × kernel products.": (
        lambda shape, before, after, kernel, stride: multiply_adds(shape, before, after, 1, stride) * kernel
    ),
    "You divided the side by the stride and rounded down: with this padding the kernel lies on pixel 0, s, "
    "2 s, ... of each row, so an odd side is rounded up.": (
        lambda shape, before, after, kernel, stride: (
            (shape[0] // stride) * (shape[1] // stride) * before * after * kernel**2
        )
    ),
    "These are the weights: each is used at every place of the kernel.": (
        lambda shape, before, after, kernel, stride: before * after * kernel**2
    ),
}


def he_deviation(shape: tuple[int, ...]) -> float:
    """Standard deviation of new weights of this shape, (out, in, ...), that a ReLU follows."""
    return math.sqrt(2 / math.prod(shape[1:]))


MISTAKES["he_deviation"] = {
    "You counted what leaves the layer (fan-out): what enters a sum is the input channels × the kernel.": (
        lambda shape: math.sqrt(2 / (math.prod(shape) / shape[1]))
    ),
    "You counted input channels only: each comes with all the pixels under the kernel.": (
        lambda shape: math.sqrt(2 / shape[1])
    ),
    "You left out the 2: a ReLU takes half of the variance away, layer after layer.": (
        lambda shape: math.sqrt(1 / math.prod(shape[1:]))
    ),
    "This is the variance: the standard deviation is its square root.": lambda shape: 2 / math.prod(shape[1:]),
    "You counted all weights: one output is the sum over the weights of one output channel.": (
        lambda shape: math.sqrt(2 / math.prod(shape))
    ),
    "This is Glorot's rule, with the mean of fan-in and fan-out: He's takes the fan-in.": (
        lambda shape: math.sqrt(2 / (math.prod(shape[1:]) + math.prod(shape) / shape[1]))
    ),
}


def residual_block(x: np.ndarray, f: Callable) -> np.ndarray:
    """x + f(x), (channels, h, w); channels that x lacks are zeros."""
    result = f(x).astype(float)
    result[: len(x)] += x
    return result


def _zeros_first(x, f):
    result = f(x).astype(float)
    result[len(result) - len(x) :] += x
    return result


def _channels_repeated(x, f):
    result = f(x)
    return result + np.resize(x, result.shape)


MISTAKES["residual_block"] = {
    "You returned f(x): without the shortcut it is a plain layer, and what f forgets is lost.": lambda x, f: f(x),
    "You put a ReLU behind the sum: then nothing negative passes the shortcut, and the block can't leave x as it is.": (
        lambda x, f: np.maximum(residual_block(x, f), 0)
    ),
    "You put a ReLU behind f: then a block can only add, never take away.": (
        lambda x, f: residual_block(x, lambda x: np.maximum(f(x), 0))
    ),
    "The zeros stand before the channels of x: they come after them.": _zeros_first,
    "You repeated the channels of x: fill up with zeros.": _channels_repeated,
}


def _normalised(
    x,
    mean,
    variance,
    training,
    *,
    own=None,
    update=None,
    axes=(0, 2, 3),
    ddof=0,
    running_ddof=1,
    momentum=0.1,
    epsilon=1e-5,
):
    """Normalised by the batch's own mean and variance or by the running ones, which are updated or left."""
    if training if own is None else own:
        middle, spread = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True, ddof=ddof)
    else:
        middle, spread = np.reshape(mean, (1, -1, 1, 1)), np.reshape(variance, (1, -1, 1, 1))
    if training if update is None else update:
        mean = (1 - momentum) * mean + momentum * x.mean(axis=(0, 2, 3))
        variance = (1 - momentum) * variance + momentum * x.var(axis=(0, 2, 3), ddof=running_ddof)
    return (x - middle) / np.sqrt(spread + epsilon), mean, variance


def batch_norm(
    x: np.ndarray, mean: np.ndarray, variance: np.ndarray, training: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalised x, (n, c, h, w), and the running mean and variance afterwards, each (c,), as in PyTorch."""
    return _normalised(x, mean, variance, training)


MISTAKES["batch_norm"] = {
    "You used the running mean and variance in training: there the batch's own are used.": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, own=False)
    ),
    "You used the batch's own mean and variance in evaluation: then a patient's result depends on who else is "
    "in the batch.": (lambda x, mean, variance, training: _normalised(x, mean, variance, training, own=True)),
    "You changed the running values in evaluation: what was learned must stay as it is.": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, update=True)
    ),
    "You left the running values as they were in training: evaluation would have nothing to go by.": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, update=False)
    ),
    "You took mean and variance of each pixel: a channel has one of each, over images, rows and columns.": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, axes=(0,))
    ),
    "You took one mean and variance for all channels: each has its own.": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, axes=(0, 1, 2, 3))
    ),
    "You took mean and variance of each image: that is instance normalisation.": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, axes=(2, 3))
    ),
    "You divided by n - 1 in normalising: that is for the running variance only (ddof=0 here).": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, ddof=1)
    ),
    "You divided by n for the running variance: it is to stand for images not seen, so n - 1 (ddof=1).": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, running_ddof=0)
    ),
    "You swapped 0.9 and 0.1: the running values keep nine tenths of what they were.": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, momentum=0.9)
    ),
    "You left out ε: a channel that is constant gives 0 / 0.": (
        lambda x, mean, variance, training: _normalised(x, mean, variance, training, epsilon=0)
    ),
}
