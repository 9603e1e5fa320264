"""RANSAC: the map on which most pairs of points agree, though many of the pairs are wrong.

Source: Fischler and Bolles 1981, doi:10.1145/358669.358692; the fit of a rigid map or similarity: Umeyama 1991,
doi:10.1109/34.88573.
"""

import warnings

import numpy as np

from medlab.preprocess import inputs

MODELS = {"translation": 1, "rigid": 2, "similarity": 2, "affine": 3}  # pairs that fix the map in the plane


def agreed(moving, fixed, model, tolerance_mm, max_scale, min_inliers, seed) -> tuple[np.ndarray, np.ndarray]:
    """The map on which most pairs agree, fitted to all of these, and which pairs they are."""
    from skimage.measure import ransac

    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
    ndim = moving.shape[1]
    needed = MODELS[model] + (ndim - 2) * (model != "translation")
    least = max(needed + 1, inputs.whole(min_inliers, "min_inliers", at_least=1))
    tolerance = inputs.above_zero(tolerance_mm, "tolerance_mm", "mm")
    if not 1 <= max_scale < np.inf:
        raise ValueError(f"max_scale must be a number of 1 or more, got {max_scale}")
    if len(moving) < least:
        raise ValueError(f"too few key points match: {len(moving)}, at least {least} are needed for model {model!r}")
    plain = type("_Plain", (_Map,), {"model": model, "max_scale": max_scale})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "No inliers found" is said below
        kept = ransac((moving, fixed), plain, needed, tolerance, max_trials=2000, stop_probability=0.999, rng=seed)[1]
    agree = 0 if kept is None else int(kept.sum())
    fitted = plain()
    if agree < least or not fitted.estimate(moving[kept], fixed[kept]):
        raise ValueError(
            f"of {len(moving)} matches only {agree} agree on a map of model {model!r}, at least {least} must: "
            "the two images may not show the same thing"
        )
    return fitted.params, kept


class _Map:
    """One map for RANSAC, which wants `from_estimate` (scikit-image from 0.26 on) or `estimate` (before)."""

    model, max_scale = "rigid", np.inf

    @classmethod
    def from_estimate(cls, moving: np.ndarray, fixed: np.ndarray):
        made = cls()
        return made if made.estimate(moving, fixed) else None

    def estimate(self, moving: np.ndarray, fixed: np.ndarray) -> bool:
        n = moving.shape[1]
        self.params = np.eye(n + 1)
        from_middle, to_middle = moving.mean(axis=0), fixed.mean(axis=0)
        p, q = moving - from_middle, fixed - to_middle
        linear = np.eye(n)
        if self.model == "affine":
            if np.linalg.matrix_rank(p, tol=1e-3) < n:
                return False
            u, sizes, vt = np.linalg.svd(np.linalg.lstsq(p, q, rcond=None)[0].T)
            linear = (u * self._within(sizes)) @ vt
        elif self.model != "translation":
            u, s, vt = np.linalg.svd(q.T @ p)
            if s[n - 2] < 1e-6:  # on one point, in 3-D on one line: any turn fits
                return False
            signs = np.ones(n)
            signs[-1] = np.sign(np.linalg.det(u @ vt))  # no mirror images
            linear = (u * signs) @ vt
            if self.model == "similarity":
                linear = linear * self._within((s * signs).sum() / (p**2).sum())
        self.params[:n, :n], self.params[:n, n] = linear, to_middle - linear @ from_middle
        return bool(np.linalg.det(linear) > 0)

    def _within(self, scale):
        return np.clip(scale, 1 / self.max_scale, self.max_scale)  # refused, the pairs it was fitted to would be lost

    def residuals(self, moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
        return np.linalg.norm(moving @ self.params[:-1, :-1].T + self.params[:-1, -1] - fixed, axis=1)
