"""The attention cascade of Viola and Jones: cheap questions first, the next one only to the windows that passed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from medlab.detect.boosting import Stump, boosting
from medlab.detect.search import Found, search

LUNG_WINDOW = (-1000.0, 200.0)  # HU: air to enhanced soft tissue
_FEWEST = 20  # false alarms left: with fewer there is nothing to learn from


@dataclass(frozen=True)
class Stage:
    """One question of a cascade.

    Args:
        stumps: The features asked; `Stump.feature` is a row of the cascade's `coords`.
        threshold: Votes that a window needs to pass.
        detection: Share of the validation windows with lesion that pass, of those that reached it.
        false_alarms: Share of the windows without lesion that pass, of those that reached it.
    """

    stumps: tuple[Stump, ...]
    threshold: float
    detection: float
    false_alarms: float


class Cascade:
    """Stages of boosted Haar features, each trained on what the stages before it let through.

        cascade = Cascade().fit(positives, negatives, validation=others)
        boxes, scores, examined = cascade.find(hu, sizes=(16, 22, 31), spacing=(1.25, 1.3, 1.3), mask=lungs)

    It learns from windows (N, y, x) of images, or (N, 3, y, x) of volumes: three planes through one point, see
    `cut_windows`. Grey values are not normalized window by window, as Viola and Jones do with photographs: HU are
    calibrated, and a window of noise should not look like one with a vessel.

    Args:
        clip: Values beyond these count as these, in units of the image: bone is no brighter than soft tissue then.
        n_features: Haar features to choose from, drawn at random from all that fit, in all planes.
        seed: Decides which, and which windows without lesion are kept back to measure a stage.

    Attributes:
        size: Side of the windows it learned from, in pixels.
        planes: 1, or 3 for volumes.
        coords: The features, rows of `features.haar_coords`.
        plane: In which plane each is measured: 0 axial, 1 coronal, 2 sagittal.
        stages: Those trained so far, a list of `Stage`.

    Source: Viola and Jones 2004, doi:10.1023/B:VISI.0000013087.49260.fb.
    """

    def __init__(self, *, clip: tuple[float, float] = LUNG_WINDOW, n_features: int = 2500, seed: int = 0):
        if len(clip) != 2 or not -np.inf < clip[0] < clip[1] < np.inf:
            raise ValueError(f"clip must be two numbers, the lower one first, got {clip}")
        if isinstance(n_features, bool) or not isinstance(n_features, (int, np.integer)) or n_features < 1:
            raise ValueError(f"n_features must be a whole number, 1 or more, got {n_features!r}")
        self.clip, self.n_features, self.seed = clip, n_features, seed
        self.size = self.planes = 0
        self.coords = self.plane = None
        self.stages: list[Stage] = []

    def fit(
        self,
        positives: np.ndarray,
        negatives: Callable[["Cascade", int], np.ndarray],
        *,
        validation: np.ndarray,
        stages: int = 6,
        detection: float = 0.98,
        false_alarms: float = 0.25,
        n_negatives: int = 2500,
        max_stumps: int = 80,
        on_stage: Callable[[Stage], None] | None = None,
    ) -> "Cascade":
        """Train the stages one after the other.

        A stage takes stumps until few enough windows without lesion pass, at a threshold low enough for the lesions.

        Args:
            positives: Windows with a lesion, (N, y, x) or (N, 3, y, x), square.
            negatives: Called as negatives(cascade, n) before each stage: up to n windows without lesion that the
                cascade, as far as it is trained, takes for one. Training ends when fewer than 20 are left.
            validation: Windows with a lesion from other patients: the thresholds are set on them.
            stages: How many at most.
            detection: Share of the lesions that each stage has to keep; all keep about detection ** stages.
            false_alarms: Share of the windows without lesion that each stage may let through.
            n_negatives: Windows without lesion for each stage; a quarter of them measure `false_alarms`.
            max_stumps: A stage that has so many is done, whatever it lets through.
            on_stage: Called with each finished stage.

        Returns:
            The cascade itself.

        Raises:
            ValueError: If windows have different shapes, are not finite or too few, or a target is out of range.
        """
        self._prepare(positives)
        positives = self._checked(positives, "positives")
        validation = self._checked(validation, "validation")
        for name, target in (("detection", detection), ("false_alarms", false_alarms)):
            if not 0 < target <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, got {target}")
        for name, number in (("stages", stages), ("n_negatives", n_negatives), ("max_stumps", max_stumps)):
            if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 1:
                raise ValueError(f"{name} must be a whole number, 1 or more, got {number!r}")
        if len(validation) == 0:
            raise ValueError("validation must hold at least one window with a lesion, got none")
        rng = np.random.default_rng([self.seed, 1])
        for number in range(stages):
            wrong = self._checked(negatives(self, n_negatives), "negatives")
            right = positives[self.passed(positives) == number]
            kept = validation[self.passed(validation) == number]
            if number == 0 and len(wrong) < _FEWEST:
                raise ValueError(f"negatives must give at least {_FEWEST} windows at first, got {len(wrong)}")
            if len(wrong) < _FEWEST or len(right) < 2 or len(kept) == 0:
                break
            wrong = rng.permutation(wrong)
            back = len(wrong) // 4
            stage = self._stage(right, wrong[back:], kept, wrong[:back], detection, false_alarms, max_stumps)
            self.stages.append(stage)
            if on_stage is not None:
                on_stage(stage)
        return self

    def passed(self, windows: np.ndarray) -> np.ndarray:
        """How many stages each window passes, (N,)."""
        return self._through(windows)[0]

    def scores(self, windows: np.ndarray) -> np.ndarray:
        """By how many votes each window beats the stages, in all, (N,); -inf where one refuses it.

        Args:
            windows: As those it learned from.
        """
        passed, margins = self._through(windows)
        return np.where(passed == len(self.stages), margins, -np.inf)

    def find(
        self,
        image: np.ndarray,
        *,
        sizes: Sequence[float],
        spacing: tuple[float, ...] | None = None,
        mask: np.ndarray | None = None,
        step: float = 1.0,
    ) -> Found:
        """Slide windows of several sizes over an image; larger ones are seen through larger features.

        Args:
            image: (y, x), or (z, y, x) if it learned from three planes.
            sizes: Sides of the windows, in mm with a spacing, else in voxels.
            spacing: Voxel size in mm, one number an axis.
            mask: Where middles of windows may lie, bool, such as the lungs; the image is continued by its border voxels
                then. Without a mask windows lie wholly in the image.
            step: From one window to the next, in pixels of the windows it learned from.

        Returns:
            boxes, scores and examined. Neighbouring windows find the same lesion: `non_max_suppression` keeps the best.

        Raises:
            ValueError: If sizes are smaller than the windows it learned from, or shapes or spacing do not fit.
        """
        if self.coords is None:
            raise ValueError("the cascade is not trained: call fit first")
        return search(self, image, sizes=sizes, spacing=spacing, mask=mask, step=step)

    def clipped(self, values: np.ndarray) -> np.ndarray:
        """Grey values as the features see them: between the ends of `clip`, the lower one at 0."""
        return np.clip(np.asarray(values, float), *self.clip) - self.clip[0]

    def values(self, windows: np.ndarray, features: Sequence[int] | None = None) -> np.ndarray:
        """The features of windows, (N, F), or some of them by number."""
        from medlab.features import haar_features

        windows = self.clipped(self._checked(windows, "windows")).reshape(-1, self.planes, self.size, self.size)
        numbers = np.arange(len(self.coords)) if features is None else np.asarray(features, int)
        out = np.empty((len(windows), len(numbers)))
        for plane in np.unique(self.plane[numbers]) if len(windows) else ():
            here = self.plane[numbers] == plane
            view = np.ascontiguousarray(windows[:, plane])
            out[:, here] = haar_features(view, coords=self.coords[numbers[here]])
        return out

    def _prepare(self, positives: np.ndarray) -> None:
        """Take size and planes from the windows, and draw the features."""
        from medlab.features import haar_coords, haar_count

        shape = np.shape(positives)
        if len(shape) not in (3, 4) or shape[-1] != shape[-2] or (len(shape) == 4 and shape[1] != 3) or not shape[0]:
            raise ValueError(f"positives must be windows (N, size, size) or (N, 3, size, size), got {shape}")
        self.size, self.planes, self.stages = shape[-1], 3 if len(shape) == 4 else 1, []
        count = haar_count((self.size, self.size))
        total = count * self.planes
        rng = np.random.default_rng([self.seed, 0])
        chosen = np.sort(rng.choice(total, min(self.n_features, total), replace=False))
        self.plane = chosen // count
        self.coords = haar_coords((self.size, self.size), chosen=chosen % count)

    def _stage(self, right, wrong, kept, tested, detection, false_alarms, max_stumps) -> Stage:
        labels = np.arange(len(right) + len(wrong)) < len(right)
        judged, lesion = np.concatenate([kept, tested]), np.arange(len(kept) + len(tested)) < len(kept)
        votes, stumps = np.zeros(len(judged)), []
        for stump in boosting(self.values(np.concatenate([right, wrong])), labels):
            stumps.append(stump)
            votes += stump.weight * stump.says(self.values(judged, [stump.feature])[:, 0])
            # the votes of the last lesion that has to pass; a hair less, as sums are rounded
            threshold = np.sort(votes[lesion])[int((1 - detection) * len(kept))] - 1e-6
            alarms = np.mean(votes[~lesion] >= threshold)
            if alarms <= false_alarms or len(stumps) >= max_stumps:
                break
        if not stumps:
            raise ValueError("no feature tells positives from negatives: are they the same windows, or constant?")
        return Stage(tuple(stumps), float(threshold), float(np.mean(votes[lesion] >= threshold)), float(alarms))

    def _through(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Stages passed and votes beyond their thresholds, up to the stage that refused."""
        windows = self._checked(windows, "windows")
        passed, margins = np.zeros(len(windows), int), np.zeros(len(windows))
        for number, stage in enumerate(self.stages):
            still = np.flatnonzero(passed == number)
            values = self.values(windows[still], [stump.feature for stump in stage.stumps])
            votes = np.zeros(len(still))
            for stump, column in zip(stage.stumps, values.T):
                votes += stump.weight * stump.says(column)
            margins[still] += votes - stage.threshold
            passed[still] += votes >= stage.threshold
        return passed, margins

    def _checked(self, windows: np.ndarray, name: str) -> np.ndarray:
        if self.coords is None:
            raise ValueError("the cascade is not trained: call fit first")
        windows = np.asarray(windows)
        shape = (self.size, self.size) if self.planes == 1 else (3, self.size, self.size)
        if windows.shape[1:] != shape or windows.dtype.kind not in "biuf":
            expected = "N, " + ", ".join(map(str, shape))
            raise ValueError(f"{name} must be windows ({expected}), got {windows.shape} {windows.dtype}")
        if not np.isfinite(windows).all():
            raise ValueError(f"{name} hold NaN or infinity; every pixel must be finite")
        return windows
