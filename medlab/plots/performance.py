"""How good a classifier is, as pictures: ROC, precision and recall, calibration, confusion, forests of intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from medlab import classify, metrics
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
    """ROC curves, with the AUC and its interval in the legend; beyond two classes the mean of one against the rest.

    Args:
        labels: (N,) classes, whole numbers from 0.
        scores: (N,) or (N, K) of one model, or name to these for several.
        groups: (N,) the patient of each case, for the intervals; None goes by image.

    Raises:
        ValueError: If labels and scores do not fit each other.
    """
    ax = axes(ax, SQUARE)
    for i, (name, score) in enumerate(_named(scores).items()):
        curve = classify.roc_curve(labels, score)
        area = metrics.interval(metrics.auc, labels, score, groups=groups)
        ax.plot(curve["fpr"], curve["tpr"], **_line(i), label=f"{name} AUC {area}".strip())
    ax.plot([0, 1], [0, 1], color=CHANCE, linewidth=0.8, label="chance")
    _square(ax, title, "1 − specificity", "recall (sensitivity)")
    ax.legend(fontsize=SMALL, loc="lower right")
    return ax


def precision_recall(
    labels: Sequence[int],
    scores: np.ndarray | Mapping[str, np.ndarray],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Precision against recall, in steps; the grey line is what chance reaches: how common the condition is.

    Args:
        labels: (N,) classes, whole numbers from 0.
        scores: (N,) or (N, K) of one model, or name to these for several.

    Raises:
        ValueError: If labels and scores do not fit each other.
    """
    ax = axes(ax, SQUARE)
    for i, (name, score) in enumerate(_named(scores).items()):
        curve = classify.pr_curve(labels, score)
        ax.step(curve["recall"], curve["precision"], where="pre", **_line(i), label=name or None)
    labels = np.asarray(labels)
    classes = int(labels.max()) + 1
    common = 1 / classes if classes > 2 else float((labels == 1).mean())
    ax.axhline(common, color=CHANCE, linewidth=0.8, label=f"chance ({common:.2f})")
    _square(ax, title, "recall (sensitivity)", "precision")
    ax.legend(fontsize=SMALL, loc="lower left")
    return ax


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
    for i, (name, score) in enumerate(_named(scores).items()):
        found = classify.calibration_curve(labels, score, bins=bins, groups=groups)
        ax.vlines(found["predicted"], found["low"], found["high"], color=COLORS[i % len(COLORS)], alpha=0.5)
        style = _line(i) | {"marker": MARKERS[i % len(MARKERS)], "markersize": 5}
        ax.plot(found["predicted"], found["observed"], **style, label=name or None)
    ax.plot([0, 1], [0, 1], color=CHANCE, linewidth=0.8, label="as often as said")
    _square(ax, title, "probability said", "share that happened")
    ax.legend(fontsize=SMALL, loc="upper left")
    return ax


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
    counts = classify.confusion(labels, scores, class_names=class_names)
    side = 2.4 + 0.6 * len(counts)
    ax = axes(ax, (side, side))
    table = counts.to_numpy()
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Greys", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        color = "white" if share[row, column] > 0.5 else "black"
        ax.text(column, row, f"{count:,}\n{share[row, column]:.0%}", ha="center", va="center", color=color, size=SMALL)
    label(ax, title, "said", "truth")
    ax.set_xticks(range(len(counts)), [str(name) for name in counts.columns])
    ax.set_yticks(range(len(counts)), [str(name) for name in counts.index])
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
        value = number.difference if isinstance(number, Paired) else number.value
        ax.plot([number.low, number.high], [row, row], color=color)
        ax.plot(value, row, marker=marker, color=color)
    if reference is not None:
        ax.axvline(reference, color="black", linewidth=0.8)
        x_label += f"\ndiamonds: the interval leaves out {reference:g}"
    label(ax, title, x_label, "")
    ax.set_yticks(range(len(numbers)), list(numbers))
    ax.set_ylim(len(numbers) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def _named(scores: np.ndarray | Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    named = scores if isinstance(scores, Mapping) else {"": scores}
    if not named:
        raise ValueError("scores must hold at least one model, got none")
    return named


def _line(i: int) -> dict[str, str]:
    return {"color": COLORS[i % len(COLORS)], "linestyle": LINES[i % len(LINES)]}


def _square(ax: Axes, title: str, x_label: str, y_label: str) -> None:
    label(ax, title, x_label, y_label)
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    ax.grid(alpha=0.3)
    open_frame(ax)
