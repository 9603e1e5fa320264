"""Turn executed lessons into pages that open offline: one per lesson, and an index."""

import base64
import io
import json
import os
import platform
from contextlib import suppress
from datetime import datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat

from medlab import files
from medlab.report.numbers import show, to_json
from medlab.report.run import Result

TEMPLATES = Path(__file__).parent / "templates"
PACKAGES = ("medlab", "numpy", "scikit-image", "matplotlib", "torch", "pydicom", "papermill")
NEEDS_SCRIPTS = ("application/vnd.jupyter.widget-view+json", "application/javascript")
THUMBNAIL_PX = 420  # drawn at half that width: sharp on fine screens


def write_page(result: Result, folder: Path) -> Path:
    """Write the page of one lesson.

    Returns:
        The path of the .html file.
    """
    notebook = result.notebook or nbformat.v4.new_notebook()
    describe_figures(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in NEEDS_SCRIPTS:  # the text or picture beside it does not
                output.get("data", {}).pop(kind, None)
    notebook.metadata["title"] = result.title
    notebook.metadata.pop("widgets", None)
    facts = [clock(result.seconds), *(f"{name} = {value!r}" for name, value in result.parameters.items())]
    resources = {"medlab": {"facts": facts, "error": result.error}}
    html, _ = _exporter(result.folder).from_notebook_node(notebook, resources=resources)
    return _write(folder / f"{result.name}.html", html)


def write_index(results: list[Result], skipped: dict[str, str], folder: Path) -> Path:
    """Write index.html and results.json for the lessons that ran, and those left out with the reason."""
    import jinja2

    about = {
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores",
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    lessons = {
        r.name: {
            "seconds": round(r.seconds, 2), "ok": r.ok, "error": r.error or None, "parameters": r.parameters,
            "numbers": {name: to_json(value) for name, value in r.numbers.items()},
        }
        for r in results
    }  # fmt: skip
    _write(
        folder / "results.json",
        json.dumps({"lessons": lessons, **about}, indent=2, ensure_ascii=False, allow_nan=False),
    )
    rows = [_row(result) for result in results]
    rows += [{"title": title, "error": f"left out: {why}", "ran": False, "time": "–"} for title, why in skipped.items()]
    template = jinja2.Environment(autoescape=True).from_string(
        (TEMPLATES / "index.html.j2").read_text(encoding="utf-8")
    )
    html = template.render(
        rows=rows, done=sum(r.ok for r in results), failed=sum(not r.ok for r in results),
        total=clock(sum(r.seconds for r in results)), **about,
    )  # fmt: skip
    return _write(folder / "index.html", html)


def describe_figures(notebook: nbformat.NotebookNode) -> None:
    """Give every picture its alternative text: the comment that opens its cell, else the heading above it."""
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = [line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")]
            heading = headings[-1] if headings else heading
        kinds = [(o, kind) for o in cell.get("outputs", []) for kind in o.get("data", {}) if kind.startswith("image/")]
        text = opening_comment(cell.source) or f"Figure: {heading}"
        for i, (output, kind) in enumerate(kinds):
            numbered = f"{text} ({i + 1} of {len(kinds)})" if len(kinds) > 1 else text
            output.setdefault("metadata", {}).setdefault(kind, {})["alt"] = numbered


def opening_comment(source: str) -> str:
    """The comment lines at the top of a cell as one text; in lessons they say what its figure shows."""
    lines = []
    for line in source.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").strip())
    return " ".join(lines)


def clock(seconds: float) -> str:
    """A duration for people: "8 s", "2 min 05 s"."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def _exporter(folder: Path):
    from nbconvert.exporters import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
    from traitlets.config import Config

    class MathMLRenderer(IPythonRenderer):
        """Formulas as MathML, which browsers draw without any script."""

        def block_math(self, body: str) -> str:
            return mathml(body, "block")

        def inline_math(self, body: str) -> str:
            return mathml(body, "inline")

        def latex_environment(self, name: str, body: str) -> str:
            return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    class LessonExporter(HTMLExporter):
        def markdown2html(self, context: Any, source: str) -> str:
            renderer = MathMLRenderer(escape=False, anchor_link_text="¶", embed_images=True, path=str(folder))
            return MarkdownWithMath(renderer=renderer).render(source)

        markdown2html.jinja_pass_arg = HTMLExporter.markdown2html.jinja_pass_arg

        def default_filters(self):
            yield from super().default_filters()
            yield "markdown2html", self.markdown2html

    config = Config({"HTMLExporter": {"preprocessors": ["nbconvert.preprocessors.CoalesceStreamsPreprocessor"]}})
    return LessonExporter(config=config, template_name="lesson", extra_template_basedirs=[str(TEMPLATES)])


def mathml(latex: str, display: str) -> str:
    """A formula as MathML; one that cannot be read as it was typed, so that the page is not lost for it."""
    from latex2mathml.converter import convert

    try:
        return convert(latex, display=display)
    except Exception:  # the library has a class of its own for every slip
        return f"<code>{escape(latex)}</code>"


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _row(result: Result) -> dict[str, Any]:
    picture, alt = _first_figure(result.notebook)
    return {
        "page": quote(f"{result.name}.html"), "title": result.title, "error": result.error, "ran": True,
        "time": clock(result.seconds), "thumbnail": picture, "alt": alt,
        "parameters": ", ".join(f"{name} = {value!r}" for name, value in result.parameters.items()),
        "numbers": [(name.replace("_", " "), show(value)) for name, value in result.numbers.items()],
    }  # fmt: skip


def _first_figure(notebook: nbformat.NotebookNode | None) -> tuple[str, str]:
    """The first figure of a lesson, or the one whose cell is tagged `thumbnail`, scaled down: (base64, text)."""
    from PIL import Image

    drawn = [
        ("thumbnail" in cell.metadata.get("tags", []), output)
        for cell in (notebook.cells if notebook else [])
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    if not drawn:
        return "", ""
    output = max(drawn, key=lambda item: item[0])[1]  # the first of equals
    with Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))) as image:
        image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        small = io.BytesIO()
        image.save(small, format="PNG")
    return base64.b64encode(small.getvalue()).decode(), output["metadata"]["image/png"].get("alt", "")


def _write(path: Path, text: str) -> Path:
    with files.beside(path) as part:
        part.write_text(text, encoding="utf-8")
    return path
