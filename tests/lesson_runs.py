"""Running a lesson with the small settings of the tests."""

from medlab.report import lessons, run

SMALL = {  # one entry a lesson: parameters that make it quick
    "00_start_here": {"n_frames": 3},
    "01_reading_medical_images": {},
    "02_preprocessing": {"n_images": 150},
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


def run_small(name: str, **parameters) -> run.Result:
    (lesson,) = lessons.find([name])
    result = run.run_lesson(lesson, {**SMALL[name], **parameters}, cell_seconds=CELL_SECONDS)
    assert result.ok, result.error
    return result


def text_of(result: run.Result) -> str:
    """All that the cells printed or returned as text."""
    outputs = [output for cell in result.notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs)
