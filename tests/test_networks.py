"""Networks against numbers worked out by hand, torch itself, and files and servers that misbehave."""

import copy
import hashlib
import http.server
import itertools
import json
import pickle
import struct
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from medlab import networks
from medlab.networks import base, weights

OWN = {
    "small": lambda **kw: networks.SmallCNN(channels=(4, 8), **kw),
    "plain": lambda **kw: networks.PlainNet(5, width=4, **kw),
    "residual": lambda **kw: networks.ResidualNet(6, width=4, **kw),
}


@pytest.fixture(autouse=True)
def one_seed():
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


@pytest.mark.parametrize("pool", ["max", "average"])
@pytest.mark.parametrize("norm", [None, "batch", "group"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_small_cnn_trains_in_every_kind(pool, norm, ndim):
    model = networks.SmallCNN(channels=(4, 8), size=8, pool=pool, norm=norm, ndim=ndim, head=(5,), dropout=0.2)
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
    for size, blocks in itertools.product(range(1, 20), range(1, 5)):
        side, fit = size, 0
        while fit < blocks and side + 2 * pad >= 3 and (side + 2 * pad - 2) // 2 >= 1:
            side, fit = (side + 2 * pad - 2) // 2, fit + 1
        arguments = {"size": size, "channels": (2,) * blocks, "padding": padding}
        if fit == blocks:
            assert networks.SmallCNN(**arguments)(images(1, 1, size, size)).shape == (1, 2)
        else:
            with pytest.raises(ValueError, match=f"too small for {blocks} blocks .*; {fit} fit"):
                networks.SmallCNN(**arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"in_channels": 0}, "in_channels must be a whole number of at least 1, got 0"),
        ({"classes": 2.5}, "classes must be"),
        ({"classes": True}, "classes must be"),
        ({"size": (28, 28, 28)}, "size must be one number or 2"),
        ({"size": None}, "size must be given"),
        ({"channels": ()}, "at least one block"),
        ({"channels": (8, -1)}, "channels must be"),
        ({"head": (0,)}, "head must be"),
        ({"padding": 1}, "padding must be"),
        ({"pool": "min"}, "pool must be"),
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
    assert model.features(images(2, 3, 28, 28)).shape == (2, 16, 4, 4)  # halved three times
    model(images(2, 3, 32, 32)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("network", [networks.PlainNet, networks.ResidualNet])
@pytest.mark.parametrize("ndim", [2, 3])
def test_depth_is_the_number_of_convolutions(network, ndim):
    for depth in range(1, 12):
        model = network(depth, width=2, ndim=ndim)
        convs = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Conv3d))]
        assert len(convs) == depth
        assert all(conv.kernel_size == (3,) * ndim for conv in convs)
        assert model.eval()(images(2, 1, *(5,) * ndim)).shape == (2, 2)


@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
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
    for seed in range(5):
        torch.manual_seed(seed)
        model = networks.PlainNet(30, width=64, stages=1)
        with torch.no_grad():
            found.append(float(model.features(images(2, 1, 16, 16)).square().mean().log2()))
    assert -12 < np.mean(found) < 5  # padding with zeros takes a little away at the border of every layer


