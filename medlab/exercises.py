"""`python -m medlab exercises`: the students' copies of the exercises, without solutions and hidden tests."""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from medlab.files import beside

FOLDER = Path(__file__).parents[1] / "notebooks" / "exercises"


def add_to(commands) -> None:
    """Add the command to argparse's sub-commands."""
    purpose = "make the students' copies of the exercises with nbgrader: no solutions, no hidden tests"
    exercises = commands.add_parser("exercises", help=purpose, description=purpose)
    add = exercises.add_argument
    add("names", nargs="*", help='numbers ("02") or names of exercises; all when left out')
    add("--out", type=Path, required=True, metavar="DIR", help="where to write, as DIR/NN_name/NN_name.ipynb")
    add("--force", action="store_true", help="replace copies that are there, with what students wrote in them")
    exercises.set_defaults(run=main)


def main(options: argparse.Namespace) -> int:
    """Run the command; returns 0 if all is well, 1 if nbgrader failed, 2 for a wrong call."""
    try:
        copies = make_copies(find(options.names), options.out, force=options.force)
    except (RuntimeError, ValueError, OSError, ImportError) as error:
        print(f"medlab exercises: {error}", file=sys.stderr)
        return 1 if isinstance(error, RuntimeError) else 2
    for copy in copies:
        print("wrote", copy)
    return 0


def find(names: list[str] | None = None, *, folder: Path = FOLDER) -> list[Path]:
    """The folders of the exercises asked for, in order; all of them when none is named.

    Args:
        names: Numbers ("02") or names ("02_preprocessing").
        folder: Holds a folder `NN_name` for each exercise, with `NN_name.ipynb` in it.

    Raises:
        ValueError: If there is no such exercise; it lists them.
    """
    there = sorted(path for path in folder.glob("[0-9][0-9]_*") if (path / f"{path.name}.ipynb").is_file())
    if not there:
        raise ValueError(f"there are no exercises in {folder}; run from a checkout of the course")
    if not names:
        return there
    for name in names:
        if not any(name in (path.name, path.name[:2]) for path in there):
            raise ValueError(f"no exercise {name!r}; there are {', '.join(path.name for path in there)}")
    return [path for path in there if path.name in names or path.name[:2] in names]


def make_copies(exercises: list[Path], out: Path, *, force: bool = False) -> list[Path]:
    """Write the students' copy of each exercise to `out/NN_name/NN_name.ipynb`, with the files that lie beside it.

    Args:
        exercises: Folders as `find` gives them.
        out: Made if it is not there.
        force: Replace files that are there.

    Returns:
        The notebooks written.

    Raises:
        FileExistsError: If a file is there already and `force` is not set; then nothing is written.
        ImportError: If nbgrader is not installed.
        RuntimeError: If nbgrader refuses an exercise; the message has its log.
        ValueError: If `out` is where the exercises themselves lie.
    """
    if out.resolve() in {exercise.resolve().parent for exercise in exercises}:
        raise ValueError(f"{out} holds the exercises with their solutions; choose another folder for the copies")
    if importlib.util.find_spec("nbgrader") is None:
        raise ImportError("nbgrader makes the copies and is not installed: pip install -e .[teach]")
    targets = [out / exercise.name / path.name for exercise in exercises for path in _files(exercise)]
    taken = [target for target in targets if target.exists()]
    if taken and not force:
        raise FileExistsError(f"{taken[0]} is there and may hold a student's work; --force replaces it")
    with tempfile.TemporaryDirectory() as scratch:
        release = _released(exercises, Path(scratch))
        for target in targets:
            with beside(target) as part:
                shutil.copyfile(release / target.parent.name / target.name, part)
    return [out / exercise.name / f"{exercise.name}.ipynb" for exercise in exercises]


def _files(exercise: Path) -> list[Path]:
    """The notebook and what lies beside it (`known.py`, a picture, a table); folders are left out."""
    return sorted(path for path in exercise.iterdir() if path.is_file() and not path.name.startswith("."))


def _released(exercises: list[Path], course: Path) -> Path:
    """Run nbgrader in a course folder of its own, without a gradebook; the folder with its copies."""
    for exercise in exercises:
        (course / "source" / exercise.name).mkdir(parents=True)
        for path in _files(exercise):
            shutil.copyfile(path, course / "source" / exercise.name / path.name)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "--assignment=*", "--no-db"]
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(course / "config")}  # the teacher's own settings stay out
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
    missing = [e.name for e in exercises if not (course / "release" / e.name / f"{e.name}.ipynb").is_file()]
    if done.returncode != 0 or missing:
        log = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise RuntimeError(f"nbgrader made no copy of {', '.join(missing) or 'some exercise'}:\n{log}")
    return course / "release"
