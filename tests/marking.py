"""Mark copies of an exercise with nbgrader, as a teacher does, in a folder that is thrown away."""

import copy
import logging
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
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


class Course:
    """A course folder with a gradebook, in which copies of some exercises are marked.

    Args:
        exercises: Folders of the source notebooks.
        folder: Empty; becomes the course folder.
    """

    def __init__(self, exercises: Iterable[Path], folder: Path):
        from nbgrader.apps import NbGraderAPI
        from traitlets.config import Config

        self.folder, self.database = folder, f"sqlite:///{folder / 'gradebook.db'}"
        config = Config()
        config.CourseDirectory.root = str(folder)
        config.CourseDirectory.db_url = self.database
        config.Execute.kernel_name = KERNEL
        config.Execute.timeout = CELL_SECONDS
        self._api = NbGraderAPI(config=config, log_level=logging.ERROR)
        for exercise in exercises:
            shutil.copytree(exercise, folder / "source" / exercise.name)
            with _own_programs():
                done = self._api.generate_assignment(exercise.name)
            assert done["success"], done["log"] + str(done["error"])

    def mark(self, name: str, students: dict[str, NotebookNode]) -> dict[str, Marked]:
        """Run `autograde` on one exercise; results by student.

        Args:
            students: Name to the copy handed in.
        """
        from nbgrader.api import Gradebook

        marked = {}
        for student, handed_in in students.items():
            path = self.folder / "submitted" / student / name / f"{name}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(handed_in, path)
            with own_kernel(), _own_programs():
                done = self._api.autograde(name, student)
                assert done["success"], done["log"] + str(done["error"])
                with Gradebook(self.database) as book:
                    (found,) = book.find_submission(name, student).notebooks
                    points = {grade.cell.name: grade.auto_score for grade in found.grades}
            path = self.folder / "autograded" / student / name / f"{name}.ipynb"
            marked[student] = Marked(points, nbformat.read(path, as_version=4))
        return marked


@contextmanager
def _own_programs() -> Iterator[None]:
    """Put this environment's programs on the path: nbgrader calls `alembic` by its name."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
