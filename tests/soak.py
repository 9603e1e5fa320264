"""Run a small notebook with an explorer many times under papermill and count the runs that hang: `make soak`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import papermill

from tests import notebooks

CELL_SECONDS = 30  # the notebook needs a fraction of one
EXPLORER = """
from medlab import plots, widgets

def draw(ax, k):
    ax.plot([0, k])

for _ in widgets.progress(range(3)):
    pass
widgets.explore(draw, k=(0, 4, 1), settings=[{"k": 1}, {"k": 3}])
"""


def main() -> int:
    """Returns 0 if no run hung, failed, or was given a live widget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=200)
    runs = parser.parse_args().runs
    start, count = time.monotonic(), {"hung": 0, "failed": 0, "live": 0}
    with tempfile.TemporaryDirectory() as folder:
        book, done = notebooks.write(Path(folder), "soak", EXPLORER), Path(folder) / "done.ipynb"
        for i in range(1, runs + 1):
            outcome = run_once(book, done)
            if outcome:
                count[outcome] += 1
            if i % 20 == 0 or i == runs:
                said = ", ".join(f"{n} {what}" for what, n in count.items())
                print(f"{i} runs, {said}, {time.monotonic() - start:.0f} s", flush=True)
    return int(any(count.values()))


def run_once(book: Path, done: Path) -> str:
    """Run it as any user of papermill would, without medlab's report around it; empty if all went well."""
    try:
        papermill.execute_notebook(
            str(book), str(done), kernel_name="python3", execution_timeout=CELL_SECONDS, progress_bar=False
        )
    except Exception as error:
        return "hung" if "Timeout" in type(error).__name__ else "failed"
    outputs = nbformat.read(done, as_version=4).cells[0].outputs
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    return "" if "image/png" in kinds and not any("widget" in kind for kind in kinds) else "live"


if __name__ == "__main__":
    sys.exit(main())
