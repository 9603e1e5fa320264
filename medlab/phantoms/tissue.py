"""CT numbers of tissues in HU, and how one tissue is laid over another.

Sources: Schneider et al. 1996, Phys Med Biol 41:111 (fat, muscle, blood, cartilage, bone, from ICRU compositions);
Coxson et al. 1999, Am J Respir Crit Care Med 159:851 (inflated lung); Pickhardt et al. 2013, Ann Intern Med 158:588
(trabecular bone of a vertebra); Hansell et al. 2008, Radiology 246:697 (what ground glass, solid and part-solid
mean). Lung, solid and ground glass were then set to the medians measured in LIDC-IDRI.
"""

import numpy as np

AIR = -1000.0
AIRWAY = -980.0  # lumen of the trachea and bronchi
LUNG = -865.0  # at full inspiration, vessels under the resolution included
GROUND_GLASS = -590.0
FAT = -100.0
AIRWAY_WALL = 20.0
BLOOD = 45.0  # no contrast medium
SOLID = 30.0  # a solid nodule, no contrast medium
MUSCLE = 55.0
LIVER = 60.0
CARTILAGE = 100.0
TRABECULAR = 180.0  # spongy bone: inside of vertebrae and ribs
CALCIUM = 750.0  # a calcified granuloma, spread over a voxel
CORTICAL = 900.0  # shell of bones, thinner than a voxel as a rule


def over(hu: np.ndarray, share: np.ndarray, tissue: float | np.ndarray) -> None:
    """Lay `tissue` (HU) over `hu`, in place; `share` in [0, 1] is the part of each voxel that it fills."""
    hu += share * (tissue - hu)


def edge(depth: np.ndarray, width: float | np.ndarray) -> np.ndarray:
    """Part of a voxel inside a surface: a smooth step `width` mm wide from 0 to 1; `depth` in mm, positive inside."""
    t = np.clip(depth * (1 / width) + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def thread(square: np.ndarray, radius: float | np.ndarray, voxel: float) -> np.ndarray:
    """Part of a voxel inside a thin tube of `radius` mm; `square` is the squared distance to its axis in mm².

    The cross-section is a Gaussian of the tube's area, cut at 1, so that a tube thinner than a voxel keeps its mass.
    """
    spread = (voxel / 2) ** 2 + np.square(radius) / 4
    return np.minimum(1, np.square(radius) / (2 * spread) * np.exp(-square / (2 * spread)))
