"""First-order features against the IBSI benchmark, SciPy, and numbers worked out on paper."""

import numpy as np
import pytest
from scipy import ndimage, stats

from medlab import features
from medlab.features.intensity import IBSI_CODES
from tests.test_features_shape import PHANTOM

# reference values of the IBSI for its digital phantom, three digits; its grey levels are bins of width 1
BENCHMARK = {
    "mean": 2.15, "variance": 3.05, "skewness": 1.08, "kurtosis": -0.355, "median": 1, "minimum": 1, "p10": 1,
    "p90": 4, "maximum": 6, "iqr": 3, "range": 5, "mean_absolute_deviation": 1.55, "entropy": 1.27,
    "uniformity": 0.512,
}  # fmt: skip


def test_ibsi_benchmark():
    found = features.intensity_features(PHANTOM, PHANTOM > 0, bin_width=1)
    assert set(BENCHMARK) == set(IBSI_CODES)
    for name, value in BENCHMARK.items():
        assert found[name] == pytest.approx(value, rel=0.005), name


def lesion(seed: int, shape=(9, 20, 22)):
    rng = np.random.default_rng(seed)
    image = rng.normal(-300, 250, shape)
    mask = ndimage.gaussian_filter(rng.normal(size=shape), 2) > 0.05
    return image, mask


@pytest.mark.parametrize("shape", [(9, 20, 22), (30, 31)])
@pytest.mark.parametrize("seed", range(3))
def test_as_numpy_and_scipy(seed, shape):
    image, mask = lesion(seed, shape)
    found = features.intensity_features(image, mask)
    values = image[mask]
    counts = np.histogram(values, np.arange(-2000, 2001, 25))[0]
    expected = {
        "mean": values.mean(),
        "sd": values.std(),
        "skewness": stats.skew(values),
        "kurtosis": stats.kurtosis(values),
        "p25": np.percentile(values, 25),
        "p75": np.percentile(values, 75),
        "iqr": stats.iqr(values),
        "entropy": stats.entropy(counts, base=2),
        "uniformity": np.sum((counts / counts.sum()) ** 2),
        "solid_share": np.mean(values > -300),
        "calcified_share": np.mean(values > 200),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name


@pytest.mark.parametrize(("spacing", "width"), [(None, 2.0), ((1.25, 0.7, 0.7), 2.0), ((2.5, 1, 0.5), 3.0)])
def test_the_rim_is_what_lies_within_its_width(spacing, width):
    """By the distance of every voxel outside to every voxel inside."""
    image, mask = lesion(4, (5, 9, 10))
    found = features.intensity_features(image, mask, spacing=spacing, rim_width=width)
    steps = np.ones(3) if spacing is None else np.array(spacing)
    inside, outside = np.argwhere(mask) * steps, np.argwhere(~mask) * steps
    nearest = np.linalg.norm(outside[:, None] - inside[None], axis=-1).min(axis=1)
    rim = image[~mask][nearest <= width + 1e-9]
    assert 0 < len(rim) < (~mask).sum()
    assert found["rim_mean"] == pytest.approx(rim.mean())
    assert found["rim_sd"] == pytest.approx(rim.std())
    assert [found[f"rim_{p}"] for p in ("p10", "median", "p90")] == pytest.approx(np.percentile(rim, (10, 50, 90)))
    assert found["contrast"] == pytest.approx(found["mean"] - found["rim_mean"])


def test_what_lies_beyond_the_rim_does_not_matter():
    image, mask = lesion(1)
    mask[:, :8] = mask[:, -8:] = False
    other = image.copy()
    other[:, 0] = other[:, -1] = 3000
    assert features.intensity_features(image, mask) == features.intensity_features(other, mask)


def test_shift_and_scale():
    image, mask = lesion(2)
    before = features.intensity_features(image, mask)
    after = features.intensity_features(2 * image + 100, mask)
    for name in ("mean", "median", "p10", "rim_mean", "minimum"):
        assert after[name] == pytest.approx(2 * before[name] + 100), name
    for name in ("sd", "iqr", "range", "contrast", "rim_sd"):
        assert after[name] == pytest.approx(2 * before[name]), name
    for name in ("skewness", "kurtosis"):
        assert after[name] == pytest.approx(before[name]), name


def test_constant_lesion_and_one_voxel():
    for mask in (np.eye(5, dtype=bool), np.arange(25).reshape(5, 5) == 12):
        found = features.intensity_features(np.full((5, 5), 0.1), mask)
        assert found["sd"] == pytest.approx(0, abs=1e-12)
        assert found["skewness"] == found["kurtosis"] == found["entropy"] == found["range"] == 0
        assert found["uniformity"] == 1


def test_no_rim_is_nan():
    found = features.intensity_features(np.arange(16.0).reshape(4, 4), np.ones((4, 4), bool))
    without = {name for name, value in found.items() if np.isnan(value)}
    assert without == {"rim_mean", "rim_sd", "rim_p10", "rim_median", "rim_p90", "contrast"}


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_types_do_not_overflow(dtype):
    image = np.random.default_rng(0).integers(0, 256, (8, 30, 30))
    mask = image > 100
    assert features.intensity_features(image.astype(dtype), mask) == features.intensity_features(image, mask)


IMAGE, MASK = np.zeros((4, 5)), np.eye(4, 5, dtype=bool)
BROKEN = np.where(MASK, np.nan, 0)


@pytest.mark.parametrize(
    ("image", "mask", "options", "message"),
    [
        (IMAGE, np.zeros((4, 5), bool), {}, "mask must mark at least one pixel"),
        (IMAGE, np.ones((5, 4), bool), {}, r"shape of the image, \(4, 5\), got \(5, 4\)"),
        (BROKEN, MASK, {}, "finite, got 4 pixels"),
        (IMAGE.astype(complex), MASK, {}, "real numbers"),
        (IMAGE, MASK, {"rim_width": 0}, "rim_width must be a number above 0"),
        (IMAGE, MASK, {"bin_width": 0}, "bin_width must be a number above 0"),
        (IMAGE, MASK, {"bin_width": np.nan}, "bin_width must be a number above 0"),
        (IMAGE, MASK, {"spacing": (1, 0)}, "spacing must be 2 numbers above 0"),
        (IMAGE, MASK, {"spacing": (1, 1, 1)}, "spacing must be 2 numbers above 0"),
    ],
)
def test_bad_input(image, mask, options, message):
    with pytest.raises(ValueError, match=message):
        features.intensity_features(image, mask, **options)
