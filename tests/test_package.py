"""The package as a whole: small, in layers without circles, and no public name that nobody uses."""

import ast
import io
import re
import tokenize
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

import medlab
from tests.notebooks import REPOSITORY

MOST_CODE_LINES = 10_000  # only goes down, unless a step of the plan names a new number
LAYERS = (  # a part imports from the layers above its own line; the last may also import each other
    {"arguments", "files", "kernels"},
    {"io", "phantoms", "preprocess", "segment", "features", "networks", "metrics", "registration"},
    {"data"},
    {"classify", "train", "retrieval", "detect"},
    {"plots", "widgets", "checks", "exercises", "report", "__main__"},
)
SIDEWAYS = {("registration", "preprocess")}  # within a layer: both images on one grid of mm, by `resample`
_STEP = "a scikit-learn step like LBP, GLCM and HOG, which lessons use"
_OUTLINES = "how well outlines agree, in mm: for what `segment` gives, and for the U-Net of lesson 15"
UNUSED = {  # public, and used by nobody here: why it is there
    "data.DownloadError": "what data.load raises",
    "data.Example": "what data.EXAMPLES holds",
    "data.folds": "folds of a data set for a reader's own loop; classify.folds gives their rows",
    "data.write_cohort": "a reader keeps phantoms, or a set put right, as files",
    "detect.box_iou": "the result that exercise 04 builds by hand",
    "detect.non_max_suppression": "one mark a lesion, for a detector of the reader's own",
    "features.HSV": _STEP,
    "features.Haar": _STEP,
    "features.Intensity": _STEP,
    "features.Margin": _STEP,
    "features.Shape": _STEP,
    "features.hsv_histogram": "what features.HSV gives",
    "kernels.threads": "how many the compiled loops may use",
    "metrics.METRICS": "the columns of every table of models, for a reader who adds one",
    "metrics.bland_altman": "agreement of two ways to measure: for sizes by hand and by outline",
    "metrics.boundary_f1": _OUTLINES,
    "metrics.calibration_error": "beside plots.calibration, as a number",
    "metrics.f1": "asked for by name in tables of detection",
    "metrics.hausdorff95": _OUTLINES,
    "metrics.surface_distance": _OUTLINES,
    "phantoms.p_malignant": "the model behind the labels: the best possible for a reader's own attributes",
    "preprocess.moved_boxes": "boxes under a known map, as moved_image moves the picture",
    "preprocess.moved_mask": "a mask under a known map, as moved_image moves the picture",
    "registration.match": "pairs of key points, the step before register",
    "report.recorded": "the numbers of a lesson that was run, for a teacher's own table",
    "widgets.is_live": "whether a widget can be turned, for a lesson that draws one itself",
}
PACKAGE = REPOSITORY / "medlab"
MODULES = {
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank lines, comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    empty = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in empty:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        documented = isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node)
        if documented:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def imports(tree: ast.AST) -> set[str]:
    """Modules of the package that a source imports anywhere, also where it is only done when needed."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
    return {name for name in found if name in MODULES and name != "medlab"}


@cache
def graph() -> dict[str, set[str]]:
    return {
        name: imports(ast.parse(path.read_text(encoding="utf-8"))) for name, path in MODULES.items() if name != "medlab"
    }


def part(module: str) -> str:
    return module.split(".")[1]


def test_the_package_is_small():
    lines = {name: code_lines(path) for name, path in MODULES.items()}
    total = sum(lines.values())
    assert total <= MOST_CODE_LINES, f"{total} lines of code: look for what can go before you add"
    assert lines["medlab.files"] == len(
        [
            line
            for line in re.sub(r'""".*?"""', "", MODULES["medlab.files"].read_text(), flags=re.DOTALL).splitlines()
            if line.strip() and not line.strip().startswith("#")
        ]
    )  # counted another way


def test_imports_go_down_the_layers():
    rank = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    assert {part(module) for module in graph()} == set(rank)
    wrong = set()
    for module, others in graph().items():
        for other in others:
            a, b = part(module), part(other)
            level = rank[a] == rank[b] == len(LAYERS) - 1 or (a, b) in SIDEWAYS
            if a != b and not rank[b] < rank[a] and not level:
                wrong.add(f"{module} imports {other}")
    assert not wrong


def test_no_module_imports_itself_by_a_detour():
    list(TopologicalSorter(graph()).static_order())  # raises CycleError, which names the circle


@cache
def sources() -> list[tuple[str, ast.AST]]:
    """Whoever may use the package: its own modules, lessons, exercises, benchmarks, the README."""
    texts = [(name, path.read_text(encoding="utf-8")) for name, path in MODULES.items()]
    for path in (REPOSITORY / "notebooks").rglob("*.ipynb"):
        cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        texts.append((path.name, "\n".join(cells)))
    for folder in ("notebooks/exercises", "tests/bench"):
        texts += [(path.name, path.read_text(encoding="utf-8")) for path in (REPOSITORY / folder).rglob("*.py")]
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    texts.append(("README.md", "\n".join(readme_blocks(readme))))
    return [(name, ast.parse(text)) for name, text in texts]


def readme_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def used(tree: ast.AST) -> set[str]:
    """Names of the package that a source uses, as "part.name"."""
    parts, names = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "medlab":
            parts |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("medlab."):
            names |= {f"{part(node.module)}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in parts:
            names.add(f"{parts[node.value.id]}.{node.attr}")
    return names


def types_in_signatures(name: str) -> set[str]:
    """Classes that the public functions of a part take or return: they need no other use."""
    texts = []
    for module, path in MODULES.items():
        if module != "medlab" and part(module) == name:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    arguments = [*node.args.args, *node.args.kwonlyargs]
                    texts += [ast.unparse(a.annotation) for a in arguments if a.annotation]
                    texts += [ast.unparse(node.returns)] if node.returns else []
    return set(re.findall(r"\w+", " ".join(texts)))


@cache
def used_outside(name: str) -> set[str]:
    """What others than the part itself use of the package."""
    outside = [tree for where, tree in sources() if not (where.startswith("medlab.") and part(where) == name)]
    return set().union(*map(used, outside))


@pytest.mark.parametrize("name", sorted(set().union(*LAYERS) - {"__main__", "exercises"}))
def test_every_public_name_is_used(name):
    module = import_module(f"medlab.{name}")
    public = getattr(module, "__all__", None) or [
        key for key, value in vars(module).items() if callable(value) and value.__module__ == f"medlab.{name}"
    ]
    needless = set(public) - types_in_signatures(name) - {key for key in public if key.startswith("_")}
    idle = {f"{name}.{key}" for key in needless} - used_outside(name)
    assert idle - set(UNUSED) == set(), "use it, remove it, or say in UNUSED why it is there"
    listed = {key for key in UNUSED if key.split(".")[0] == name}
    assert listed <= idle, "no longer unused, or no longer there: take it off the list"


def test_every_part_can_be_reached_from_medlab():
    assert set(medlab.__all__) - {"__version__"} == set().union(*LAYERS[1:]) - {"exercises", "__main__"}


def test_the_blocks_of_the_readme_run(tmp_path, monkeypatch, capsys):
    """As they stand, one after the other, beside a scan of the name that they read, and with fewer phantoms."""
    from matplotlib import pyplot

    from medlab import data
    from medlab import io as images
    from tests import corpus

    load = data.load
    monkeypatch.setattr(data, "load", lambda name: load(name, n=40))
    monkeypatch.chdir(tmp_path)
    images.write(corpus.volume(), tmp_path / "my_scan.nii.gz")
    variables = {}
    for block in readme_blocks((REPOSITORY / "README.md").read_text(encoding="utf-8")):
        exec(compile(block, "README.md", "exec"), variables)
    pyplot.close("all")
    assert variables["volume"].array.ndim == 3
    assert variables["train"].evaluate(variables["model"], variables["test"])["auc"].high > 0.5
