"""One patient: CT, PET and MR of a nodule, a record, and a second CT later; each patient is made when asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from medlab.phantoms.attributes import sample_attributes
from medlab.phantoms.evidence import SOURCES, sample_evidence, updated
from medlab.phantoms.nodules import check_grid, drawn_truth, grid, scan
from medlab.phantoms.scanner import FWHM, Scanner
from medlab.phantoms.scene import Scene

SITES = {"A": ("A-64", Scanner(1.0, "soft", 1.25)), "B": ("B-16", Scanner(0.3, "sharp", 2.5))}
CT_GRID = (48, 48, 48), (1.0, 1.0, 1.0)
PET_GRID = (16, 16, 16), (4.0, 4.0, 4.0)
MR_GRID = (32, 32, 32), (2.0, 2.0, 2.0)
B_VALUE = 0.8  # of the diffusion weighting, 1e3 s/mm²


@dataclass(frozen=True)
class Scan:
    """One volume of the region around the nodule.

    Attributes:
        image: (z, y, x): CT int16; PET and MR float32.
        mask: The nodule at the moment of this scan, bool, the same shape.
        spacing: (z, y, x) in mm.
        modality: "CT", "PT" or "MR"; `unit` "HU", "SUV" or "" (MR has none).
        shift_mm: How far the nodule lies from where the first CT has it, (z, y, x); middles of the volumes laid on
            each other.
    """

    image: np.ndarray
    mask: np.ndarray
    spacing: tuple[float, float, float]
    modality: str
    unit: str
    shift_mm: tuple[float, float, float]


@dataclass(frozen=True)
class FollowUp(Scan):
    """A CT taken later: the nodule has grown, and a point p mm from it has moved by shift_mm + (stretch - 1) · p.

    Attributes:
        days: Since the first CT.
        growth: Factor on every length of the nodule since then, at most 1.6; its volume grew by growth³.
        stretch: Factor on the lung around it: another breath.
    """

    days: int
    growth: float
    stretch: float


@dataclass(frozen=True)
class Patient:
    """A patient whose truth is known.

    Attributes:
        ct, pet, mr: Three scans of one nodule.
        follow_up: The same nodule later.
        record: age, sex, pack_years, site, scanner; what a hospital knows.
        attributes, ratings, p_malignant, malignant: As in `Nodule`; p_malignant is what the CT's attributes say.
        findings: The truth behind the pictures: suv, adc (1e-3 mm²/s), doubling_days.
        evidence: Log likelihood ratio of each source beyond the CT: "record", "pet", "mr", "follow_up".
    """

    ct: Scan
    pet: Scan
    mr: Scan
    follow_up: FollowUp
    record: dict[str, Any]
    attributes: dict[str, Any]
    ratings: np.ndarray
    p_malignant: float
    malignant: int
    findings: dict[str, float]
    evidence: dict[str, float]

    def p_given(self, sources: Iterable[str] = SOURCES) -> float:
        """Probability of malignancy given the CT's attributes and these sources: the best that any fusion can do."""
        names = tuple(sources)
        if wrong := [name for name in names if name not in SOURCES]:
            raise ValueError(f"no source {wrong[0]!r}; there are {', '.join(SOURCES)}")
        return updated(self.p_malignant, {name: self.evidence[name] for name in names})


