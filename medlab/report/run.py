"""Run lessons with papermill: this interpreter's kernel, a time limit per cell, one lesson's failure its own."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import nbformat

from medlab.report.lessons import Lesson
from medlab.report.numbers import recorded

KERNEL = "medlab-report"
CELL_SECONDS = 600  # a cell that runs longer is taken for hanging


@dataclass
class Result:
    """How one lesson went.

    Args:
        folder: Where the lesson lies: its pictures are found from there.
        ok: Whether it ran to its end.
        error: Why not; empty when `ok`.
        notebook: The executed notebook as far as it came, None if it never started.
    """

    name: str
    title: str
    folder: Path
    seconds: float = 0.0
    ok: bool = False
    error: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    notebook: nbformat.NotebookNode | None = None


def run_lesson(
    lesson: Lesson, parameters: dict[str, Any], *, cell_seconds: int = CELL_SECONDS, progress: bool = False
) -> Result:
    """Run one lesson in its own folder and catch what goes wrong.

    Args:
        parameters: Values for names that the lesson declares.
        cell_seconds: Time limit for one cell.
        progress: Draw a bar of cells.
    """
    from papermill import execute_notebook
    from papermill.exceptions import PapermillExecutionError

    result = Result(lesson.name, lesson.title, lesson.path.parent, parameters=dict(parameters))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, own_kernel():
        out = Path(scratch) / lesson.path.name
        try:
            execute_notebook(
                str(lesson.path), str(out), parameters, kernel_name=KERNEL, cwd=str(lesson.path.parent),
                execution_timeout=cell_seconds, progress_bar=progress, autosave_cell_every=5,
            )  # fmt: skip
            result.ok = True
        except PapermillExecutionError as error:
            result.error = f"{error.ename}: {error.evalue}"
        except Exception as error:  # a dead kernel, a cell out of time: this lesson's page says it, the others go on
            result.error = f"{type(error).__name__}: {error}"
        result.seconds = time.perf_counter() - start
        if out.exists():
            result.notebook = nbformat.read(out, as_version=4)
            result.numbers = recorded(result.notebook)
    return result


def run_all(
    lessons: list[Lesson],
    parameters: dict[str, dict[str, Any]],
    *,
    jobs: int = 1,
    cell_seconds: int = CELL_SECONDS,
    started: Callable[[Lesson], None] = lambda lesson: None,
) -> Iterator[Result]:
    """Run lessons and give each result as it is there; with `jobs` above 1, each in a process of its own."""
    if jobs == 1:
        for lesson in lessons:
            started(lesson)
            yield run_lesson(lesson, parameters[lesson.name], cell_seconds=cell_seconds, progress=sys.stderr.isatty())
        return

    def run_apart(lesson: Lesson) -> Result:
        started(lesson)
        try:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                return process.submit(run_lesson, lesson, parameters[lesson.name], cell_seconds=cell_seconds).result()
        except BrokenProcessPool:  # killed for memory, for instance
            return Result(lesson.name, lesson.title, lesson.path.parent, error="the process of this lesson died")

    threads = ThreadPoolExecutor(jobs)
    try:
        for done in as_completed([threads.submit(run_apart, lesson) for lesson in lessons]):
            yield done.result()
    except BaseException:  # stopped by hand, or nobody wants the rest
        threads.shutdown(wait=False, cancel_futures=True)
        for process in active_children():
            process.terminate()  # its kernel sees that it is alone, and ends too
        raise


@contextmanager
def own_kernel() -> Iterator[None]:
    """Make a kernel of the interpreter that runs this known to Jupyter, under a name nobody else uses.

    A kernel called "python3" may be missing, or belong to another environment (papermill#856). The reader's own
    start-up files are left out, so that a lesson runs the same for everyone.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "kernels" / KERNEL
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=CRITICAL"]
        environment = {
            "IPYTHONDIR": str(Path(scratch) / "ipython"),
            "MEDLAB_STATIC": "1",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        }
        spec = {"argv": command, "display_name": KERNEL, "language": "python", "env": environment}
        (folder / "kernel.json").write_text(json.dumps(spec))
        before = os.environ.get("JUPYTER_PATH")
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (scratch, before)))
        try:
            yield
        finally:
            os.environ.pop("JUPYTER_PATH")
            os.environ.update({} if before is None else {"JUPYTER_PATH": before})
