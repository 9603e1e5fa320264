"""One scale for what is compared: the window of a viewer, and mean 0 with standard deviation 1."""

import numpy as np

from medlab import arguments

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
    width = arguments.number(width, "width", above=0, unit="HU")
    hu = np.asarray(hu, dtype=np.float32)  # 16-bit differences would wrap around
    return np.clip((hu - float(center)) / width + 0.5, 0, 1)


def standardize(
    image: np.ndarray, *, mean: float | None = None, sd: float | None = None, mask: np.ndarray | None = None
) -> np.ndarray:
    """Subtract the mean and divide by the standard deviation (z-score).

    Args:
        image: Any shape and unit.
        mean: In the unit of the image, such as that of the training images; None: of this image.
        sd: As `mean`, above 0.
        mask: Which pixels count where `mean` or `sd` is None, same shape; all pixels are mapped.

    Returns:
        Same shape, float32, in standard deviations.

    Raises:
        ValueError: If the standard deviation is 0, as in a constant image, or the mask is empty or of another shape.
    """
    image = arguments.image(image, dtype=float)
    values = image if mask is None else image[arguments.mask(mask, shape=image.shape, empty=False)]
    if sd is None and values.min() == values.max():
        raise ValueError(f"image must have at least two values, got a constant one ({values.min():g}): give sd")
    middle = values.mean() if mean is None else arguments.number(mean, "mean")
    spread = values.std() if sd is None else arguments.number(sd, "sd", above=0)
    return ((image - middle) / spread).astype(np.float32)
