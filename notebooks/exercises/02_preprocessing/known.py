"""Exercise 02: the functions that yours are compared with, and the mistakes that the checks recognise."""

import numpy as np

MISTAKES = {}  # for each task: what is wrong, in a sentence, and a function that goes wrong like that


MISTAKES["window"] = {
    "You did not clip: what is darker than the window is 0, what is brighter is 1.": (
        lambda hu, center, width: (hu - float(center)) / width + 0.5
    ),
    "You forgot the 0.5: the center of the window is to come out as middle grey, not as black.": (
        lambda hu, center, width: np.clip((hu - float(center)) / width, 0, 1)
    ),
    "You divided HU by 255: CT numbers are no 8-bit greys, and the window decides what is black and white.": (
        lambda hu, center, width: np.clip(hu / 255.0, 0, 1)
    ),
    "You subtracted in 16-bit integers, which wrap around: convert `hu` to float first.": (
        lambda hu, center, width: np.clip((hu - center) / width + 0.5, 0, 1)
    ),
}


def _mse(reference: np.ndarray, image: np.ndarray) -> float:
    return np.mean((reference.astype(float) - image) ** 2)


MISTAKES["psnr"] = {
    "You did not square the range: power goes with the square of the value.": (
        lambda reference, image, data_range: 10 * np.log10(data_range / _mse(reference, image))
    ),
    "You took the brightest pixel for the range: use `data_range`, or PSNR differs from image to image.": (
        lambda reference, image, data_range: 10 * np.log10(float(reference.max()) ** 2 / _mse(reference, image))
    ),
    "You squared twice: it is 10 log10 of the squared range, or 20 log10 of the range over the root.": (
        lambda reference, image, data_range: 20 * np.log10(data_range**2 / _mse(reference, image))
    ),
    "You subtracted or squared in small integers, which wrap around: convert both images to float first.": (
        lambda reference, image, data_range: 10 * np.log10(data_range**2 / np.mean((reference - image) ** 2))
    ),
}


def median3(image: np.ndarray) -> np.ndarray:
    """Median of 3 × 3 pixels with repeated edge pixels."""
    from scipy.ndimage import median_filter

    return median_filter(image, size=3, mode="nearest")


def _median_with(image: np.ndarray, *, average=np.median, **padding) -> np.ndarray:
    """The median of 3 × 3 pixels, with another average or another edge."""
    padded = np.pad(image, 1, **(padding or {"mode": "edge"}))
    return average(np.lib.stride_tricks.sliding_window_view(padded, (3, 3)), axis=(2, 3))


def _median_inside(image: np.ndarray) -> np.ndarray:
    result = image.astype(float)
    result[1:-1, 1:-1] = _median_with(image)[1:-1, 1:-1]
    return result


MISTAKES["median3"] = {
    "You took the mean: one dead pixel moves a mean, and leaves a median alone.": (
        lambda image: _median_with(image, average=np.mean)
    ),
    "You padded with zeros: 0 HU is water, and a dark edge would turn bright. Repeat the edge pixels.": (
        lambda image: _median_with(image, mode="constant")
    ),
    "You mirrored the image at its edge: here the edge pixels themselves are repeated (mode='edge').": (
        lambda image: _median_with(image, mode="reflect") if min(image.shape) > 1 else _median_with(image)
    ),
    "You left the outermost pixels unfiltered: they have neighbours too once the edge is repeated.": _median_inside,
}


def standardize(train: np.ndarray, val: np.ndarray) -> np.ndarray:
    """Validation images, (m, y, x), less the mean of the training images, (n, y, x), over their standard deviation."""
    return (val - train.mean()) / train.std()


MISTAKES["standardize"] = {
    "You used the validation images' own mean and deviation: what differs between the two sets is wiped out, "
    "and a single new patient has no set to take a mean of.": (lambda train, val: (val - val.mean()) / val.std()),
    "You took the mean and deviation of both parts together: validation data leak into what training sets.": (
        lambda train, val: (val - np.append(train, val).mean()) / np.append(train, val).std()
    ),
    "You took a mean for each pixel (axis=0): here it is one number for the whole training part.": (
        lambda train, val: (val - train.mean(axis=0)) / train.std(axis=0)
    ),
    "You divided by the variance: it has the unit HU², the standard deviation has HU.": (
        lambda train, val: (val - train.mean()) / train.std() ** 2
    ),
}


def flip_boxes(boxes: np.ndarray, width: int) -> np.ndarray:
    """Boxes (y0, x0, y1, x1), half open, (n, 4), after a left-right flip of their image of `width` columns.

    The slow way, by what it means: mark the columns of each box, flip them, look where they are.
    """
    flipped = boxes.copy()
    for box, (_, x0, _, x1) in zip(flipped, boxes):
        columns = np.zeros(width, bool)
        columns[x0:x1] = True
        inside = np.flatnonzero(columns[::-1])
        box[[1, 3]] = inside[0], inside[-1] + 1
    return flipped


MISTAKES["flip_boxes"] = {
    "You did not swap the sides: after a flip the old right side is the new left one (x0 < x1).": (
        lambda boxes, width: np.stack([boxes[:, 0], width - boxes[:, 1], boxes[:, 2], width - boxes[:, 3]], axis=1)
    ),
    "You are one pixel off: x1 is the first column after the box, so nothing is subtracted from the width.": (
        lambda boxes, width: np.stack(
            [boxes[:, 0], width - 1 - boxes[:, 3], boxes[:, 2], width - 1 - boxes[:, 1]], axis=1
        )
    ),
    "You flipped up-down: left-right changes x0 and x1, columns 1 and 3.": (
        lambda boxes, width: np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    ),
    "You read x0 after writing over it: take both old values from `boxes`, and write into a copy.": (
        lambda boxes, width: np.stack([boxes[:, 0], width - boxes[:, 3], boxes[:, 2], boxes[:, 3]], axis=1)
    ),
}
