"""The attention cascade of Viola and Jones: cheap questions first, the next one only to the windows that passed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from medlab import arguments
from medlab.detect.boosting import Stump, boosting
from medlab.detect.windows import cell_edges, integral_around, middle_cells, window_corners, window_side

LUNG_WINDOW = (-1000.0, 200.0)  # HU: air to enhanced soft tissue
_FEWEST = 20  # false alarms left: with fewer there is nothing to learn from
_BLOCK = 8192  # windows that a thread takes at a time
_PLANES = ((1, 2), (0, 2), (0, 1))  # axes of rows and columns: axial, coronal, sagittal


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


class Detections(NamedTuple):
    """What a cascade takes for a lesion.

    Attributes:
        boxes: Windows that passed every stage, in voxels: (n, 4) in an image, (n, 6) in a volume.
        scores: (n,): by how many votes they beat the stages, in all.
        examined: (stages,): how many windows each stage looked at.
    """

    boxes: np.ndarray
    scores: np.ndarray
    examined: np.ndarray


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
        self.n_features = arguments.whole(n_features, "n_features", low=1)
        self.clip, self.seed = clip, seed
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

        Returns:
            The cascade itself.

        Raises:
            ValueError: If windows have different shapes, are not finite or too few, or a target is out of range.
        """
        self._prepare(positives)
        positives = self._checked(positives, "positives")
        validation = self._checked(validation, "validation")
        if len(validation) == 0:
            raise ValueError("validation must hold at least one window with a lesion, got none")
        stages = arguments.whole(stages, "stages", low=1)
        n_negatives = arguments.whole(n_negatives, "n_negatives", low=1)
        targets = {
            "detection": arguments.number(detection, "detection", above=0, high=1),
            "false_alarms": arguments.number(false_alarms, "false_alarms", above=0, high=1),
            "max_stumps": arguments.whole(max_stumps, "max_stumps", low=1),
        }
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
            self.stages.append(self._stage(right, wrong[back:], kept, wrong[:back], **targets))
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
    ) -> Detections:
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
        from medlab.detect._kernels import run
        from medlab.kernels import share

        self._refuse_untrained()
        axes = 3 if self.planes == 3 else 2
        image = arguments.image(image, ndim=(axes,), dtype=float)
        steps = arguments.spacing(spacing, axes)
        step = arguments.number(step, "step", above=0, unit="pixels of a window")
        if mask is not None:
            mask = arguments.mask(mask, shape=image.shape)
        sides = [window_side(size, steps, self.size) for size in np.atleast_1d(sizes)]
        if not sides:
            raise ValueError("sizes must name at least one size, got none")
        corners = []  # a grid of middles that is coarser for larger windows
        for side in sides:
            hops = np.maximum(1, np.rint(step * side / self.size)).astype(int)
            corners.append(window_corners(image.shape, mask, side, hops))
        boxes = np.concatenate([np.concatenate([low, low + side], axis=1) for low, side in zip(corners, sides)])
        passed, scores = np.zeros(len(boxes), np.int64), np.zeros(len(boxes))
        if len(boxes) and self.stages:
            table, origin = integral_around(self._clipped(image), boxes[:, :axes], boxes[:, axes:])
            first = 0
            for low, side in zip(corners, sides):
                if axes == 2:
                    low, side = np.insert(low, 0, 0, axis=1), np.insert(side, 0, 1)
                part = slice(first, first + len(low))
                given = table, np.ascontiguousarray(low - origin), *self._enlarged(side), passed[part], scores[part]
                if len(low):  # the coarse grid of a large window may miss a small mask
                    share(lambda start, stop, given=given: run(*given, start, stop), len(low), _BLOCK)
                first += len(low)
        examined = np.array([(passed >= stage).sum() for stage in range(len(self.stages))], int)
        good = passed == len(self.stages)
        return Detections(boxes[good], scores[good], examined)

    def _enlarged(self, side: np.ndarray) -> tuple[np.ndarray, ...]:
        """The stumps for windows of these sides, as the loop wants them.

        Boxes grow with the window and end at whole voxels. Each stands for its mean times the area that it has in the
        window the cascade learned from, so thresholds stay as they are.
        """
        from medlab.features import haar_boxes

        stumps = [stump for stage in self.stages for stump in stage.stumps]
        numbers = np.array([stump.feature for stump in stumps], int)
        flat, signs = haar_boxes(self.coords[numbers])
        cells = np.zeros((len(stumps), 4, 6), int)  # in cells of the window
        thick = middle_cells(self.size) if self.planes == 3 else [0, 1]
        for plane, (row, column) in enumerate(_PLANES[: self.planes]):
            here = self.plane[numbers] == plane
            cells[here] = np.repeat(thick, 3)
            for place, axis in enumerate((row, column, 3 + row, 3 + column)):
                cells[here, :, axis] = flat[here, :, place]
        ends = [cell_edges(int(n), self.size if self.planes == 3 or axis else 1) for axis, n in enumerate(side)]
        voxels = np.stack([ends[axis % 3][cells[..., axis]] for axis in range(6)], axis=-1)
        counts = np.prod(voxels[..., 3:] - voxels[..., :3], axis=-1)
        areas = (flat[..., 2] - flat[..., 0]) * (flat[..., 3] - flat[..., 1])
        return (
            voxels,
            signs * areas / np.maximum(counts, 1),
            (signs != 0).sum(axis=1),
            np.array([stump.threshold for stump in stumps], float),
            np.array([stump.polarity > 0 for stump in stumps], bool),
            np.array([stump.weight for stump in stumps], float),
            np.cumsum([len(stage.stumps) for stage in self.stages]),
            np.array([stage.threshold for stage in self.stages], float),
        )

    def _clipped(self, values: np.ndarray) -> np.ndarray:
        """Grey values as the features see them: between the ends of `clip`, the lower one at 0."""
        return np.clip(np.asarray(values, float), *self.clip) - self.clip[0]

    def _values(self, windows: np.ndarray, numbers: np.ndarray | Sequence[int]) -> np.ndarray:
        """The features of these numbers, of windows that are checked already, (N, F)."""
        from medlab.features import haar_features

        windows = self._clipped(windows).reshape(-1, self.planes, self.size, self.size)
        numbers = np.asarray(numbers, int)
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
        for stump in boosting(self._values(np.concatenate([right, wrong]), range(len(self.coords))), labels):
            stumps.append(stump)
            votes += stump.weight * stump.says(self._values(judged, [stump.feature])[:, 0])
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
            values = self._values(windows[still], [stump.feature for stump in stage.stumps])
            votes = np.zeros(len(still))
            for stump, column in zip(stage.stumps, values.T):
                votes += stump.weight * stump.says(column)
            margins[still] += votes - stage.threshold
            passed[still] += votes >= stage.threshold
        return passed, margins

    def _checked(self, windows: np.ndarray, name: str) -> np.ndarray:
        self._refuse_untrained()
        windows = np.asarray(windows)
        shape = (self.size, self.size) if self.planes == 1 else (3, self.size, self.size)
        if windows.shape[1:] != shape or windows.dtype.kind not in "biuf":
            expected = "N, " + ", ".join(map(str, shape))
            raise ValueError(f"{name} must be windows ({expected}), got {windows.shape} {windows.dtype}")
        if not np.isfinite(windows).all():
            raise ValueError(f"{name} hold NaN or infinity; every pixel must be finite")
        return windows

    def _refuse_untrained(self) -> None:
        if self.coords is None:
            raise ValueError("the cascade is not trained: call fit first")
