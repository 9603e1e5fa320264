"""The repository itself: lint, notebooks without output, a README that lists every lesson, a light import."""

import re
import subprocess
import sys
import tomllib

import nbformat
import pytest
from packaging.requirements import Requirement

from tests import notebooks

ROOT = notebooks.REPOSITORY
TOP_LEVEL = {
    "README.md", "CONTRIBUTING.md", "requirements.txt", "notebooks", "medlab", "tests", "data",
    "Makefile", "pyproject.toml", "LICENSE", ".ci", ".gitignore",
}  # fmt: skip


def python(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_lint(command):
    done = python("-m", "ruff", *command, ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_notebooks_hold_no_output():
    paths = sorted((ROOT / "notebooks").rglob("*.ipynb"))
    done = python("-m", "nbstripout", "--verify", *map(str, paths))
    assert done.returncode == 0, f"run nbstripout on these: {done.stdout}"
    for path in paths:
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
        assert "widgets" not in book.metadata
        assert path.stem[:2].isdigit()


@pytest.mark.parametrize("path", notebooks.LESSONS, ids=lambda p: p.stem)
def test_every_lesson_stands_in_the_readme(path):
    rows = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
    (row,) = [line for line in rows if f"(notebooks/{path.name})" in line]
    assert len(row.strip("| ").split("|")) == 4, "lesson, you will build, minutes, needs"


def test_the_readme_links_to_files_that_are_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_top_level_is_what_the_plan_says():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0 or not listed.stdout:
        pytest.skip("not a git checkout")
    assert {line.split("/")[0] for line in listed.stdout.splitlines()} <= TOP_LEVEL


def requirements() -> list[tuple[Requirement, str]]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    split = [line.partition("#") for line in lines if line.strip() and not line.startswith(("#", "-"))]
    return [(Requirement(text.strip()), comment) for text, _, comment in split]


def test_every_requirement_has_bounds_and_says_who_needs_it():
    for requirement, comment in requirements():
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators == {">=", "<"}, requirement
        assert re.search(r"\ball\b|\b\d\d\b", comment), f"{requirement.name}: which lessons need it?"


def test_what_the_package_imports_is_required():
    """No module of the package, lesson or exercise leans on a package that came by accident."""
    modules = [*(ROOT / "medlab").rglob("*.py"), *(ROOT / "notebooks").rglob("*.py")]
    sources = [path.read_text(encoding="utf-8") for path in modules]
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        sources += [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    imported = {name for text in sources for name in re.findall(r"^\s*(?:import|from) (\w+)", text, re.MULTILINE)}
    names = {"PIL": "pillow", "IPython": "ipykernel", "skimage": "scikit-image", "sklearn": "scikit-learn"}
    names |= {"traitlets": "nbconvert"}  # belong to the package named
    needed = {names.get(name, name) for name in imported - sys.stdlib_module_names - {"medlab", "known"}}
    assert needed <= {requirement.name for requirement, _ in requirements()}


def test_run_time_bounds_stand_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dependencies"] == []


def test_importing_medlab_is_light():
    done = python("-c", "import medlab, sys; print(*sorted(m.split('.')[0] for m in sys.modules))")
    assert "medlab" in done.stdout.split(), done.stderr
    assert not {"torch", "skimage", "numpy", "matplotlib", "pydicom"} & set(done.stdout.split())


def test_every_part_is_there():
    import medlab

    for part in medlab.__all__:
        assert getattr(medlab, part)
    with pytest.raises(AttributeError, match="it has checks, classify, data"):
        _ = medlab.nothing
