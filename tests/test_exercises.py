"""Exercises: the model answer gets all points, an empty copy none, and a typical mistake is told what is wrong."""

import functools
import importlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest

from medlab import exercises, phantoms
from medlab.__main__ import main
from tests import marking
from tests.marking import identity

EXERCISES = {path.name: path for path in exercises.find()}
KNOWN = {name[3:]: marking.known(path) for name, path in EXERCISES.items()}
ANSWERS = {name: importlib.import_module(f"tests.answers.{name[3:]}") for name in EXERCISES}
README = (exercises.FOLDER / "README.md").read_text(encoding="utf-8")
SOURCES = {name: nbformat.read(path / f"{name}.ipynb", as_version=4) for name, path in EXERCISES.items()}


def settings(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def tasks(name: str) -> list[str]:
    """The automatically marked tasks of an exercise, by the name of the function that is to be written."""
    tests = [identity(c) for c in SOURCES[name].cells if settings(c).get("grade") and c.cell_type == "code"]
    return [test.removeprefix("test_") for test in tests]


def mistakes(name: str) -> dict[str, dict[str, Callable]]:
    return KNOWN[name[3:]].MISTAKES


TASKS = [(name, task) for name in EXERCISES for task in tasks(name)]
MARKED = "09_first_cnn"  # one for all, since nbgrader starts a kernel for each copy
FULL = {identity(c): settings(c)["points"] for c in SOURCES[MARKED].cells if settings(c).get("grade")}
WRONG = {task: code for task, code, said in ANSWERS[MARKED].WRONG_IN_ANOTHER_WAY if "likely cause" in said}
NONE_FOR_WRONG = FULL | {f"test_{task}": 0 for task in WRONG} | {"words": None}  # a person reads the words


@pytest.fixture(scope="module", autouse=True)
def _phantoms_made_once():
    """The cells below ask for the same few phantoms hundreds of times."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("nodule", "chest_ct"):
            patch.setattr(phantoms, name, functools.cache(getattr(phantoms, name)))
        yield


@pytest.fixture(scope="module")
def handout(tmp_path_factory) -> Path:
    """The students' copies of all exercises, as the command makes them in a folder where one student has worked."""
    folder = tmp_path_factory.mktemp("copies")
    theirs = folder / "02_preprocessing" / "02_preprocessing.ipynb"
    theirs.parent.mkdir()
    theirs.write_text("a student's work")
    assert main(["exercises", "--out", str(folder), "--force"]) == 0
    return folder


@pytest.fixture(scope="module")
def copies(handout):
    return {name: nbformat.read(handout / name / f"{name}.ipynb", as_version=4) for name in EXERCISES}


def check(book, task: str, answer: str | Callable | None = None, *, folder: Path) -> str:
    """Run imports, answer and test of one task in this process; what the test says, empty if it passes.

    Args:
        answer: Text that replaces the answer cell, or a function that takes its place.
        folder: Where the notebook lies, and with it what it imports as `known`.
    """
    cells = {identity(cell): cell.source for cell in book.cells}
    variables = {}
    with marking.started_in(folder):
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


def check_source(name: str, task: str, answer: str | None = None) -> str:
    """With the hidden cases."""
    return check(SOURCES[name], task, answer, folder=EXERCISES[name])


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in which copies of one exercise can be marked."""
    return marking.Course(EXERCISES[MARKED], tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def check_copy(copies, handout) -> Callable[..., str]:
    """With the cases that students see."""
    return lambda name, task, answer=None: check(copies[name], task, answer, folder=handout / name)


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
        answer, test = (next(c for c in SOURCES[name].cells if identity(c) == i) for i in (task, f"test_{task}"))
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
def test_model_answer_passes_by_itself(name, task, capsys, recwarn):
    """With the hidden cases, and without any cell of another task; nbgrader takes words on stderr for a failed test."""
    assert check_source(name, task) == ""
    assert capsys.readouterr().err == ""
    assert not [str(w.message) for w in recwarn if not issubclass(w.category, (DeprecationWarning, ImportWarning))]


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_right_answers_pass_however_they_are_written(name, task):
    assert check_source(name, task, ANSWERS[name].RIGHT_IN_ANOTHER_WAY[task]) == ""


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_unwritten_answers_are_told_so(name, task, check_copy):
    assert check_copy(name, task) == f"{task}: not written yet (it raises NotImplementedError)"


def test_preprocessing_references_by_hand():
    known = KNOWN["preprocessing"]
    image = np.arange(50).reshape(5, 10)
    boxes = np.array([[0, 0, 2, 3], [1, 4, 5, 10]])
    for (a, b, c, d), (e, f, g, h) in zip(boxes, known.flip_boxes(boxes, 10)):
        assert set(image[a:c, b:d].ravel()) == set(image[:, ::-1][e:g, f:h].ravel())
    assert known.standardize(np.array([[[0.0, 2.0]]]), np.array([[[5.0, 1.0]]])).tolist() == [[[4, 0]]]
    dead_pixel = np.pad([[9.0]], 1)
    assert not known.median3(dead_pixel).any()


def test_segmentation_references_by_hand():
    known = KNOWN["segmentation"]
    y, x = np.mgrid[:5, :6]
    assert known.gradient_magnitude(6 * y + 4 * x, (2.0, 1.0)) == pytest.approx(np.full((5, 6), 5))
    assert known.grow(np.eye(3), (1, 1), 1, 1).sum() == 1, "a diagonal does not connect"
    assert known.grow(np.eye(3), (0, 1), 1, 1).sum() == 0
    assert known.grow(np.zeros((3, 4)), (0, 1), 0, 1).all()
    diameter = known.equivalent_diameter(np.ones((2, 3, 4), bool), (0.5, 1.0, 2.0))
    assert np.pi / 6 * diameter**3 == pytest.approx(24)


def test_haar_references_are_those_of_the_package():
    from medlab import detect, features

    known = KNOWN["haar"]
    rng = np.random.default_rng(0)
    window = rng.integers(0, 256, (7, 9), dtype=np.uint8)
    coords = features.haar_coords(window.shape, types="type-2-x")
    places = [[int(place[name]) for name in ("y", "x", "height", "width")] for place in coords]
    ours = [known.haar_2x(features.integral_image(window), *place) for place in places]
    assert np.array_equal(ours, features.haar_features(window[None], types="type-2-x")[0])

    values, labels, weights = rng.integers(0, 30, 80), rng.random(80) < 0.4, rng.dirichlet(np.ones(80))
    first, second = detect.boost(values[:, None], labels, rounds=2, weights=weights)
    threshold, polarity, error = known.stump(values, labels, weights)
    assert (threshold, polarity) == (first.threshold, first.polarity)
    assert error == pytest.approx(first.error)
    vote, changed = known.reweight(weights, first.says(values) == labels)
    assert vote == pytest.approx(first.weight)
    assert known.stump(values, labels, changed) == pytest.approx((second.threshold, second.polarity, second.error))

    low = rng.integers(0, 20, (30, 2))
    boxes = np.concatenate([low, low + rng.integers(1, 15, (30, 2))], axis=1)
    assert [[known.box_iou(a, b) for b in boxes] for a in boxes] == pytest.approx(detect.box_iou(boxes, boxes))


def test_texture_references_are_those_of_the_package():
    from skimage.color import hsv2rgb

    from medlab import features

    known = KNOWN["texture"]
    rng = np.random.default_rng(0)
    greys = rng.integers(0, 6, (12, 15))
    straight = features.lbp_codes(greys[None], points=4, radius=1, method="default")[0, 1:-1, 1:-1]
    codes = known.lbp(greys)
    assert np.array_equal(sum((codes >> 2 * i & 1) << i for i in range(4)), straight)
    bits = np.zeros((3, 3), int)
    for y, x in np.ndindex(3, 3):
        patch = np.zeros((3, 3))
        patch[1, 1] = patch[y, x] = 1
        bits[y, x] = known.lbp(patch)[0, 0]
    assert bits.tolist() == [[8, 4, 2], [16, 0, 1], [32, 64, 128]]

    p = known.cooccurrence(greys, 6)
    found = features.glcm_features(greys[None], levels=6, angles=[0], properties=["contrast", "energy"])[0]
    assert known.haralick(p) == pytest.approx(found)

    hsv = rng.random((9, 11, 3)) * [0.4, 1, 1] + [0.7, 0, 0]
    hsv[..., 0] %= 1
    mean = features.color_moments(hsv2rgb(hsv)[None])[0, 0]
    assert known.mean_hue(hsv[..., 0], hsv[..., 1]) == pytest.approx(mean)

    nodule = phantoms.nodule(5)
    form = features.shape_features(nodule.mask, spacing=nodule.spacing)
    assert known.sphericity(form["mesh_volume"], form["surface_area"]) == pytest.approx(form["sphericity"])


def test_classifier_references_are_those_of_the_package():
    from sklearn.metrics import hinge_loss

    known = KNOWN["classifiers"]
    rng = np.random.default_rng(0)
    rows, labels, w = rng.normal(size=(40, 3)), rng.integers(0, 2, 40), rng.normal(size=3)
    assert known.hinge_loss(rows, labels, w, 0.4) == pytest.approx(hinge_loss(labels, rows @ w + 0.4))
    threshold, impurity = known.best_split(np.array([1.0, 2, 4, 8]), np.array([0, 1, 0, 1]))
    assert (threshold, impurity) == (1.5, pytest.approx(3 / 4 * 4 / 9))  # 1 pure; 2 of 3 on the other side
    patients = rng.integers(0, 12, 40)
    assert known.faults_of(known.deal_folds)(patients, 5) == known.NO_FAULT


@pytest.mark.parametrize(
    ("folds", "fault"),
    [
        ([0, 0, 1, 1], "folds without a fault"),
        ([0, 1, 1, 1], "1 of 2 patients in more than one fold, such as 'ada' in [0, 1]"),
        ([0, 0, 2, 2], "folds from 0 to 2, not from 0 to 1"),
        ([0, 0, -1, -1], "folds from -1 to 0, not from 0 to 1"),
        ([1, 1, 1, 1], "0 + 2 patients in the folds, which are to differ by 1 at most"),
        ([0.0, 0.0, 1.0, 1.0], "folds of float64, not whole numbers"),
        ([0, 1], "folds of shape (2,) for 4 images"),
        (None, None),
    ],
)
def test_faults_of_folds(folds, fault):

    known = KNOWN["classifiers"]
    assert known.faults_of(lambda patients, k: folds)(np.array(["ada", "ada", "kim", "kim"]), 2) == fault


def test_retrieval_references_are_those_of_the_package():
    from medlab import registration, retrieval

    known = KNOWN["retrieval"]
    rng = np.random.default_rng(0)
    archive, queries = rng.normal(size=(30, 4)) * [1, 10, 100, 5], rng.normal(size=(6, 4)) * [1, 10, 100, 5]
    of_archive, of_queries = rng.integers(0, 9, 30), rng.integers(0, 9, 6)
    answers = retrieval.fit(archive, patients=of_archive).query(queries, k=4, patients=of_queries)
    far = known.distances(archive, queries)
    assert np.array_equal(known.nearest(far, of_archive, of_queries, 4), answers.indices)
    assert np.take_along_axis(far, answers.indices, axis=1) == pytest.approx(answers.distances)
    right = rng.random(20) < 0.4
    assert known.average_precision(right) == pytest.approx(retrieval.average_precision([True], right[None])[0])
    quarter = np.array([[0, -1, 3], [1, 0, -4], [0, 0, 1]])
    points = rng.normal(size=(5, 2))
    assert known.move(points, (1, 1), 90, (3, -4)) == pytest.approx(registration.apply(quarter, points))


def test_convolution_references_are_those_of_torch():
    import torch
    from torch.nn import functional as F

    from medlab import networks

    known = KNOWN["convolution"]
    rng = np.random.default_rng(0)
    image = torch.tensor(rng.normal(size=(1, 9, 12)))
    kernel = torch.tensor(rng.normal(size=(1, 1, 3, 4)), requires_grad=True)
    result = F.conv2d(image, kernel)
    g = torch.tensor(rng.normal(size=result.shape))
    (result * g).sum().backward()
    pixels, weights = image[0].numpy(), kernel[0, 0].detach().numpy()
    assert np.allclose(known.correlate(pixels, weights), result[0].detach())
    assert np.allclose(known.kernel_gradient(pixels, g[0].numpy()), kernel.grad[0, 0])
    assert np.array_equal(known.max_pool(pixels), F.max_pool2d(image, 2)[0])
    for n, k, p, s in rng.integers((5, 1, 0, 1), (40, 6, 3, 5), (30, 4)).tolist():
        assert known.output_size(n, k, p, s) == networks.output_size(n, kernel=k, padding=p, stride=s)
    for depth in range(1, 7):
        layers = rng.integers((1, 1), (6, 4), (depth, 2)).tolist()
        assert known.receptive_field(layers) == networks.receptive_field(layers)


def test_first_cnn_references_are_those_of_torch():
    import torch
    from torch import nn
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    known = KNOWN["first_cnn"]
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 9, (8, 3)), rng.integers(0, 3, 8)
    assert np.allclose(known.softmax(logits), torch.softmax(torch.tensor(logits), dim=1))
    cost = nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels))
    assert known.cross_entropy(logits, labels) == pytest.approx(cost.item())

    model = nn.Linear(4, 1, bias=False, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.3)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8))
    weights, velocity, history = model.weight[0].detach().numpy().copy(), np.zeros(4), []
    for gradient in rng.normal(size=(5, 4)):
        model.weight.grad = torch.tensor(gradient[None])
        optimizer.step()
        average.update_parameters(model)
        weights, velocity = known.sgd_step(weights, gradient, velocity, 0.1, 0.9, 0.3)
        history.append(weights)
    assert np.allclose(weights, model.weight[0].detach())
    assert np.allclose(known.average_weights(np.array(history), 0.8), average.module.weight[0].detach())

    layers = [nn.Conv2d(3, 5, 3), nn.MaxPool2d(2), nn.Conv2d(5, 7, 3), nn.MaxPool2d(2), nn.Flatten()]
    inputs = nn.Sequential(*layers)(torch.zeros(1, 3, 17, 17)).shape[1]
    count = sum(p.numel() for p in nn.Sequential(*layers, nn.Linear(inputs, 4)).parameters())
    assert known.count_parameters(17, (3, 5, 7), 4) == count
    assert known.count_parameters(256, (3, 32, 64), 10) == 2_479_562
    assert known.best_epoch(np.zeros(4), np.array([np.nan, 2, 1, 1])) == 3


def test_depth_references_are_those_of_torch():
    import torch
    from torch import nn

    from medlab import networks

    known = KNOWN["how_deep"]
    channels = [(3, 4), (4, 8), (8, 8)]
    stack = nn.Sequential(*(nn.Conv2d(a, b, 3) for a, b in channels))
    assert known.count_weights(channels) == networks.count_parameters(stack)
    for side, kernel, stride in [(9, 3, 1), (9, 3, 2), (8, 5, 3), (7, 1, 2)]:
        conv = nn.Conv2d(3, 4, kernel, stride=stride, padding=kernel // 2)
        shape = (side, side + 3)
        assert known.multiply_adds(shape, 3, 4, kernel, stride) == networks.flops(conv, (3, *shape))
    torch.manual_seed(0)
    for shape in [(60, 200), (64, 32, 3, 3), (32, 8, 3, 3, 3)]:
        drawn = nn.init.kaiming_normal_(torch.empty(shape), nonlinearity="relu")
        assert known.he_deviation(shape) == pytest.approx(drawn.std().item(), rel=0.03)

    norm = nn.BatchNorm2d(3, affine=False, dtype=torch.float64)
    mean, variance = np.zeros(3), np.ones(3)
    for training in (True, True, False):
        x = torch.randn(4, 3, 5, 6, dtype=torch.float64) * 3 + 7
        y, mean, variance = known.batch_norm(x.numpy(), mean, variance, training)
        assert np.allclose(y, norm.train(training)(x))
        assert np.allclose([mean, variance], [norm.running_mean, norm.running_var])


def test_transfer_references_are_those_of_torch():
    import torch
    from torch import nn

    from medlab import networks

    known = KNOWN["transfer"]
    torch.manual_seed(0)
    colour = nn.Conv2d(3, 5, 3, bias=False)
    grey = torch.randn(1, 1, 7, 7)
    kernels = torch.tensor(known.to_grey(colour.weight.detach().numpy()))
    assert torch.allclose(nn.functional.conv2d(grey, kernels), colour(grey.expand(1, 3, 7, 7)), atol=1e-5)

    model = networks.freeze(networks.ResidualNet(5, width=4))
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    counts = networks.count_parameters(model, trainable=True), networks.count_parameters(model)
    assert known.trainable(shapes, "head") == counts

    n, auc = np.array([10, 1000]), np.array([0.6, 0.8])
    found = [known.labels_needed(n, auc, target) for target in (0.5, 0.6, 0.7, 0.8, 0.81)]
    assert found == pytest.approx([10, 10, 100, 1000, np.nan], nan_ok=True)
    scaled = known.imagenet_input(np.array([[0, 51]], np.uint8))[:, 0]  # 51 is 0.2
    assert scaled == pytest.approx(
        np.array([[-0.485, -0.285], [-0.456, -0.256], [-0.406, -0.206]]) / [[0.229], [0.224], [0.225]]
    )


@pytest.mark.parametrize(
    ("test", "fault"),
    [
        ([0, 0, 0, 1, 1], "a test set without a fault"),
        ([0, 0, 0, 1, 0], "1 of 1 test patients also among the others, such as 'lee'"),
        ([1, 1, 0, 0, 0], "1 of 1 test patients seen in pretraining, such as 'ada'"),
        ([0, 0, 1, 1, 1], "2 test patients, not 1"),
        ([0, 0, 0, 0, 0], "0 test patients, not 1"),
        ([0, 1], "a test set of shape (2,) for 5 images"),
        (None, None),
    ],
)
def test_faults_of_test_sets(test, fault):

    known = KNOWN["transfer"]
    patients, seen = np.array(["ada", "ada", "kim", "lee", "lee"]), np.array(["ada", "bo"])
    chosen = None if test is None else np.array(test, bool)
    assert known.faults_of(lambda patients, seen, count: chosen)(patients, seen, 1) == fault


@pytest.mark.parametrize("name", EXERCISES)
def test_every_task_knows_two_mistakes(name):
    assert set(mistakes(name)) == set(tasks(name)) == set(ANSWERS[name].RIGHT_IN_ANOTHER_WAY)
    assert all(len(known) >= 2 for known in mistakes(name).values())


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_known_mistakes_are_told_apart(name, task, check_copy):
    """Already by the cases that students see."""
    said = {sentence: check_copy(name, task, wrong) for sentence, wrong in mistakes(name)[task].items()}
    for sentence, message in said.items():
        assert message.endswith(f"\n  likely cause: {sentence}")


@pytest.mark.parametrize(
    ("name", "task", "code", "said"),
    [(name, *entry) for name in EXERCISES for entry in ANSWERS[name].WRONG_IN_ANOTHER_WAY],
)
def test_wrong_answers_as_students_write_them(name, task, code, said, check_copy):
    assert said in check_copy(name, task, code)


@pytest.mark.parametrize(
    ("name", "task", "code"), [(name, *entry) for name in EXERCISES for entry in ANSWERS[name].CAUGHT_BY_HIDDEN_CASES]
)
def test_hidden_cases_catch_more(name, task, code, check_copy):
    assert check_copy(name, task, code) == ""
    assert check_source(name, task, code).startswith(f"{task}: case ")


@pytest.mark.filterwarnings("ignore:Object of type")  # nbgrader's own use of its database
class TestMarking:
    def test_right_copy(self, course, copies):
        """Handed in without `known.py`, which nbgrader puts beside it."""
        marked = course.mark("ada", marking.answered(copies[MARKED], marking.model_answers(SOURCES[MARKED])))
        assert marked.points == FULL | {"words": None}
        outputs = [output for cell in marked.notebook.cells for output in cell.get("outputs", [])]
        assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]

    def test_empty_copy(self, course, copies):
        assert course.mark("emil", copies[MARKED]).points == dict.fromkeys(FULL, 0)

    def test_partly_wrong_copy(self, course, copies):
        answers = marking.model_answers(SOURCES[MARKED]) | WRONG
        marked = course.mark("max", marking.answered(copies[MARKED], answers))
        assert marked.points == NONE_FOR_WRONG
        causes = [cell.outputs[-1].evalue for cell in marked.notebook.cells if identity(cell)[5:] in WRONG]
        assert len(causes) == len(WRONG)
        assert all("likely cause: " in cause for cause in causes), "what the student reads afterwards"

    def test_tampered_copy(self, course, copies, handout, tmp_path):
        """Wrong answers beside a `known.py` that agrees with them, a test made harmless, imports deleted."""
        tampered = (handout / MARKED / "known.py").read_text(encoding="utf-8") + "".join(WRONG.values())
        (tmp_path / "known.py").write_text(tampered, encoding="utf-8")
        assert not any(check(copies[MARKED], task, code, folder=tmp_path) for task, code in WRONG.items())
        answers = marking.model_answers(SOURCES[MARKED]) | WRONG | {"test_best_epoch": "pass", "imports": "pass"}
        marked = course.mark("eve", marking.answered(copies[MARKED], answers), known=tampered)
        assert marked.points == NONE_FOR_WRONG


def test_copies_come_with_what_they_import(handout):
    """And with nothing else; what a student had written was replaced, as `--force` says."""
    for name, path in EXERCISES.items():
        assert sorted(file.name for file in (handout / name).glob("*.*")) == [f"{name}.ipynb", "known.py"]
        assert (handout / name / "known.py").read_bytes() == (path / "known.py").read_bytes()


def test_command_spares_what_students_wrote(tmp_path, capsys):
    theirs = tmp_path / "03_segmentation" / "03_segmentation.ipynb"
    theirs.parent.mkdir()
    theirs.write_text("a student's work")
    assert main(["exercises", "--out", str(tmp_path)]) == 2
    assert f"{theirs} is there" in capsys.readouterr().err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [theirs], "all or nothing"
    assert theirs.read_text() == "a student's work"


def test_exercises_are_found_by_number_and_name():
    found = [path.name for path in exercises.find(["03_segmentation", "02", "02"])]
    assert found == ["02_preprocessing", "03_segmentation"]
    assert list(EXERCISES) == sorted(EXERCISES)


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
