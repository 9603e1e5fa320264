"""Exercise 09: the references that no library has in one call, and the mistakes that its checks recognise.

MISTAKES has for each task, by the name of its function, pairs of a wrong answer and what it does wrong.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of the classes, a row for each image; (n, k)."""
    from scipy import special

    return special.softmax(logits.astype(float), axis=1)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log of the probability of the right class; logits (n, k), labels (n,)."""
    from scipy import special

    return float(-special.log_softmax(logits.astype(float), axis=1)[np.arange(len(labels)), labels].mean())


def sgd_step(
    weights: np.ndarray, gradient: np.ndarray, velocity: np.ndarray, rate: float, momentum: float, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and velocity after one step of gradient descent, as in PyTorch."""
    velocity = momentum * velocity + gradient + decay * weights
    return weights - rate * velocity, velocity


def average_weights(history: np.ndarray, decay: float) -> np.ndarray:
    """Exponential moving average over the rows of history, (steps, n), by the share that each row has in it; (n,)."""
    last = len(history) - 1
    shares = (1 - decay) * decay ** np.arange(last, -1, -1.0)
    shares[0] = decay**last  # the average begins with the first row
    return shares @ history


def count_parameters(side: int, channels: Sequence[int], classes: int) -> int:
    """Weights and biases of 3 × 3 convolutions without padding, each with 2 × 2 pooling, and a dense layer."""
    return _counted(side, channels, classes)


def best_epoch(train: np.ndarray, val: np.ndarray) -> int:
    """Epoch, from 1, of the lowest validation loss: the first one if several are equal, never one of NaN."""
    return int(np.nanargmin(val)) + 1


def _counted(
    side: int,
    channels: Sequence[int],
    classes: int,
    *,
    conv: Callable = lambda a, b: 9 * a * b + b,
    after_conv: Callable = lambda n: n - 2,
    pool: Callable = lambda n: n // 2,
    bias: bool = True,
) -> int:
    total = 0
    for a, b in pairwise(channels):
        total += conv(a, b)
        side = pool(after_conv(side))
    return total + (side * side * channels[-1] + bias) * classes


def _counting(**changes) -> Callable:
    """The count with something else in its place."""
    return lambda side, channels, classes: _counted(side, channels, classes, **changes)


