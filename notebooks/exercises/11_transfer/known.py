"""Exercise 11: the functions that yours are compared with, and the mistakes that the checks recognise."""

import functools
import math
from collections.abc import Callable, Mapping

import numpy as np

MEAN = (0.485, 0.456, 0.406)  # of red, green and blue in ImageNet, on a scale from 0 to 1
SD = (0.229, 0.224, 0.225)
NO_FAULT = "a test set without a fault"
MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


def to_grey(kernels: np.ndarray) -> np.ndarray:
    """Kernels for one grey channel, (out, 1, k, k), that answer as (out, channels, k, k) do to equal channels."""
    return np.einsum("ocij->oij", kernels)[:, None]


MISTAKES["to_grey"] = {
    "You took the mean: the answers would be a third of what they were. Three equal channels give three equal "
    "parts, which add up.": (lambda kernels: kernels.mean(axis=1, keepdims=True)),
    "You kept the kernels of red: an edge that green and blue looked for would be lost.": (
        lambda kernels: kernels[:, :1]
    ),
    "You weighted the channels as the eye does: that makes a grey image from a colour image. Here the image is "
    "grey already.": (lambda kernels: np.einsum("ocij,c->oij", kernels, [0.299, 0.587, 0.114])[:, None]),
    "The axis of the channels is missing: (out, 1, k, k), so keepdims=True.": lambda kernels: kernels.sum(axis=1),
    "You added over the first axis, the output channels: the input channels are the second (axis=1).": (
        lambda kernels: kernels.sum(axis=0, keepdims=True)
    ),
}


def trainable(shapes: Mapping[str, tuple[int, ...]], head: str) -> tuple[int, int]:
    """How many numbers train when all parts but `head` are frozen, and how many there are."""
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    return sum(size for name, size in sizes.items() if name.split(".")[0] == head), sum(sizes.values())


MISTAKES["trainable"] = {
    "The two numbers are swapped: first those that train, then all.": (
        lambda shapes, head: trainable(shapes, head)[::-1]
    ),
    "You counted what is frozen: what trains is the head.": (
        lambda shapes, head: (trainable(shapes, head)[1] - trainable(shapes, head)[0], trainable(shapes, head)[1])
    ),
    "You left out the bias of the head, which trains too.": (
        lambda shapes, head: (math.prod(shapes[f"{head}.weight"]), trainable(shapes, head)[1])
    ),
    "You counted arrays: count the numbers in them, the product of each shape.": (
        lambda shapes, head: (sum(name.split(".")[0] == head for name in shapes), len(shapes))
    ),
    "You added the sides of each array: its size is their product.": (
        lambda shapes, head: (
            sum(sum(shape) for name, shape in shapes.items() if name.split(".")[0] == head),
            sum(map(sum, shapes.values())),
        )
    ),
}


def labels_needed(n: np.ndarray, auc: np.ndarray, target: float) -> float:
    """Number of labels at which a rising learning curve, straight between its points over log n, reaches the target.

    NaN if it does not reach it, the first n if it is there from the start.
    """
    return float(np.exp(np.interp(target, auc, np.log(n), right=np.nan)))


MISTAKES["labels_needed"] = {
    "You interpolated over n: the curve is straight over log n, and between 100 and 1000 that is far apart.": (
        lambda n, auc, target: np.interp(target, auc, n, right=np.nan)
    ),
    "You took the next number that was tried: the target is reached before it.": (
        lambda n, auc, target: n[np.argmax(auc >= target)] if target <= auc[-1] else np.nan
    ),
    "This is the logarithm of the number: go back with np.exp.": (
        lambda n, auc, target: np.interp(target, auc, np.log(n), right=np.nan)
    ),
    "Where the curve never reaches the target you returned its last point: the answer is not known, NaN.": (
        lambda n, auc, target: np.exp(np.interp(target, auc, np.log(n)))
    ),
    "The arguments are swapped: np.interp(target, auc, ...) looks along the AUC.": (
        lambda n, auc, target: np.interp(target, n, auc)
    ),
}


