"""Nodules by a small CNN that sees pixels only: taught on phantoms, then fine-tuned on LIDC; alone, and with features.

The network sees six axial slices, 2 mm apart, of 32 x 32 pixels of 1 mm. It learns numbers: the suspicion (1 to 5), the
diameter, what the mask measures and what else the readers rated. Masks and ratings are needed of training nodules only.
At test the mask says only where the middle of the nodule is. Chosen on the patients of part "tune" with networks taught
on part "report", among four networks: SmallCNN with and without `flatten`, ResidualNet of width 24 and of 32.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np

from medlab import data, metrics, networks, train
from tests.bench import Row, entry
from tests.bench.classical import (
    FOLD_SEEDS,
    auc_rows,
    classical_runs,
    gain_row,
    nodules_342,
    patient_folds,
    scan_table,
)
from tests.bench.nodule_slices import MEASURED, SIDE, SLICES, ends, lidc, phantom_slices

PHANTOMS, CHECKED = 8000, 250  # drawn to learn from, and to watch the training
SEEDS = 5
RATINGS = ("spiculation", "lobulation", "margin", "sphericity", "texture", "calcified")
VALUES = ("log_diameter", "log_odds", *MEASURED, *RATINGS)
HU = (-1000, 400)
CNN_SHARE = 0.3  # of 0.3, 0.5 and 1 the best on part "tune", though no better there than 0
TURNED = train.Augment(turn=180, shift=1.5 / SIDE, scale=0, flips=True, contrast=0, brightness=0.06, noise=0.12)
HOW = {"values": VALUES, "batch_size": 32, "weight_decay": 1e-3, "augment": TURNED, "keep": "last", "progress": False}


@entry("phantom_to_lidc_cnn", needs="lidc-nodules")
def phantom_to_lidc_cnn() -> list[Row]:
    """The network as the phantoms left it, tested on the real nodules of part "report"; mean over first weights."""
    every, known = lidc(), labeled()
    scores, diameters = [], []
    for seed in range(SEEDS):
        model = taught_by_phantoms(seed)
        with one_thread():
            found = answers(model, every.images)
        scores.append(score(found, model)[known])
        diameters.append(diameter(found))
    report = (every.table["part"] == "report").to_numpy()
    nodules, of_report = nodules_342(), report[known]
    size = nodules.table["diameter_mm"].to_numpy()[of_report]
    runs = np.array(scores)[:, of_report]
    rows = auc_rows("phantom_to_lidc_cnn", nodules[of_report], runs, "diameter", size)
    return [*rows, mae_row("phantom_to_lidc_cnn", every, np.array(diameters), report)]


@entry("lidc_cnn", needs="lidc-nodules")
def lidc_cnn() -> list[Row]:
    """Out of fold, by patient, mean over fold seeds: fine-tuned on all rated nodules of the training patients.

    Beside it the forests that see only the edges of the same slices, or only where the file ended.
    """
    nodules, known = nodules_342(), labeled()
    scores, diameters = cnn_runs()
    size = scan_table()["shape_longest_axial_box_side"].to_numpy()
    rows = auc_rows("lidc_cnn", nodules, scores[:, known], "longest box side", size)
    rows.append(gain_row("lidc_cnn", nodules, scores[:, known], "longest box side", size))
    rows.append(mae_row("lidc_cnn", lidc(), diameters, np.ones(len(known), bool)))
    rows.append(mae_row("lidc_cnn_342", lidc(), diameters, known))
    slices = lidc().images[known]
    edge = np.pad(np.zeros((SIDE - 2, SIDE - 2), bool), 1, constant_values=True)
    for name, seen in (("lidc_cnn_edges", slices[..., edge].reshape(len(slices), -1)), ("lidc_cnn_ends", ends(slices))):
        runs = np.array([forest_out_of_fold(seen, nodules, seed) for seed in range(FOLD_SEEDS)])
        rows.append(auc_rows(name, nodules, runs, "longest box side", size)[0])
    return rows


@entry("lidc_combined", needs="lidc-nodules")
def lidc_combined() -> list[Row]:
    """Scores of `lidc_classical` with a share of those of `lidc_cnn`, fold by fold from the same training patients."""
    nodules, by_hand, cnn = nodules_342(), classical_runs(), cnn_runs()[0][:, labeled()]
    both = [a / a.std() + CNN_SHARE * b / b.std() for a, b in zip(by_hand, cnn, strict=True)]
    runs, beside = np.array(both), by_hand.mean(axis=0)
    rows = auc_rows("lidc_combined", nodules, runs, "features by hand", beside)
    return [*rows, gain_row("lidc_combined", nodules, runs, "features by hand", beside)]


@lru_cache(maxsize=SEEDS)
def taught_by_phantoms(seed: int = 0):
    """The network after the phantoms, none of them seen by another entry; the seed is of weights and training."""
    import torch

    watched, learned = phantom_slices(CHECKED, seed=12), phantom_slices(PHANTOMS, seed=11)
    with one_thread():
        torch.manual_seed(seed)
        model = network()
        history = train.fit(model, learned, watched, epochs=15, seed=seed, clip=HU, scale="train", **HOW)
    print("  phantoms, seed", seed, history.table.iloc[-1].round(3).to_dict(), flush=True)
    return model


def network():
    channels, outputs = (24, 48, 96, 128), 1 + len(VALUES)
    return networks.SmallCNN(in_channels=SLICES, classes=outputs, size=SIDE, channels=channels, norm="batch")


def fine_tuned(part: data.Dataset, *, seed: int):
    """A copy that has also seen these real nodules; phantoms, which choose nothing, watch over it."""
    model = copy.deepcopy(taught_by_phantoms())
    train.fit(model, part, phantom_slices(CHECKED, seed=12), epochs=10, seed=seed, lr=1e-3, scale="keep", **HOW)
    return model


@lru_cache(maxsize=1)
def cnn_runs() -> tuple[np.ndarray, np.ndarray]:
    """(fold seeds, nodules) scores and diameters of all nodules, each by a network that has not seen the patient."""
    every, runs = lidc(), []
    for seed in range(FOLD_SEEDS):
        run = np.empty((2, len(every)))
        with one_thread():
            for fold, test in enumerate(folds_of_all(every, seed)):
                model = fine_tuned(every[~test], seed=10 * seed + fold)
                found = answers(model, every.images[test])
                run[:, test] = score(found, model), diameter(found)
        runs.append(run)
        auc = metrics.auc(nodules_342().labels, run[0, labeled()])
        print(f"  seed {seed}: AUC {auc:.4f}, diameter off by {error_mm(every, run[1]).mean():.3f} mm", flush=True)
    return tuple(np.array(runs).swapaxes(0, 1))


def folds_of_all(every: data.Dataset, seed: int) -> Iterator[np.ndarray]:
    """Test nodules of each fold: those of `lidc_classical`; patients with none of them are dealt out at random."""
    nodules = nodules_342()
    others = np.setdiff1d(every.patients, nodules.patients)
    dealt = np.random.default_rng(seed).permutation(len(others)) % 5
    for fold, (_, test) in enumerate(patient_folds(nodules, seed)):
        yield np.isin(every.patients, [*nodules.patients[test], *others[dealt == fold]])


def answers(model, images: np.ndarray):
    """What the network says, averaged over the eight symmetries of the square and over top and bottom exchanged."""
    import pandas as pd

    views = [np.rot90(view, k, axes=(2, 3)) for view in (images, images[:, ::-1]) for k in range(4)]
    return sum(pd.DataFrame(train.predict(model, np.ascontiguousarray(view), flips=True)) for view in views) / 8


def score(found, model) -> np.ndarray:
    """Suspicion and log odds, each in units of its spread among phantoms."""
    spread = dict(zip(("malignancy", *VALUES), model.preparation.value_sd, strict=True))
    return sum(found[name].to_numpy(float) / spread[name] for name in ("malignancy", "log_odds"))


def diameter(found) -> np.ndarray:
    return np.exp(found["log_diameter"].to_numpy(float))


def labeled() -> np.ndarray:
    """Which of all nodules are among the 342, in the same order."""
    table = lidc().table
    chosen = (table["malignancy"] != 3).to_numpy()
    assert (table["nodule_id"][chosen].to_numpy() == nodules_342().table["nodule_id"].to_numpy()).all()
    return chosen


def forest_out_of_fold(seen: np.ndarray, nodules: data.Dataset, seed: int) -> np.ndarray:
    from sklearn.ensemble import RandomForestClassifier

    scores = np.empty(len(seen))
    for learned, test in patient_folds(nodules, seed):
        forest = RandomForestClassifier(100, min_samples_leaf=3, random_state=0)
        scores[test] = forest.fit(seen[learned], nodules.labels[learned]).predict_proba(seen[test])[:, 1]
    return scores


def error_mm(nodules: data.Dataset, diameters: np.ndarray) -> np.ndarray:
    return np.abs(diameters - nodules.table["diameter_mm"].to_numpy())


def mae_row(name: str, nodules: data.Dataset, runs: np.ndarray, chosen: np.ndarray) -> Row:
    """How far the diameters are off on average; the peer says the same one, the median, of all."""
    errors, truth = error_mm(nodules, runs).mean(axis=0)[chosen], nodules.table["diameter_mm"].to_numpy()[chosen]
    found = metrics.interval(metrics.mae, np.zeros(len(errors)), errors, groups=nodules.patients[chosen])
    alone = float(np.abs(truth - np.median(truth)).mean())
    unit = f"mm, {len(errors)} nodules"
    return Row(
        f"{name}/mae_mm", found.value, unit, found.low, found.high, len(runs), "the median diameter for all", alone,
        alone / found.value,
    )  # fmt: skip


@contextmanager
def one_thread() -> Iterator[None]:
    """Layers this small gain nothing from a second thread, and lose where another program wants the processor."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
