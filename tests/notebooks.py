"""Small lessons made by code, for the tests of the tools that run lessons."""

from pathlib import Path

import nbformat

REPOSITORY = Path(__file__).parents[1]
LESSONS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))


def write(folder: Path, name: str, *cells: str, parameters: str = "") -> Path:
    """A notebook: texts that begin with "#! " are markdown cells, the others code."""
    made = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})] if parameters else []
    for text in cells:
        markdown = text.startswith("#! ")
        made.append(nbformat.v4.new_markdown_cell(text[3:]) if markdown else nbformat.v4.new_code_cell(text))
    book = nbformat.v4.new_notebook(cells=made)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / f"{name}.ipynb"
    nbformat.write(book, path)
    return path
