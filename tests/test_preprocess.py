"""Windows against pydicom's own implementation of the standard."""

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_windowing

from medlab import preprocess


@pytest.mark.parametrize(("center", "width"), [*preprocess.WINDOWS.values(), (0, 1), (10.5, 3.7)])
def test_window_is_dicoms_linear_exact(center, width):
    hu = np.arange(-2000, 3000, 7, dtype=np.int16)
    ds = pydicom.Dataset()
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = center, width, "LINEAR_EXACT"
    ds.PhotometricInterpretation, ds.BitsStored, ds.PixelRepresentation = "MONOCHROME2", 16, 1
    ds.BitsAllocated = 16
    theirs = apply_windowing(hu, ds)
    expected = (theirs - theirs.min()) / (theirs.max() - theirs.min())
    np.testing.assert_allclose(preprocess.window(hu, center=center, width=width), expected, atol=1e-6)


def test_window_gives_float32_between_0_and_1_and_leaves_the_input():
    hu = np.array([[-32768, 0, 32767]], dtype=np.int16)
    shown = preprocess.window(hu, center=np.float64(40), width=np.float64(400))
    assert shown.dtype == np.float32
    assert (shown.min(), shown.max()) == (0, 1)
    assert hu.tolist() == [[-32768, 0, 32767]]


@pytest.mark.parametrize("width", [0, -1, float("nan")])
def test_window_needs_a_width(width):
    with pytest.raises(ValueError, match="width must be above 0"):
        preprocess.window(np.zeros(3), center=0, width=width)