@pytest.mark.parametrize(
    ("depth", "arguments", "said"),
    [
        (0, {}, "depth must be a whole number of at least 1"),
        (2.0, {}, "depth must be"),
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


@pytest.mark.parametrize("name", OWN)
def test_each_learns_where_a_bright_spot_is(name):
    rng = np.random.default_rng(0)
    labels = torch.from_numpy(rng.integers(0, 2, 64))
    x = torch.from_numpy(rng.normal(size=(64, 1, 28, 28)).astype("float32"))
    for image, label in zip(x, labels, strict=True):
        row, column = rng.integers(2, 22, 2)
        size = 6 if label else 2
        image[0, row : row + size, column : column + size] += 3
    model = OWN[name](norm="group")
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(40):
        loss = nn.functional.cross_entropy(model(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (model(x).argmax(1) == labels).float().mean() > 0.9


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
        networks.named("resnet18", in_channels=2, classes=3, size=28, dropout=0.3),
        networks.named("mobilenet_v3_small", size=(40, 30)),
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
        ({"name": "os.system", "arguments": {"command": "true"}}, "unknown name 'os.system'; known are SmallCNN"),
        ({"name": ["SmallCNN"], "arguments": {}}, "unknown name"),
        ({"name": "Network", "arguments": {"in_channels": 1, "classes": 2}}, "unknown name"),
        ({"name": "SmallCNN", "arguments": {"weights": "imagenet"}}, "not the arguments of SmallCNN.*weights"),
        ({"name": "TorchvisionNet", "arguments": {"name": "resnet18", "weights": "x"}}, "not the arguments.*weights"),
        ({"name": "TorchvisionNet", "arguments": {"name": "lenet"}}, "name must be one of alexnet"),
        ({"name": "PlainNet", "arguments": {}}, "depth"),
        ({"name": "PlainNet", "arguments": [3]}, "not the arguments of PlainNet"),
        ({"name": "PlainNet"}, "architecture must be"),
        ("PlainNet", "architecture must be"),
    ],
)
def test_build_makes_nothing_else(architecture, said):
    with pytest.raises(ValueError, match=said):
        networks.build(architecture)


# Counting, sizes, receptive field


def test_count_parameters_of_what_trains():
    model = networks.freeze(networks.SmallCNN(channels=(4,)))
    assert networks.count_parameters(model) == 40 + 2 * (4 * 14 * 14 + 1)
    assert networks.count_parameters(model, trainable=True) == 2 * (4 * 14 * 14 + 1)


def test_flops_by_hand_and_nothing_changed():
    model = networks.SmallCNN(in_channels=3, classes=10, size=64, channels=(64, 128, 256), head=(512,))
    by_hand = 64**2 * 9 * 3 * 64 + 32**2 * 9 * 64 * 128 + 16**2 * 9 * 128 * 256 + 256 * 64 * 512 + 512 * 10
    model.features[0].eval()
    before = [m.training for m in model.modules()]
    assert networks.flops(model, (3, 64, 64)) == by_hand
    assert [m.training for m in model.modules()] == before
    assert not any(p.is_meta for p in model.parameters())
    cube = 14**3 * 27 * (8 + 4 * 64) + 7**3 * 27 * (8 * 16 + 3 * 256) + 4**3 * 27 * (16 * 32 + 3 * 1024) + 64
    assert networks.flops(lambda: networks.ResidualNet(13, width=8, ndim=3, stride=2), (1, 28, 28, 28)) == cube


def test_resnet18_of_torchvision_has_its_published_size():
    """11,689,512 weights and 1.814 thousand million multiply-adds, as torchvision's table has it."""

    def make():
        return networks.named("resnet18", in_channels=3, classes=1000)

    assert networks.count_parameters(make) == 11_689_512
    assert networks.flops(make, (3, 224, 224)) == pytest.approx(1.814e9, rel=1e-3)


def test_output_size_as_torch():
    tried = 0
    for size, kernel, padding, stride, dilation in itertools.product(
        range(1, 9), range(1, 5), range(3), (1, 2, 3), (1, 2)
    ):
        conv = nn.Conv1d(1, 1, kernel, stride=stride, padding=padding, dilation=dilation)
        arguments = {"kernel": kernel, "padding": padding, "stride": stride, "dilation": dilation}
        if dilation * (kernel - 1) + 1 > size + 2 * padding:
            with pytest.raises(ValueError, match="kernel reaches over"):
                networks.output_size(size, **arguments)
        else:
            tried += 1
            assert networks.output_size(size, **arguments) == conv(torch.zeros(1, 1, size)).shape[-1]
    assert tried > 300


def test_which_kernels_make_2_of_3():
    fits = [
        (k, p, s)
        for k, p, s in itertools.product((1, 2, 3), (0, 1), (1, 2, 3))
        if networks.output_size(3, kernel=k, padding=p, stride=s) == 2
    ]
    assert fits == [(1, 0, 2), (1, 1, 3), (2, 0, 1), (2, 1, 2), (2, 1, 3), (3, 1, 2)]


@pytest.mark.parametrize(
    ("name", "value"), [("kernel", 0), ("stride", 0), ("padding", -1), ("dilation", 0), ("kernel", 2.0)]
)
def test_output_size_refuses(name, value):
    with pytest.raises(ValueError, match=name):
        networks.output_size(5, **{"kernel": 3, name: value})


@pytest.mark.parametrize(
    "layers", [[(3, 1)], [(3, 1), (2, 2), (3, 1), (2, 2)], [(3, 2), (3, 2), (3, 2)], [(3, 1, 2), (5, 3), (3, 1)], []]
)
def test_receptive_field_is_where_the_gradient_reaches(layers):
    net = nn.Sequential(*(nn.Conv1d(1, 1, k, stride=s, dilation=(*d, 1)[0], bias=False) for k, s, *d in layers))
    for weight in net.parameters():
        nn.init.ones_(weight)
    x = torch.zeros(1, 1, 200, requires_grad=True)
    out = net(x)
    out[0, 0, out.shape[-1] // 2].backward()
    reached = x.grad.flatten().nonzero().flatten()
    assert networks.receptive_field(layers) == int(reached[-1] - reached[0]) + 1


def test_receptive_field_refuses():
    with pytest.raises(ValueError, match="a layer is"):
        networks.receptive_field([(3,)])
    with pytest.raises(ValueError, match="whole number"):
        networks.receptive_field([(3, 0)])


# Freezing


def trains(model: nn.Module) -> list[str]:
    return [name for name, p in model.named_parameters() if p.requires_grad]


NETS = {
    "plain": lambda: networks.PlainNet(5, width=4, norm="batch"),
    "residual": lambda: networks.ResidualNet(5, width=4),
    "named": lambda: networks.named("mobilenet_v3_small", size=32),
    "torchvision": lambda: __import__("torchvision").models.resnet18(num_classes=2),
}


@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
def test_frozen_layers_do_not_change_in_training(make):
    model = networks.freeze(make()).train()
    channels = getattr(model, "in_channels", 3)
    last = next(n for n, m in model.named_modules() if m is networks.head(model))
    assert trains(model) == [f"{last}.weight", f"{last}.bias"]
    before = copy.deepcopy(model.state_dict())
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        model.train()
        nn.functional.cross_entropy(model(images(4, channels, 32, 32)), torch.tensor([0, 1, 0, 0])).backward()
        optimiser.step()
    changed = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == [f"{last}.weight", f"{last}.bias"]


@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
def test_frozen_normalisation_stays_in_evaluation_until_it_is_freed(make):
    model = networks.freeze(make())
    for again in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        again.train()
        norms = [m for m in again.modules() if hasattr(m, "running_mean")]
        assert norms
        assert not any(norm.training for norm in norms)
        assert again.training
        networks.unfreeze(again)
        assert all(m.training for m in again.modules())
        assert all(p.requires_grad for p in again.parameters())
        assert not any(m.training for m in again.eval().modules())
    assert not any(p.requires_grad for p in list(networks.freeze(make()).parameters())[:-2])


def test_a_copy_is_frozen_by_itself():
    model = networks.freeze(networks.ResidualNet(5, width=4))
    twin = copy.deepcopy(model)
    networks.unfreeze(twin)
    twin.train()
    model.train()
    assert all(m.training for m in twin.modules())
    assert not any(m.training for m in model.modules() if hasattr(m, "running_mean"))


def test_freeze_until_a_part():
    model = networks.freeze(networks.named("resnet18", size=28), until="layer4")
    assert {name.split(".")[1] for name in trains(model)} == {"layer4", "fc"}
    model.train()
    assert not model.net.bn1.training
    assert model.net.layer4[0].bn1.training
    networks.freeze(model, until="net.layer3")  # less than before
    assert {name.split(".")[1] for name in trains(model)} == {"layer3", "layer4", "fc"}
    own = networks.freeze(networks.SmallCNN(channels=(4, 4, 4)), until="features.2.1")  # a part without weights
    assert trains(own) == ["classifier.0.weight", "classifier.0.bias"]


def test_unfreeze_from_the_end():
    model = networks.freeze(networks.ResidualNet(5, width=4))
    assert trains(networks.unfreeze(model, last=1)) == ["head.weight", "head.bias"]
    networks.unfreeze(model, last=2)
    assert trains(model) == [f"features.{n}" for n in ("2.body.5.weight", "3.weight", "3.bias")] + [
        "head.weight",
        "head.bias",
    ]
    assert model.features[3].training
    assert not model.features[2].body[3].training
    networks.unfreeze(model, last=100)
    assert len(trains(model)) == len(list(model.parameters()))


def test_freeze_refuses():
    with pytest.raises(ValueError, match=r"no part 'layer9'; it has net, net.conv1, .*net.layer4.*net.fc"):
        networks.freeze(networks.named("resnet18", size=28), until="layer9")
    with pytest.raises(ValueError, match="no dense layer"):
        networks.freeze(nn.Conv2d(1, 1, 3))
    with pytest.raises(ValueError, match="last must be"):
        networks.unfreeze(networks.SmallCNN(), last=0)


# torchvision's


@pytest.mark.parametrize("name", networks.NAMES)
@pytest.mark.parametrize("size", [28, None])
def test_every_name_takes_small_images_of_any_channels(name, size):
    with torch.device("meta"):  # shapes only: some of these are large
        model = networks.named(name, in_channels=2, classes=5, size=size)
        for shape in [(28, 28)] if size else [(28, 28), (64, 80), (97, 20), (224, 224)]:
            assert model(torch.zeros(2, 2, *shape)).shape == (2, 5)
    assert networks.head(model).out_features == 5
    assert (model.in_channels, model.classes, model.ndim) == (2, 5, 2)


def test_the_first_layer_of_a_resnet_follows_the_size():
    small, large = networks.named("resnet18", size=(28, 90)).net, networks.named("resnet18", size=64).net
    assert (small.conv1.kernel_size, small.conv1.stride, type(small.maxpool)) == ((3, 3), (1, 1), nn.Identity)
    assert (large.conv1.kernel_size, large.conv1.stride, type(large.maxpool)) == ((7, 7), (2, 2), nn.MaxPool2d)
    # as published, with other first kernels and another head
    assert (
        networks.count_parameters(lambda: networks.named("resnet18", size=28))
        == 11_689_512 - 64 * (147 - 9) - 513 * 998
    )


def test_small_images_are_enlarged_as_documented():
    model = networks.named("mobilenet_v3_small").eval()
    x = images(2, 1, 32, 48)
    large = nn.functional.interpolate(x, size=(64, 96), mode="bilinear", align_corners=False)
    torch.testing.assert_close(model(x), model.net(large))
    torch.testing.assert_close(model(large), model.net(large))
    with pytest.raises(ValueError, match=r"float \(N, 1, 32, 32\), got float32 \(2, 1, 32, 48\)"):
        networks.named("mobilenet_v3_small", size=32)(x)


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "mobilenet_v3_small"])
def test_dropout_of_the_head(name):
    model = networks.named(name, size=28, dropout=0.7)
    shares = [m.p for m in model.modules() if isinstance(m, nn.Dropout)]
    assert shares
    assert set(shares) == {0.7}
    assert model.state_dict().keys() == networks.named(name, size=28).state_dict().keys()


def test_named_refuses():
    with pytest.raises(ValueError, match="name must be one of alexnet, vgg11"):
        networks.named("resnet20")
    with pytest.raises(ValueError, match="dropout must be"):
        networks.named("resnet18", dropout=2)
    with pytest.raises(FileNotFoundError, match="there is no file random"):
        networks.named("resnet18", size=28, weights="random")


# Weights from files


def rgb(name: str, classes: int = 7) -> nn.Module:
    from torchvision import models

    torch.manual_seed(3)
    return models.get_model(name, num_classes=classes).eval()


def as_safetensors(state: dict[str, torch.Tensor]) -> bytes:
    """The format by its description, written independently of the reader."""
    names = {torch.float32: "F32", torch.int64: "I64", torch.float16: "F16"}
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in state.items():
        raw = tensor.contiguous().numpy().tobytes()
        offsets = [len(body), len(body) + len(raw)]
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        body += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("in_channels", [1, 3, 5])
def test_a_grey_image_gives_what_it_gave_in_color(suffix, in_channels, tmp_path):
    net, path = rgb("mobilenet_v3_small"), tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save(net.state_dict(), path)
    else:
        path.write_bytes(as_safetensors(net.state_dict()))
    model = networks.named("mobilenet_v3_small", in_channels=in_channels, classes=7, weights=path).eval()
    x = images(2, 1, 64, 64)
    torch.testing.assert_close(model(x.expand(-1, in_channels, -1, -1)), net(x.expand(-1, 3, -1, -1)))


def test_other_classes_get_a_new_head_and_keep_the_rest(tmp_path):
    net, path = rgb("resnet18"), tmp_path / "net.pth"
    torch.save({"state_dict": net.state_dict(), "epoch": 3}, path)
    model = networks.named("resnet18", in_channels=3, classes=4, weights=str(path))
    assert model.net.fc.weight.shape == (4, 512)
    own, theirs = model.net.state_dict(), net.state_dict()
    assert all(torch.equal(own[name], theirs[name]) for name in own if not name.startswith("fc."))


def test_shrunk_kernels_keep_sums_and_answer_smooth_images_alike(tmp_path):
    kernels = images(4, 3, 7, 7)
    small = weights.adapt_kernels(kernels, 1, 3)
    assert small.shape == (4, 1, 3, 3)
    torch.testing.assert_close(small.sum((1, 2, 3)), kernels.sum((1, 2, 3)))
    y, x = torch.meshgrid(torch.arange(7.0) - 3, torch.arange(7.0) - 3, indexing="ij")
    slope = 0.3 * y - 0.8 * x  # a plane on the fine grid; on the coarse one a step is 7/3 times as large
    coarse = (7 / 3) * slope[2:5, 2:5]
    at = (weights.adapt_kernels(slope[None, None], 1, 3)[0, 0] * coarse).sum()
    assert 0.8 < at / (slope * slope).sum() < 1

    net, path = rgb("resnet18"), tmp_path / "net.pth"
    torch.save(net.state_dict(), path)
    model = networks.named("resnet18", size=28, weights=path)
    torch.testing.assert_close(model.net.conv1.weight, weights.adapt_kernels(net.conv1.weight.detach(), 1, 3))


def test_weights_of_a_network_of_ours_come_back(tmp_path):
    model = networks.named("resnet18", in_channels=2, classes=3, size=28)
    torch.save(model.state_dict(), tmp_path / "ours.pth")
    again = networks.named("resnet18", in_channels=2, classes=3, size=28, weights=tmp_path / "ours.pth")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_a_file_of_another_network_is_named(tmp_path):
    torch.save(rgb("resnet18").state_dict(), tmp_path / "net.pth")
    with pytest.raises(
        ValueError, match=r"not the weights of resnet34; it holds a resnet18: \d+ missing \(layer1.2"
    ) as e:
        networks.named("resnet34", weights=tmp_path / "net.pth")
    assert len(str(e.value)) < 400
    torch.save({"first": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"not the weights of alexnet: 16 missing .*; 1 unknown \(first\)"):
        networks.named("alexnet", weights=tmp_path / "other.pth")
    wider = rgb("resnet18").state_dict()
    wider["layer1.0.conv1.weight"] = torch.zeros(65, 64, 3, 3)
    torch.save(wider, tmp_path / "wider.pth")
    with pytest.raises(ValueError, match=r"1 another shape \(layer1.0.conv1.weight is \(65, 64, 3, 3\), not \(64, 64"):
        networks.named("resnet18", weights=tmp_path / "wider.pth")


def test_old_files_without_counters_are_read(tmp_path):
    state = {k: v for k, v in rgb("resnet18").state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    assert networks.named("resnet18", weights=tmp_path / "old.pth")


class Harm:
    def __reduce__(self):
        return (print, ("this must never be printed",))


def damaged() -> dict[str, bytes]:
    def torch_file(value) -> bytes:
        import io

        torch.save(value, buffer := io.BytesIO())
        return buffer.getvalue()

    good = as_safetensors({"a": torch.arange(6.0)})

    def header(**changes) -> bytes:
        text = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}).encode()
        return struct.pack("<Q", len(text)) + text + bytes(8)

    return {
        "harm.pth": torch_file({"a": Harm()}),
        "pickle.pth": pickle.dumps({"a": Harm()}, protocol=2),
        "module.pth": torch_file(nn.Linear(2, 2)),
        "list.pth": torch_file([torch.zeros(2)]),
        "number.pth": torch_file({"a": 1}),
        "nested.pth": torch_file({"state_dict": 3}),
        "none.pth": torch_file({}),
        "empty.pth": b"",
        "page.pth": b"<html>log in first</html>",
        "cut.pth": torch_file({"a": torch.zeros(1000)})[:2000],
        "empty.safetensors": b"",
        "cut.safetensors": good[:-4],
        "page.safetensors": b"<html>log in first</html>",
        "long.safetensors": struct.pack("<Q", 2**60) + good[8:],
        "text.safetensors": struct.pack("<Q", 4) + b"[1]]",
        "beyond.safetensors": header(data_offsets=[4, 12]),
        "before.safetensors": header(data_offsets=[-8, 0]),
        "shape.safetensors": header(shape=[3]),
        "negative.safetensors": header(shape=[-1, -2]),
        "type.safetensors": header(dtype="OBJECT"),
        "offsets.safetensors": header(data_offsets="ab"),
    }


DAMAGED = damaged()


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_and_hostile_files_are_refused_and_run_nothing(name, tmp_path, capfd):
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(ValueError, match=name) as refused:
        networks.named("resnet18", size=28, weights=tmp_path / name)
    assert "never be printed" not in "".join(capfd.readouterr())
    assert "weights_only" not in str(refused.value)


def test_safetensors_of_every_type(tmp_path):
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "c": torch.zeros(0, 4), "d": images(3).half()}
    (tmp_path / "x.safetensors").write_bytes(as_safetensors(state))
    found = weights.read(tmp_path / "x.safetensors")
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


