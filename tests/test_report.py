"""The report: what runs, what fails, what it says, and what its pages hold."""

import json
import os
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import numpy as np
import pytest

from medlab import report
from medlab.__main__ import main
from medlab.metrics import Interval, Paired
from medlab.report import command, lessons, numbers, page, run
from tests import notebooks

FIGURE = "# A line that rises.\nimport matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4]);"
RECORD = "from medlab import metrics, report\nreport.record(auc=metrics.Interval(0.9, 0.8, 0.95), n=n)"
MATH = r"#! ## Formulas" + "\n\n" + r"Inline $\mu_w$ and a display: $$\frac{a}{b} = \sqrt{c}$$"
TABLE = "import pandas as pd\npd.DataFrame({'tissue': ['fat', 'bone']})"
PROGRESS = "from medlab import widgets\nfor _ in widgets.progress(range(3), label='reading'):\n    pass"


class Page(HTMLParser):
    """Tags of a page with their attributes, and its text."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def good(tmp_path):
    cells = ["#! # 1 · A good lesson", FIGURE, MATH, TABLE, PROGRESS, RECORD]
    return notebooks.write(tmp_path, "good", *cells, parameters="n = 3  # how many\npath = ''  # a file")


def test_a_lesson_becomes_a_page_that_loads_nothing_from_anywhere(good, tmp_path):
    assert main(["report", str(good), "--out", str(tmp_path), "-p", "n", "7"]) == 0
    made, index = Page(tmp_path / "good.html"), Page(tmp_path / "index.html")
    (picture,) = made.all("img")
    assert picture["alt"] == index.all("img")[0]["alt"] == "A line that rises."
    assert len(made.all("math")) == 2
    assert made.all("mfrac")
    assert made.all("table")
    assert "reading: 100%" in made.text
    assert "reading:   0%" not in made.text  # a bar's earlier states are overwritten, as on a screen
    assert made.all("html")[0]["lang"] == "en"
    for name, one in {"good": made, "index": index}.items():
        assert one.all("script") == []
        assert [a for a in one.all("link") if a.get("rel") == "stylesheet"] == []
        assert all(a["src"].startswith("data:") for a in one.all("img"))
        assert "@import" not in (tmp_path / f"{name}.html").read_text(encoding="utf-8")
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert set(results) == {"lessons", "versions", "machine", "date"}
    lesson = results["lessons"]["good"]
    assert set(lesson) == {"seconds", "ok", "error", "parameters", "numbers"}
    assert (lesson["ok"], lesson["error"], lesson["parameters"]) == (True, None, {"n": 7})
    assert lesson["numbers"] == {"auc": {"value": 0.9, "low": 0.8, "high": 0.95}, "n": 7}
    assert {"href": "good.html"} in index.all("a")
    assert "auc: 0.90 (0.80–0.95)" in index.text


def test_what_is_odd_in_a_lesson(tmp_path):
    """Signs in its name and title, formulas nobody can read, pictures of every kind, widgets, unknown numbers."""
    (tmp_path / "lung.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' width='60' height='60'/>")
    text = "#! # <b>Bold</b> & co\n\n" + r"![a lung](lung.svg) and $\left( a < b$ and $\mu$"
    svg = "# A circle.\nfrom IPython.display import SVG, Javascript, display\n"
    svg += "display(Javascript('alert(1)'))\nSVG(filename='lung.svg')"
    record = "from medlab import metrics, report\nnan = float('nan')\n"
    record += "report.record(a=nan, b=metrics.Interval(0.5, nan, 1.0), c=float('inf'))"
    slider, bare = "import ipywidgets\nipywidgets.IntSlider(value=3)", FIGURE.split("\n", 1)[1]
    book = notebooks.write(tmp_path, "my lesson #1", text, svg, slider, record, "#! ## Edges of a lung", bare)
    assert main(["report", str(book), "--out", str(tmp_path / "out")]) == 0
    made, index = Page(tmp_path / "out" / "my lesson #1.html"), Page(tmp_path / "out" / "index.html")
    assert [a["alt"] for a in made.all("img")] == ["a lung", "A circle.", "Figure: Edges of a lung"]
    assert all(a["src"].startswith("data:") for a in made.all("img"))
    assert made.all("script") == []
    assert "IntSlider(value=3)" in made.text
    assert r"\left( a < b" in made.text
    assert len(made.all("math")) == 1
    assert {"href": "my%20lesson%20%231.html"} in index.all("a")
    assert index.all("b") == []  # what a lesson says is text, not page
    assert "a: nan" in index.text

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"), parse_constant=refuse)
    expected = {"a": None, "b": {"value": 0.5, "low": None, "high": 1.0}, "c": None}
    assert results["lessons"]["my lesson #1"]["numbers"] == expected


def test_a_page_that_cannot_be_made_fails_its_lesson_only(tmp_path, monkeypatch):
    make, calls = page._exporter, []

    def broken(folder):
        calls.append(folder)
        if len(calls) == 1:
            raise RuntimeError("no template")
        return make(folder)

    monkeypatch.setattr(page, "_exporter", broken)
    result = run.Result("other", "Other", tmp_path, ok=True)
    command._write_page(result, tmp_path)
    assert not result.ok
    assert "the page could not be made: RuntimeError: no template" in result.error
    assert "no template" in Page(tmp_path / "other.html").text


def test_a_package_that_is_not_installed_is_left_out_of_the_versions(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PACKAGES", ("numpy", "no-such-package"))
    page.write_index([], {}, tmp_path)
    versions = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["versions"]
    assert set(versions) == {"python", "numpy"}


def test_pages_that_would_overwrite_each_other_are_refused(tmp_path, capsys):
    (tmp_path / "a").mkdir()
    twins = [str(notebooks.write(folder, "same", "1")) for folder in (tmp_path, tmp_path / "a")]
    assert main(["report", *twins, "--out", str(tmp_path / "out")]) == 2
    assert main(["report", str(notebooks.write(tmp_path, "index", "1")), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("would be overwritten") == 2
    with pytest.raises(ValueError, match="no lessons in"):
        lessons.find(folder=tmp_path / "a")


def test_one_failure_does_not_stop_the_others(good, tmp_path, capsys):
    bad = notebooks.write(tmp_path, "bad", "#! # 0 · A bad lesson", FIGURE, "1 / 0", "print('never')")
    dies = notebooks.write(tmp_path, "dies", "import os\nos._exit(1)")
    out = tmp_path / "out"
    assert main(["report", str(bad), str(dies), str(good), "--out", str(out)]) == 1
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))["lessons"]
    assert [results[name]["ok"] for name in ("bad", "dies", "good")] == [False, False, True]
    assert "ZeroDivisionError: division by zero" in results["bad"]["error"]
    assert "Kernel" in results["dies"]["error"]
    made = Page(out / "bad.html")
    assert "did not run to its end" in made.text
    assert "ZeroDivisionError" in made.text
    assert made.all("img")  # what ran before the error is shown
    assert (out / "dies.html").exists()
    assert "2 failed" in Page(out / "index.html").text
    assert "FAILED" in capsys.readouterr().out


def test_a_cell_that_hangs_is_stopped(tmp_path):
    slow = notebooks.write(tmp_path, "slow", "print('before')", "import time\ntime.sleep(60)")
    assert main(["report", str(slow), "--out", str(tmp_path), "--cell-seconds", "2"]) == 1
    assert "Timeout" in json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["lessons"]["slow"]["error"]
    assert "before" in Page(tmp_path / "slow.html").text


def test_lessons_side_by_side_where_a_process_dies(tmp_path):
    """Killed for memory, for instance: not its kernel, the process that runs it."""
    kill = "import os, signal, psutil\nos.kill(psutil.Process().ppid(), signal.SIGKILL)\nimport time; time.sleep(30)"
    books = [notebooks.write(tmp_path, name, cell) for name, cell in (("b0", "1"), ("dies", kill), ("lives", "1"))]
    assert main(["report", *map(str, books), "--jobs", "2", "--out", str(tmp_path)]) == 1
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["lessons"]
    assert list(results) == ["b0", "dies", "lives"]
    assert "the process of this lesson died" in results["dies"]["error"]
    assert results["b0"]["ok"]
    assert results["lives"]["ok"]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C differently")
@pytest.mark.parametrize(("jobs", "to_all"), [("1", True), ("2", True), ("2", False)])
def test_ctrl_c_leaves_what_is_done(tmp_path, jobs, to_all):
    quick = notebooks.write(tmp_path, "quick", "print('hello')")
    slow = notebooks.write(
        tmp_path, "slow", "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(300)"
    )
    command = [sys.executable, "-m", "medlab", "report", str(quick), str(slow), "--jobs", jobs, "--out", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed_ctrl_c
    ) as process:
        try:
            lines = iter(process.stdout.readline, "")
            assert any("done" in line and "quick" in line for line in lines)
            pid_file = tmp_path / "pid"
            wait_until(lambda: pid_file.exists() and pid_file.read_text())
            if to_all:
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            else:
                process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "hello" in Page(tmp_path / "quick.html").text
    assert list(json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["lessons"]) == ["quick"]
    wait_until(lambda: not alive(int(pid_file.read_text())))


def heed_ctrl_c() -> None:
    """What runs in the background of a shell has Ctrl-C switched off, and so have its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_a_relative_folder_is_the_one_that_the_reader_stands_in(tmp_path, monkeypatch):
    """Lessons run in a folder of their own."""
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert lessons.value_of("dataset", "mine", "'phantom-nodules'") == str(tmp_path / "mine")
    assert lessons.value_of("path", "mine/a.dcm", "''") == str(tmp_path / "mine" / "a.dcm")
    assert lessons.value_of("dataset", "pneumoniamnist", "'phantom-nodules'") == "pneumoniamnist"


