"""Key points of an image: places that can be found again in another picture of the same thing, and their pairs."""

from dataclasses import dataclass

import numpy as np

from medlab import arguments

METHODS = ("sift", "orb")


@dataclass(frozen=True)
class KeyPoints:
    """Places that can be found again, and what each looks like.

    Args:
        points: (n, 2) pixel indices (y, x), fractions too. A blob that points two ways stands twice.
        descriptors: (n, 256) bool for ORB, compared by Hamming distance; (n, 128) numbers for SIFT, by Euclidean one.
    """

    points: np.ndarray
    descriptors: np.ndarray

    def __len__(self) -> int:
        return len(self.points)


def keypoints(image: np.ndarray, *, n: int = 300, method: str = "sift") -> KeyPoints:
    """Corners (ORB) or blobs (SIFT) of an image, with a description of each that turns with the image.

    Args:
        image: (y, x), any unit; its own minimum and maximum become 0 and 1. Window a CT first, or bone and metal take
            all the contrast. ORB describes patches of 31 pixels and finds nothing within 16 pixels of the edge.
        n: At most so many, those of most contrast.
        method: "sift" or "orb".

    Returns:
        Key points; none where the image has no corner or blob.

    Raises:
        ValueError: If the image is not (y, x), is constant or holds NaN, or `method` is unknown.

    Source: Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94; Rublee et al. 2011 (ORB), doi:10.1109/ICCV.2011.6126544.
    """
    n, method = arguments.whole(n, "n", low=1), arguments.choice(method, "method", METHODS)
    return detected(unit_range(image, "image", ndim=(2,)), n, method)


def match(a: KeyPoints, b: KeyPoints, *, max_ratio: float = 0.8) -> np.ndarray:
    """Pair the key points of two images by their descriptions, where each is the other's nearest.

    Args:
        max_ratio: Keep a pair only if its distance is below this share of the distance to the second nearest in `b`:
            what looks like two places says nothing. Above 0; 1 keeps all but ties.

    Returns:
        (m, 2) indices into `a` and `b`, in the order of `a`.

    Raises:
        ValueError: If one is of ORB and the other of SIFT, or `max_ratio` is not in (0, 1].

    Source: Lowe 2004, section 7.1.
    """
    from sklearn import config_context
    from sklearn.neighbors import NearestNeighbors

    max_ratio = arguments.number(max_ratio, "max_ratio", above=0, high=1)
    if not (len(a) and len(b)):
        return np.empty((0, 2), dtype=int)
    if (a.descriptors.dtype, a.descriptors.shape[1]) != (b.descriptors.dtype, b.descriptors.shape[1]):
        raise ValueError(f"a and b must be described alike, got {a.descriptors.dtype} and {b.descriptors.dtype}")
    options = {"algorithm": "brute", "metric": "hamming" if a.descriptors.dtype == bool else "euclidean"}
    with config_context(working_memory=128):  # MB: scikit-image's `match_descriptors` takes gigabytes for two volumes
        in_b = NearestNeighbors(n_neighbors=min(2, len(b)), **options).fit(b.descriptors)
        distances, nearest = in_b.kneighbors(a.descriptors)
        back = NearestNeighbors(n_neighbors=1, **options).fit(a.descriptors).kneighbors(b.descriptors)[1][:, 0]
    keep = back[nearest[:, 0]] == np.arange(len(a))
    if len(b) > 1:
        keep &= distances[:, 0] < max_ratio * distances[:, 1]
    return np.column_stack([np.flatnonzero(keep), nearest[keep, 0]])


def unit_range(image: np.ndarray, name: str, *, ndim: tuple[int, ...]) -> np.ndarray:
    """The image as float32 from 0 to 1, which is the scale that the thresholds of ORB and SIFT are made for."""
    image = arguments.image(image, name, ndim=ndim, dtype=np.float32)
    low, high = image.min(), image.max()
    if low == high:
        raise ValueError(f"{name} must have at least two values, got a constant one ({low:g})")
    return (image - low) / (high - low)


def detected(image: np.ndarray, n: int, method: str, *, upsampling: int = 2) -> KeyPoints:
    """Key points of an image from 0 to 1; none in one that is constant or less than 12 pixels wide."""
    from skimage.feature import ORB, SIFT

    # ORB's own threshold of 0.08 is for photographs; vessels in a CT window are fainter
    finder = ORB(n_keypoints=n, fast_threshold=0.03) if method == "orb" else SIFT(upsampling=upsampling)
    try:
        if min(image.shape) < 12:
            raise RuntimeError("too small")
        finder.detect_and_extract(image)
    except RuntimeError:  # this is how they say that there is nothing
        length, kind = (256, bool) if method == "orb" else (128, np.uint8)
        return KeyPoints(np.empty((0, 2)), np.empty((0, length), kind))
    points, descriptors = np.asarray(finder.keypoints, dtype=float), finder.descriptors
    if len(points) > n:  # SIFT does not rank what it finds
        best = np.sort(np.argsort(-_contrast(image, points, finder.sigmas), kind="stable")[:n])
        points, descriptors = points[best], descriptors[best]
    return KeyPoints(points, descriptors)


def _contrast(image: np.ndarray, points: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """How much each blob stands out: the scale-normalized Laplacian there, at its scale up to a third of an octave."""
    from scipy.ndimage import gaussian_laplace

    steps = np.round(3 * np.log2(sigmas)).astype(int)
    at = tuple(np.clip(np.round(points).astype(int), 0, np.array(image.shape) - 1).T)
    strength = np.zeros(len(points))
    for step in np.unique(steps):
        sigma = 2 ** (step / 3)
        here = steps == step
        strength[here] = np.abs(sigma**2 * gaussian_laplace(image, sigma)[at])[here]
    return strength
