"""Prepare pixel values: windows."""

import numpy as np

WINDOWS = {  # center and width in HU, as viewers ship them; departments differ by some 10 %
    "brain": (40.0, 80.0),
    "soft tissue": (40.0, 400.0),
    "bone": (500.0, 2000.0),
    "lung": (-600.0, 1500.0),
}


def window(hu: np.ndarray, *, center: float, width: float) -> np.ndarray:
    """Map a range of CT numbers to [0, 1], as a viewer does.

    Args:
        hu: CT numbers in HU, any shape.
        center: Middle of the range shown, HU (lung -600, soft tissue 40).
        width: Size of the range shown, HU, above 0 (lung 1500, soft tissue 400).

    Returns:
        Same shape, float32, in [0, 1]; values outside the range are clipped.

    Raises:
        ValueError: If `width` is not above 0.

    Source: DICOM PS3.3 C.11.2.1.3.2, LINEAR_EXACT. Taught in: notebook 01.

    >>> window(np.array([-1350.0, -600.0, 150.0]), center=-600, width=1500).tolist()
    [0.0, 0.5, 1.0]
    """
    if not width > 0:
        raise ValueError(f"width must be above 0 HU, got {width}")
    hu = np.asarray(hu, dtype=np.float32)  # 16-bit differences would wrap around
    return np.clip((hu - float(center)) / float(width) + 0.5, 0, 1)