def patient(seed: int, i: int, *, registered: bool = False) -> Patient:
    """Patient `i` of a study; depends on `seed` and `i` only, so that any process may make any patient in any order.

    CT shows the attributes. PET (SUV; metabolism) and MR (diffusion-weighted, b = 800; cell density) follow the truth
    in ways that the CT does not show, as age, pack-years and growth do: see `evidence`. PET is taken in free
    breathing, MR in another breath-hold: both are shifted by a known distance. Site A has a standard scanner, site B
    (40 % of patients) an older one with a third of the dose, a sharp kernel and thick slices; the site says nothing
    about the label.

    Args:
        seed: 0 or above, of the study.
        i: 0 or above, of the patient.
        registered: Whether PET and MR come without their shift.

    Returns:
        CT 48³ of 1 mm, PET 16³ of 4 mm, MR 32³ of 2 mm, follow-up as CT.

    Raises:
        ValueError: If `seed` or `i` is not a whole number, 0 or above.
    """
    check_grid(seed, *CT_GRID)
    if isinstance(i, bool) or not isinstance(i, (int, np.integer)) or i < 0:
        raise ValueError(f"i must be a whole number, 0 or above, got {i!r}")
    rng = np.random.default_rng([seed, i, 21])
    attributes = sample_attributes(rng)
    ratings, p, malignant = drawn_truth(rng, attributes)
    uptake = (attributes["diameter_mm"] / 15) ** 0.4 * np.interp(attributes["texture"], [1, 3, 5], [0.45, 0.75, 1])
    findings, ratios = sample_evidence(rng, malignant, float(uptake))
    site = "B" if rng.random() < 0.4 else "A"
    name, scanner = SITES[site]
    record = {"age": findings.pop("age"), "sex": "F" if rng.random() < 0.5 else "M"}
    record |= {"pack_years": findings.pop("pack_years"), "site": site, "scanner": name}

    rng = np.random.default_rng([seed, i, 22])  # anatomy and noise: the truth enters through suv, adc and growth only
    scene = Scene(rng, attributes, half_mm=26.0)
    at = rng.uniform(-2, 2, 3)
    shifts = np.round(rng.uniform(-1, 1, (3, 3)) * [[8, 3, 3], [5, 2, 2], [6, 6, 6]], 2)
    if registered:
        shifts[:2] = 0
    ct = Scan(*_ct(scene, at, scanner, rng), CT_GRID[1], "CT", "HU", (0.0, 0.0, 0.0))
    pet = Scan(*_pet(scene, at + shifts[0], findings["suv"], rng), PET_GRID[1], "PT", "SUV", _plain(shifts[0]))
    mr = Scan(*_mr(scene, at + shifts[1], findings["adc"], rng), MR_GRID[1], "MR", "", _plain(shifts[1]))
    days = int(rng.choice([90, 180, 365]))
    growth, stretch = min(2 ** (days / findings["doubling_days"] / 3), 1.6), float(rng.uniform(0.94, 1.06))
    later = _ct(scene, at + shifts[2], scanner, rng, growth=growth, stretch=stretch)
    follow_up = FollowUp(*later, CT_GRID[1], "CT", "HU", _plain(shifts[2]), days, growth, stretch)
    return Patient(ct, pet, mr, follow_up, record, attributes, ratings, p, malignant, findings, ratios)


def _ct(scene: Scene, at: np.ndarray, scanner: Scanner, rng: np.random.Generator, **change: float):
    shape, spacing = CT_GRID
    return scan(scene, grid(shape, spacing, at), shape, spacing, scanner, rng, **change)


def _pet(scene: Scene, at: np.ndarray, suv: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """SUV: 6.5 mm resolution, smeared along z by breathing; noise grows with the root of the activity."""
    nodule, wall = _fine_parts(scene, at, PET_GRID)
    smear = np.hypot(6.5 / FWHM, [2.5, 0.8, 0.8]) / 2
    activity = gaussian_filter(0.45 + 0.35 * wall + nodule * (suv - 0.45), smear, mode="nearest")
    counts = _binned(activity)
    rough = gaussian_filter(rng.standard_normal(counts.shape), 0.6, mode="wrap") * 2.5
    return np.maximum(counts + 0.12 * np.sqrt(counts) * rough, 0).astype(np.float32), _binned(nodule) >= 0.5


def _mr(scene: Scene, at: np.ndarray, adc: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Diffusion-weighted: exp(-b · ADC), an uneven coil, Rician noise (Gudbjartsson 1995, Magn Reson Med 34:910)."""
    shape, spacing = MR_GRID
    nodule, wall = (part.reshape(shape) for part in scene.parts(grid(shape, spacing, at), spacing[0]))
    signal = 15 + wall * 500 * np.exp(-B_VALUE * 1.5) + nodule * 900 * np.exp(-B_VALUE * adc)
    slope = rng.uniform(-0.2, 0.2, 3)
    coil = 1 + sum(
        s * line for s, line in zip(slope, np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))
    )
    signal = gaussian_filter(signal * coil, [0.9, 0.5, 0.5], mode="nearest")
    real, imaginary = 14 * rng.standard_normal((2, *shape))
    return np.hypot(signal + real, imaginary).astype(np.float32), nodule >= 0.5


def _fine_parts(scene: Scene, at: np.ndarray, where: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Nodule and wall on a grid twice as fine as `where`."""
    shape, spacing = tuple(2 * n for n in where[0]), tuple(s / 2 for s in where[1])
    return tuple(part.reshape(shape) for part in scene.parts(grid(shape, spacing, at), spacing[0]))


def _binned(fine: np.ndarray) -> np.ndarray:
    z, y, x = (n // 2 for n in fine.shape)
    return fine.reshape(z, 2, y, 2, x, 2).mean((1, 3, 5))


def _plain(values: np.ndarray) -> tuple[float, float, float]:
    return tuple(float(v) for v in values)
