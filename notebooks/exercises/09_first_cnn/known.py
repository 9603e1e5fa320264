"""Exercise 09: the functions that yours are compared with, and the mistakes that the checks recognise."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of the classes, a row for each image; (n, k)."""
    from scipy import special

    return special.softmax(logits.astype(float), axis=1)


MISTAKES["softmax"] = {
    "exp of a large logit is infinite, and infinity by infinity is NaN: subtract the largest logit of each "
    "image first, which changes no probability.": (
        lambda logits: np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ),
    "You divided by the sum over the images (axis=0): each row must sum to 1.": lambda logits: softmax(logits.T).T,
    "You divided by the sum over the whole table: each row must sum to 1.": (
        lambda logits: softmax(logits.reshape(1, -1)).reshape(logits.shape)
    ),
    "You left out exp: logits may be negative, probabilities may not.": (
        lambda logits: logits / logits.sum(axis=1, keepdims=True)
    ),
    "This is the sigmoid of each logit by itself: where one class excludes the others, their sum must be 1.": (
        lambda logits: (1 + np.tanh(logits / 2)) / 2
    ),
}


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log of the probability of the right class; logits (n, k), labels (n,)."""
    from scipy import special

    return float(-special.log_softmax(logits.astype(float), axis=1)[np.arange(len(labels)), labels].mean())


def _of_right_class(table: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return table[np.arange(len(labels)), labels]


MISTAKES["cross_entropy"] = {
    "You took softmax twice: the loss cannot come near 0 any more, however sure and right the network is.": (
        lambda logits, labels: cross_entropy(softmax(logits), labels)
    ),
    "A very small probability is rounded to 0, and its logarithm is infinite: take the logarithm by hand, "
    "log p = logit - largest - log(sum of exp).": (
        lambda logits, labels: -np.log(_of_right_class(softmax(logits), labels)).mean()
    ),
    "This is the sum over the images: the mean does not grow with the batch.": (
        lambda logits, labels: cross_entropy(logits, labels) * len(labels)
    ),
    "You divided by the number of classes too: only the right class of each image enters, so divide by the "
    "number of images.": (lambda logits, labels: cross_entropy(logits, labels) / logits.shape[1]),
    "You took the class that the network prefers, not the right one: it would only learn to be sure.": (
        lambda logits, labels: cross_entropy(logits, logits.argmax(axis=1))
    ),
    "The minus sign is missing: the logarithm of a probability is negative, a loss is not.": (
        lambda logits, labels: -cross_entropy(logits, labels)
    ),
    "You took the logarithm to base 2: the natural one (np.log).": (
        lambda logits, labels: cross_entropy(logits, labels) / math.log(2)
    ),
}


def sgd_step(
    weights: np.ndarray, gradient: np.ndarray, velocity: np.ndarray, rate: float, momentum: float, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and velocity after one step of gradient descent, as in PyTorch."""
    velocity = momentum * velocity + gradient + decay * weights
    return weights - rate * velocity, velocity


def _uphill(weights, gradient, velocity, rate, momentum, decay):
    _, velocity = sgd_step(weights, gradient, velocity, rate, momentum, decay)
    return weights + rate * velocity, velocity


def _mean_of_gradients(weights, gradient, velocity, rate, momentum, decay):
    velocity = momentum * velocity + (1 - momentum) * (gradient + decay * weights)
    return weights - rate * velocity, velocity


def _old_velocity(weights, gradient, velocity, rate, momentum, decay):
    return weights - rate * velocity, sgd_step(weights, gradient, velocity, rate, momentum, decay)[1]


def _rate_in_velocity(weights, gradient, velocity, rate, momentum, decay):
    velocity = momentum * velocity + rate * (gradient + decay * weights)
    return weights - velocity, velocity


MISTAKES["sgd_step"] = {
    "You went uphill: the gradient points to where the loss grows, so subtract.": _uphill,
    "You left out weight decay: decay · w is added to the gradient.": (
        lambda weights, gradient, velocity, rate, momentum, decay: sgd_step(
            weights, gradient, velocity, rate, momentum, 0
        )
    ),
    "Your weight decay lets the weights grow: it is added to the gradient, which is then subtracted.": (
        lambda weights, gradient, velocity, rate, momentum, decay: sgd_step(
            weights, gradient, velocity, rate, momentum, -decay
        )
    ),
    "You left out momentum: what was the old velocity is part of the new one.": (
        lambda weights, gradient, velocity, rate, momentum, decay: sgd_step(weights, gradient, velocity, rate, 0, decay)
    ),
    "You multiplied the gradient by 1 - momentum: that makes a mean of the gradients; PyTorch's SGD "
    "sums.": _mean_of_gradients,
    "You moved by the old velocity: compute the new one first.": _old_velocity,
    "You put the learning rate into the velocity: here it multiplies the whole velocity in the last "
    "line.": _rate_in_velocity,
}