# Weights from the network


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server on this machine; what it does is in `server.does`, what it was asked in `server.asked`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.server.does(self)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(weights, "TIMEOUT", 0.5)
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads, httpd.asked = True, 0
    httpd.body = as_pth = tmp_path / "made.pth"
    torch.save(rgb("mobilenet_v3_small", 1000).state_dict(), as_pth)
    checksum = hashlib.sha256(as_pth.read_bytes()).hexdigest()[:8]
    address = f"http://127.0.0.1:{httpd.server_port}/mobilenet_v3_small-{checksum}.pth"
    monkeypatch.setattr(weights, "_address", lambda name: address)
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def send(handler, body: bytes, *, said: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if said is None else said))
    handler.end_headers()
    handler.wfile.write(body)


def files(folder) -> list:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_imagenet_is_downloaded_once(server, tmp_path):
    server.does = lambda handler: send(handler, server.body.read_bytes())
    first = networks.named("mobilenet_v3_small", in_channels=3, classes=1000, weights="imagenet")
    again = networks.named("mobilenet_v3_small", weights="imagenet")
    assert server.asked == 1
    (kept,) = files(tmp_path / "torch")
    assert kept.parent == tmp_path / "torch" / "hub" / "checkpoints"
    net = rgb("mobilenet_v3_small", 1000)
    assert torch.equal(networks.head(first).weight, networks.head(net).weight)
    assert torch.equal(again.net.features[3].block[0][0].weight, net.features[3].block[0][0].weight)


