"""Our own networks against numbers worked out by hand and torch itself."""

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from medlab import networks
from tests.train_sets import one_thread  # noqa: F401 (a fixture)

OWN = {
    "small": lambda **kw: networks.SmallCNN(channels=(4, 8), **kw),
    "plain": lambda **kw: networks.PlainNet(5, width=4, **kw),
    "residual": lambda **kw: networks.ResidualNet(6, width=4, **kw),
}


@pytest.fixture(autouse=True)
def one_seed(one_thread):  # noqa: F811
    torch.manual_seed(0)


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


# SmallCNN


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"in_channels": 3, "classes": 10, "size": 64, "channels": (64, 128, 256), "head": (512,)}, 8_765_066),
        ({"in_channels": 3, "classes": 10, "size": 256, "channels": (32, 64), "padding": "valid"}, 2_479_562),
        ({"channels": (4,), "size": (10, 7), "classes": 3}, 40 + (4 * 5 * 3 + 1) * 3),
        ({"channels": (4,), "flatten": False, "classes": 3}, 40 + 5 * 3),
        ({"channels": (4,), "flatten": False, "classes": 3, "norm": "batch"}, 36 + 8 + 5 * 3),  # no bias before a norm
        ({"channels": (4,), "size": 8, "ndim": 3}, (27 + 1) * 4 + (4 * 64 + 1) * 2),
    ],
)
def test_small_cnn_has_the_weights_counted_by_hand(arguments, expected):
    assert networks.count_parameters(lambda: networks.SmallCNN(**arguments)) == expected


def test_small_cnn_is_what_torch_gives_layer_by_layer():
    model = networks.SmallCNN(in_channels=2, classes=3, size=(13, 10), channels=(4, 5), padding="valid", head=(7,))
    x = images(6, 2, 13, 10)
    (c1, c2), (d1, d2) = (
        [m for m in model.modules() if isinstance(m, kind)] for kind in (nn.Conv2d, nn.Linear)
    )  # fmt: skip
    h = nn.functional.max_pool2d(nn.functional.conv2d(x, c1.weight, c1.bias).relu(), 2)
    h = nn.functional.max_pool2d(nn.functional.conv2d(h, c2.weight, c2.bias).relu(), 2)
    assert h.shape == (6, 5, 1, 1)
    torch.testing.assert_close(model(x), d2(d1(h.flatten(1)).relu()))


@pytest.mark.parametrize("norm", [None, "batch", "group"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_small_cnn_trains_in_every_kind(norm, ndim):
    model = networks.SmallCNN(channels=(4, 8), size=8, norm=norm, ndim=ndim, head=(5,), dropout=0.2)
    model(images(3, 1, *(8,) * ndim)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_dropout_acts_in_training_only():
    model, x = networks.SmallCNN(dropout=0.5, channels=(4,)), images(2, 1, 28, 28)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_mean_of_each_channel_takes_any_size():
    model = networks.SmallCNN(channels=(4, 8), flatten=False, size=None)
    assert model(images(2, 1, 40, 9)).shape == model(images(2, 1, 4, 4)).shape == (2, 2)
    with pytest.raises(ValueError, match=r"3 × 40 pixels is too small for 2 blocks .* 1 fit"):
        model(images(2, 1, 3, 40))


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_as_many_blocks_as_fit(padding):
    """The error is raised exactly where torch's own layers have nothing left."""
    pad = int(padding == "same")
    for size, blocks in itertools.product(range(1, 18), range(1, 4)):
        side, fit = size, 0
        while fit < blocks and side + 2 * pad >= 3 and (side + 2 * pad - 2) // 2 >= 1:
            side, fit = (side + 2 * pad - 2) // 2, fit + 1
        arguments = {"size": size, "channels": (2,) * blocks, "padding": padding}
        with torch.device("meta"):  # shapes only
            if fit == blocks:
                assert networks.SmallCNN(**arguments)(torch.zeros(1, 1, size, size)).shape == (1, 2)
            else:
                with pytest.raises(ValueError, match=f"too small for {blocks} blocks .*; {fit} fit"):
                    networks.SmallCNN(**arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"in_channels": 0}, "in_channels must be a whole number of 1 or more, got 0"),
        ({"classes": 2.5}, "classes must be"),
        ({"classes": True}, "classes must be"),
        ({"size": (28, 28, 28)}, "size must be one number or 2"),
        ({"size": None}, "size must be given"),
        ({"channels": ()}, "at least one block"),
        ({"channels": (8, -1)}, "channels must be"),
        ({"head": (0,)}, "head must be"),
        ({"padding": 1}, "padding must be"),
        ({"norm": "layer"}, "norm must be"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"ndim": 4}, "ndim must be"),
    ],
)
def test_small_cnn_refuses(arguments, said):
    with pytest.raises(ValueError, match=said):
        networks.SmallCNN(**arguments)


