"""One grey picture of whatever was read, for lessons that work on a single image."""

import numpy as np

from medlab.io.volume import Volume, reorient

LUMA = (0.2125, 0.7154, 0.0721)  # how much red, green and blue weigh in a grey; ITU-R BT.709


def middle_slice(volume: Volume) -> Volume:
    """The middle slice of the first frame, turned to LPS where the file says how it lies; colour becomes grey.

    Args:
        volume: As `io.read` gives it.

    Returns:
        A Volume with the axes (y, x) and its spacing in mm, if known; values stay in their unit, colour is weighted as
        a screen weighs it (float32).
    """
    if volume.affine is not None and volume.space == "zyx":
        volume = reorient(volume)
    array, axes = volume.array, volume.axes
    if axes.startswith("t"):
        array, axes = array[0], axes[1:]
    if axes.startswith("z"):
        array, axes = array[len(array) // 2], axes[1:]
    if axes.endswith("c"):
        array = (array[..., :3] @ np.array(LUMA)).astype(np.float32)
    spacing = volume.spacing and volume.spacing[-2:]
    return Volume(array, spacing, None, volume.modality, volume.source, volume.header, "yx", volume.unit)
