"""Answers to exercise 08 as students write them; see `tests.answers`."""

RIGHT_IN_ANOTHER_WAY = {
    "correlate": """
def correlate(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("ijuv,uv->ij", windows, kernel)
""",
    "output_size": """
import math
def output_size(n, k, p, s):
    return math.floor((n - k + 2 * p) / s + 1)
""",
    "max_pool": """
def max_pool(image):
    h, w = image.shape
    out = np.empty((h // 2, w // 2), image.dtype)
    for i in range(h // 2):
        for j in range(w // 2):
            out[i, j] = image[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
    return out
""",
    "receptive_field": """
def receptive_field(layers):
    if not layers:
        return 1
    kernel, stride = layers[0]
    return (receptive_field(layers[1:]) - 1) * stride + kernel
""",
    "kernel_gradient": """
from scipy.signal import correlate2d
def kernel_gradient(image, g):
    return correlate2d(image, g, mode="valid")
""",
}

WRITTEN_BY_STUDENTS = {
    "correlate": [
        (
            """
def correlate(image, kernel):
    kh, kw = kernel.shape
    out = np.zeros((image.shape[0] - kh + 1, image.shape[1] - kw + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for u in range(kh):
                for v in range(kw):
                    out[i, j] += image[i + kh - 1 - u, j + kw - 1 - v] * kernel[u, v]
    return out
""",
            "likely cause: You turned the kernel by 180°",
        ),
        (
            """
def correlate(image, kernel):
    h, w = kernel.shape
    rows = []
    for i in range(image.shape[0] - h):
        rows.append([np.sum(image[i : i + h, j : j + w] * kernel) for j in range(image.shape[1] - w)])
    return np.array(rows)
""",
            "expected an array of shape (1, 2), got an array of shape (0,)",
        ),
        (
            """
def correlate(image, kernel):
    k = len(kernel)
    n, m = image.shape
    return np.array([[(image[i:i+k, j:j+k] * kernel).sum() for j in range(m - k + 1)] for i in range(n - k + 1)])
""",
            "case 3 of 3 differs",
        ),
        (
            """
def correlate(image, kernel):
    h, w = kernel.shape
    out = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))
    for i, j in np.ndindex(out.shape):
        out[i, j] = np.mean(image[i : i + h, j : j + w] * kernel)
    return out
""",
            "likely cause: You divided by the number of weights",
        ),
    ],
    "output_size": [
        (
            "def output_size(n, k, p, s):\n    return (n + 2 * p - k) / s + 1",
            "likely cause: You forgot to round down",
        ),
        (
            "def output_size(n, k, p, s):\n    return (n - k + 2 * p) // s",
            "likely cause: You forgot the + 1",
        ),
        (
            "def output_size(n, k, p, s):\n    return round((n + 2 * p - k) / s) + 1",
            "(n: 224, k: 7, p: 3, s: 2)\n  expected 112, got 113",
        ),
    ],
    "max_pool": [
        (
            """
def max_pool(image):
    padded = np.pad(image, ((0, len(image) % 2), (0, image.shape[1] % 2)))
    return padded.reshape(len(padded) // 2, 2, -1, 2).max(axis=(1, 3))
""",
            "likely cause: You filled an odd row or column up with zeros",
        ),
        (
            """
def max_pool(image):
    h, w = image.shape[0] // 2, image.shape[1] // 2
    return image[: h * 2, : w * 2].reshape(h, 2, w, 2).mean((1, 3))
""",
            "likely cause: You took the mean",
        ),
        (
            """
def max_pool(image):
    h, w = image.shape[0] // 2, image.shape[1] // 2
    return image.reshape(h, 2, w, 2).max((1, 3))
""",
            "cannot reshape array of size 40 into shape (2,2,4,2)",
        ),
    ],
    "receptive_field": [
        (
            """
def receptive_field(layers):
    field = 1
    for k, s in layers:
        field += k - 1
    return field
""",
            "likely cause: You left out the strides",
        ),
        (
            """
def receptive_field(layers):
    field, jump = 1, 1
    for k, s in layers:
        jump *= s
        field += (k - 1) * jump
    return field
""",
            "likely cause: You counted a layer's own stride for itself",
        ),
        (
            """
def receptive_field(layers):
    field = 0
    for k, s in layers:
        field = field * s + k
    return field
""",
            "case 2 of 5 differs",
        ),
    ],
    "kernel_gradient": [
        (
            """
from scipy.signal import convolve2d
def kernel_gradient(image, g):
    return convolve2d(image, g, mode="valid")
""",
            "likely cause: You turned g by 180°",
        ),
        (
            """
def kernel_gradient(image, g):
    h, w = g.shape
    out = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))
    for u, v in np.ndindex(out.shape):
        out[u, v] = image[u : u + h, v : v + w].sum()
    return out
""",
            "likely cause: You left out g",
        ),
        (
            """
from scipy.signal import convolve2d
def kernel_gradient(image, g):
    return convolve2d(image, g[::-1, ::-1])
""",
            "expected an array of shape (2, 2), got an array of shape (4, 4)",
        ),
    ],
}

CAUGHT_BY_HIDDEN_CASES = [
    (
        "correlate",  # the result is of the image's kind, and whole numbers lose what stands behind the point
        """
def correlate(image, kernel):
    kh, kw = kernel.shape
    out = np.zeros((image.shape[0] - kh + 1, image.shape[1] - kw + 1), image.dtype)
    for i, j in np.ndindex(out.shape):
        out[i, j] = (image[i : i + kh, j : j + kw] * kernel).sum()
    return out
""",
    ),
    (
        "kernel_gradient",  # kernels are taken to be square
        """
def kernel_gradient(image, g):
    k = len(image) - len(g) + 1
    h, w = g.shape
    return np.array([[(image[u : u + h, v : v + w] * g).sum() for v in range(k)] for u in range(k)])
""",
    ),
]
