"""Build a network again from what it says of itself."""

import inspect
from collections.abc import Mapping
from typing import Any

from medlab.networks.base import Network
from medlab.networks.deep import PlainNet, ResidualNet
from medlab.networks.named import TorchvisionNet
from medlab.networks.small import SmallCNN

ARCHITECTURES = {network.__name__: network for network in (SmallCNN, PlainNet, ResidualNet, TorchvisionNet)}


def build(architecture: Mapping[str, Any]) -> Network:
    """A network with the same layers and newly drawn weights; only the networks of this package are ever made.

    Args:
        architecture: `model.architecture`, perhaps read from JSON.

    Raises:
        ValueError: If it is no architecture, the name is unknown, or the arguments are not those of that network.

    >>> build(SmallCNN(channels=(4,)).architecture).architecture["arguments"]["channels"]
    [4]
    """
    if not isinstance(architecture, Mapping) or set(architecture) != {"name", "arguments"}:
        raise ValueError(f'architecture must be {{"name": ..., "arguments": {{...}}}}, got {architecture!r:.200}')
    name, arguments = architecture["name"], architecture["arguments"]
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise ValueError(f"architecture: unknown name {name!r}; known are {', '.join(ARCHITECTURES)}")
    network = ARCHITECTURES[name]
    try:
        inspect.signature(network).bind(**arguments)
    except TypeError as error:
        raise ValueError(f"architecture: not the arguments of {name}: {error}") from None
    return network(**arguments)
