"""Networks for images and volumes, small enough to read in one sitting, and those of torchvision by name.

    model = networks.ResidualNet(13, in_channels=1, classes=2)
    model = networks.named("resnet18", in_channels=1, classes=2)
    networks.count_parameters(model), networks.flops(model, (1, 28, 28))
    networks.freeze(model)                                 # all but the head
    again = networks.build(model.architecture)             # same layers, new weights

Every network takes float images (N, C, H, W), or volumes (N, C, D, H, W), and gives one number (logit) a class,
(N, classes). torchvision is imported when `named` is called.
"""

from medlab.networks.base import Network
from medlab.networks.deep import PlainNet, ResidualNet, plain_channels
from medlab.networks.freeze import freeze, head, unfreeze
from medlab.networks.named import build, named
from medlab.networks.sizes import count_parameters, flops, output_size, receptive_field
from medlab.networks.small import SmallCNN

__all__ = [
    "Network",
    "PlainNet",
    "ResidualNet",
    "SmallCNN",
    "build",
    "count_parameters",
    "flops",
    "freeze",
    "head",
    "named",
    "output_size",
    "plain_channels",
    "receptive_field",
    "unfreeze",
]
