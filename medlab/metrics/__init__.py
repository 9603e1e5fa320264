"""Honest numbers: every metric the course uses, and the interval without which none is shown.

    metrics.interval(metrics.auc, labels, scores, groups=patients)      # 0.93 (0.90–0.95)
    metrics.paired(metrics.auc, labels, ours, theirs, groups=patients)  # is the difference real?

Truth comes first, then scores. What the data do not define (the AUC of one class, the precision of a model that never
says yes) is NaN, never a made-up 0 or 1; two empty masks agree (Dice 1).
"""

from medlab.metrics.classification import (
    METRICS,
    accuracy,
    auc,
    brier,
    calibration_error,
    decisions,
    f1,
    precision,
    recall,
    specificity,
)
from medlab.metrics.detection import Froc, froc
from medlab.metrics.interval import Interval, Paired, evaluate, interval, paired
from medlab.metrics.overlap import boundary_f1, dice, hausdorff95, iou, surface_distance
from medlab.metrics.quality import cnr, psnr, ssim
from medlab.metrics.regression import Agreement, bland_altman, mae

__all__ = [
    "METRICS",
    "Agreement",
    "Froc",
    "Interval",
    "Paired",
    "accuracy",
    "auc",
    "bland_altman",
    "boundary_f1",
    "brier",
    "calibration_error",
    "cnr",
    "decisions",
    "dice",
    "evaluate",
    "f1",
    "froc",
    "hausdorff95",
    "interval",
    "iou",
    "mae",
    "paired",
    "precision",
    "psnr",
    "recall",
    "specificity",
    "ssim",
    "surface_distance",
]
