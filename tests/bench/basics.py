"""What the course costs before any lesson computes: importing the package, and printing a lesson."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import notebooks
from tests.bench import Row, entry, timed

RUNS = 7
LESSONS = 4
OWN_SECONDS = 0.5  # how long each of these lessons works by itself


@entry("import_medlab")
def import_medlab() -> list[Row]:
    """Seconds that `import medlab` takes in a fresh interpreter; beside it, numpy."""

    def seconds(module: str) -> float:
        script = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        return float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)

    seconds("medlab"), seconds("numpy")  # the first finds cold files
    ours, theirs = zip(*[(seconds("medlab"), seconds("numpy")) for _ in range(RUNS)])
    packages = ("medlab", "numpy")
    return [
        timed("import_medlab/seconds", list(ours), peer="import numpy", peer_seconds=list(theirs), packages=packages)
    ]


@entry("report_overhead")
def report_overhead() -> list[Row]:
    """Seconds a lesson costs in a report beyond its own run time; beside it, nbconvert on the same notebooks."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cell = f"# A line.\nimport time\ntime.sleep({OWN_SECONDS})"
        books = [str(notebooks.write(folder, f"lesson{i}", "#! # Lesson", cell)) for i in range(LESSONS)]
        ours = ["medlab", "report", *books, "--out", str(folder / "out")]
        theirs = ["nbconvert", "--to", "html", "--execute", "--output-dir", str(folder / "nb"), *books]
        times = [(overhead(ours), overhead(theirs)) for _ in range(RUNS)]
    a, b = (list(column) for column in zip(*times))
    packages = ("medlab", "papermill", "nbconvert")
    peer = "jupyter nbconvert --execute"
    return [timed("report_overhead/seconds", a, peer=peer, peer_seconds=b, packages=packages)]


def overhead(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    return (time.perf_counter() - start) / LESSONS - OWN_SECONDS
