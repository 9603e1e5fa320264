"""Finding lesions: windows that slide over an image, a cascade of boosted Haar features, one mark a lesion.

    positives = np.concatenate([detect.nodule_windows(chest, size=12, rng=rng) for chest in chests])
    cascade = detect.Cascade().fit(positives, detect.lung_windows(chests, rng=rng), validation=others)
    boxes, scores, examined = detect.find_nodules(cascade, hu, lungs, spacing=spacing)

Loops are compiled by numba on first use.
"""

from medlab.detect.boosting import Stump, boost, vote
from medlab.detect.boxes import box_iou, non_max_suppression
from medlab.detect.cascade import Cascade, Detections
from medlab.detect.chests import SIZES_MM, find_nodules, lung_windows, nodule_windows
from medlab.detect.windows import cut_windows

__all__ = [
    "SIZES_MM",
    "Cascade",
    "Detections",
    "Stump",
    "boost",
    "box_iou",
    "cut_windows",
    "find_nodules",
    "lung_windows",
    "nodule_windows",
    "non_max_suppression",
    "vote",
]
