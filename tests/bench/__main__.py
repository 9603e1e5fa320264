"""`python -m tests.bench [entry ...]`: run entries, print a table, write reports/bench.json."""

import argparse
import json
import os
import sys
from pathlib import Path

from tests.bench import (  # noqa: F401
    ENTRIES,
    Entry,
    Row,
    basics,
    classical,
    features_speed,
    honest_numbers,
    nodule_cnn,
    pneumonia,
    segmentation,
    training_speed,
)

OUT = Path("reports") / "bench.json"


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 if every entry ran, 1 if one failed, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"entries to run; all when left out: {', '.join(ENTRIES)}")
    only = parser.parse_args(arguments).only
    unknown = [name for name in only if name not in ENTRIES]
    if unknown:
        print(f"no entry {unknown[0]!r}; there are {', '.join(ENTRIES)}", file=sys.stderr)
        return 2
    rows, failed = [], 0
    for entry in [ENTRIES[name] for name in only] or ENTRIES.values():
        missing = missing_data(entry)
        if missing:
            print(f"{entry.name:28} skipped: {missing}", flush=True)
            continue
        try:
            found = entry.run()
        except Exception as error:  # one broken entry must not cost the others
            print(f"{entry.name:28} FAILED: {type(error).__name__}: {error}", flush=True)
            failed += 1
            continue
        for row in found:
            print(line(row), flush=True)
        rows += found
    write(rows, OUT)
    print(f"written to {OUT}")
    return int(failed > 0)


def missing_data(entry: Entry) -> str:
    """Why an entry cannot run; empty if it can."""
    if entry.needs is None:
        return ""
    folder = os.environ.get("MEDLAB_DATA")
    if not folder:
        return f"needs {entry.needs!r}; name its folder in MEDLAB_DATA"
    return "" if (Path(folder) / entry.needs).exists() else f"there is no {entry.needs!r} in MEDLAB_DATA={folder}"


def line(row: Row) -> str:
    beside = f"{row.ratio:.3g} × better than {row.peer} ({row.peer_value:.3g})" if row.ratio else ""
    return f"{row.name:28} {row.value:.3g} {row.unit} ({row.low:.3g}–{row.high:.3g}, n={row.seeds})  {beside}".rstrip()


def write(rows: list[Row], path: Path) -> None:
    """Put the rows into the file; rows of entries that did not run this time stay."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    fresh = {row.name for row in rows}
    every = [row for row in kept if row["name"] not in fresh] + [row.as_dict() for row in rows]
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(every, indent=2, ensure_ascii=False), encoding="utf-8")
    os.replace(beside, path)


if __name__ == "__main__":
    sys.exit(main())
