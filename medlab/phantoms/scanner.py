"""A CT scanner: its blur, and its noise as filtered back-projection leaves it."""

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from medlab import arguments

_CUTOFF = {"soft": 0.9, "sharp": 1.7}  # frequency at which the kernel's window reaches 0, 1/mm
_SIGMA = {"soft": 0.65, "sharp": 0.42}  # in-plane blur: the Gaussian with the same frequency at half height, mm
_POWER = 2360.0  # HU² mm⁴: gives 16 HU at dose 1, kernel "soft", 1.25 mm slices, 0.7 mm pixels
FWHM = 2.3548  # full width at half maximum of a Gaussian, in standard deviations


@dataclass(frozen=True)
class Scanner:
    """How a scan was taken.

    Args:
        dose: Relative to a standard chest CT, above 0; a screening CT has about 0.25. Noise power goes with 1 / dose.
        kernel: "soft" or "sharp": a sharp kernel resolves more and is noisier.
        thickness_mm: Slice thickness, 0.3 to 10 mm: blurs along z; noise power goes with 1 / thickness.

    Raises:
        ValueError: If one of them is out of range.
    """

    dose: float = 1.0
    kernel: str = "soft"
    thickness_mm: float = 1.25

    def __post_init__(self):
        arguments.number(self.dose, "dose", above=0, unit="(1 is a standard chest CT)")
        arguments.choice(self.kernel, "kernel", _CUTOFF)
        arguments.number(self.thickness_mm, "thickness_mm", low=0.3, high=10, unit="mm")


def sample_scanner(rng: np.random.Generator) -> Scanner:
    """One of the scanners of a mixed archive such as LIDC: doses, kernels and slices from 0.6 to 2.5 mm."""
    dose = float(np.exp(rng.uniform(np.log(0.2), np.log(6.0))))
    kernel = "soft" if rng.random() < 0.6 else "sharp"
    return Scanner(dose, kernel, float(rng.choice([0.75, 1.0, 1.25, 2.0, 2.5], p=[0.1, 0.15, 0.3, 0.15, 0.3])))


def blur(hu: np.ndarray, scanner: Scanner, spacing: tuple[float, float, float]) -> np.ndarray:
    """What the scanner resolves of `hu`, (z, y, x): the kernel blurs in the plane, the slice thickness along z."""
    sigmas = (scanner.thickness_mm / FWHM, _SIGMA[scanner.kernel], _SIGMA[scanner.kernel])
    for axis, (sigma, step) in enumerate(zip(sigmas, spacing, strict=True)):
        # voxels are averages already: what is left to blur is the scanner's width less the voxel's own
        left = sigma**2 - step**2 / 12
        if left > 1e-3 * step**2:
            hu = gaussian_filter1d(hu, np.sqrt(left) / step, axis=axis, mode="nearest", truncate=3)
    return hu


def noise_power(frequency: np.ndarray, kernel: str) -> np.ndarray:
    """Noise power at a spatial frequency in 1/mm, in the plane, up to a factor: ramp × window².

    Filtered back-projection multiplies white noise in the projections by ramp × window and spreads it over a ring that
    grows with the frequency: power ∝ f · window(f)². Source: Riederer, Pelc and Chesler 1978, Phys Med Biol 23:446.
    """
    f = np.minimum(np.abs(frequency) / _CUTOFF[kernel], 1)
    return np.abs(frequency) * np.cos(np.pi / 2 * f) ** 4


def noise(
    rng: np.random.Generator, shape: tuple[int, int, int], spacing: tuple[float, float, float], scanner: Scanner
) -> np.ndarray:
    """Noise of one scan in HU, float32, (z, y, x): correlated in the plane by the kernel, along z by the slices."""
    nz, ny, nx = shape
    field = rng.standard_normal(shape, dtype=np.float32)
    sigma = scanner.thickness_mm / FWHM / spacing[0]
    if sigma > 0.2 and nz > 1:
        field = gaussian_filter1d(field, sigma, axis=0, mode="wrap", truncate=3)
        reach = int(3 * sigma + 0.5)
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        field /= np.sqrt(np.sum((weights / weights.sum()) ** 2))
    fy, fx = fft.fftfreq(ny, spacing[1])[:, None], fft.rfftfreq(nx, spacing[2])[None]
    power = noise_power(np.hypot(fy, fx), scanner.kernel)
    scale = _POWER / (spacing[1] * spacing[2] * scanner.dose * scanner.thickness_mm)
    spectrum = fft.rfft2(field, overwrite_x=True)
    spectrum *= np.sqrt(scale * power).astype(np.float32)
    return fft.irfft2(spectrum, s=(ny, nx), overwrite_x=True)
