"""`python -m medlab report`: which lessons to run with which parameters, and what to say on the way."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from medlab.report import page, run
from medlab.report.lessons import Lesson, assign, find


def add_to(commands) -> None:
    """Add the command to argparse's sub-commands."""
    report = commands.add_parser(
        "report", help="run lessons and write pages", description="Run lessons with papermill and write one page each."
    )
    add = report.add_argument
    add("lessons", nargs="*", help='numbers ("01"), names or notebook files; all when left out')
    add("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter, for each that has it")
    add("--data", metavar="NAME", help="data set, or a folder, for each lesson that can use it")
    add("--jobs", type=int, default=1, metavar="N", help="lessons to run at once (default 1)")
    add("--out", type=Path, default=Path("reports"), metavar="DIR", help="where to write (default reports)")
    add("--cell-seconds", type=int, default=run.CELL_SECONDS, metavar="S", help="limit for one cell (default 600)")
    report.set_defaults(run=main)


def main(options: argparse.Namespace) -> int:
    """Run the command; returns 0 if all is well, 1 if a lesson failed, 2 for a wrong call, 130 if interrupted."""
    try:
        lessons, skipped, given = _chosen(options)
        parameters = assign(lessons, given)
        _check(options)
    except (ValueError, OSError) as error:
        print(f"medlab report: {error}", file=sys.stderr)
        return 2
    if os.environ.get("MEDLAB_DATA"):  # lessons run in another folder
        os.environ["MEDLAB_DATA"] = str(Path(os.environ["MEDLAB_DATA"]).resolve())
    results, interrupted = [], False
    try:
        for result in run.run_all(
            lessons, parameters, jobs=options.jobs, cell_seconds=options.cell_seconds, started=_say_running
        ):
            results.append(result)
            _write_page(result, options.out)
            state = "done    " if result.ok else "FAILED  "
            print(state, result.name, page.clock(result.seconds), result.error.split("\n")[0], flush=True)
    except KeyboardInterrupt:
        interrupted = True
        print("interrupted: what is done stays", file=sys.stderr)
    order = [lesson.name for lesson in lessons]
    results.sort(key=lambda result: order.index(result.name))
    if results or not interrupted:
        print("open", page.write_index(results, skipped, options.out).resolve())
    if interrupted:
        return 130
    return int(not all(result.ok for result in results))


def _chosen(options: argparse.Namespace) -> tuple[list[Lesson], dict[str, str], dict[str, str]]:
    """The lessons to run, titles of those left out with the reason, and the parameters as typed."""
    lessons, skipped, given = find(options.lessons), {}, dict(options.p)
    name = options.data
    if name is None:
        return lessons, skipped, given
    usable = [lesson for lesson in lessons if lesson.accepts(name)]
    for lesson in lessons:
        if lesson not in usable:
            skipped[lesson.title] = f"does not use the data set {name!r}"
            print(f"left out: {lesson.title}: {skipped[lesson.title]}")
    if not usable:
        known = sorted({other for lesson in lessons for other in lesson.datasets})
        raise ValueError(f"no chosen lesson can use the data set {name!r}; they know {', '.join(known) or 'none'}")
    named = any(name in lesson.datasets for lesson in usable)
    given["dataset"] = name if named else str(Path(name).resolve())
    return usable, skipped, given


def _check(options: argparse.Namespace) -> None:
    for name in ("jobs", "cell_seconds"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(options, name)}")
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=options.out):
        pass  # better to hear now than after the lessons ran that the folder cannot be written


def _say_running(lesson: Lesson) -> None:
    print("running ", lesson.name, flush=True)


def _write_page(result: run.Result, folder: Path) -> None:
    """Write a lesson's page; one that cannot be made fails that lesson, not the report."""
    try:
        page.write_page(result, folder)
    except Exception as error:
        result.ok, result.error = False, f"the page could not be made: {type(error).__name__}: {error}"
        result.notebook = None
        page.write_page(result, folder)