def test_unknown_parameter_lists_the_known_ones(good, tmp_path, capsys):
    assert main(["report", str(good), "--out", str(tmp_path / "out"), "-p", "m", "7"]) == 2
    assert "'m'; there are n, path" in capsys.readouterr().err
    assert main(["report", str(good), "--out", str(tmp_path / "out"), "-p", "n", "many"]) == 2
    assert "'n' is a number (by default 3), got 'many'" in capsys.readouterr().err
    for text in ("{1, 2}", "1e999", "b'x'"):
        free = str(notebooks.write(tmp_path, "free", "1", parameters="x = None  # anything"))
        assert main(["report", free, "--out", str(tmp_path / "out"), "-p", "x", text]) == 2
        assert "takes numbers, texts and lists" in capsys.readouterr().err
    flag = str(notebooks.write(tmp_path, "flag", "1", parameters="on = True  # or False"))
    assert main(["report", flag, "--out", str(tmp_path / "out"), "-p", "on", "7"]) == 2
    assert "'on' is True or False" in capsys.readouterr().err
    assert main(["report", str(good), "--out", str(tmp_path / "out"), "--cell-seconds", "0"]) == 2
    assert "--cell-seconds must be at least 1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_found_before_anything_runs(good, capsys):
    assert main(["report", str(good), "--out", "/proc/self/nowhere"]) == 2
    assert "running" not in capsys.readouterr().out


