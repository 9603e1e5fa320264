"""How good an image is: against a reference (PSNR, SSIM), or by what stands out in it (CNR)."""

import numpy as np

from medlab import arguments


def psnr(reference: np.ndarray, image: np.ndarray, *, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal images.

    Args:
        data_range: Distance of the largest possible value from the smallest (CT in the lung window: 1500 HU). There is
            no default: it changes the number, and none fits all images.
    """
    from skimage.metrics import peak_signal_noise_ratio

    reference, image = _pair(reference, image, data_range)
    if np.array_equal(reference, image):
        return float("inf")
    return float(peak_signal_noise_ratio(reference, image, data_range=data_range))


def ssim(reference: np.ndarray, image: np.ndarray, *, data_range: float) -> float:
    """Structural similarity, at most 1, with the paper's Gaussian weights; 2-D and 3-D.

    Args:
        data_range: As for `psnr`.

    Source: Wang et al. 2004, doi:10.1109/TIP.2003.819861.
    """
    from skimage.metrics import structural_similarity

    reference, image = _pair(reference, image, data_range)
    if min(reference.shape) < 11:
        raise ValueError(f"ssim compares windows of 11 pixels; the image is smaller, {reference.shape}")
    return float(
        structural_similarity(
            reference, image, data_range=data_range, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )


def cnr(image: np.ndarray, region: np.ndarray, background: np.ndarray) -> float:
    """Contrast-to-noise ratio: difference of the means of two regions, over the noise of the background.

    Args:
        region: Mask of what should stand out.
        background: Mask of what it should stand out from; disjoint from `region`.

    Raises:
        ValueError: If a region is empty, they overlap, or shapes differ.
    """
    image = arguments.image(image, dtype=float)
    region = arguments.mask(region, "region", shape=image.shape)
    background = arguments.mask(background, "background", shape=image.shape)
    if not region.any() or background.sum() < 2 or (region & background).any():
        raise ValueError(f"cnr needs two regions apart, got {region.sum()} and {background.sum()} voxels")
    noise = image[background].std(ddof=1)
    contrast = abs(image[region].mean() - image[background].mean())
    return float(contrast / noise) if noise > 0 else float("inf") if contrast > 0 else float("nan")


def _pair(reference: np.ndarray, image: np.ndarray, data_range: float) -> tuple[np.ndarray, np.ndarray]:
    reference = arguments.image(reference, "reference", dtype=float)
    image = arguments.image(image, dtype=float)
    if reference.shape != image.shape:
        raise ValueError(f"images must have the same shape, got {reference.shape} and {image.shape}")
    arguments.number(data_range, "data_range", above=0)
    return reference, image
