"""Benchmarks: each entry measures itself and, in the same run, its peer. `make bench`, or `make bench ONLY=name`."""

import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version


@dataclass
class Row:
    """One figure, as `reports/bench.json` holds it.

    Args:
        name: entry/figure; figure is one of speed, seconds, auc, auc_6_15mm, gain, accuracy, dice, mae_mm, sensitivity.
        value: The figure; for times, the median of the runs.
        low: Its interval; for times, the fastest and the slowest run.
        seeds: Seeds or runs behind it.
        ratio: How many times better than the peer; None without one.
    """

    name: str
    value: float
    unit: str
    low: float
    high: float
    seeds: int
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    versions: dict[str, str] = field(default_factory=lambda: {"python": platform.python_version()})
    machine: str = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Entry:
    """A benchmark: a function that yields rows, and the data set in `MEDLAB_DATA` that it needs, if any."""

    name: str
    run: Callable[[], list[Row]]
    needs: str | None = None


ENTRIES: dict[str, Entry] = {}


def entry(name: str, *, needs: str | None = None) -> Callable:
    """Register a function that returns the rows of one entry.

    Args:
        needs: File or folder below `MEDLAB_DATA` without which the entry is skipped by name.
    """

    def register(run: Callable[[], list[Row]]) -> Callable[[], list[Row]]:
        ENTRIES[name] = Entry(name, run, needs)
        return run

    return register


def timed(name: str, seconds: list[float], *, peer: str | None = None, peer_seconds: list[float] | None = None,
          packages: tuple[str, ...] = ("medlab",)) -> Row:  # fmt: skip
    """The row of a time: median, fastest and slowest of several runs, and how many times faster than the peer."""
    value = statistics.median(seconds)
    row = Row(name, value, "s", min(seconds), max(seconds), len(seconds))
    row.versions |= {package: version(package) for package in packages}
    if peer_seconds:
        row.peer, row.peer_value = peer, statistics.median(peer_seconds)
        row.ratio = row.peer_value / value
    return row