def test_unknown_lesson_lists_the_known_ones(capsys):
    assert main(["report", "99"]) == 2
    assert "no lesson '99'; there are 00_start_here, 01_" in capsys.readouterr().err


def test_a_path_means_what_it_means_where_it_was_typed(tmp_path, monkeypatch):
    (tmp_path / "books").mkdir()
    (tmp_path / "images").mkdir()
    book = notebooks.write(
        tmp_path / "books", "b", "import os\nprint('GOT', path, os.environ['MEDLAB_DATA'])", parameters="path = ''"
    )
    monkeypatch.chdir(tmp_path / "images")
    monkeypatch.setenv("MEDLAB_DATA", "../data")
    assert main(["report", "../books/b.ipynb", "-p", "path", "scan.dcm", "--out", "../out"]) == 0
    assert book.exists()
    assert f"GOT {tmp_path / 'images' / 'scan.dcm'} {tmp_path / 'data'}" in Page(tmp_path / "out" / "b.html").text


def test_a_data_set_goes_to_the_lessons_that_can_use_it(tmp_path, capsys, monkeypatch):
    say = "print('DATA', dataset)"
    both = "dataset = 'phantoms'  # or 'lidc-nodules', or a folder of yours"
    uses = notebooks.write(tmp_path, "uses", "#! # Uses it", say, parameters=both)
    only = notebooks.write(
        tmp_path, "only", "#! # Only phantoms", say, parameters='dataset = "phantoms"  # nothing else'
    )
    none = notebooks.write(tmp_path, "none", "#! # No data", "print('x')")
    books = [str(uses), str(only), str(none)]
    assert main(["report", *books, "--data", "lidc-nodules", "--out", str(tmp_path / "out")]) == 0
    assert "DATA lidc-nodules" in Page(tmp_path / "out" / "uses.html").text
    said = capsys.readouterr().out
    assert "left out: Only phantoms" in said
    assert "left out: No data" in said
    assert "left out: does not use the data set" in Page(tmp_path / "out" / "index.html").text
    assert not (tmp_path / "out" / "only.html").exists()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert main(["report", *books, "--data", "mine", "--out", "out2"]) == 0
    assert f"DATA {tmp_path / 'mine'}" in Page(tmp_path / "out2" / "uses.html").text
    assert main(["report", *books, "--data", "nonsense"]) == 2
    assert "use the data set 'nonsense'; they know lidc-nodules, phantoms" in capsys.readouterr().err


