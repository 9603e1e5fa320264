"""Exercise 08: the functions that yours are compared with, and the mistakes that the checks recognise."""

import math
from collections.abc import Sequence

import numpy as np

MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


def correlate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Cross-correlation wherever the kernel lies inside the image; whole numbers do not wrap."""
    from scipy.signal import correlate2d

    return correlate2d(image.astype(float), kernel.astype(float), mode="valid")


def _same(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    from scipy.signal import correlate2d

    return correlate2d(image.astype(float), kernel.astype(float), mode="same")


MISTAKES["correlate"] = {
    "You turned the kernel by 180°: that is a convolution in the sense of mathematics. Lay it on as it is.": (
        lambda image, kernel: correlate(image, kernel[::-1, ::-1])
    ),
    "Your result is as large as the image: the kernel must lie inside, so kernel - 1 pixels are lost.": _same,
    "The last row and column are missing: a kernel of k has n - k + 1 places.": (
        lambda image, kernel: correlate(image, kernel)[:-1, :-1]
    ),
    "Rows and columns of the kernel are swapped: its first index goes with the rows of the image.": (
        lambda image, kernel: correlate(image, kernel.T)
    ),
    "You divided by the number of weights: the sum is asked for, not the mean.": (
        lambda image, kernel: correlate(image, kernel) / kernel.size
    ),
}


def output_size(n: int, k: int, p: int, s: int) -> int:
    """Pixels along one side after a convolution: the kernel's places are counted, no formula is used."""
    return len(range(-p, n + p - k + 1, s))


MISTAKES["output_size"] = {
    "You forgot the + 1: the kernel's first place counts too.": lambda n, k, p, s: (n + 2 * p - k) // s,
    "You forgot to round down: a step that no longer fits gives no pixel (// instead of /).": (
        lambda n, k, p, s: (n + 2 * p - k) / s + 1
    ),
    "You rounded up: the last step would lead out of the image.": lambda n, k, p, s: math.ceil((n + 2 * p - k) / s) + 1,
    "You counted the padding once: it is added at both ends, 2 p.": lambda n, k, p, s: (n + p - k) // s + 1,
    "You left out the stride.": lambda n, k, p, s: n + 2 * p - k + 1,
    "You divided the image by the stride: kernel and padding matter too.": lambda n, k, p, s: n // s,
}


def _windows(image: np.ndarray) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(image, (2, 2))


def max_pool(image: np.ndarray) -> np.ndarray:
    """The largest value of each 2 × 2 pixels; an odd last row or column is dropped."""
    return _windows(image)[::2, ::2].max(axis=(2, 3))


def _padded(image: np.ndarray) -> np.ndarray:
    return max_pool(np.pad(image, [(0, n % 2) for n in image.shape]))


def _reshaped_wrong(image: np.ndarray) -> np.ndarray:
    rows, columns = (n // 2 for n in image.shape)
    return image[: 2 * rows, : 2 * columns].reshape(rows, columns, 2, 2).max(axis=(2, 3))


MISTAKES["max_pool"] = {
    "You took the mean: max pooling keeps the largest.": lambda image: _windows(image)[::2, ::2].mean(axis=(2, 3)),
    "Your boxes overlap: move by two pixels, not by one.": lambda image: _windows(image).max(axis=(2, 3)),
    "You kept the upper left pixel of each box: look for the largest of the four.": (
        lambda image: image[: len(image) // 2 * 2 : 2, : image.shape[1] // 2 * 2 : 2]
    ),
    "You filled an odd row or column up with zeros: drop it. (In HU, 0 is water, and brighter than lung.)": _padded,
    "You reshaped to (h/2, w/2, 2, 2): that takes four neighbours of one row. The axes must be "
    "(h/2, 2, w/2, 2), and the maximum over the second and the last.": _reshaped_wrong,
}


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Side of the square that one pixel after the last of the (kernel, stride) layers sees, from the end backwards."""
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


def _own_stride_too(layers):
    field, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        field += (kernel - 1) * step
    return field


def _last_stride_only(layers):
    field, step = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * step
        step = stride
    return field


def _strides_added(layers):
    field, step = 1, 0
    for kernel, stride in layers:
        field += (kernel - 1) * max(1, step)
        step += stride
    return field


MISTAKES["receptive_field"] = {
    "You added up the kernels: the views of neighbours overlap, and a layer adds kernel - 1 steps.": (
        lambda layers: sum(kernel for kernel, _ in layers)
    ),
    "You left out the strides: after a stride of 2, one step is two pixels of the image.": (
        lambda layers: 1 + sum(kernel - 1 for kernel, _ in layers)
    ),
    "You counted a layer's own stride for itself: it makes the steps of the layers after it longer.": _own_stride_too,
    "You used the stride of one layer only: the strides of all layers before are multiplied.": _last_stride_only,
    "You added up the strides: they are multiplied, 2 and 2 make steps of 4 pixels.": _strides_added,
    "One too few: begin with 1, the pixel itself.": lambda layers: receptive_field(layers) - 1,
}


def kernel_gradient(image: np.ndarray, g: np.ndarray) -> np.ndarray:
    """How the sum of result × g changes with each weight of the kernel, by changing one weight at a time.

    The sum is linear in the weights, so that a large step is exact but for rounding.
    """
    sides = np.subtract(image.shape, g.shape) + 1
    gradient = np.empty(sides)
    for place in np.ndindex(*sides):
        change = np.zeros(sides)
        change[place] = 0.5
        gradient[place] = (correlate(image, change) * g).sum() - (correlate(image, -change) * g).sum()
    return gradient


MISTAKES["kernel_gradient"] = {
    "You turned g by 180°, as a convolution does: weight [u, v] met the pixels [i + u, j + v], with plus "
    "signs. (The way back to the pixels has the minus signs.)": (
        lambda image, g: kernel_gradient(image, g[::-1, ::-1])
    ),
    "Your result is turned by 180°: weight [u, v] met the pixels [i + u, j + v], with plus signs.": (
        lambda image, g: kernel_gradient(image, g)[::-1, ::-1]
    ),
    "You left out g: a result that does not matter to the loss, g = 0, must not matter to the kernel.": (
        lambda image, g: kernel_gradient(image, np.ones(g.shape))
    ),
    "This is the mean over the places of the kernel: the loss is a sum, and so is its gradient.": (
        lambda image, g: kernel_gradient(image, g) / g.size
    ),
    "This is the gradient of the bias: each weight has one of its own.": lambda image, g: g.sum(),
    "Your result is as large as the image: one number for each weight of the kernel.": lambda image, g: _same(image, g),
}
