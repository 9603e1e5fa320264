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

WRONG_IN_ANOTHER_WAY = [
    (
        "correlate",
        """
def correlate(image, kernel):
    k = len(kernel)
    n, m = image.shape
    return np.array([[(image[i:i+k, j:j+k] * kernel).sum() for j in range(m - k + 1)] for i in range(n - k + 1)])
""",
        "case 3 of 3 differs",
    ),
    (
        "output_size",
        "def output_size(n, k, p, s):\n    return (n + 2 * p - k) / s + 1",
        "likely cause: You forgot to round down",
    ),
    (
        "output_size",
        "def output_size(n, k, p, s):\n    return round((n + 2 * p - k) / s) + 1",
        "(n: 224, k: 7, p: 3, s: 2)\n  expected 112, got 113",
    ),
    (
        "receptive_field",
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
        "receptive_field",
        """
def receptive_field(layers):
    field = 0
    for k, s in layers:
        field = field * s + k
    return field
""",
        "case 2 of 5 differs",
    ),
]

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
