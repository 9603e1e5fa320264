"""What age, smoking, PET, MR and growth say that the CT does not: densities written down, so Bayes' rule is exact."""

from collections.abc import Mapping

import numpy as np
from scipy.special import expit, logit, ndtr

# (mean, standard deviation, lowest, highest) where benign, where malignant
AGE = (60.0, 11.0, 30, 90), (66.0, 9.0, 30, 90)  # years
SMOKER = 0.60, 0.80  # share
LOG_PACK_YEARS = (np.log(24), 0.7, 0, np.log(150)), (np.log(36), 0.6, 0, np.log(150))
LOG_SUV = (np.log(1.4), 0.65, np.log(0.3), np.log(30)), (np.log(4.2), 0.65, np.log(0.3), np.log(30))  # 15 mm, solid
ADC = (1.60, 0.30, 0.5, 3), (1.25, 0.28, 0.5, 3)  # 1e-3 mm²/s
LOG_DOUBLING = (np.log(900), 0.9, np.log(20), np.log(20000)), (np.log(220), 0.7, np.log(20), np.log(20000))  # days
SOURCES = ("record", "pet", "mr", "follow_up")


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
    age = float(np.round(_draw(rng, AGE, malignant)))
    smoker = bool(rng.random() < SMOKER[malignant])
    pack = float(np.round(np.exp(_draw(rng, LOG_PACK_YEARS, malignant)), 1)) if smoker else 0.0
    suv = float(np.exp(_draw(rng, LOG_SUV, malignant)))
    adc = _draw(rng, ADC, malignant)
    doubling = float(np.exp(_draw(rng, LOG_DOUBLING, malignant)))
    share = SMOKER if smoker else tuple(1 - s for s in SMOKER)
    record = _ratio(AGE, age) + np.log(share[1] / share[0]) + (_ratio(LOG_PACK_YEARS, np.log(pack)) if smoker else 0.0)
    ratios = (record, _ratio(LOG_SUV, np.log(suv)), _ratio(ADC, adc), _ratio(LOG_DOUBLING, np.log(doubling)))
    findings = {"age": int(age), "pack_years": pack, "suv": suv * uptake, "adc": adc, "doubling_days": doubling}
    return findings, dict(zip(SOURCES, map(float, ratios), strict=True))


def updated(p: float, ratios: Mapping[str, float]) -> float:
    """Probability after seeing evidence: log odds add up (Bayes' rule)."""
    return float(expit(logit(np.clip(p, 1e-12, 1 - 1e-12)) + sum(ratios.values())))


def _draw(rng: np.random.Generator, model: tuple, malignant: int) -> float:
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
