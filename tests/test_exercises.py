"""Exercises: the model answer gets all points, an empty copy none, and a typical mistake is told what is wrong."""

import importlib
import re
import shutil
from collections.abc import Callable

import nbformat
import pytest

from medlab import exercises
from medlab.__main__ import main
from tests import marking
from tests.answers import CAUGHT_BY_HIDDEN_CASES, RIGHT_IN_ANOTHER_WAY, WRITTEN_BY_STUDENTS

EXERCISES = {path.name: path for path in exercises.find()}
README = (exercises.FOLDER / "README.md").read_text(encoding="utf-8")
SOURCES = {name: nbformat.read(path / f"{name}.ipynb", as_version=4) for name, path in EXERCISES.items()}


def settings(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def tasks(name: str) -> list[str]:
    """The automatically marked tasks of an exercise, by the name of the function that is to be written."""
    tests = [marking.identity(c) for c in SOURCES[name].cells if settings(c).get("grade") and c.cell_type == "code"]
    return [test.removeprefix("test_") for test in tests]


def mistakes(name: str) -> dict[str, list]:
    return importlib.import_module(f"medlab.checks.{name[3:]}").MISTAKES


TASKS = [(name, task) for name in EXERCISES for task in tasks(name)]
MISTAKES = [(name, task, i) for name in EXERCISES for task, known in mistakes(name).items() for i in range(len(known))]


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """The students' copies of all exercises, as the command makes them."""
    folder = tmp_path_factory.mktemp("copies")
    assert main(["exercises", "--out", str(folder)]) == 0
    return {name: nbformat.read(folder / name / f"{name}.ipynb", as_version=4) for name in EXERCISES}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in which all exercises can be marked."""
    return marking.Course(EXERCISES.values(), tmp_path_factory.mktemp("course"))


def check(book, task: str, answer: str | Callable | None = None) -> str:
    """Run imports, answer and test of one task in this process; what the test says, empty if it passes.

    Args:
        answer: Text that replaces the answer cell, or a function that takes its place.
    """
    cells = {marking.identity(cell): cell.source for cell in book.cells}
    variables = {}
    exec(cells["imports"], variables)
    if callable(answer):
        variables[task] = answer
    else:
        exec(compile(answer or cells[task], f"<{task}>", "exec"), variables)
    try:
        exec(cells[f"test_{task}"], variables)
    except AssertionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", EXERCISES)
def test_form(name):
    """Title, what it practises, points that are the same in the text and in the metadata, no long cells."""
    cells = SOURCES[name].cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert re.match(rf"# Exercise {int(name[:2])} · ", texts[0])
    assert all(f"**{word}" in texts[1] for word in ("You practise", "Before this", "Time", "How it is marked"))
    assert code[0] == cells[2]
    assert "import" in code[0].source
    assert settings(code[0])["locked"], "a copy whose imports were changed is marked with the right ones"
    marked = [cell for cell in cells if settings(cell).get("grade")]
    stated = [int(points) for text in texts for points in re.findall(r"^## \d+ · .+ \((\d+) points?\)", text)]
    assert stated == [settings(cell)["points"] for cell in marked]
    by_tests = sum(settings(cell)["points"] for cell in marked if cell.cell_type == "code")
    assert [f"{sum(stated)} points", f"{by_tests} points"] == re.findall(r"\d+ points", texts[1])[:2]
    assert [cell.cell_type for cell in marked].count("markdown") == 1
    (row,) = [line for line in README.splitlines() if f"({name}/{name}.ipynb)" in line]
    assert f" {by_tests} + {sum(stated) - by_tests} |" in row
    assert all(len(line) <= 100 for cell in code for line in cell.source.splitlines())
    lengths = sorted(len(cell.source.splitlines()) for cell in code)
    assert lengths[-1] <= 25
    assert lengths[int(0.9 * len(lengths))] <= 15


@pytest.mark.parametrize("name", EXERCISES)
def test_metadata_is_what_nbgrader_wants(name):
    from nbgrader.nbgraderformat import MetadataValidator

    MetadataValidator().validate_nb(SOURCES[name])
    for cell in SOURCES[name].cells:
        if settings(cell):
            assert settings(cell)["schema_version"] == 3
            assert not settings(cell)["task"]
    for task in tasks(name):
        answer, test = (
            next(c for c in SOURCES[name].cells if marking.identity(c) == i) for i in (task, f"test_{task}")
        )
        assert settings(answer)["solution"]
        assert f"def {task}(" in answer.source
        assert "### BEGIN SOLUTION" in answer.source
        assert "### BEGIN HIDDEN TESTS" in test.source
        assert settings(test)["locked"]


@pytest.mark.parametrize("name", EXERCISES)
def test_students_see_no_solution(name, copies):
    book = copies[name]
    text = nbformat.writes(book)
    for word in ("SOLUTION", "HIDDEN", "Model answer"):
        assert word not in text
        assert word in nbformat.writes(SOURCES[name])
    stubs = [cell.source for cell in book.cells if settings(cell).get("solution") and cell.cell_type == "code"]
    assert len(stubs) == len(tasks(name))
    assert all(stub.endswith("# YOUR CODE HERE\n    raise NotImplementedError()") for stub in stubs)
    assert "YOUR ANSWER HERE" in text
    assert not any(cell.get("outputs") for cell in book.cells)


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_model_answer_passes_by_itself(name, task):
    """With the hidden cases, and without any cell of another task."""
    assert check(SOURCES[name], task) == ""


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_right_answers_pass_however_they_are_written(name, task):
    assert check(SOURCES[name], task, RIGHT_IN_ANOTHER_WAY[name][task]) == ""


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_unwritten_answers_are_told_so(name, task, copies):
    assert check(copies[name], task) == f"{task}: not written yet (it raises NotImplementedError)"


@pytest.mark.parametrize("name", EXERCISES)
def test_every_task_knows_two_mistakes_and_two_answers_of_students(name):
    assert set(mistakes(name)) == set(tasks(name)) == set(WRITTEN_BY_STUDENTS[name])
    assert all(len(known) >= 2 for known in mistakes(name).values())
    assert all(len(written) >= 2 for written in WRITTEN_BY_STUDENTS[name].values())


@pytest.mark.parametrize(("name", "task", "i"), MISTAKES)
def test_known_mistakes_are_told_apart(name, task, i, copies):
    """Already by the cases that students see."""
    wrong, text = mistakes(name)[task][i]
    assert check(copies[name], task, wrong).endswith(f"likely cause: {text}")


@pytest.mark.parametrize(
    ("name", "task", "code", "said"),
    [(n, t, *entry) for n, by_task in WRITTEN_BY_STUDENTS.items() for t, found in by_task.items() for entry in found],
)
def test_wrong_answers_as_students_write_them(name, task, code, said, copies):
    assert said in check(copies[name], task, code)


@pytest.mark.parametrize(("name", "task", "code"), CAUGHT_BY_HIDDEN_CASES)
def test_hidden_cases_catch_more(name, task, code, copies):
    assert check(copies[name], task, code) == ""
    assert check(SOURCES[name], task, code).startswith(f"{task}: case ")


@pytest.mark.filterwarnings("ignore:Object of type")  # nbgrader's own use of its database
@pytest.mark.parametrize("name", EXERCISES)
def test_nbgrader_marks_right_empty_and_mixed_copies(name, copies, course):
    """The mixed one has one answer right, the others wrong, a test made harmless and the imports deleted."""
    right = marking.model_answers(SOURCES[name])
    first, *rest = tasks(name)
    wrong = {task: WRITTEN_BY_STUDENTS[name][task][0][0] for task in rest}
    written = {"ada": right, "emil": {}, "max": right | wrong | {f"test_{rest[0]}": "pass", "imports": "pass"}}
    students = {student: marking.answered(copies[name], answers) for student, answers in written.items()}
    marked = course.mark(name, students)
    full = {marking.identity(c): settings(c)["points"] for c in SOURCES[name].cells if settings(c).get("grade")}
    assert marked["ada"].points == full | {"words": None}  # a person reads it
    assert marked["emil"].points == dict.fromkeys(full, 0)
    assert marked["max"].points == dict.fromkeys(full, 0) | {"words": None, f"test_{first}": full[f"test_{first}"]}
    for cell in marked["max"].notebook.cells:  # what the student reads afterwards
        if marking.identity(cell) in [f"test_{task}" for task in rest]:
            assert "likely cause: " in cell.outputs[-1].evalue


def test_command_spares_what_students_wrote(copies, tmp_path, capsys):
    theirs = tmp_path / "02_preprocessing" / "02_preprocessing.ipynb"
    theirs.parent.mkdir()
    theirs.write_text("a student's work")
    assert main(["exercises", "--out", str(tmp_path)]) == 2
    assert f"{theirs} is there" in capsys.readouterr().err
    assert theirs.read_text() == "a student's work"
    assert not (tmp_path / "03_segmentation").exists(), "all or nothing"
    assert main(["exercises", "--out", str(tmp_path), "02", "--force"]) == 0
    assert nbformat.read(theirs, as_version=4) == copies["02_preprocessing"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [theirs]


def test_command_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    assert main(["exercises", "--out", str(tmp_path), "77"]) == 2
    assert "no exercise '77'; there are 02_preprocessing, 03_segmentation" in capsys.readouterr().err
    assert main(["exercises", "--out", str(exercises.FOLDER), "--force"]) == 2
    assert "choose another folder" in capsys.readouterr().err
    monkeypatch.setattr(exercises.importlib.util, "find_spec", lambda name: None)
    assert main(["exercises", "--out", str(tmp_path)]) == 2
    assert "pip install -e .[teach]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_command_shows_why_nbgrader_refuses(tmp_path):
    broken = tmp_path / "02_preprocessing"
    shutil.copytree(EXERCISES["02_preprocessing"], broken)
    path = broken / "02_preprocessing.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("### END SOLUTION", ""), encoding="utf-8")
    with pytest.raises(RuntimeError, match="no end solution statement"):
        exercises.make_copies([broken], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_exercises_outside_a_checkout(tmp_path):
    with pytest.raises(ValueError, match="run from a checkout"):
        exercises.find(folder=tmp_path)
