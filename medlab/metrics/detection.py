"""Detection: sensitivity against false alarms per scan (FROC)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RATES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)  # false alarms per scan at which LUNA16 reads the curve


@dataclass(frozen=True)
class Froc:
    """A free-response ROC curve.

    Args:
        false_alarms: False alarms per scan, rising.
        sensitivity: Share of the lesions found at each.
        thresholds: Score from which on a mark counts.
    """

    false_alarms: np.ndarray
    sensitivity: np.ndarray
    thresholds: np.ndarray

    @property
    def score(self) -> float:
        """Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false alarms per scan."""
        return float(np.mean([self.at(rate) for rate in RATES]))

    def at(self, rate: float) -> float:
        """Sensitivity at so many false alarms per scan: that of the last threshold that keeps them."""
        kept = np.flatnonzero(self.false_alarms <= rate + 1e-12)
        return float(self.sensitivity[kept[-1]]) if len(kept) else 0.0


def froc(
    found: Sequence[tuple[object, Sequence[float], float]],
    truth: Sequence[tuple[object, Sequence[float]]],
    *,
    n_scans: int,
) -> Froc:
    """The curve of a detector over all scans.

    A mark is a hit if it lies inside the box of a lesion of its scan. Of several marks in one lesion the best counts as
    a hit, the others neither as hits nor as false alarms, as in LUNA16. A mark inside several boxes hits them all.

    Args:
        found: Marks: (scan, point, score), the point in the axes of the boxes.
        truth: Lesions: (scan, box), the box half open: all lower ends, then all upper ends.
        n_scans: Scans looked at, those without marks and lesions included.

    Raises:
        ValueError: If there is no lesion, fewer scans than are named, or a point has not the axes of a box.

    Source: Bandos et al. 2009, doi:10.1111/j.1541-0420.2008.01049.x;
    Setio et al. 2017 (LUNA16), doi:10.1016/j.media.2017.06.015.
    """
    found, truth = list(found), list(truth)
    if not np.isfinite([score for *_, score in found]).all():
        raise ValueError("the scores of marks must be finite, got NaN or infinity")
    named = {scan for scan, *_ in found} | {scan for scan, _ in truth}
    if not truth or n_scans < len(named):
        raise ValueError(f"froc needs a lesion and n_scans of at least {len(named)}, got {len(truth)} and {n_scans}")
    best, false = {}, []  # the best score in each lesion, the scores of false alarms
    for scan, point, score in found:
        hits = [i for i, (where, box) in enumerate(truth) if where == scan and _inside(point, box)]
        for i in hits:
            best[i] = max(score, best.get(i, -np.inf))
        if not hits:
            false.append(score)
    hit, miss = np.sort(list(best.values())), np.sort(false)
    thresholds = np.unique(np.concatenate([hit, miss]))[::-1]
    sensitivity = (len(hit) - np.searchsorted(hit, thresholds)) / len(truth)
    alarms = (len(miss) - np.searchsorted(miss, thresholds)) / n_scans
    return Froc(np.r_[0.0, alarms], np.r_[0.0, sensitivity], np.r_[np.inf, thresholds])


def _inside(point: Sequence[float], box: Sequence[float]) -> bool:
    axes = len(point)
    if len(box) != 2 * axes:
        raise ValueError(f"a point of {axes} numbers does not fit a box of {len(box)}")
    return all(low <= place < high for low, place, high in zip(box[:axes], point, box[axes:], strict=True))
