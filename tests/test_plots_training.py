"""Pictures of training: the numbers of the history, the weights and the responses themselves."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from medlab import networks, plots
from medlab.train import History, Preparation


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def net(**options):
    torch.manual_seed(0)
    return networks.SmallCNN(**{"size": 8, "channels": (3, 5), **options})


def history(n=3, best=2):
    rows = [{"epoch": i + 1, "train_loss": 0.6 / (i + 1), "val_loss": 0.7 - 0.1 * i, "lr": 0.1} for i in range(n)]
    return History(pd.DataFrame(rows, columns=["epoch", "train_loss", "val_loss", "lr"]), best)


def test_curves_are_the_losses_and_mark_the_epoch_kept():
    ax = plots.training_curves(history(), title="t")
    mark, train, val = ax.lines
    assert list(mark.get_xdata()) == [2, 2]
    np.testing.assert_allclose(train.get_xydata(), [[1, 0.6], [2, 0.3], [3, 0.2]])
    np.testing.assert_allclose(val.get_ydata(), [0.7, 0.6, 0.5])
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert entries == ["kept: epoch 2", "training", "validation"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(), ax.get_ylim()[0]) == ("epoch", "loss", "t", 0)


def test_curves_draw_on_the_axes_given_and_mark_nothing_where_nothing_was_kept():
    _, (panel,) = plots.row(1)
    assert plots.training_curves(history(best=0), ax=panel) is panel
    assert len(panel.lines) == 2


def test_curves_want_a_finished_epoch():
    with pytest.raises(ValueError, match="no finished epoch"):
        plots.training_curves(history(0, 0))


def drawn(fig):
    return [np.asarray(ax.images[0].get_array()) for ax in fig.axes if ax.images]


def test_filters_are_the_weights_on_a_scale_around_0():
    model = net(in_channels=2)
    fig = plots.filters(model, channel=1, columns=2)
    weights = model.features[0][0].weight.detach().numpy()
    np.testing.assert_array_equal(drawn(fig), weights[:, 1])
    most = np.abs(weights[:, 1]).max()
    assert {ax.images[0].get_clim() for ax in fig.axes if ax.images} == {(-most, most)}
    assert not plt.get_fignums()  # closed: a cell draws it once


def test_filters_of_a_named_layer_a_few_and_the_middle_of_volumes():
    model = net(ndim=3)
    fig = plots.filters(model, layer="features.1.0", n=2, channel=2)
    np.testing.assert_array_equal(drawn(fig), model.features[1][0].weight.detach().numpy()[:2, 2, 1])


def test_filters_of_zeros_have_a_scale():
    model = net()
    torch.nn.init.zeros_(model.features[0][0].weight)
    assert drawn(plots.filters(model))[0].max() == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layer": "classifier.0"}, "name a convolution"),
        ({"layer": "nowhere"}, "'nowhere'"),
        ({"channel": 1}, "between 0 and 0"),
        ({"n": 0}, "n must be a whole number of 1 or more"),
        ({"columns": 0}, "columns must be a whole number of 1 or more"),
    ],
)
def test_filters_refuse(options, said):
    with pytest.raises(ValueError, match=said):
        plots.filters(net(), **options)


def test_a_network_without_convolution_has_no_filters():
    with pytest.raises(ValueError, match="there is none"):
        plots.filters(torch.nn.Linear(2, 2))


def test_feature_maps_are_the_responses_to_the_scaled_image_most_varied_first():
    model = net()
    model.preparation = Preparation("binary", ("a", "b"), scale="train", mean=(100.0,), sd=(50.0,))
    model.train()
    image = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    fig = plots.feature_maps(model, image, layer="features.0", n=2)
    with torch.no_grad():
        scaled = torch.from_numpy((image.astype(np.float32) - 100) / 50)[None, None]
        expected = model.features[0](scaled)[0].numpy()
    order = np.argsort(-expected.std((1, 2)))[:2]
    np.testing.assert_allclose(drawn(fig)[:2], expected[order], atol=1e-5)
    assert [ax.get_title() for ax in fig.axes[:2]] == [f"channel {i}" for i in order]
    assert model.training  # as it was
    assert not model.features[0]._forward_hooks


def test_feature_maps_of_colour():
    fig = plots.feature_maps(net(in_channels=3), np.zeros((8, 8, 3), np.uint8), layer="features.1", n=9)
    assert len([ax for ax in fig.axes if ax.images and ax.get_title()]) == 5  # as many as there are


@pytest.mark.parametrize(
    ("shape", "layer", "said"),
    [
        ((8, 8), "features.7", "must be one of features, features.0"),
        ((8, 8), "classifier", "not \\(channels, y, x\\)"),
        ((9, 9), "features.0", "N, 1, 8, 8"),
        ((8, 8, 3), "features.0", "the network takes"),
    ],
)
def test_feature_maps_refuse_and_leave_no_hook(shape, layer, said):
    model = net()
    with pytest.raises(ValueError, match=said):
        plots.feature_maps(model, np.zeros(shape, np.uint8), layer=layer)
    assert not any(module._forward_hooks for module in model.modules())