# Batches that do not fit


@pytest.mark.parametrize("make", OWN.values(), ids=OWN)
@pytest.mark.parametrize(
    ("batch", "got"),
    [
        (torch.zeros(4, 3, 28, 28), r"got float32 \(4, 3, 28, 28\)"),
        (torch.zeros(4, 28, 28), r"got float32 \(4, 28, 28\)"),
        (torch.zeros(4, 1, 28, 28, 28), r"got float32 \(4, 1, 28"),
        (torch.zeros(4, 1, 28, 28, dtype=torch.uint8), r"got uint8 \(4, 1, 28, 28\)"),
    ],
)
def test_a_batch_of_another_kind_is_refused(make, batch, got):
    with pytest.raises(ValueError, match=r"images must be float \(N, 1, (28, 28|H, W)\), " + got):
        make()(batch)


def test_an_image_of_another_size_is_refused_where_it_matters():
    with pytest.raises(ValueError, match=r"float \(N, 1, 28, 28\), got float32 \(4, 1, 32, 28\)"):
        networks.SmallCNN()(torch.zeros(4, 1, 32, 28))
    with pytest.raises(ValueError, match=r"float \(N, 1, D, H, W\)"):
        networks.ResidualNet(ndim=3)(torch.zeros(4, 1, 28, 28))


# PlainNet and ResidualNet

FAMOUS = (64, 64, 128, 128, 256, 256, 512)


def test_the_net_of_186_convolutions_counted_by_hand_and_never_allocated():
    pairs = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512)] + 179 * [(512, 512)]
    assert networks.plain_channels(186, in_channels=3, width=FAMOUS) == pairs
    by_hand = sum(9 * a * b + b for a, b in pairs) + 512 * 10 + 10
    made = networks.count_parameters(lambda: networks.PlainNet(186, in_channels=3, classes=10, width=FAMOUS))
    assert made == by_hand == 424_731_200 + 5_130


@pytest.mark.parametrize("network", [networks.PlainNet, networks.ResidualNet])
def test_186_convolutions_at_a_small_width_train_on_small_images(network):
    model = network(186, in_channels=3, width=tuple(w // 32 for w in FAMOUS), norm="batch")
    before_head = model.features(images(2, 3, 14, 14))
    assert before_head.shape == (2, 16, 2, 2)  # halved three times
    before_head.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.features.parameters())


@pytest.mark.parametrize("network", [networks.PlainNet, networks.ResidualNet])
@pytest.mark.parametrize("ndim", [2, 3])
def test_depth_is_the_number_of_convolutions(network, ndim):
    for depth in (1, 2, 3, 8):
        model = network(depth, width=2, ndim=ndim)
        convs = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Conv3d))]
        assert len(convs) == depth
        assert all(conv.kernel_size == (3,) * ndim for conv in convs)
        assert model.eval()(images(2, 1, *(5,) * ndim)).shape == (2, 2)


