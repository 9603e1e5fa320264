"""Windows against pydicom's own implementation of the standard; gray curves and histograms by hand and by rank."""

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_windowing
from scipy.stats import rankdata
from skimage import exposure

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


def test_brightness_and_contrast_do_not_wrap_or_clip():
    pixels = np.array([[0, 100, 250, 50]], dtype=np.uint8)
    assert preprocess.brightness(pixels, shift=20).tolist() == [[20, 120, 270, 70]]
    assert preprocess.brightness(pixels, shift=-20).tolist() == [[-20, 80, 230, 30]]
    assert preprocess.contrast(pixels, factor=2).tolist() == [[-100, 100, 400, 0]]  # about the mean, 100
    assert preprocess.contrast(pixels, factor=0.5, center=50).tolist() == [[25, 75, 150, 50]]
    extreme = np.array([-32768, 32767], dtype=np.int16)
    assert preprocess.contrast(extreme, factor=2, center=0).tolist() == [-65536, 65534]


def test_gamma_and_log_are_scikit_images_up_to_the_scale_of_the_log():
    image = np.linspace(0, 1, 101)
    np.testing.assert_allclose(preprocess.gamma(image, gamma=2.2), exposure.adjust_gamma(image, 2.2), atol=1e-6)
    np.testing.assert_allclose(preprocess.log(image, gain=1), exposure.adjust_log(image), atol=1e-6)
    curve = preprocess.log(image, gain=100)
    assert (curve[0], curve[-1]) == (0, 1)
    assert (np.diff(curve) > 0).all()
    np.testing.assert_allclose(preprocess.log(image, gain=1e-6), image, atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 30), (8, 10, 15)])
def test_equalize_gives_each_pixel_its_rank(shape):
    image = np.random.default_rng(0).beta(2, 3, shape)
    even = preprocess.equalize(image, bins=4096)
    assert even.dtype == np.float32
    np.testing.assert_allclose(even.ravel(), rankdata(image) / image.size, atol=5 / image.size)


def test_equalize_counts_only_the_mask():
    rng = np.random.default_rng(0)
    image = np.zeros((50, 50))
    head = np.zeros(image.shape, bool)
    head[10:40, 10:40] = True
    image[head] = rng.uniform(0.3, 0.5, head.sum())
    assert preprocess.equalize(image, mask=head)[head].mean() == pytest.approx(0.5, abs=0.01)
    assert preprocess.equalize(image)[head].min() > 0.6  # the air took the dark grays


@pytest.mark.parametrize("shape", [(64, 48), (16, 32, 24)])
def test_clahe_raises_local_contrast_within_its_limit(shape):
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 0.8, shape[-1]) * np.ones(shape)
    image = ramp + 0.02 * rng.random(shape)
    even = preprocess.clahe(image, tile=8)
    assert (even.shape, even.dtype) == (shape, np.float32)
    assert (even.min(), even.max()) == (0, 1)
    column = (..., slice(20, 21))
    assert even[column].std() > 1.5 * image[column].std()
    assert preprocess.clahe(image, tile=8, clip=1)[column].std() > even[column].std()
    np.testing.assert_allclose(even, exposure.equalize_adapthist(image, (8,) * image.ndim), atol=1e-6)


def test_match_histogram_sorts_alike():
    rng = np.random.default_rng(0)
    image, reference = rng.normal(0, 1, (20, 30)), rng.gamma(2, 50, (6, 10, 10)) - 1000
    matched = preprocess.match_histogram(image, reference)
    np.testing.assert_allclose(np.sort(matched, axis=None), np.sort(reference, axis=None), rtol=1e-6)
    assert (np.argsort(matched, axis=None) == np.argsort(image, axis=None)).all()


NAN = np.array([[0.0, np.nan], [0.2, 0.4]])
ORDINARY = np.random.default_rng(0).random((16, 16))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preprocess.brightness(NAN, shift=1), "1 pixels that are NaN"),
        (lambda: preprocess.brightness(ORDINARY, shift=np.inf), "shift must be a finite"),
        (lambda: preprocess.brightness(ORDINARY + 1j, shift=1), "real numbers"),
        (lambda: preprocess.brightness(np.array(["a"]), shift=1), "real numbers"),
        (lambda: preprocess.contrast(np.zeros((0, 3)), factor=2), "at least one axis"),
        (lambda: preprocess.contrast(np.array([1e300]), factor=2), "beyond float32"),
        (lambda: preprocess.contrast(ORDINARY, factor=0), "factor must be a number above 0"),
        (lambda: preprocess.contrast(ORDINARY, factor=2, center=np.nan), "center must be a finite"),
        (lambda: preprocess.gamma(ORDINARY * 255, gamma=2), "use window"),
        (lambda: preprocess.gamma((ORDINARY * 255).astype(np.uint8), gamma=2), r"lie in \[0, 1\], got 0 to 25"),
        (lambda: preprocess.gamma(ORDINARY - 0.5, gamma=2), "use window"),
        (lambda: preprocess.gamma(ORDINARY, gamma=0), "gamma must be a number above 0"),
        (lambda: preprocess.log(ORDINARY, gain=0), "gain must be a number above 0"),
        (lambda: preprocess.log(ORDINARY * 2), "use window"),
        (lambda: preprocess.equalize(np.full((4, 4), 0.5)), "constant one"),
        (lambda: preprocess.equalize(ORDINARY, bins=1), "bins must be a whole number, at least 2"),
        (lambda: preprocess.equalize(ORDINARY, mask=np.ones((3, 3), bool)), "mask must have the shape"),
        (lambda: preprocess.equalize(ORDINARY, mask=np.zeros((16, 16), bool)), "at least one pixel"),
        (lambda: preprocess.equalize(ORDINARY, mask=np.full((16, 16), 2)), "0 and 1 only"),
        (lambda: preprocess.clahe(np.zeros((16, 16))), "constant one"),
        (lambda: preprocess.clahe(np.random.default_rng(0).random((9, 9, 3))), "looks like color"),
        (lambda: preprocess.clahe(ORDINARY, clip=0), "clip must be above 0"),
        (lambda: preprocess.clahe(ORDINARY, tile=(4, 4, 4)), r"tile must be one number, or 2"),
        (lambda: preprocess.clahe(ORDINARY, tile=0), "tile must be a whole number"),
        (lambda: preprocess.match_histogram(ORDINARY, NAN), "reference must hold finite"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
