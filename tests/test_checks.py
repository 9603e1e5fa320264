"""The check of the installation sees what is missing or too old; a wrong answer is told what is wrong with it."""

import sys

import numpy as np
import pytest

from medlab import checks


def test_this_installation_is_complete():
    table = checks.installation()
    assert table["ok"].all(), table[~table["ok"]]
    assert {"python", "torch", "papermill"} <= set(table["package"])


def test_missing_old_and_foreign_packages(tmp_path):
    listed = tmp_path / "requirements.txt"
    listed.write_text(
        "# a comment\nnumpy>=1,<3  # all\nno-such-package>=1\npandas>=99\n-e .\nwinonly>=1; sys_platform == 'nowhere'\n"
    )
    table = checks.installation(listed).set_index("package")
    assert table["ok"].to_dict() == {"python": True, "numpy": True, "no-such-package": False, "pandas": False}
    assert table.loc["no-such-package", "found"] == ""


def message(yours, reference, cases, **options) -> str:
    with pytest.raises(AssertionError) as caught:
        checks.agrees(yours, reference, cases, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (1, 1.0),  # a whole number for a float is no mistake
        (np.float32(0.1), 0.1),
        (np.inf, np.inf),
        (np.nan, np.nan),
        (True, np.True_),
        ([1, 2], (1, 2)),
        (np.array([[1.0, np.nan]]), [[1.0, np.nan]]),
        (1000.0005, 1000.0),  # relative above 1
        (5e-7, 0.0),
        ("yes", "yes"),
        (np.zeros((0, 4), int), np.zeros((0, 4), int)),
        ((np.ones(2), np.array([True])), (np.ones(2), np.array([True]))),
        (1 + 2j, 1 + 2j),
    ],
)
def test_equal_answers_agree(given, right, capsys):
    checks.agrees(lambda x: given, lambda x: right, [1, 2])
    assert capsys.readouterr().out == "all 2 cases agree\n"


