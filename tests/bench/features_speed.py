"""Haar, LBP and GLCM against scikit-image, in the same run and with equal results.

Seconds are per image. The two take turns, so that whatever else the machine does slows both. The peers work on one
image at a time; theirs is the time of one image.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from medlab.features.glcm import GLCM_PROPERTIES, glcm_features
from medlab.features.haar import haar_features
from medlab.features.lbp import lbp_codes, lbp_histogram
from tests.bench import Row, entry, timed

PACKAGES = ("medlab", "numba", "scikit-image")
AVX2 = "+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe,+cx16"  # a Haswell's
ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)


@entry("haar_24")
def haar_24() -> list[Row]:
    """All 162,336 features of 256 windows of 24×24; beside it, the peer with its coordinates computed beforehand."""
    from skimage.feature import haar_like_feature, haar_like_feature_coord
    from skimage.transform import integral_image

    images = noise(256, 24)
    coords, kinds = haar_like_feature_coord(24, 24)

    def plain() -> np.ndarray:
        return haar_like_feature(integral_image(images[0]), 0, 0, 24, 24)

    def prepared() -> np.ndarray:
        table = integral_image(images[0])
        return haar_like_feature(table, 0, 0, 24, 24, feature_type=kinds, feature_coord=coords)

    equal(haar_features(images)[0], plain())
    equal(haar_features(images)[0], prepared())
    ours, theirs, theirs_prepared, limit = in_turn(
        (lambda: haar_features(images), 256), (plain, 1), (prepared, 1), (lambda: np.full((256, 162336), 1), 256)
    )
    return [
        timed("haar_24/speed", ours, peer="haar_like_feature", peer_seconds=theirs, packages=PACKAGES),
        timed(
            "haar_24_coords/speed",
            ours,
            peer="haar_like_feature, coordinates beforehand",
            peer_seconds=theirs_prepared,
            packages=PACKAGES,
        ),
        # the ratio says what share of a full result's time is writing it
        timed("haar_24_limit/speed", ours, peer="np.full of the result", peer_seconds=limit, packages=PACKAGES),
    ]


@entry("lbp_28")
def lbp_28() -> list[Row]:
    return lbp_rows("lbp_28", 256, 28)


@entry("lbp_224")
def lbp_224() -> list[Row]:
    return lbp_rows("lbp_224", 1, 224)


@entry("lbp_1024")
def lbp_1024() -> list[Row]:
    return lbp_rows("lbp_1024", 1, 1024)


def lbp_rows(name: str, n: int, side: int) -> list[Row]:
    """Uniform codes of 8 points at radius 1; also as a processor without registers of 512 bits runs them.

    Beside them mahotas, where it is installed: it counts rotation-invariant codes, so its row times our histogram of
    the same kind.
    """
    rows = [lbp_row(f"{name}/speed", n, side)]
    if platform.machine() in ("x86_64", "AMD64"):
        code = "import json, sys; from tests.bench.features_speed import lbp_row; "
        code += f"print(json.dumps(lbp_row('{name}/speed_avx2', {n}, {side}).as_dict()))"
        narrow = os.environ | {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": AVX2}
        run = subprocess.run([sys.executable, "-c", code], env=narrow, capture_output=True, text=True, check=True)
        rows.append(Row(**json.loads(run.stdout)))
    try:
        from mahotas.features import lbp
    except ImportError:
        return rows  # no requirement of the course: pip install mahotas
    images = noise(n, side)
    ours, theirs = in_turn((lambda: lbp_histogram(images, method="ror"), n), (lambda: lbp(images[0], 1, 8), 1), runs=25)
    packages = (*PACKAGES, "mahotas")
    return [*rows, timed(f"{name}_mahotas/speed", ours, peer="mahotas", peer_seconds=theirs, packages=packages)]


def lbp_row(name: str, n: int, side: int) -> Row:
    from skimage.feature import local_binary_pattern

    images = noise(n, side)
    for image, codes in zip(images, lbp_codes(images), strict=True):
        equal(codes, local_binary_pattern(image, 8, 1, "uniform"))
    ours, theirs = in_turn(
        (lambda: lbp_codes(images), n), (lambda: local_binary_pattern(images[0], 8, 1, "uniform"), 1), runs=25
    )
    return timed(name, ours, peer="local_binary_pattern", peer_seconds=theirs, packages=PACKAGES)


@entry("features_scaling")
def features_scaling() -> list[Row]:
    """LBP and HOG of 100 to 100,000 images of 28×28, a thousand at a time; also drawn, with the memory it took."""
    import psutil

    from medlab.features.hog import hog_features

    families = {"lbp": lbp_histogram, "hog": hog_features}
    block, process, taken = noise(1000, 28), psutil.Process(), {}
    for name, extract in families.items():
        extract(block[:10])
        for n in (100, 1000, 10_000, 100_000):
            start, memory = time.perf_counter(), 0
            for first in range(0, n, 1000):
                extract(block[: min(1000, n - first)])
                memory = max(memory, process.memory_info().rss)
            taken[name, n] = time.perf_counter() - start, memory / 1e6
    draw_scaling(taken)
    return [Row(f"features_scaling_{name}_{n}/seconds", s, "s", s, s, 1) for (name, n), (s, _) in taken.items()]


def draw_scaling(taken: dict[tuple[str, int], tuple[float, float]]) -> None:
    """Seconds (both axes logarithmic) and megabytes over the number of images, in reports/features_scaling.png."""
    from pathlib import Path

    from medlab import plots

    fig, panels = plots.row(2, size=(4.6, 3.6))
    names, counts = (list(dict.fromkeys(column)) for column in zip(*taken, strict=True))
    for ax, column, label in zip(panels, (0, 1), ("seconds", "memory in use, MB"), strict=True):
        lines = {name.upper(): [taken[name, n][column] for n in counts] for name in names}
        plots.curves(counts, lines, x_label="images of 28 × 28", y_label=label, ax=ax)
        ax.set_xscale("log")
    panels[0].set_yscale("log")
    panels[1].set_ylim(bottom=0)
    Path("reports").mkdir(exist_ok=True)
    fig.savefig(Path("reports") / "features_scaling.png", dpi=120)


@entry("glcm_32")
def glcm_32() -> list[Row]:
    return [glcm_row("glcm_32/speed", 32)]


@entry("glcm_256")
def glcm_256() -> list[Row]:
    return [glcm_row("glcm_256/speed", 256)]


def glcm_row(name: str, levels: int) -> Row:
    """Six properties in four directions of 64 patches of 32×32."""
    from skimage.feature import graycomatrix, graycoprops

    patches, names = noise(64, 32) // (256 // levels), GLCM_PROPERTIES[:6]

    def peer(patch: np.ndarray) -> np.ndarray:
        matrix = graycomatrix(patch, [1], ANGLES, levels=levels, symmetric=True, normed=True)
        return np.concatenate([graycoprops(matrix, name).ravel() for name in names])

    found = glcm_features(patches, levels=levels, properties=names)
    np.testing.assert_allclose(found, [peer(patch) for patch in patches], rtol=1e-10, atol=1e-12)
    ours, theirs = in_turn(
        (lambda: glcm_features(patches, levels=levels, properties=names), 64),
        (lambda: peer(patches[0]), 1),
        runs=25,
    )
    return timed(name, ours, peer="graycomatrix and graycoprops", peer_seconds=theirs, packages=PACKAGES)


def noise(n: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, side, side), np.uint8)


def equal(ours: np.ndarray, theirs: np.ndarray) -> None:
    if not np.array_equal(ours, theirs):
        raise AssertionError(f"{(ours != theirs).sum()} of {theirs.size} values differ from the peer's")


def in_turn(*works: tuple[Callable, int], runs: int = 9) -> list[list[float]]:
    """Seconds per image of each (work, images), run after run; the first call, which compiles, is left out.

    In each run a work is called as often as fills five milliseconds, as `timeit` does: of a call that takes a tenth of
    one, a single sample would show what the one before left in the caches.
    """
    calls = [1 + int(0.005 / min(once(work) for _ in range(3))) for work, _ in works]
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(runs):
        for (work, images), n, taken in zip(works, calls, seconds, strict=True):
            taken.append(sum(once(work) for _ in range(n)) / (n * images))
    return seconds


def once(work: Callable) -> float:
    start = time.perf_counter()
    result = work()  # kept until after the clock stops: giving memory back is not part of it
    stop = time.perf_counter()
    del result
    return stop - start
