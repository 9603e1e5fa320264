"""Tiny data sets with a clear signal, and trainings of a second, for the tests and the processes that they start."""

import numpy as np
import pandas as pd
import pytest
import torch

from medlab import data, networks, train

SIDE = 10


@pytest.fixture(scope="module")
def one_thread():
    """Tiny networks are faster without company, and processes with as many threads give the same bytes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def dataset(task: str = "binary", n: int = 64, *, kind: str = "grey", seed: int = 0, **changed) -> data.Dataset:
    """A bright square whose place or size is the label, in noise; a patient has two images.

    Kinds: "grey" (y, x) and "colour" (y, x, 3) bytes, "slices" (channel, y, x) and "volume" (z, y, x) in HU.
    """
    rng = np.random.default_rng(seed)
    k = {"binary": 2, "multiclass": 3, "ordinal": 4, "multilabel": 3, "regression": 0}[task]
    images = rng.normal(90, 20, (n, SIDE, SIDE))
    sizes = rng.integers(2, 7, n)
    if task == "multilabel":
        labels = rng.integers(0, 2, (n, k))
        places = [[(0, 4 * c) for c in np.flatnonzero(row)] for row in labels]
        sizes[:] = 3
    elif task in ("ordinal", "regression"):
        labels = np.arange(n) % 4
        sizes = 2 + 2 * labels
        places = [[(1, 1)]] * n
        labels = labels if task == "ordinal" else sizes * 1.5
    else:
        labels = np.arange(n) // 2 % k
        sizes = np.minimum(sizes, 4)
        places = [[(3 * c, 3 * c)] for c in labels]
    for image, corners, size in zip(images, places, sizes, strict=True):
        for y, x in corners:
            image[y : y + size, x : x + size] += 100
    images = images.clip(0, 255)
    if kind in ("slices", "volume"):
        images = (np.repeat(images[:, None], 5, 1) * 6 - 1000).astype(np.int16)
    elif kind == "colour":
        images = np.stack([images, images, 255 - images], -1).astype(np.uint8)
    else:
        images = images.astype(np.uint8)
    given = {"class_names": tuple("abcd"[:k]), "task": task, "table": pd.DataFrame({"size_mm": sizes * 1.5})}
    given |= {"patients": [f"{seed}-{i // 2}" for i in range(n)]} | changed
    images = given.pop("images", images)
    return data.Dataset("squares", images, given.pop("labels", labels), **given)


def net(of: data.Dataset, *, values: int = 0, seed: int = 0, **options) -> networks.SmallCNN:
    """A small network for one of these sets."""
    shape = np.shape(of.images[0])
    ndim = 3 if len(shape) == 3 and options.get("in_channels", 1) == 1 and shape[-1] != 3 else 2
    given = {"in_channels": shape[-1] if len(shape) == 3 and ndim == 2 else 1, "ndim": ndim, "norm": "group"}
    given |= {"classes": (len(of.class_names) or 1) + values, "channels": (8,), "flatten": False} | options
    if given["flatten"]:
        given["size"] = SIDE
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return networks.SmallCNN(**given)


def fit(model, of, val=None, **options) -> train.History:
    """Without a bar, in batches of 16."""
    val = dataset(of.task, 24, seed=9, class_names=of.class_names) if val is None else val
    return train.fit(model, of, val, **({"epochs": 2, "batch_size": 16, "progress": False} | options))


def weights(model) -> list[bytes]:
    return [tensor.contiguous().numpy().tobytes() for tensor in model.state_dict().values()]


# Trainings that other processes do as well: name to network, data and options.


def case(name: str):
    of = dataset(n=48)
    noise = dataset(n=24, seed=9)
    noise.labels = 1 - noise.labels  # the better it learns, the worse it gets: the first epoch stays the best
    augment = train.Augment(flips=True, noise=0.2, field=0.2)
    if name == "adamw":
        model = net(of, channels=(4, 4), norm="batch", flatten=True, head=(8,), dropout=0.3)
        return model, of, dataset(n=24, seed=9), {"epochs": 5, "augment": augment, "batch_size": 16}
    if name == "sgd":
        options = {"epochs": 5, "optimizer": "sgd", "lr": 0.01, "average": 0, "schedule": "constant", "batch_size": 16}
        return net(of, flatten=True), of, noise, options
    assert name == "team"
    table = pd.DataFrame({"size_mm": np.where(np.arange(48) % 5, of.table["size_mm"], np.nan)})
    of = dataset(n=48, table=table)
    options = {"epochs": 2, "augment": augment, "batch_size": 7, "class_weights": "balanced", "values": "size_mm"}
    options |= {"optimizer": "sgd", "lr": 0.02}  # AdamW would not notice gradients that are all half as large
    return net(of, values=1, flatten=True, head=(8,)), of, dataset(n=23, seed=9), options
