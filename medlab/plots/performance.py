"""How good a classifier is, as pictures: ROC, calibration, confusion, forests of intervals."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from medlab import arguments, classify, metrics
from medlab.metrics import Interval, Paired
from medlab.plots.style import COLORS, LINES, MARKERS, SMALL, axes, label, open_frame

CHANCE = "#767676"  # grey that can be read on white
SQUARE = (4.8, 4.4)


def roc(
    labels: Sequence[int],
    scores: np.ndarray | Mapping[str, np.ndarray],
    *,
    groups: Sequence | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """ROC curves of two classes, with the AUC and its interval in the legend.

    Args:
        labels: (N,) classes, 0 or 1; for class k of more give `labels == k` and `scores[:, k]`.
        scores: (N,) or (N, 2) of one model, or name to these for several.
        groups: (N,) the patient of each case, for the intervals; None goes by image.

    Raises:
        ValueError: If labels and scores do not fit each other, or are not of two classes.
    """
    from sklearn.metrics import roc_curve

    labels = arguments.labels(labels, "labels")
    ax = axes(ax, SQUARE)
    for name, score, style in _models(scores):
        metrics.auc(labels, score)  # says what is wrong with them
        if labels.max() > 1 or np.shape(score)[1:] not in ((), (2,)):
            raise ValueError(f"roc is of two classes, got scores {np.shape(score)}; give labels == k and scores[:, k]")
        fpr, tpr, _ = roc_curve(labels, score if np.ndim(score) == 1 else np.asarray(score)[:, 1])
        area = metrics.interval(metrics.auc, labels, score, groups=groups)
        ax.plot(fpr, tpr, **style, label=f"{name} AUC {area}".strip())
    return _finished(ax, title, "1 − specificity", "recall (sensitivity)", "chance", "lower right")


def calibration(
    labels: Sequence[int],
    scores: np.ndarray | Mapping[str, np.ndarray],
    *,
    groups: Sequence | None = None,
    bins: int = 10,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """How often what was said with a probability happens, with 95 % intervals; on the grey line, as often as said.

    Args:
        labels: (N,) classes, whole numbers from 0.
        scores: (N,) or (N, K) probabilities of one model, or name to these for several.
        groups: (N,) the patient of each case, for the intervals; None goes by image.
        bins: Equally wide bins of the probability.

    Raises:
        ValueError: If labels and scores do not fit each other, or scores are not probabilities.
    """
    ax = axes(ax, SQUARE)
    for i, (name, score, style) in enumerate(_models(scores)):
        curve = classify.calibration_curve(labels, score, bins=bins, groups=groups)
        ax.vlines(curve["predicted"], curve["low"], curve["high"], color=style["color"], alpha=0.5)
        marker = MARKERS[i % len(MARKERS)]
        ax.plot(curve["predicted"], curve["observed"], **style, marker=marker, markersize=5, label=name or None)
    return _finished(ax, title, "probability said", "share that happened", "as often as said", "upper left")


def confusion(
    labels: Sequence[int],
    scores: np.ndarray,
    *,
    class_names: Sequence[str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Cases of each class by what was said of them: counts, and the share of the row as grey.

    Args:
        labels: (N,) classes, whole numbers from 0.
        scores: Probabilities, decided at 0.5 (two classes) or for the largest; or decisions as whole numbers.
        class_names: One a class, in order.

    Raises:
        ValueError: If labels and scores do not fit each other, or names are not as many as classes.
    """
    from sklearn.metrics import confusion_matrix

    metrics.accuracy(labels, scores)  # says what is wrong with labels or scores
    labels, scores = np.asarray(labels), np.asarray(scores)
    predicted = metrics.decisions(labels, scores)
    classes = scores.shape[1] if scores.ndim == 2 else max(2, int(max(labels.max(), predicted.max())) + 1)
    names = [str(name) for name in (range(classes) if class_names is None else class_names)]
    if labels.ndim != 1 or len(names) != classes:
        raise ValueError(f"a name for each of {classes} classes is needed, got {len(names)} and labels {labels.shape}")
    counts = confusion_matrix(labels, predicted, labels=range(classes))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.4 + 0.6 * classes
    ax = axes(ax, (side, side))
    ax.imshow(share, cmap="Greys", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if share[row, column] > 0.5 else "black"
        ax.text(column, row, f"{count:,}\n{share[row, column]:.0%}", ha="center", va="center", color=color, size=SMALL)
    label(ax, title, "said", "truth")
    ax.set_xticks(range(classes), names)
    ax.set_yticks(range(classes), names)
    return ax


def forest(
    numbers: Mapping[str, Interval | Paired],
    *,
    x_label: str,
    reference: float | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Intervals one below the other, in the order given; a diamond where the interval leaves out the reference.

    Args:
        numbers: Name to `metrics.Interval` or `metrics.Paired`.
        x_label: What the numbers are.
        reference: Where to draw a line; None draws it at 0 if all numbers are differences, else none.

    Raises:
        ValueError: If there are no numbers, or one is neither an Interval nor a Paired.
    """
    wrong = [name for name, number in numbers.items() if not isinstance(number, (Interval, Paired))]
    if not numbers or wrong:
        raise ValueError(f"numbers must hold Interval or Paired by name, got {wrong or 'none'}")
    if reference is None and all(isinstance(number, Paired) for number in numbers.values()):
        reference = 0.0
    ax = axes(ax, (6.4, 1.2 + 0.35 * len(numbers)))
    for row, number in enumerate(numbers.values()):
        sure = reference is not None and (number.low > reference or number.high < reference)
        color, marker = (COLORS[1], "D") if sure else (COLORS[0], "o")
        ax.plot([number.low, number.high], [row, row], color=color)
        ax.plot(number.value, row, marker=marker, color=color)
    if reference is not None:
        ax.axvline(reference, color="black", linewidth=0.8)
        x_label += f"\ndiamonds: the interval leaves out {reference:g}"
    label(ax, title, x_label, "")
    ax.set_yticks(range(len(numbers)), list(numbers))
    ax.set_ylim(len(numbers) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def _models(scores: np.ndarray | Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, dict[str, str]]]:
    """Name, scores and line of each model."""
    named = scores if isinstance(scores, Mapping) else {"": scores}
    if not named:
        raise ValueError("scores must hold at least one model, got none")
    for i, (name, score) in enumerate(named.items()):
        yield name, score, {"color": COLORS[i % len(COLORS)], "linestyle": LINES[i % len(LINES)]}


def _finished(ax: Axes, title: str, x_label: str, y_label: str, diagonal: str, corner: str) -> Axes:
    """With a frame of 0 to 1, and a grey diagonal with its meaning."""
    ax.plot([0, 1], [0, 1], color=CHANCE, linewidth=0.8, label=diagonal)
    label(ax, title, x_label, y_label)
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    ax.grid(alpha=0.3)
    open_frame(ax)
    ax.legend(fontsize=SMALL, loc=corner)
    return ax
