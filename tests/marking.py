"""Mark copies of an exercise with nbgrader, as a teacher does, in a folder that is thrown away."""

import copy
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from medlab.report.run import KERNEL, own_kernel

CELL_SECONDS = 30
_DELIMITERS = ("### BEGIN SOLUTION", "### END SOLUTION")


class Marked(NamedTuple):
    """What came of one student's copy.

    Args:
        points: For each marked cell, by its grade_id; None where a person has to read.
        notebook: The copy as executed.
    """

    points: dict[str, float | None]
    notebook: NotebookNode


def identity(cell: NotebookNode) -> str:
    """The grade_id of a cell, empty for those that nbgrader leaves alone."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def model_answers(source: NotebookNode) -> dict[str, str]:
    """The solutions of an exercise, by grade_id, as a perfect student would hand them in."""
    answers = {}
    for cell in source.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            lines = [line for line in cell.source.splitlines() if line.strip() not in _DELIMITERS]
            answers[identity(cell)] = "\n".join(lines)
    return answers


def answered(empty: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """A student's copy with some answers filled in."""
    book = copy.deepcopy(empty)
    unknown = set(answers) - {identity(cell) for cell in book.cells}
    assert not unknown, f"no such cells: {unknown}"
    for cell in book.cells:
        cell.source = answers.get(identity(cell), cell.source)
    return book


def known(exercise: Path) -> ModuleType:
    """The `known.py` of an exercise, under a name of its own: ten folders have one."""
    spec = spec_from_file_location(f"known_{exercise.name}", exercise / "known.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def started_in(folder: Path) -> Iterator[None]:
    """`import known` finds the one in this folder, as in a kernel that was started there, and none afterwards."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("known", None)


class Course:
    """A course folder with a gradebook, in which copies of one exercise are marked.

    Args:
        exercise: Folder of the source notebook.
        folder: Empty; becomes the course folder.
    """

    def __init__(self, exercise: Path, folder: Path):
        from nbgrader.apps import NbGraderAPI
        from traitlets.config import Config

        self.name, self.folder, self.database = exercise.name, folder, f"sqlite:///{folder / 'gradebook.db'}"
        config = Config()
        config.CourseDirectory.root = str(folder)
        config.CourseDirectory.db_url = self.database
        config.Execute.kernel_name = KERNEL
        config.Execute.timeout = CELL_SECONDS
        self._api = NbGraderAPI(config=config, log_level=logging.ERROR)
        shutil.copytree(exercise, folder / "source" / exercise.name)
        with _own_programs():
            done = self._api.generate_assignment(exercise.name)
        assert done["success"], done["log"] + str(done["error"])

    def mark(self, student: str, handed_in: NotebookNode, *, known: str = "") -> Marked:
        """Run `autograde` on one student's copy.

        Args:
            known: Text of the `known.py` that was handed in beside the notebook; none if empty.
        """
        from nbgrader.api import Gradebook

        there = self.folder / "submitted" / student / self.name
        there.mkdir(parents=True)
        nbformat.write(handed_in, there / f"{self.name}.ipynb")
        if known:
            (there / "known.py").write_text(known, encoding="utf-8")
        with own_kernel(), _own_programs():
            done = self._api.autograde(self.name, student)
            assert done["success"], done["log"] + str(done["error"])
            with Gradebook(self.database) as book:
                (found,) = book.find_submission(self.name, student).notebooks
                points = {grade.cell.name: grade.auto_score for grade in found.grades}
        path = self.folder / "autograded" / student / self.name / f"{self.name}.ipynb"
        return Marked(points, nbformat.read(path, as_version=4))


@contextmanager
def _own_programs() -> Iterator[None]:
    """Put this environment's programs on the path: nbgrader calls `alembic` by its name."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
