"""Which lessons there are, which parameters they know, and which of them can use a data set."""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "notebooks"
NAME = re.compile(r"^\d\d_[a-z0-9_]+$")


@dataclass(frozen=True)
class Lesson:
    """A notebook and what its `parameters` cell declares.

    Args:
        path: The .ipynb file.
        title: Its first heading.
        parameters: Parameter name to (default, comment), both as text.
    """

    path: Path
    title: str
    parameters: dict[str, tuple[str, str]]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def datasets(self) -> list[str]:
        """The data sets that its `dataset` line names in quotes: the default, and those in the comment."""
        return re.findall(r"[\"']([^\"']+)[\"']", " ".join(self.parameters.get("dataset", ())))

    def accepts(self, dataset: str) -> bool:
        """Whether the lesson can use a data set: it names it, or its comment says that a folder will do."""
        folder_will_do = "folder" in self.parameters.get("dataset", ("", ""))[1]
        return dataset in self.datasets or (folder_will_do and Path(dataset).is_dir())


def find(names: list[str] | None = None, *, folder: Path = FOLDER) -> list[Lesson]:
    """The lessons asked for, in order; all of them when none is named.

    Args:
        names: Numbers ("01"), names ("01_reading_medical_images"), or paths of notebooks.

    Raises:
        ValueError: If there is no such lesson; it lists them.
    """
    there = sorted(p for p in folder.glob("*.ipynb") if NAME.match(p.stem))
    chosen = []
    for name in names or []:
        paths = [p for p in there if name in (p.stem, p.stem[:2], p.name)]
        if not paths and Path(name).suffix == ".ipynb" and Path(name).is_file():
            paths = [Path(name).resolve()]
        if not paths:
            raise ValueError(f"no lesson {name!r}; there are {', '.join(p.stem for p in there)}")
        chosen += paths
    paths = list(dict.fromkeys(chosen or there))
    if not paths:
        raise ValueError(f"there are no lessons in {folder}; run from a checkout of the course")
    names = [path.stem for path in paths]
    twice = next((name for name in names if names.count(name) > 1 or name == "index"), None)
    if twice:
        raise ValueError(f"the page of {twice!r} would be overwritten; give each notebook a name of its own")
    return [_read(path) for path in paths]


def assign(lessons: list[Lesson], given: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Share out parameters: each lesson gets those it knows, as Python values.

    Args:
        given: Parameter name to the text typed for it.

    Raises:
        ValueError: If no lesson knows a name (it lists the known ones), or a text is not the kind of value wanted.
    """
    known = sorted({name for lesson in lessons for name in lesson.parameters})
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(f"no chosen lesson has a parameter {unknown[0]!r}; there are {', '.join(known) or 'none'}")
    return {
        lesson.name: {
            name: value_of(name, text, lesson.parameters[name][0])
            for name, text in given.items()
            if name in lesson.parameters
        }
        for lesson in lessons
    }


def value_of(name: str, text: str, default: str) -> Any:
    """What was typed, as the kind of value that the default is.

    Lessons run in their own folder, so a path is made absolute: it means what it means where it was typed.

    >>> value_of("n_images", "12", "200"), value_of("window", "(40, 400)", "(0, 1)"), value_of("name", "12", "'a'")
    (12, (40, 400), '12')
    """
    is_path = name in ("path", "folder") or name.endswith(("_path", "_folder"))
    if is_path or (name == "dataset" and Path(text).expanduser().is_dir()):
        return str(Path(text).expanduser().resolve()) if text else text
    wanted, value = _literal(default), _literal(text)
    if isinstance(wanted, str):
        return text
    if isinstance(wanted, bool) and not isinstance(value, bool):
        raise ValueError(f"parameter {name!r} is True or False (by default {default}), got {text!r}")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(wanted, (int, float)) and not isinstance(wanted, bool) and not number:
        raise ValueError(f"parameter {name!r} is a number (by default {default}), got {text!r}")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError(f"parameter {name!r} takes numbers, texts and lists of them, got {text!r}") from None
    return value


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _read(path: Path) -> Lesson:
    import nbformat
    from papermill import inspect_notebook

    heading = next(
        (
            line.lstrip("# ").strip()
            for cell in nbformat.read(path, as_version=4).cells
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if line.startswith("# ")
        ),
        path.stem,
    )
    found = inspect_notebook(str(path))
    return Lesson(path, heading, {name: (p["default"], p["help"]) for name, p in found.items()})
