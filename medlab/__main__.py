"""The command line: `python -m medlab report`."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from medlab import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status (0 well, 1 a lesson failed, 2 a wrong call, 130 interrupted)."""
    parser = argparse.ArgumentParser(prog="python -m medlab", description="medlab: a course in medical image analysis.")
    parser.add_argument("--version", action="version", version=f"medlab {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_report(commands)
    options = parser.parse_args(arguments)
    return options.run(options)


def _add_report(commands) -> None:
    report = commands.add_parser(
        "report", help="run lessons and write pages", description="Run lessons with papermill and write one page each."
    )
    report.add_argument("lessons", nargs="*", help='numbers ("01"), names or notebook files; all when left out')
    report.add_argument(
        "-p",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a parameter, for each lesson that has it",
    )
    report.add_argument("--data", metavar="NAME", help="data set, or a folder, for each lesson that can use it")
    report.add_argument("--jobs", type=int, default=1, metavar="N", help="lessons to run at once (default 1)")
    report.add_argument(
        "--out", type=Path, default=Path("reports"), metavar="DIR", help="where to write (default reports)"
    )
    report.add_argument(
        "--cell-seconds", type=int, default=600, metavar="S", help="time limit for one cell (default 600)"
    )
    report.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    from medlab.report import lessons as lessons_
    from medlab.report import page, run

    try:
        lessons = lessons_.find(options.lessons)
        given = dict(options.p)
        skipped = {}
        if options.data is not None:
            lessons, skipped, given["dataset"] = _for_dataset(lessons, options.data)
        parameters = lessons_.assign(lessons, given)
        for name in ("jobs", "cell_seconds"):
            if getattr(options, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(options, name)}")
        options.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=options.out):
            pass  # better to hear now than after the lessons ran that the folder cannot be written
    except (ValueError, OSError) as error:
        print(f"medlab report: {error}", file=sys.stderr)
        return 2
    if os.environ.get("MEDLAB_DATA"):  # lessons run in another folder
        os.environ["MEDLAB_DATA"] = str(Path(os.environ["MEDLAB_DATA"]).resolve())
    for title, why in skipped.items():
        print(f"left out: {title}: {why}")

    results, interrupted = [], False
    say = lambda lesson: print("running ", lesson.name, flush=True)  # noqa: E731
    try:
        for result in run.run_all(
            lessons, parameters, jobs=options.jobs, cell_seconds=options.cell_seconds, started=say
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
    if not interrupted or results:
        index = page.write_index(results, skipped, options.out)
        print(f"open {index.resolve()}")
    if interrupted:
        return 130
    return 0 if all(result.ok for result in results) else 1


def _write_page(result, folder: Path) -> None:
    """Write a lesson's page; one that cannot be made fails that lesson, not the report."""
    from medlab.report import page

    try:
        page.write_page(result, folder)
    except Exception as error:
        result.ok, result.error = False, f"the page could not be made: {type(error).__name__}: {error}"
        result.notebook = None
        page.write_page(result, folder)


def _for_dataset(lessons: list, name: str) -> tuple[list, dict[str, str], str]:
    """The lessons that can use a data set, why the others are left out, and its name or absolute path."""
    if not any(lesson.accepts(name) for lesson in lessons):
        raise ValueError(f"no chosen lesson can use the data set {name!r}")
    why = f"does not use the data set {name!r}"
    named = any(name in lesson.datasets for lesson in lessons)
    skipped = {lesson.title: why for lesson in lessons if not lesson.accepts(name)}
    return [x for x in lessons if x.accepts(name)], skipped, name if named else str(Path(name).resolve())


if __name__ == "__main__":
    sys.exit(main())