def test_lessons_run_with_the_interpreter_of_the_report(tmp_path, monkeypatch):
    """Even where another environment has put a broken kernel called python3 in the user's way."""
    spec = tmp_path / "share" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        json.dumps({"argv": ["/nowhere/python"], "display_name": "x", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    book = notebooks.write(tmp_path, "b", "import sys\nprint('RUN BY', sys.prefix)")
    assert main(["report", str(book), "--out", str(tmp_path / "out")]) == 0
    assert f"RUN BY {sys.prefix}" in Page(tmp_path / "out" / "b.html").text
    assert os.environ["JUPYTER_PATH"] == str(tmp_path / "share")


def test_opening_comment():
    assert page.opening_comment("# One\n#  two.\nx = 1  # three") == "One two."
    assert page.opening_comment("x = 1\n# later") == ""


def test_recorded_numbers_survive(tmp_path):
    cell = """
import numpy as np
from medlab import metrics, report
report.record(a=np.float32(0.5), b=np.int64(3), c=np.bool_(True), d=metrics.Interval(0.9, 0.8, 1.0), e=1,
    f=metrics.Paired(0.1, 0.05, 0.2, 0.01), g=np.nan)
report.record(e=2.0)
"""
    book = notebooks.write(tmp_path, "b", cell)
    done = tmp_path / "done.ipynb"
    subprocess.run(
        [sys.executable, "-m", "papermill", "-k", "python3", str(book), str(done)], check=True, capture_output=True
    )
    found = report.recorded(done)
    assert np.isnan(found.pop("g"))
    interval, difference = Interval(0.9, 0.8, 1.0), Paired(0.1, 0.05, 0.2, 0.01)
    assert found == {"a": 0.5, "b": 3, "c": True, "d": interval, "e": 2.0, "f": difference}
    assert found["c"] is True
    text = nbformat.read(done, as_version=4).cells[0].outputs[0]["data"]["text/plain"]
    assert "d = 0.90 (0.80–1.00)" in text
    assert "f = +0.100 (+0.050 to +0.200), p = 0.010: first is better" in text
    assert "np." not in text
    plain = nbformat.read(done, as_version=4).cells[0].outputs[0]["data"][numbers.MIME]
    assert plain["f"] == {"value": 0.1, "low": 0.05, "high": 0.2, "p": 0.01}
    assert found["f"].value == found["f"].difference


def test_record_refuses_what_is_no_number():
    with pytest.raises(TypeError, match="'name' is a str"):
        report.record(name="x")
    with pytest.raises(TypeError, match="'many' is a ndarray"):
        report.record(many=np.zeros(3))


def test_find_lessons_by_number_name_and_path():
    by_number = lessons.find(["01"])
    assert by_number == lessons.find(["01_reading_medical_images"]) == lessons.find([str(notebooks.LESSONS[1])])
    assert by_number[0].title.startswith("1 · ")
    assert [lesson.name for lesson in lessons.find()] == [path.stem for path in notebooks.LESSONS]
