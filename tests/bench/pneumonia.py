"""A small residual network on PneumoniaMNIST, from scratch, on the CPU.

Chosen without the test part: on validation data, on distorted copies of it, and on clusters of similar images of train
and validation that were held out one by one (another distribution, as the test part is). Test figures are printed only
with FINAL=1; each opening adds a line to test_set_openings.md.
"""

import os
import time

import numpy as np

from medlab import data, metrics, networks, train
from tests.bench import Row, entry
from tests.bench.classical import note_opening

SEEDS = 5
PUBLISHED = {"auc": 0.944, "accuracy": 0.854}  # ResNet-18 at 28 × 28, Yang et al. 2023


def train_one(train_set: data.Dataset, val_set: data.Dataset, *, seed: int, epochs: int = 42):
    """The network with its last averaged weights: the validation part is looked at, but chooses nothing.

    42 epochs are what fits into a minute; 30, with which the test part was opened first, came out the same.
    """
    import torch

    torch.manual_seed(seed)
    model = networks.ResidualNet(7, width=32, stride=2)
    augment = train.Augment(turn=12, shift=0.07, scale=0.16, flips=True, contrast=0, brightness=0, gamma=0.4, field=0.3)
    train.fit(
        model, train_set, val_set, epochs=epochs, seed=seed, batch_size=64, optimizer="sgd", label_smoothing=0.1,
        class_weights="balanced", augment=augment, keep="last", progress=False,
    )  # fmt: skip
    return model


@entry("pneumonia_cnn", needs="medmnist")
def pneumonia_cnn() -> list[Row]:
    """Mean and range over seeds: AUC, accuracy at 0.5, and the seconds of a training."""
    train_set, val_set, test_set = data.split(data.load("pneumoniamnist"))
    final = os.environ.get("FINAL") == "1"
    judged = test_set if final else val_set
    found: dict[str, list[float]] = {"auc": [], "accuracy": [], "seconds": []}
    for seed in range(SEEDS):
        start = time.perf_counter()
        model = train_one(train_set, val_set, seed=seed)
        found["seconds"].append(time.perf_counter() - start)
        scores = train.predict(model, judged.images, flips=True, moves=True)[:, 1].astype(float)
        found["auc"].append(metrics.auc(judged.labels, scores))
        found["accuracy"].append(metrics.accuracy(judged.labels, scores))
        print("  seed", seed, {name: round(values[-1], 4) for name, values in found.items()}, flush=True)
    if final:
        said = [f"{n} {np.mean(v):.4f} ± {np.std(v, ddof=1):.4f}" for n, v in found.items() if n != "seconds"]
        note_opening(f"pneumonia_cnn, {SEEDS} seeds: {', '.join(said)}")
    name, unit = ("pneumonia_cnn", "test") if final else ("pneumonia_cnn_val", "validation")
    peer = "published ResNet-18, test" if final else None
    rows = [Row(f"{name}/seconds", *spread(found["seconds"], "s"))]
    for figure, published in PUBLISHED.items():
        rows.append(Row(f"{name}/{figure}", *spread(found[figure], unit), peer, published if final else None))
    return rows


def spread(values: list[float], unit: str) -> tuple:
    """Mean, unit, lowest, highest, and how many."""
    return float(np.mean(values)), unit, min(values), max(values), len(values)
