"""Run a small notebook with an explorer many times under papermill and count the runs that hang: `make soak`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from medlab.report import lessons, run
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
    """Returns 0 if no run hung and none failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=200)
    runs = parser.parse_args().runs
    start, hung, failed = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        (lesson,) = lessons.find([str(notebooks.write(Path(folder), "soak", EXPLORER))])
        for i in range(1, runs + 1):
            result = run.run_lesson(lesson, {}, cell_seconds=CELL_SECONDS)
            hung += "Timeout" in result.error
            failed += bool(result.error) and "Timeout" not in result.error
            if i % 20 == 0 or i == runs:
                print(f"{i} runs, {hung} hung, {failed} failed, {time.monotonic() - start:.0f} s", flush=True)
    return int(bool(hung or failed))


if __name__ == "__main__":
    sys.exit(main())
