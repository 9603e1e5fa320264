"""Running a lesson, or some of its cells, with the small settings of the tests."""

import tempfile
from pathlib import Path

import nbformat

from medlab.report import lessons, run
from tests import notebooks

SMALL = {  # one entry a lesson: parameters that make it quick
    "00_start_here": {"n_frames": 3},
    "01_reading_medical_images": {},
    "02_preprocessing": {"n_images": 200},
    "03_edges_and_segmentation": {"n_images": 16},
    "04_haar_features": {"n_train": 1, "n_validation": 1, "n_test": 1, "n_nodules": 40, "stages": 3},
    "05_texture_colour_shape": {"n_images": 60, "n_scanned": 4},
    "06_svm_and_rivals": {"n_images": 80, "outer": 3, "inner": 2, "n_studies": 4},
    "07_similar_images": {"n_images": 60, "n_twice": 20, "n_patients": 3},
    "08_convolution_by_hand": {"n_images": 16},
    "09_first_cnn": {"n_images": 80, "images_seen": 800, "outer": 3, "inner": 2, "repeats": 2},
    "10_how_deep": {"n_images": 120, "n_seeds": 1, "deepest": 50, "tall": 60, "steps": 24, "batch": 20},
    "11_transfer_learning": {
        "n_source": 240,
        "n_target": 160,
        "sizes": "10 50",
        "seeds": 2,
        "steps": 80,
        "n_big": 32,
        "few": 16,
    },
}
CELL_SECONDS = 120


WITHOUT_TORCH = "07"  # the last lesson that must not import it, neither itself nor through anything else
NO_TORCH = "import sys\nassert not {'torch', 'torchvision'} & set(sys.modules), 'this lesson loads torch'"


def run_small(name: str, **parameters) -> run.Result:
    """The lesson with the small settings, some changed; one that is to run without torch says at its end if it did."""
    book = nbformat.read(notebooks.REPOSITORY / "notebooks" / f"{name}.ipynb", as_version=4)
    if name[:2] <= WITHOUT_TORCH:
        book.cells.append(nbformat.v4.new_code_cell(NO_TORCH))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.ipynb"
        nbformat.write(book, path)
        (lesson,) = lessons.find([str(path)])
        result = run.run_lesson(lesson, {**SMALL[name], **parameters}, cell_seconds=CELL_SECONDS)
    assert result.ok, result.error
    return result


def run_cells(name: str, *beginnings: str, **parameters) -> dict:
    """Only the imports, the parameters and the cells that hold one of these texts, in this process; their variables."""
    cells = nbformat.read(notebooks.REPOSITORY / "notebooks" / f"{name}.ipynb", as_version=4).cells
    chosen = [cell.source for cell in cells if any(text in cell.source for text in beginnings)]
    assert len(chosen) >= len(beginnings), f"{name} has changed: not all of {beginnings} are in it"
    variables = {}
    for source in (cells[2].source, cells[3].source):
        exec(source, variables)
    assert set(parameters) <= set(variables)
    variables |= {**SMALL[name], **parameters}
    for source in chosen:
        exec(compile(source, name, "exec"), variables)
    return variables


def text_of(result: run.Result) -> str:
    """All that the cells printed or returned as text."""
    outputs = [output for cell in result.notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs)
