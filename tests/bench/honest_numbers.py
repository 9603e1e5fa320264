"""What intervals and phantoms cost: they are used everywhere, so they must not be felt."""

import time

import numpy as np

from medlab import metrics, phantoms
from tests.bench import Row, entry, timed

RUNS = 5
CASES, DRAWS = 10_000, 2000
PEER_DRAWS = 100  # of the plain loop, multiplied up: all would take half a minute


@entry("auc_interval")
def auc_interval() -> list[Row]:
    """Seconds for the interval of an AUC on 10,000 scores; beside it, a bootstrap loop around scikit-learn."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, CASES)
    scores = labels + rng.normal(size=CASES)

    def loop() -> None:
        for _ in range(PEER_DRAWS):
            drawn = rng.integers(0, CASES, CASES)
            roc_auc_score(labels[drawn], scores[drawn])

    ours = [seconds(lambda: metrics.interval(metrics.auc, labels, scores, n=DRAWS)) for _ in range(RUNS)]
    theirs = [seconds(loop) * DRAWS / PEER_DRAWS for _ in range(RUNS)]
    peer = f"roc_auc_score in a loop, {PEER_DRAWS} draws multiplied up"
    return [timed("auc_interval/speed", ours, peer=peer, peer_seconds=theirs, packages=("medlab", "scikit-learn"))]


@entry("phantoms")
def phantom_speed() -> list[Row]:
    """Seconds a nodule of 32³ voxels, and a chest of 64×256×256 with 20 nodules."""
    phantoms.nodule(0)  # the first fills tables
    nodules = [seconds(lambda i=i: phantoms.nodule(i)) for i in range(100)]
    chests = [seconds(lambda i=i: phantoms.chest_ct(i)) for i in range(RUNS)]
    return [timed("phantom_nodule/speed", nodules), timed("phantom_chest/speed", chests)]


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
