"""What a radiologist says of a nodule, how often it occurs, and what it says about malignancy: a model written down.

Scales as in LIDC-IDRI (McNitt-Gray et al. 2007, Acad Radiol 14:1464; Armato et al. 2011, Med Phys 38:915).
Frequencies and coefficients were set so that sizes, malignancy by size and the disagreement of readers are those of
LIDC-IDRI's 1182 nodules.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from medlab import arguments

SCALES: dict[str, tuple[float, float]] = {
    "diameter_mm": (2.0, 40.0),  # of the ball with the volume of the nodule's body
    "spiculation": (1, 5),  # 1 none .. 5 marked
    "lobulation": (1, 5),  # 1 none .. 5 marked
    "margin": (1, 5),  # 1 poorly defined .. 5 sharp
    "sphericity": (1, 5),  # 1 linear, 3 ovoid, 5 round
    "texture": (1, 5),  # 1 ground glass, 3 part-solid, 5 solid
    "calcification": (1, 6),  # 1 popcorn, 2 laminated, 3 solid, 4 non-central, 5 central, 6 absent; whole numbers
}
POSITIONS = ("solitary", "juxta-pleural", "juxta-vascular")

# share of nodules up to a diameter in mm; even in log diameter between. By size group 502, 275, 279, 126 of 1182
_SHARE = np.array([0, 0.07, 0.2, 0.425, 0.658, 0.893, 0.965, 1])
_DIAMETER = np.array([3.5, 4.3, 4.9, 6, 8, 15, 20, 32])

# log odds of malignancy: at 8 mm, and for each attribute away from a smooth, sharp, solid nodule without calcium
_BASE, _SIZE = -2.72, 6.0  # at 8 mm; for each e-fold of the diameter
_SPICULATION, _LOBULATION, _MARGIN = 1.5, 1.0, 1.4  # a point of spiculation, of lobulation, of margin below 5
_PART_SOLID, _GROUND_GLASS = 1.5, -1.0  # at texture 3, at texture 1; straight lines between
_BENIGN_CALCIUM, _OTHER_CALCIUM = -6.0, -0.5  # patterns 1, 2, 3, 5; pattern 4

_READERS = {3: 0.36, 4: 0.56, 5: 0.05, 6: 0.02, 7: 0.01}


def sample_attributes(rng: np.random.Generator, **given: Any) -> dict[str, Any]:
    """Attributes of one nodule drawn from the written-down distribution.

    Args:
        rng: Where the randomness comes from.
        **given: Attributes that are fixed; the others are drawn as if these were not (but spiculation, lobulation and
            calcification follow a given diameter, margin and calcification a given texture and spiculation).

    Returns:
        diameter_mm, the six LIDC scales of `SCALES` as numbers, and position, one of `POSITIONS`.

    Raises:
        ValueError: If a given attribute is unknown or out of range; the message names it.
    """
    check(given)
    e = rng.standard_normal(5)
    u = rng.random(4)
    drawn = {"diameter_mm": float(np.round(np.exp(np.interp(ndtr(e[0]), _SHARE, np.log(_DIAMETER))), 2))} | given
    share = np.interp(np.log(drawn["diameter_mm"]), np.log(_DIAMETER), _SHARE)
    size = float(ndtri(np.clip(share, 0.002, 0.998)))
    drawn.setdefault("texture", _texture(u[0], u[1]))
    hazy = drawn["texture"] < 2.5
    drawn.setdefault("spiculation", _point(1 + 2.1 * size - 2.1 + 1.2 * e[1]))
    drawn.setdefault("lobulation", _point(1 + 0.7 * size - 0.3 + 0.2 * e[1] + 0.9 * e[2]))
    drawn.setdefault("margin", _point((2.0 if hazy else 4.5) - 0.25 * (drawn["spiculation"] - 1) + 0.9 * e[3]))
    drawn.setdefault("sphericity", _point(3.9 - 0.2 * (drawn["lobulation"] - 1) + 0.85 * e[4], low=1.5))
    drawn.setdefault("calcification", _calcification(u[2], drawn))
    drawn.setdefault("position", POSITIONS[int(np.searchsorted([0.48, 0.76], u[3]))])
    return {name: drawn[name] for name in (*SCALES, "position")}


def p_malignant(attributes: Mapping[str, Any]) -> np.ndarray | float:
    """Probability that a nodule is malignant given its attributes: the stated model, exact by construction.

    Logistic in log diameter, spiculation, lobulation, margin, texture and calcification; sphericity and position say
    nothing more. The directions are those of the clinical models (Swensen et al. 1997, Arch Intern Med 157:849;
    McWilliams et al. 2013, N Engl J Med 369:910). Labels are drawn from it, so its AUC is the best any reader of the
    attributes can do.

    Args:
        attributes: diameter_mm, spiculation, lobulation, margin, texture, calcification; numbers, or arrays of one
            length (a table's columns).
    """
    names = ("diameter_mm", "spiculation", "lobulation", "margin", "texture", "calcification")
    d, spiculation, lobulation, margin, texture, calcium = (np.asarray(attributes[name], float) for name in names)
    z = _BASE + _SIZE * np.log(d / 8)
    z = z + _SPICULATION * (spiculation - 1) + _LOBULATION * (lobulation - 1) + _MARGIN * (5 - margin)
    z = z + np.interp(texture, [1, 3, 5], [_GROUND_GLASS, _PART_SOLID, 0.0])
    z = z + np.where(calcium == 6, 0.0, np.where(calcium == 4, _OTHER_CALCIUM, _BENIGN_CALCIUM))
    p = expit(z)
    return p if p.ndim else float(p)


def sample_ratings(rng: np.random.Generator, p: float) -> np.ndarray:
    """Opinions of 3 to 7 readers, 1 (unlikely malignant) to 5 (highly suspicious).

    They know the attributes and not the truth. All see the log odds of `p`; each adds a habit of his own, and the
    nodule may be hard to read for everyone.
    """
    n = int(rng.choice(list(_READERS), p=list(_READERS.values())))
    z = logit(np.clip(p, 1e-4, 1 - 1e-4))
    seen = 3.28 + 0.37 * z + 0.1 * rng.standard_normal()
    habit = rng.standard_normal(n)
    return np.clip(np.round(seen + 1.1 * habit), 1, 5).astype(int)


def check(attributes: Mapping[str, Any]) -> None:
    """Raise ValueError at the first attribute that is unknown or out of range: name, what came, what was expected."""
    for name, value in attributes.items():
        arguments.choice(name, "an attribute", (*SCALES, "position"))
        if name == "position":
            arguments.choice(value, name, POSITIONS)
        elif name == "calcification":  # a pattern
            arguments.whole(value, name, low=1, high=6)
        else:
            low, high = SCALES[name]
            arguments.number(value, name, low=low, high=high)


def _point(value: float, low: float = 1.0) -> float:
    return float(np.round(np.clip(value, low, 5), 1))


def _texture(kind: float, where: float) -> float:
    if kind < 0.09:
        return _point(1 + 0.4 * where)
    return _point(1.6 + 2.4 * where) if kind < 0.15 else _point(5.6 - 1.4 * where)


def _calcification(u: float, drawn: Mapping[str, Any]) -> int:
    """Calcium is for solid nodules with a sharp margin, and rarer in large ones."""
    chance = 0.0 if drawn["texture"] < 4.2 else (0.16 if drawn["margin"] >= 4 else 0.04)
    chance *= 1.0 if drawn["diameter_mm"] < 8 else 0.35
    if u >= chance:
        return 6
    return int(np.searchsorted(np.cumsum([0.05, 0.08, 0.67, 0.08]), u / chance)) + 1