def imagenet_input(image: np.ndarray) -> np.ndarray:
    """An 8-bit grey image, (h, w), as three channels, (3, h, w), on the scale on which ImageNet's networks learned."""
    return np.stack([(image / 255 - mean) / sd for mean, sd in zip(MEAN, SD)])


def _scaled(image, *, low=0, high=255, mean=MEAN, sd=SD):
    return np.stack([((image - low) / (high - low) - m) / s for m, s in zip(mean, sd)])


MISTAKES["imagenet_input"] = {
    "You left the pixels at 0 to 255: mean and standard deviation belong to 0 to 1, so divide by 255 first.": (
        lambda image: _scaled(image, high=1)
    ),
    "You stretched each image to 0 to 1 by its own range: the same tissue would have another value in every "
    "image. Divide by 255.": (
        lambda image: _scaled(image, low=image.min().astype(float), high=image.max().astype(float))
    ),
    "You took mean and standard deviation of the image itself: take those the network was trained with.": (
        lambda image: _scaled(image, mean=(image.mean() / 255,) * 3, sd=(image.std() / 255,) * 3)
    ),
    "You only subtracted the mean: divide by the standard deviation too.": lambda image: _scaled(image, sd=(1, 1, 1)),
    "The channels stand last: networks in PyTorch want them first, (3, h, w).": (
        lambda image: _scaled(image).transpose(1, 2, 0)
    ),
    "You divided by 256: the brightest 8-bit value is 255.": lambda image: _scaled(image, high=256),
    "One channel: the network has kernels for three, so show it the grey image three times.": (
        lambda image: _scaled(image)[:1]
    ),
}


def choose_test(patients: np.ndarray, seen: np.ndarray, count: int) -> np.ndarray:
    """Which images to test with, (n,), bool: all of the last `count` patients that pretraining has not seen."""
    return np.isin(patients, np.setdiff1d(patients, seen)[-count:])


MISTAKES["choose_test"] = {
    "You did not look at who was seen in pretraining: the network may know these patients already.": (
        lambda patients, seen, count: np.isin(patients, np.unique(patients)[:count])
    ),
    "You test with every new patient: `count` of them, the others are needed for fine-tuning.": (
        lambda patients, seen, count: ~np.isin(patients, seen)
    ),
    "You counted images: count patients, and take all images of each.": (
        lambda patients, seen, count: np.isin(
            np.arange(len(patients)), np.flatnonzero(~np.isin(patients, seen))[:count]
        )
    ),
    "You chose patients first and struck out those seen: too few are left. Strike out first.": (
        lambda patients, seen, count: np.isin(patients, np.setdiff1d(np.unique(patients)[:count], seen))
    ),
}


def _fault(test: np.ndarray, patients: np.ndarray, seen: np.ndarray, count: int) -> str:
    if test.dtype != bool:
        return f"a test set of {test.dtype}, not True or False for each image"
    if test.shape != patients.shape:
        return f"a test set of shape {test.shape} for {len(patients)} images"
    chosen = np.unique(patients[test])
    torn = np.intersect1d(chosen, patients[~test]).tolist()
    if torn:
        return f"{len(torn)} of {len(chosen)} test patients also among the others, such as {torn[0]!r}"
    known = np.intersect1d(chosen, seen).tolist()
    if known:
        return f"{len(known)} of {len(chosen)} test patients seen in pretraining, such as {known[0]!r}"
    if len(chosen) != count:
        return f"{len(chosen)} test patients, not {count}"
    return NO_FAULT


def faults_of(choose: Callable) -> Callable:
    """The same function, but what it returns is, in words, what is wrong with its test set.

    Args:
        choose: Takes patients (n,), those seen in pretraining, and how many to test with; returns bool (n,).

    Returns:
        A function that returns `NO_FAULT` if nothing is wrong, None if `choose` returned nothing.
    """

    @functools.wraps(choose)
    def judged(patients: np.ndarray, seen: np.ndarray, count: int) -> str | None:
        test = choose(patients, seen, count)
        return None if test is None else _fault(np.asarray(test), patients, seen, count)

    return judged
