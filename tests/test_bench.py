"""The benchmark runner: its table, its file, what it skips and what it refuses."""

import json

import pytest

from tests import bench
from tests.bench import Entry, Row, timed
from tests.bench.__main__ import main


@pytest.fixture
def entries(monkeypatch, tmp_path):
    """A fast entry, one that needs data, and one that is broken, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEDLAB_DATA", raising=False)

    def broken() -> list[Row]:
        raise AssertionError("the codes differ")

    made = [
        Entry("fast", lambda: [timed("fast/seconds", [0.1, 0.3, 0.2], peer="slow way", peer_seconds=[2.0])]),
        Entry("real", lambda: [Row("real/auc", 0.9, "", 0.8, 1.0, 1)], needs="lidc-nodules"),
        Entry("broken", broken),
    ]
    monkeypatch.setattr(bench, "ENTRIES", {entry.name: entry for entry in made})
    monkeypatch.setattr("tests.bench.__main__.ENTRIES", bench.ENTRIES)
    return tmp_path


def rows(folder) -> dict[str, dict]:
    return {row["name"]: row for row in json.loads((folder / "reports" / "bench.json").read_text(encoding="utf-8"))}


def test_one_entry_beside_its_peer(entries, capsys):
    assert main(["fast"]) == 0
    row = rows(entries)["fast/seconds"]
    assert set(row) == {
        "name", "value", "unit", "low", "high", "seeds", "peer", "peer_value", "ratio", "versions", "machine",
    }  # fmt: skip
    assert (row["value"], row["low"], row["high"], row["seeds"]) == (0.2, 0.1, 0.3, 3)
    assert row["ratio"] == pytest.approx(10)
    assert "10 × better than slow way" in capsys.readouterr().out


def test_entries_without_their_data_are_skipped_by_name(entries, capsys, monkeypatch):
    assert main(["real"]) == 0
    assert "real                         skipped: needs 'lidc-nodules'" in capsys.readouterr().out
    monkeypatch.setenv("MEDLAB_DATA", str(entries))
    main(["real"])
    assert "there is no 'lidc-nodules'" in capsys.readouterr().out
    (entries / "lidc-nodules").mkdir()
    main(["real"])
    assert rows(entries)["real/auc"]["ratio"] is None


def test_a_broken_entry_fails_the_run_and_costs_no_other(entries, capsys):
    assert main([]) == 1
    assert "FAILED: AssertionError: the codes differ" in capsys.readouterr().out
    assert list(rows(entries)) == ["fast/seconds"]


def test_rows_of_other_entries_stay(entries, monkeypatch):
    main(["fast"])
    (entries / "lidc-nodules").mkdir()
    monkeypatch.setenv("MEDLAB_DATA", str(entries))
    main(["real"])
    assert set(rows(entries)) == {"fast/seconds", "real/auc"}


def test_unknown_entry(entries, capsys):
    assert main(["nothing"]) == 2
    assert "no entry 'nothing'; there are fast, real, broken" in capsys.readouterr().err


def test_the_first_entries_are_there():
    assert {"import_medlab", "report_overhead"} <= set(bench.ENTRIES)
