"""What a network learned, as pictures: losses by epoch, filters, feature maps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medlab.arguments import whole
from medlab.plots.images import grid
from medlab.plots.style import COLORS, LINES, SMALL, axes, figure, label, open_frame

if TYPE_CHECKING:
    from torch import nn

    from medlab.train import History


def training_curves(history: "History", *, title: str = "", ax: Axes | None = None) -> Axes:
    """Loss of the training and of the validation images by epoch; a grey line marks the epoch that was kept.

    The first is a mean over the epoch, of augmented images; the second is taken after it, of images as they are, with
    the averaged weights where the training averages.

    Args:
        history: What `train.fit` returned.

    Raises:
        ValueError: If no epoch was finished.
    """
    table = history.table
    if not len(table):
        raise ValueError("history holds no finished epoch: there is no curve to draw")
    ax = axes(ax, (4.8, 3.4))
    if history.best_epoch:
        ax.axvline(history.best_epoch, color="#767676", linewidth=0.8, label=f"kept: epoch {history.best_epoch}")
    few = len(table) <= 30
    for i, (column, name) in enumerate({"train_loss": "training", "val_loss": "validation"}.items()):
        style = {"color": COLORS[i], "linestyle": LINES[i], "marker": "os"[i] if few else None, "markersize": 4}
        ax.plot(table["epoch"], table[column], label=name, **style)
    label(ax, title, "epoch", "loss")
    ax.set_ylim(bottom=0)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    open_frame(ax)
    ax.legend(fontsize=SMALL)
    return ax


def filters(model: "nn.Module", *, layer: str | None = None, n: int = 16, channel: int = 0, columns: int = 8) -> Figure:
    """The first kernels of a convolution: violet below 0, white at 0, orange above, all on one scale.

    Args:
        model: Any network.
        layer: Name of a convolution as in `model.named_modules()`; None takes the first.
        n: How many kernels at most.
        channel: Which of the channels that the kernels see. Of a kernel for volumes the middle plane is drawn.

    Raises:
        ValueError: If there is no such layer, it is no convolution, or the channel is not one of its.
    """
    from torch import nn

    convolutions = {
        name: module for name, module in model.named_modules() if isinstance(module, (nn.Conv2d, nn.Conv3d))
    }
    if layer is None:
        layer = next(iter(convolutions), None)
    if layer not in convolutions:
        raise ValueError(f"layer must name a convolution ({_few(convolutions)}), got {layer!r}")
    kernels = convolutions[layer].weight.detach().float().cpu().numpy()
    if not 0 <= channel < kernels.shape[1]:
        raise ValueError(f"channel must lie between 0 and {kernels.shape[1] - 1}, got {channel}")
    kernels = kernels[: whole(n, "n", low=1), channel]
    if kernels.ndim == 4:
        kernels = kernels[:, kernels.shape[1] // 2]
    columns = min(whole(columns, "columns", low=1), len(kernels))
    rows = -(-len(kernels) // columns)
    fig, panels = figure(rows, columns, (1.0 * columns + 0.9, 1.15 * rows))
    most = float(np.abs(kernels).max()) or 1.0
    for panel in panels.flat:
        panel.set_axis_off()
    for i, (panel, kernel) in enumerate(zip(panels.flat, kernels)):
        shown = panel.imshow(kernel, cmap="PuOr_r", vmin=-most, vmax=most)
        panel.set_title(str(i), size=SMALL)
    bar = fig.colorbar(shown, ax=panels, fraction=0.03, pad=0.02)
    bar.set_label("weight", size=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return fig


def feature_maps(model: "nn.Module", image: np.ndarray, *, layer: str, n: int = 8, columns: int = 4) -> Figure:
    """What the channels of a layer say about one image: those that vary most, strongest first, on one grey scale.

    Args:
        model: A network for images; after `train.fit` or `train.load` the image is scaled as in training.
        image: One image as the network was trained on: (H, W), or (H, W, C) in colour.
        layer: Name of a layer whose output has channels and two axes, as in `model.named_modules()`.
        n: How many channels at most.

    Raises:
        ValueError: If there is no such layer, its output is no image, or the image does not fit the network.
    """
    import torch

    from medlab.train.examples import Batches, as_pictures
    from medlab.train.preparation import preparation_of

    layers = dict(model.named_modules())
    if layer not in layers:
        raise ValueError(f"layer must be one of {_few([name for name in layers if name])}, got {layer!r}")
    device = next(model.parameters(), torch.empty(0)).device
    batch = Batches(as_pictures(np.asarray(image)[None], model), device).take(slice(None))
    caught: list[torch.Tensor] = []
    hook = layers[layer].register_forward_hook(lambda _module, _inputs, output: caught.append(output))
    was_training = model.training
    try:
        model.eval()
        with torch.inference_mode():
            model(preparation_of(model).scaled(batch))
    finally:
        hook.remove()
        model.train(was_training)
    found = caught[0].float().cpu().numpy()
    if found.ndim != 4:
        raise ValueError(f"layer {layer!r} gives {found.shape[1:]} for an image, not (channels, y, x)")
    maps = found[0]
    order = np.argsort(-maps.std((1, 2)), kind="stable")[: whole(n, "n", low=1)]
    titles = [f"channel {i}" for i in order]
    fig = grid([maps[i] for i in order], titles=titles, columns=columns, unit="response")
    for panel in fig.axes:
        if panel.get_title():  # the scale has none
            for axis in (panel.xaxis, panel.yaxis):  # deep maps are few pixels wide
                axis.get_major_locator().set_params(integer=True)
    return fig


def _few(names: Sequence[str]) -> str:
    names = list(names)
    return ", ".join(names[:4] + ["..."] * (len(names) > 4)) or "there is none"
