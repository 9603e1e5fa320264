"""How bright a lesion is, inside its mask and in the rim around it; by the IBSI definitions where there is one."""

from collections.abc import Sequence

import numpy as np

from medlab import arguments

# Names of the Image Biomarker Standardisation Initiative, reference manual: arXiv:1612.07003
IBSI_CODES = {
    "mean": "Q4LE", "variance": "ECT3", "skewness": "KE2A", "kurtosis": "IPH6", "median": "Y12H", "minimum": "1GSF",
    "p10": "QG58", "p90": "8DWT", "maximum": "84IY", "iqr": "SALO", "range": "2OJQ",
    "mean_absolute_deviation": "4FUA", "entropy": "TLU2", "uniformity": "BJ5W",
}  # fmt: skip


def intensity_features(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    spacing: Sequence[float] | None = None,
    rim_width: float = 2.0,
    bin_width: float = 25.0,
    solid_above: float = -300.0,
    calcified_above: float = 200.0,
) -> dict[str, float]:
    """First-order statistics of a lesion and of what lies around it.

    Inside: `mean`, `sd`, `variance`, `skewness`, `kurtosis` (excess: 0 for a Gaussian), `minimum`, `p10`, `p25`,
    `median`, `p75`, `p90`, `maximum`, `iqr`, `range`, `mean_absolute_deviation`, `entropy` (bits) and `uniformity` of
    the histogram, `solid_share` and `calcified_share` (of the voxels, from 0 to 1).
    Rim: `rim_mean`, `rim_sd`, `rim_p10`, `rim_median`, `rim_p90`; and `contrast` = mean - rim_mean.

    Args:
        image: HU, (z, y, x) or (y, x); other units work too, with the three widths and limits below chosen for them.
        mask: The lesion, same shape.
        spacing: Voxel size in mm, one number an axis; without it distances are in voxels.
        rim_width: How far the rim reaches from the mask, in mm (in voxels without spacing), above 0.
        bin_width: Of the histogram, in HU; a bin starts at every multiple, so that bins mean the same in every image.
        solid_above: HU above which a voxel is solid tissue rather than ground glass.
        calcified_above: HU above which a voxel holds calcium.

    Returns:
        One number a name. A constant lesion has skewness and kurtosis 0; a mask without any rim inside the image has
        NaN for what is about the rim.

    Raises:
        ValueError: If the image is not finite or of another shape, the mask is empty, or a width is not above 0.

    Source: Zwanenburg et al. 2020 (IBSI), doi:10.1148/radiol.2020191145; `IBSI_CODES` says which are theirs.

    >>> lesion = np.array([[-900, -900, -900, -900], [-900, 40, 60, -900], [-900, -900, -900, -900]])
    >>> found = intensity_features(lesion, lesion > 0, rim_width=1)
    >>> found["mean"], found["rim_mean"], found["solid_share"], found["entropy"]
    (50.0, -900.0, 1.0, 1.0)
    """
    image = arguments.image(image, ndim=(2, 3), dtype=float)
    mask = arguments.mask(mask, shape=image.shape, empty=False)
    steps = np.array(arguments.spacing(spacing, mask.ndim))
    rim_width = arguments.number(rim_width, "rim_width", above=0)
    bin_width = arguments.number(bin_width, "bin_width", above=0)
    measures = _inside(image[mask], bin_width)
    measures["solid_share"] = (image[mask] > solid_above).mean()
    measures["calcified_share"] = (image[mask] > calcified_above).mean()
    measures |= _around(image[_rim(mask, steps, rim_width)])
    measures["contrast"] = measures["mean"] - measures["rim_mean"]
    return {name: float(value) for name, value in measures.items()}


def _inside(values: np.ndarray, bin_width: float) -> dict[str, float]:
    p10, p25, median, p75, p90 = np.percentile(values, (10, 25, 50, 75, 90))
    mean, sd = values.mean(), values.std()
    # a constant lesion has no third or fourth moment to standardize; rounding must not make one up
    flat = np.ptp(values) == 0
    standard = np.zeros(1) if flat else (values - mean) / sd
    _, counts = np.unique(np.floor(values / bin_width), return_counts=True)
    shares = counts / counts.sum()
    return {
        "mean": mean,
        "sd": sd,
        "variance": sd**2,
        "skewness": (standard**3).mean(),
        "kurtosis": 0.0 if flat else (standard**4).mean() - 3,
        "minimum": values.min(),
        "p10": p10,
        "p25": p25,
        "median": median,
        "p75": p75,
        "p90": p90,
        "maximum": values.max(),
        "iqr": p75 - p25,
        "range": np.ptp(values),
        "mean_absolute_deviation": np.abs(values - mean).mean(),
        "entropy": max(0.0, -(shares * np.log2(shares)).sum()),
        "uniformity": (shares**2).sum(),
    }


def _around(values: np.ndarray) -> dict[str, float]:
    names = ("rim_mean", "rim_sd", "rim_p10", "rim_median", "rim_p90")
    if not len(values):
        return dict.fromkeys(names, np.nan)
    return dict(zip(names, (values.mean(), values.std(), *np.percentile(values, (10, 50, 90))), strict=True))


def _rim(mask: np.ndarray, steps: np.ndarray, width: float) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt

    near = box_with_rim(mask, np.ceil(width / steps).astype(int) + 1)
    rim = np.zeros_like(mask)
    rim[near] = ~mask[near] & (distance_transform_edt(~mask[near], sampling=steps) <= width + 1e-9)
    return rim


def box_with_rim(mask: np.ndarray, reach: np.ndarray) -> tuple[slice, ...]:
    """The box of a mask and some voxels around it, as many an axis as `reach` says: the rest only takes time."""
    return tuple(slice(max(0, side.start - n), side.stop + n) for side, n in zip(arguments.box(mask), reach))