@pytest.mark.parametrize(
    ("given", "right", "said"),
    [
        (0.5, 1.0, "expected 1, got 0.5"),
        (1.0000031, 1.0, "expected 1.0, got 1.0000031"),  # six digits would show the same number twice
        (np.inf, 1.0, "expected 1, got inf"),
        (1e300, np.inf, "expected inf, got 1e+300"),
        (np.nan, 1.0, "expected 1, got nan"),
        (1.0, np.nan, "expected nan, got 1"),
        (None, 1.0, "returned None: did you forget `return`?"),
        (1, True, "expected True or False (bool), got int"),
        (True, 1.0, "expected numbers (float64), got bool"),
        (3.0, 3, "expected whole numbers (int"),
        (1j, 1.0, "expected real numbers (float64), got complex128"),
        ("0.5", 0.5, "expected numbers (float64), got <U3"),
        (0.5, "yes", "expected 'yes', got 0.5"),
        ([1.0], 1.0, "expected a single number, not an array (1), got an array of shape (1,)"),
        (np.zeros((3, 2)), np.zeros((2, 3)), "expected an array of shape (2, 3), got an array of shape (3, 2)"),
        ([[1], [1, 2]], np.zeros((2, 2)), "got a list that is no array"),
        (np.array([1, 5]), np.array([1, 2]), "1 of 2 values differ: expected [1, 2], got [1, 5]"),
        (np.arange(20), np.arange(20) // 19 * 19, "18 of 20 values differ; the first at 1: expected 0, got 1"),
        (np.eye(5), np.zeros((5, 5)), "5 of 25 values differ; the first at (0, 0): expected 0, got 1"),
        (np.full(20, np.nan), np.zeros(20), "the first at 0: expected 0, got nan (20 are NaN)"),
        (np.ones(2), (np.ones(2), np.ones(3)), "expected 2 values to be returned, got one ndarray"),
        ((np.ones(2),), (np.ones(2), np.ones(3)), "expected 2 values to be returned, got 1 values"),
        ((np.ones(2), np.zeros(3)), (np.ones(2), np.ones(3)), "value 2 of 2 that it returns: 3 of 3 values differ"),
    ],
)
def test_different_answers_are_told_apart(given, right, said):
    assert said in message(lambda x: given, lambda x: right, [1])


def test_one_pixel_of_a_large_mask_counts():
    right = np.zeros((200, 300), bool)
    wrong = right.copy()
    wrong[17, 250] = True
    said = message(lambda mask: wrong, lambda mask: right, [right])
    assert "(mask: 200 × 300 bool, 0 of 60000 True)" in said
    assert "1 of 60000 values differ; the first at (17, 250): expected False, got True" in said


def test_the_case_is_named_with_its_arguments():
    def add(image, offset=0, *more):
        return image + offset if image.size < 20 else image

    cases = [(np.ones(2), 1), (np.zeros((4, 5)), 1), {"image": np.ones(2), "offset": 2}]
    said = message(add, lambda image, offset: image + offset, cases)
    assert said.startswith("add: case 2 of 3 differs (image: 4 × 5 float64, 0 to 0, offset: 1)")
    said = message(lambda a: a, lambda a: -a, [np.array([1, -2])])
    assert "(a: [1, -2] (int64))" in said
    assert "(a: 0 × 3 float64)" in message(lambda a: 1, lambda a: 2, [np.zeros((0, 3))])
    assert "(a: [1, 2])" in message(lambda a: 1, lambda a: 2, [[1, 2]])
    assert "argument 2: 5" in message(lambda *a: 1, lambda *a: 2, [(1, 5)])


def test_a_dict_names_the_arguments_and_a_tuple_orders_them(capsys):
    checks.agrees(lambda a, b: a - b, lambda a, b: a - b, [(1, 2), {"b": 1, "a": 2}])
    assert "all 2" in capsys.readouterr().out
    assert "TypeError" in message(lambda a, c: 0, lambda a, b: 0, [{"a": 1, "b": 2}])


def test_spoilt_input_is_seen_and_does_not_reach_the_reference():
    def doubled(image):
        image *= 2
        return image

    image = np.arange(3.0)
    said = message(doubled, lambda image: image * 2, [image])
    assert "it changed its input: work on a copy" in said
    assert "values differ" not in said
    assert image.tolist() == [0, 1, 2]
    assert "changed its input" in message(lambda d: d.pop() and 0, lambda d: 0, [[1, 2]])
    assert "changed its input" in message(lambda a, b: b.fill(0) or 1, lambda a, b: 1, [{"a": 1, "b": np.ones(2)}])


def test_a_generator_is_copied_and_may_move_on(capsys):
    def draw(rng):
        return rng.normal(size=3)

    checks.agrees(draw, draw, [np.random.default_rng(0)])
    assert capsys.readouterr().out == "the case agrees\n"


def test_an_unwritten_answer_is_no_mistake():
    def dice(a, b):
        raise NotImplementedError()

    said = message(dice, lambda a, b: 1, [(1, 2)], hints={"never shown": dice})
    assert said == "dice: not written yet (it raises NotImplementedError)"


def test_an_error_is_shown_with_the_line_of_the_student():
    def inner(x):
        return x / 0

    def yours(x):
        y = x + 1
        return inner(y)  # here

    said = message(yours, lambda x: x, [1])
    assert "it raised ZeroDivisionError: division by zero" in said
    assert said.endswith("of its cell: return x / 0")  # the innermost line that is the student's
    assert "operands could not be broadcast" in message(np.add, lambda a, b: 1, [(np.ones(2), np.ones(3))])


def test_a_typical_mistake_is_recognised_however_it_is_written():
    def wrong(a, b):
        return a - b

    hints = {"You multiplied.": lambda a, b: a * b, "You subtracted.": lambda a, b: -(b - a)}
    assert message(wrong, lambda a, b: a + b, [(1, 0), (2, 1)], hints=hints).endswith(
        "\n  likely cause: You subtracted."
    )


@pytest.mark.parametrize(
    "yours",
    [
        lambda x: 7 * x,  # an unknown mistake
        lambda x: x if x < 3 else 8 * x,  # a known one, but not on all cases
        lambda x: 1 / 0,
    ],
)
def test_no_cause_is_claimed_without_evidence(yours):
    hints = {"You returned the input.": lambda x: x, "never shown": lambda x: 1 / 0, "nor this": lambda x: None}
    assert "likely cause" not in message(yours, lambda x: 2 * x, [1, 2, 3], hints=hints)


def test_a_mistake_that_crashes_on_some_cases_is_recognised():
    hints = {"You divided.": lambda x: 3 // x}
    said = message(lambda x: 3 // x, lambda x: x, [1, 0], hints=hints)
    assert "likely cause: You divided." in said


def test_a_wrong_answer_of_a_known_kind_with_another_type_is_not_claimed():
    hints = {"You returned the mask.": lambda m: m}
    assert "likely cause" not in message(lambda m: m.astype(float), lambda m: ~m, [np.eye(2) > 0], hints=hints)


def test_warnings_and_stderr_do_not_reach_the_test_cell(capsys, recwarn):
    def loud(x):
        print("told", file=sys.stderr)
        return np.log(x)

    checks.agrees(loud, np.log, [np.zeros(2)])
    assert capsys.readouterr().err == ""
    assert len(recwarn) == 0


def test_tolerance_can_be_chosen():
    assert "expected 1, got 1.01" in message(lambda x: 1.01, lambda x: 1.0, [0])
    checks.agrees(lambda x: 1.01, lambda x: 1.0, [0], tolerance=0.02)


def test_wrong_calls():
    assert "expected your function, got a float: write its name without ()" in message(0.5, lambda: 0.5, [1])
    with pytest.raises(ValueError, match="cases is empty"):
        checks.agrees(abs, abs, [])
    with pytest.raises(ValueError, match="put it in a list"):
        checks.agrees(abs, abs, np.ones(3))
    with pytest.raises(ZeroDivisionError):  # a broken reference is not the student's fault
        checks.agrees(abs, lambda x: 1 / 0, [1])


def test_in_a_notebook_only_the_message_is_shown():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shown = []
    shell._showtraceback = lambda kind, error, lines: shown.extend(lines)
    shell.run_cell("from medlab import checks\ndef f(x):\n    return 1 / x")
    shell.run_cell("checks.agrees(f, abs, [0])")
    InteractiveShell.clear_instance()
    assert shown == [
        "Disagreement: f: case 1 of 1 differs (x: 0)\n"
        "  it raised ZeroDivisionError: division by zero\n"
        "  in line 3 of its cell: return 1 / x"
    ]