def average_weights(history: np.ndarray, decay: float) -> np.ndarray:
    """Exponential moving average over the rows of history, (steps, n), by the share that each row has in it; (n,)."""
    last = len(history) - 1
    shares = (1 - decay) * decay ** np.arange(last, -1, -1.0)
    shares[0] = decay**last  # the average begins with the first row
    return shares @ history


def _from_zero(history: np.ndarray, decay: float) -> np.ndarray:
    return average_weights(np.concatenate([np.zeros_like(history[:1]), history]), decay)


MISTAKES["average_weights"] = {
    "You swapped decay and 1 - decay: the old average keeps the larger share.": (
        lambda history, decay: average_weights(history, 1 - decay)
    ),
    "You began with 0: the average would be too small for many steps. Begin with the first row.": _from_zero,
    "This is the plain mean: the first steps, with bad weights, would count as much as the last.": (
        lambda history, decay: history.mean(axis=0)
    ),
    "You averaged the last two rows only: what was averaged before is the old average.": (
        lambda history, decay: decay * history[-2] + (1 - decay) * history[-1]
    ),
}


def _counted(side, channels, classes, *, kernel=lambda a, b: 9 * a * b + b, lost=2, pool=lambda n: n // 2, bias=1):
    """The count with other kernels, other pixels lost by a convolution, another pooling or no last bias."""
    total = 0
    for before, after in pairwise(channels):
        total += kernel(before, after)
        side = pool(side - lost)
    return total + (side * side * channels[-1] + bias) * classes


def count_parameters(side: int, channels: Sequence[int], classes: int) -> int:
    """Weights and biases of 3 × 3 convolutions without padding, each with 2 × 2 pooling, and a dense layer."""
    return _counted(side, channels, classes)


MISTAKES["count_parameters"] = {
    "You left out the biases: one for each output channel, and one for each class.": (
        lambda side, channels, classes: _counted(side, channels, classes, kernel=lambda a, b: 9 * a * b, bias=0)
    ),
    "You counted one kernel for each output channel: there is one for each pair of input and output channel.": (
        lambda side, channels, classes: _counted(side, channels, classes, kernel=lambda a, b: 9 * b + b)
    ),
    "You took the convolutions to keep the side: without padding a 3 × 3 kernel takes 2 pixels away.": (
        lambda side, channels, classes: _counted(side, channels, classes, lost=0)
    ),
    "You left out the pooling, which halves the side.": (
        lambda side, channels, classes: _counted(side, channels, classes, pool=lambda n: n)
    ),
    "You rounded up in the pooling: an odd last row is dropped.": (
        lambda side, channels, classes: _counted(side, channels, classes, pool=lambda n: (n + 1) // 2)
    ),
    "Your dense layer sees one number a channel: it sees every pixel of each.": (
        lambda side, channels, classes: _counted(1, channels, classes, lost=0, pool=lambda n: n)
    ),
    "You left out the biases of the dense layer: one for each class.": (
        lambda side, channels, classes: _counted(side, channels, classes, bias=0)
    ),
}


def best_epoch(train: np.ndarray, val: np.ndarray) -> int:
    """Epoch, from 1, of the lowest validation loss: the first one if several are equal, never one of NaN."""
    return int(np.nanargmin(val)) + 1


MISTAKES["best_epoch"] = {
    "You took the training loss: it falls on while the network learns its patients by heart.": (
        lambda train, val: int(np.nanargmin(train)) + 1
    ),
    "You took the highest loss: a loss is a cost, the lowest is best.": lambda train, val: int(np.nanargmax(val)) + 1,
    "You counted from 0: the first epoch is epoch 1.": lambda train, val: int(np.nanargmin(val)),
    "You took the last epoch: the best one may be long past.": lambda train, val: len(val),
    "You took the epoch in which both losses are nearest: that is often the first, when nothing is learned.": (
        lambda train, val: int(np.nanargmin(np.abs(val - train))) + 1
    ),
    "An epoch whose loss is NaN won: np.argmin takes NaN for the smallest. np.nanargmin passes over it.": (
        lambda train, val: int(np.argmin(val)) + 1
    ),
}
