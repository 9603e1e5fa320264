"""One patient: CT, PET and MR of a nodule, a record, and a second CT later; each patient is made when asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit, logit, ndtr

from medlab import arguments
from medlab.phantoms.attributes import sample_attributes
from medlab.phantoms.nodules import drawn_truth, grid, scan
from medlab.phantoms.scanner import FWHM, Scanner
from medlab.phantoms.scene import Scene

SITES = {"A": ("A-64", Scanner(1.0, "soft", 1.25)), "B": ("B-16", Scanner(0.3, "sharp", 2.5))}
CT_GRID = (48, 48, 48), (1.0, 1.0, 1.0)
PET_GRID = (16, 16, 16), (4.0, 4.0, 4.0)
MR_GRID = (32, 32, 32), (2.0, 2.0, 2.0)
B_VALUE = 0.8  # of the diffusion weighting, 1e3 s/mm²
SOURCES = ("record", "pet", "mr", "follow_up")

# What age, smoking, PET, MR and growth say that the CT does not: densities written down, so Bayes' rule is exact.
# (mean, standard deviation, lowest, highest) where benign, where malignant
AGE = (60.0, 11.0, 30, 90), (66.0, 9.0, 30, 90)  # years
SMOKER = 0.60, 0.80  # share
LOG_PACK_YEARS = (np.log(24), 0.7, 0, np.log(150)), (np.log(36), 0.6, 0, np.log(150))
LOG_SUV = (np.log(1.4), 0.65, np.log(0.3), np.log(30)), (np.log(4.2), 0.65, np.log(0.3), np.log(30))  # 15 mm, solid
ADC = (1.60, 0.30, 0.5, 3), (1.25, 0.28, 0.5, 3)  # 1e-3 mm²/s
LOG_DOUBLING = (np.log(900), 0.9, np.log(20), np.log(20000)), (np.log(220), 0.7, np.log(20), np.log(20000))  # days


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
        names = [arguments.choice(name, "a source", SOURCES) for name in sources]
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
    arguments.whole(seed, "seed")
    arguments.whole(i, "i")
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
    pet = Scan(*_pet(scene, at + shifts[0], findings["suv"], rng), PET_GRID[1], "PT", "SUV", tuple(shifts[0].tolist()))
    mr = Scan(*_mr(scene, at + shifts[1], findings["adc"], rng), MR_GRID[1], "MR", "", tuple(shifts[1].tolist()))
    days = int(rng.choice([90, 180, 365]))
    growth, stretch = min(2 ** (days / findings["doubling_days"] / 3), 1.6), float(rng.uniform(0.94, 1.06))
    later = _ct(scene, at + shifts[2], scanner, rng, growth=growth, stretch=stretch)
    follow_up = FollowUp(*later, CT_GRID[1], "CT", "HU", tuple(shifts[2].tolist()), days, growth, stretch)
    return Patient(ct, pet, mr, follow_up, record, attributes, ratings, p, malignant, findings, ratios)


def sample_evidence(rng: np.random.Generator, malignant: int, uptake: float) -> tuple[dict, dict[str, float]]:
    """Findings of one patient given the truth, and the log likelihood ratio (malignant over benign) of each source.

    The findings of the four sources are independent of each other and of the CT once the truth is known. Directions
    and sizes follow Gould et al. 2001, JAMA 285:914 (FDG), Matoba et al. 2007, Radiology 243:570 (diffusion),
    Henschke et al. 2012, Radiology 263:578 (doubling times).

    Args:
        rng: Where the randomness comes from.
        malignant: The truth, 0 or 1.
        uptake: What size and texture make of the FDG uptake, a factor, whatever the label.
    """
    age = float(np.round(_clipped_normal(rng, AGE, malignant)))
    smoker = bool(rng.random() < SMOKER[malignant])
    pack = float(np.round(np.exp(_clipped_normal(rng, LOG_PACK_YEARS, malignant)), 1)) if smoker else 0.0
    suv = float(np.exp(_clipped_normal(rng, LOG_SUV, malignant)))
    adc = _clipped_normal(rng, ADC, malignant)
    doubling = float(np.exp(_clipped_normal(rng, LOG_DOUBLING, malignant)))
    share = SMOKER if smoker else tuple(1 - s for s in SMOKER)
    record = _ratio(AGE, age) + np.log(share[1] / share[0]) + (_ratio(LOG_PACK_YEARS, np.log(pack)) if smoker else 0.0)
    ratios = (record, _ratio(LOG_SUV, np.log(suv)), _ratio(ADC, adc), _ratio(LOG_DOUBLING, np.log(doubling)))
    findings = {"age": int(age), "pack_years": pack, "suv": suv * uptake, "adc": adc, "doubling_days": doubling}
    return findings, dict(zip(SOURCES, map(float, ratios), strict=True))


def updated(p: float, ratios: Mapping[str, float]) -> float:
    """Probability after seeing evidence: log odds add up (Bayes' rule)."""
    return float(expit(logit(np.clip(p, 1e-12, 1 - 1e-12)) + sum(ratios.values())))


def _clipped_normal(rng: np.random.Generator, model: tuple, malignant: int) -> float:
    mean, sd, low, high = model[malignant]
    while True:  # a normal cut off on both sides, where next to nothing is
        value = mean + sd * rng.standard_normal()
        if low <= value <= high:
            return float(value)


def _ratio(model: tuple, value: float) -> float:
    logs = [
        -0.5 * ((value - m) / s) ** 2 - np.log(s * (ndtr((h - m) / s) - ndtr((lo - m) / s))) for m, s, lo, h in model
    ]
    return float(logs[1] - logs[0])


def _ct(scene: Scene, at: np.ndarray, scanner: Scanner, rng: np.random.Generator, **change: float):
    shape, spacing = CT_GRID
    return scan(scene, grid(shape, spacing, at), shape, spacing, scanner, rng, **change)


def _pet(scene: Scene, at: np.ndarray, suv: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """SUV: 6.5 mm resolution, smeared along z by breathing; noise grows with the root of the activity."""
    shape, spacing = tuple(2 * n for n in PET_GRID[0]), tuple(s / 2 for s in PET_GRID[1])
    nodule, wall = (part.reshape(shape) for part in scene.parts(grid(shape, spacing, at), spacing[0]))
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
    lines = np.ix_(*(np.linspace(-1, 1, n) for n in shape))
    coil = 1 + sum(s * line for s, line in zip(slope, lines))
    signal = gaussian_filter(signal * coil, [0.9, 0.5, 0.5], mode="nearest")
    real, imaginary = 14 * rng.standard_normal((2, *shape))
    return np.hypot(signal + real, imaginary).astype(np.float32), nodule >= 0.5


def _binned(fine: np.ndarray) -> np.ndarray:
    z, y, x = (n // 2 for n in fine.shape)
    return fine.reshape(z, 2, y, 2, x, 2).mean((1, 3, 5))
