"""Counting, sizes, receptive fields and freezing, against numbers worked out by hand and torch itself."""

import copy
import itertools
import pickle

import pytest
import torch
from torch import nn

from medlab import networks
from tests.train_sets import one_thread  # noqa: F401 (a fixture)


@pytest.fixture(autouse=True)
def one_seed(one_thread):  # noqa: F811
    torch.manual_seed(0)


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


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
    for size, kernel, padding, stride in itertools.product(range(1, 9), range(1, 5), range(3), (1, 2, 3)):
        arguments = {"kernel": kernel, "padding": padding, "stride": stride}
        image, weights = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
        if kernel > size + 2 * padding:
            with pytest.raises(ValueError, match="kernel reaches over"):
                networks.output_size(size, **arguments)
        else:
            theirs = nn.functional.conv1d(image, weights, padding=padding, stride=stride)
            assert networks.output_size(size, **arguments) == theirs.shape[-1]


def test_which_kernels_make_2_of_3():
    fits = [
        (k, p, s)
        for k, p, s in itertools.product((1, 2, 3), (0, 1), (1, 2, 3))
        if networks.output_size(3, kernel=k, padding=p, stride=s) == 2
    ]
    assert fits == [(1, 0, 2), (1, 1, 3), (2, 0, 1), (2, 1, 2), (2, 1, 3), (3, 1, 2)]


@pytest.mark.parametrize(("name", "value"), [("kernel", 0), ("stride", 0), ("padding", -1), ("kernel", 2.5)])
def test_output_size_refuses(name, value):
    with pytest.raises(ValueError, match=name):
        networks.output_size(5, **{"kernel": 3, name: value})


@pytest.mark.parametrize(
    "layers", [[(3, 1)], [(3, 1), (2, 2), (3, 1), (2, 2)], [(3, 2), (3, 2), (3, 2)], [(5, 3), (3, 1)], []]
)
def test_receptive_field_is_where_the_gradient_reaches(layers):
    net = nn.Sequential(*(nn.Conv1d(1, 1, k, stride=s, bias=False) for k, s in layers))
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
    "named": lambda: networks.named("mobilenet_v3_small"),
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
        nn.functional.cross_entropy(model(images(4, channels, 8, 8)), torch.tensor([0, 1, 0, 0])).backward()
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
    model = networks.freeze(networks.named("resnet18"), until="layer4")
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
        networks.freeze(networks.named("resnet18"), until="layer9")
    with pytest.raises(ValueError, match="no dense layer"):
        networks.freeze(nn.Conv2d(1, 1, 3))
    with pytest.raises(ValueError, match="last must be"):
        networks.unfreeze(networks.SmallCNN(), last=0)
