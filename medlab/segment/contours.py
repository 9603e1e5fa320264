"""Contours that move until both sides are as uniform as they can be."""

import numpy as np

from medlab.segment.arguments import at_least, image_of, mask_of


def chan_vese(
    image: np.ndarray, *, start: np.ndarray | None = None, smoothing: int = 1, iterations: int = 100
) -> np.ndarray:
    """Part an image into two phases, each near its own mean, with a smooth border; it needs no edges.

    The border moves by morphological steps instead of an equation of motion, which comes close and cannot blow up.

    Args:
        image: (y, x) or (z, y, x), not constant.
        start: Mask to start from, neither empty nor full; None starts from what is brighter than the mean.
        smoothing: Rounds of smoothing a step, 0 or more, usually 1 to 4.
        iterations: Steps, 1 or more.

    Returns:
        bool: the phase that grew out of the start mask; without one, the brighter phase. Where a phase dies out, the
        mask is empty or full.

    Raises:
        ValueError: If the image is constant or not finite, or the start mask is empty, full or of another shape.

    Source: Chan and Vese 2001, doi:10.1109/83.902291; Marquez-Neila et al. 2014, doi:10.1109/TPAMI.2013.106.
    """
    from skimage.segmentation import morphological_chan_vese

    image = image_of(image).astype(np.float64)
    if image.min() == image.max():
        raise ValueError(f"image is constant ({image.flat[0]:g}): it has no two phases")
    for value, low, name in ((smoothing, 0, "smoothing"), (iterations, 1, "iterations")):
        if int(at_least(value, low, name)) != value:
            raise ValueError(f"{name} must be a whole number, got {value}")
    if start is None:
        first = image > image.mean()  # a checkerboard, the usual start, leaves films at the border of a volume
    else:
        first = mask_of(start, name="start", shape=image.shape)
        if not first.any() or first.all():
            raise ValueError(f"start must hold both phases, got a mask that is {'full' if first.any() else 'empty'}")
    return morphological_chan_vese(image, int(iterations), first, smoothing=int(smoothing)).astype(bool)