def test_a_file_put_there_by_hand_is_found_and_checked(server, tmp_path):
    name = weights._address("").rsplit("/", 1)[-1]
    folder = tmp_path / "data-folder" / "weights"  # MEDLAB_DATA of the tests
    folder.mkdir(parents=True)
    (folder / name).write_bytes(server.body.read_bytes())
    assert networks.named("mobilenet_v3_small", weights="imagenet")
    (folder / name).write_bytes(server.body.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged or another file"):
        networks.named("mobilenet_v3_small", weights="imagenet")
    assert server.asked == 0


TROUBLE = {
    "404": lambda handler: handler.send_error(404),
    "silence": lambda handler: time.sleep(3),
    "half, then silence": lambda handler: (send(handler, b"x" * 1000, said=5000), time.sleep(3)),
    "cut short": lambda handler: send(handler, b"x" * 1000, said=5000),
    "a page": lambda handler: send(handler, b"<html>log in first</html>"),
    "nothing": lambda handler: handler.connection.close(),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_download_that_fails_says_what_to_do_and_leaves_nothing(server, trouble, tmp_path):
    server.does = TROUBLE[trouble]
    with pytest.raises(FileNotFoundError) as failed:
        networks.named("mobilenet_v3_small", weights="imagenet")
    said = str(failed.value)
    folders = (tmp_path / "torch" / "hub" / "checkpoints", tmp_path / "data-folder" / "weights")
    for part in (weights._address(""), *map(str, folders), "weights=None", "By hand"):
        assert part in said
    assert files(tmp_path / "torch") == []


def test_no_network_at_all(monkeypatch, tmp_path):
    def nobody(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("socket.socket.connect", nobody)
    monkeypatch.setattr("socket.getaddrinfo", nobody)
    address = "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    with pytest.raises(FileNotFoundError, match=f"resnet18-f37072fd.pth: cannot be downloaded from {address}"):
        networks.named("resnet18", weights="imagenet")
    assert files(tmp_path) == []


# Imports and helpers


def test_imports_are_light():
    code = (
        "import medlab, sys; a = 'torch' in sys.modules; import medlab.networks; print(a, 'torchvision' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_few_names():
    assert base.few("ab") == "a, b"
    assert base.few("abcd") == "a, b, c, ..."