def _of_right_class(table: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return table[np.arange(len(labels)), labels]


def _step_by(velocity_of: Callable, weights_of: Callable = lambda w, v, old, rate: w - rate * v) -> Callable:
    """A step with another velocity(w, g, v, rate, momentum, decay), or other weights(w, new v, old v, rate)."""

    def step(weights, gradient, velocity, rate, momentum, decay):
        new = velocity_of(weights, gradient, velocity, rate, momentum, decay)
        return weights_of(weights, new, velocity, rate), new

    return step


def _velocity(w, g, v, rate, momentum, decay):
    return momentum * v + g + decay * w


def _from_zero(history: np.ndarray, decay: float) -> np.ndarray:
    return average_weights(np.concatenate([np.zeros_like(history[:1]), history]), decay)


MISTAKES = {
    "softmax": [
        (
            lambda logits: np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
            "exp of a large logit is infinite, and infinity by infinity is NaN: subtract the largest logit of each "
            "image first, which changes no probability.",
        ),
        (
            lambda logits: softmax(logits.T).T,
            "You divided by the sum over the images (axis=0): each row must sum to 1.",
        ),
        (
            lambda logits: softmax(logits.reshape(1, -1)).reshape(logits.shape),
            "You divided by the sum over the whole table: each row must sum to 1.",
        ),
        (
            lambda logits: logits / logits.sum(axis=1, keepdims=True),
            "You left out exp: logits may be negative, probabilities may not.",
        ),
        (
            lambda logits: (1 + np.tanh(logits / 2)) / 2,
            "This is the sigmoid of each logit by itself: where one class excludes the others, their sum must be 1.",
        ),
    ],
    "cross_entropy": [
        (
            lambda logits, labels: cross_entropy(softmax(logits), labels),
            "You took softmax twice: the loss cannot come near 0 any more, however sure and right the network is.",
        ),
        (
            lambda logits, labels: -np.log(_of_right_class(softmax(logits), labels)).mean(),
            "A very small probability is rounded to 0, and its logarithm is infinite: take the logarithm by hand, "
            "log p = logit - largest - log(sum of exp).",
        ),
        (
            lambda logits, labels: cross_entropy(logits, labels) * len(labels),
            "This is the sum over the images: the mean does not grow with the batch.",
        ),
        (
            lambda logits, labels: cross_entropy(logits, labels) / logits.shape[1],
            "You divided by the number of classes too: only the right class of each image enters, so divide by the "
            "number of images.",
        ),
        (
            lambda logits, labels: cross_entropy(logits, logits.argmax(axis=1)),
            "You took the class that the network prefers, not the right one: it would only learn to be sure.",
        ),
        (
            lambda logits, labels: -cross_entropy(logits, labels),
            "The minus sign is missing: the logarithm of a probability is negative, a loss is not.",
        ),
        (
            lambda logits, labels: cross_entropy(logits, labels) / math.log(2),
            "You took the logarithm to base 2: the natural one (np.log).",
        ),
    ],
    "sgd_step": [
        (
            _step_by(_velocity, lambda w, v, old, rate: w + rate * v),
            "You went uphill: the gradient points to where the loss grows, so subtract.",
        ),
        (
            _step_by(lambda w, g, v, rate, momentum, decay: momentum * v + g),
            "You left out weight decay: decay · w is added to the gradient.",
        ),
        (
            _step_by(lambda w, g, v, rate, momentum, decay: momentum * v + g - decay * w),
            "Your weight decay lets the weights grow: it is added to the gradient, which is then subtracted.",
        ),
        (
            _step_by(lambda w, g, v, rate, momentum, decay: g + decay * w),
            "You left out momentum: what was the old velocity is part of the new one.",
        ),
        (
            _step_by(lambda w, g, v, rate, momentum, decay: momentum * v + (1 - momentum) * (g + decay * w)),
            "You multiplied the gradient by 1 - momentum: that makes a mean of the gradients; PyTorch's SGD sums.",
        ),
        (
            _step_by(_velocity, lambda w, v, old, rate: w - rate * old),
            "You moved by the old velocity: compute the new one first.",
        ),
        (
            _step_by(
                lambda w, g, v, rate, momentum, decay: momentum * v + rate * (g + decay * w),
                lambda w, v, old, rate: w - v,
            ),
            "You put the learning rate into the velocity: here it multiplies the whole velocity in the last line.",
        ),
    ],
    "average_weights": [
        (
            lambda history, decay: average_weights(history, 1 - decay),
            "You swapped decay and 1 - decay: the old average keeps the larger share.",
        ),
        (
            _from_zero,
            "You began with 0: the average would be too small for many steps. Begin with the first row.",
        ),
        (
            lambda history, decay: history.mean(axis=0),
            "This is the plain mean: the first steps, with bad weights, would count as much as the last.",
        ),
        (
            lambda history, decay: decay * history[-2] + (1 - decay) * history[-1],
            "You averaged the last two rows only: what was averaged before is the old average.",
        ),
    ],
    "count_parameters": [
        (
            _counting(conv=lambda a, b: 9 * a * b, bias=False),
            "You left out the biases: one for each output channel, and one for each class.",
        ),
        (
            _counting(conv=lambda a, b: 9 * b + b),
            "You counted one kernel for each output channel: there is one for each pair of input and output channel.",
        ),
        (
            _counting(after_conv=lambda n: n),
            "You took the convolutions to keep the side: without padding a 3 × 3 kernel takes 2 pixels away.",
        ),
        (
            _counting(pool=lambda n: n),
            "You left out the pooling, which halves the side.",
        ),
        (
            _counting(pool=lambda n: (n + 1) // 2),
            "You rounded up in the pooling: an odd last row is dropped.",
        ),
        (
            lambda side, channels, classes: _counted(1, channels, classes, after_conv=lambda n: n, pool=lambda n: n),
            "Your dense layer sees one number a channel: it sees every pixel of each.",
        ),
        (
            _counting(bias=False),
            "You left out the biases of the dense layer: one for each class.",
        ),
    ],
    "best_epoch": [
        (
            lambda train, val: int(np.nanargmin(train)) + 1,
            "You took the training loss: it falls on while the network learns its patients by heart.",
        ),
        (
            lambda train, val: int(np.nanargmax(val)) + 1,
            "You took the highest loss: a loss is a cost, the lowest is best.",
        ),
        (
            lambda train, val: int(np.nanargmin(val)),
            "You counted from 0: the first epoch is epoch 1.",
        ),
        (
            lambda train, val: len(val),
            "You took the last epoch: the best one may be long past.",
        ),
        (
            lambda train, val: int(np.nanargmin(np.abs(val - train))) + 1,
            "You took the epoch in which both losses are nearest: that is often the first, when nothing is learned.",
        ),
        (
            lambda train, val: int(np.argmin(val)) + 1,
            "An epoch whose loss is NaN won: np.argmin takes NaN for the smallest. np.nanargmin passes over it.",
        ),
    ],
}