@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_channels_double_from_stage_to_stage(depth, width, stages):
    pairs = networks.plain_channels(depth, in_channels=3, width=width, stages=stages)
    after = [b for _, b in pairs]
    assert len(pairs) == depth
    assert [a for a, _ in pairs] == [3, *after[:-1]]
    different = sorted(set(after))
    assert different == [width * 2**i for i in range(min(stages, depth // 2 + 1))]
    assert after == sorted(after)
    blocks = [after[0], *after[1::2]]  # in blocks of two convolutions no stage is longer than another by more than one
    assert max(map(blocks.count, different)) - min(map(blocks.count, different)) <= 1


@pytest.mark.parametrize("norm", [None, "batch", "group"])
@pytest.mark.parametrize("depth", [1, 2, 7, 20])
def test_a_shortcut_costs_no_weights(norm, depth):
    plain, residual = (net(depth, norm=norm) for net in (networks.PlainNet, networks.ResidualNet))
    assert networks.count_parameters(plain) == networks.count_parameters(residual)
    assert networks.flops(plain, (1, 28, 28)) == networks.flops(residual, (1, 28, 28))


def test_one_pixel_stays_one_pixel():
    for network in (networks.PlainNet, networks.ResidualNet):
        model = network(11, stages=5, width=2).eval()
        assert model.features(images(1, 1, 1, 3)).shape == (1, 32, 1, 1)


@pytest.mark.parametrize(("ndim", "stride"), [(2, 1), (3, 2)])
def test_without_what_the_blocks_add_only_the_shortcut_is_left(ndim, stride):
    """Averages over 2 × 2 pixels, cut off at the border, and channels of zeros."""
    model = networks.ResidualNet(7, width=4, norm=None, zero_init=True, ndim=ndim, stride=stride)
    x = images(2, 1, *(11,) * ndim)
    with torch.no_grad():
        start, end = model.features[0](x), model.features(x)
    side = {1: 3, 2: 2}[stride]  # 11, 6, 3 or 6, 3, 2
    assert end.shape == (2, 16, *(side,) * ndim)
    assert not end[:, 4:].any()
    by_hand = start.numpy()
    for _ in range(2):
        n = by_hand.shape[-1]
        for axis in range(2, 2 + ndim):
            cells = [by_hand.take(range(i, min(i + 2, n)), axis).mean(axis, keepdims=True) for i in range(0, n, 2)]
            by_hand = np.concatenate(cells, axis)
    np.testing.assert_allclose(end[:, :4], np.maximum(by_hand, 0), atol=1e-6)


def test_a_block_adds_its_convolutions_to_what_came_in():
    model = networks.ResidualNet(3, width=4, stages=1, norm="group")
    block, x = model.features[1], images(2, 4, 6, 6)
    n1, _, c1, n2, _, c2 = block.body
    torch.testing.assert_close(block(x), x + c2(n2(c1(n1(x).relu())).relu()))


def test_first_weights_keep_the_size_of_the_activations():
    """He's rule: after 30 layers the mean square is still of order 1; with half the variance it is 2**-30."""
    found = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = networks.PlainNet(30, width=32, stages=1)
        with torch.no_grad():
            found.append(float(model.features(images(2, 1, 16, 16)).square().mean().log2()))
    assert -12 < np.mean(found) < 5  # padding with zeros takes a little away at the border of every layer


@pytest.mark.parametrize(
    ("depth", "arguments", "said"),
    [
        (0, {}, "depth must be a whole number of 1 or more"),
        (2.5, {}, "depth must be"),
        (3, {"width": 0}, "width must be"),
        (3, {"width": ()}, "width must name"),
        (3, {"width": (8, 4)}, "width may not become smaller"),
        (3, {"stages": 0}, "stages must be"),
        (3, {"stride": 0}, "stride must be"),
        (3, {"norm": "instance"}, "norm must be"),
        (3, {"ndim": 1}, "ndim must be"),
    ],
)
@pytest.mark.parametrize("network", [networks.PlainNet, networks.ResidualNet])
def test_deep_nets_refuse(network, depth, arguments, said):
    with pytest.raises(ValueError, match=said):
        network(depth, **arguments)


# Architecture and build


@pytest.mark.parametrize(
    "model",
    [
        networks.SmallCNN(
            in_channels=np.int64(2), size=(20, 16), channels=(4, 8), head=(6,), norm="batch", dropout=0.1
        ),
        networks.SmallCNN(channels=[4], flatten=False, ndim=3),
        networks.PlainNet(9, width=(2, 2, 4), classes=3, norm="group"),
        networks.ResidualNet(4, width=3, ndim=3, stride=2, zero_init=True),
        networks.named("mobilenet_v3_small", in_channels=2, classes=3),
    ],
    ids=lambda model: f"{model.architecture['name']}-{model.ndim}",
)
def test_build_gives_the_same_layers_again(model):
    again = networks.build(json.loads(json.dumps(model.architecture)))
    assert type(again) is type(model)
    assert again.architecture == model.architecture
    for name in ("in_channels", "classes", "ndim", "size"):
        assert getattr(again, name) == getattr(model, name)
    again.load_state_dict(model.state_dict())
    x = images(2, model.in_channels, *(model.size or (9,) * model.ndim))
    assert torch.equal(model.eval()(x), again.eval()(x))


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ({"name": "os.system", "arguments": {"command": "true"}}, "must be one of 'SmallCNN', .* got 'os.system'"),
        ({"name": ["SmallCNN"], "arguments": {}}, "must be one of"),
        ({"name": "Network", "arguments": {"in_channels": 1, "classes": 2}}, "must be one of"),
        ({"name": "SmallCNN", "arguments": {"weights": "imagenet"}}, "SmallCNN.* argument 'weights'"),
        ({"name": "TorchvisionNet", "arguments": {"name": "resnet18", "weights": "x"}}, "argument 'weights'"),
        ({"name": "TorchvisionNet", "arguments": {"name": "lenet"}}, "name must be one of 'alexnet'"),
        ({"name": "PlainNet", "arguments": {}}, "depth"),
    ],
)
def test_build_makes_nothing_else(architecture, said):
    with pytest.raises((ValueError, TypeError), match=said):
        networks.build(architecture)
