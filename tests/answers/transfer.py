"""Answers to exercise 11 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "to_grey": """
def to_grey(kernels):
    grey = np.zeros((len(kernels), 1, *kernels.shape[2:]))
    for channel in range(kernels.shape[1]):
        grey[:, 0] += kernels[:, channel]
    return grey
""",
    "trainable": """
import math
def trainable(shapes, head):
    trains = [math.prod(shape) for name, shape in shapes.items() if name.startswith(head + ".")]
    return sum(trains), sum(math.prod(shape) for shape in shapes.values())
""",
    "labels_needed": """
def labels_needed(n, auc, target):
    if target <= auc[0]:
        return n[0]
    for i in range(1, len(n)):
        if target <= auc[i]:
            part = (target - auc[i - 1]) / (auc[i] - auc[i - 1])
            return n[i - 1] * (n[i] / n[i - 1]) ** part
    return float("nan")
""",
    "imagenet_input": """
def imagenet_input(image):
    rgb = np.repeat(image[None].astype(float), 3, axis=0) / 255
    for channel, (mean, sd) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        rgb[channel] = (rgb[channel] - mean) / sd
    return rgb
""",
    "choose_test": """
def choose_test(patients, seen, count):
    known, test = set(seen.tolist()), set()
    for patient in patients.tolist():
        if len(test) < count and patient not in known:
            test.add(patient)
    return [patient in test for patient in patients.tolist()]
""",
}

WRONG_IN_ANOTHER_WAY = [
    (
        "to_grey",
        "def to_grey(kernels):\n    return kernels[:, [0]] + kernels[:, [1]]",
        "case 2 of 3 differs",
    ),
    (
        "trainable",
        """
def trainable(shapes, head):
    total = sum(np.prod(shape) for shape in shapes.values())
    return np.prod(shapes[head + ".weight"]), total
""",
        "likely cause: You left out the bias of the head",
    ),
    (
        "trainable",
        """
def trainable(shapes, head):
    return sum(np.prod(shape) for name, shape in shapes.items() if name == head), 98
""",
        "expected [18, 98], got [0, 98]",
    ),
    (
        "labels_needed",
        """
def labels_needed(n, auc, target):
    i = np.flatnonzero(auc >= target)[0]
    part = (target - auc[i - 1]) / (auc[i] - auc[i - 1])
    return n[i - 1] * (n[i] / n[i - 1]) ** part
""",
        "case 3 of 4 differs",
    ),
    (
        "labels_needed",
        """
def labels_needed(n, auc, target):
    slope, start = np.polyfit(np.log(n), auc, 1)
    return np.exp((target - start) / slope)  # one line through all points
""",
        "case 1 of 4 differs",
    ),
    (
        "imagenet_input",
        """
def imagenet_input(image):
    mean, sd = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    rgb = np.stack([image] * 3)
    return (rgb - mean.reshape(3, 1, 1)) / sd.reshape(3, 1, 1)
""",
        "likely cause: You left the pixels at 0 to 255",
    ),
]

CAUGHT_BY_HIDDEN_CASES = [
    (
        "trainable",  # another part begins with the same letters
        """
def trainable(shapes, head):
    sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
    return sum(size for name, size in sizes.items() if name.startswith(head)), sum(sizes.values())
""",
    ),
    (
        "imagenet_input",  # an image that is dark is taken to be scaled already
        """
def imagenet_input(image):
    mean, sd = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    if image.max() > 1:
        image = image / 255
    return (image - mean[:, None, None]) / sd[:, None, None]
""",
    ),
    (
        "to_grey",  # always three channels
        "def to_grey(kernels):\n    return kernels[:, :1] + kernels[:, 1:2] + kernels[:, 2:3]",
    ),
]
