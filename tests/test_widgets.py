"""Explorers: one drawing function, sliders for people, a row of pictures for everybody else."""

import subprocess
import sys

import matplotlib

matplotlib.use("agg")

import ipywidgets
import nbformat
import pytest

from medlab import widgets
from tests import notebooks


def draw(ax, **values):
    ax.set_title(str(values))


def test_static_twin_draws_each_setting_with_start_values_for_the_rest():
    fig = widgets.explore(draw, width=(0, 10, 1), kind=["a", "b"], on=True, settings=[{"width": 3}, {"kind": "b"}])
    titles = [ax.get_title() for ax in fig.axes]
    assert titles == ["{'width': 3, 'kind': 'a', 'on': True}", "{'width': 5, 'kind': 'b', 'on': True}"]


def test_without_settings_one_picture_at_the_start_values():
    fig = widgets.explore(draw, width=(0, 10, 1))
    assert [ax.get_title() for ax in fig.axes] == ["{'width': 5}"]


def test_live_explorer_has_a_control_each_and_starts_at_the_first_setting(monkeypatch):
    monkeypatch.setattr(widgets, "is_live", lambda: True)
    box = widgets.explore(draw, width=(0, 10, 1), gamma=(0.5, 2.0, 0.1), kind=["a", "b"], on=False,
                          settings=[{"width": 3.0, "kind": "b"}])  # fmt: skip
    *controls, output = box.children
    assert [type(c) for c in controls] == [
        ipywidgets.IntSlider, ipywidgets.FloatSlider, ipywidgets.Dropdown, ipywidgets.Checkbox,
    ]  # fmt: skip
    assert [c.value for c in controls] == [3, pytest.approx(1.3), "b", False]
    assert isinstance(output, ipywidgets.Output)


@pytest.mark.parametrize(
    ("settings", "controls", "says"),
    [
        ([{"widht": 3}], {"width": (0, 10, 1)}, "'widht' is no control; there are width"),
        ([{"width": 11}], {"width": (0, 10, 1)}, "outside its control"),
        ([{"kind": "c"}], {"kind": ["a"]}, "outside its control"),
        ([], {"width": (10, 0, 1)}, r"\(low, high, step\)"),
        ([], {"width": (0, 10)}, r"\(low, high, step\)"),
        ([], {"kind": []}, r"\(low, high, step\)"),
    ],
)
def test_settings_and_controls_are_checked(settings, controls, says):
    with pytest.raises(ValueError, match=says):
        widgets.explore(draw, settings=settings, **controls)


def test_nobody_is_live_in_a_test_or_script(monkeypatch):
    assert widgets.is_live() is False
    monkeypatch.setenv("MEDLAB_STATIC", "1")
    assert widgets.is_live() is False


def test_plain_papermill_gets_the_static_twin_and_no_widget(tmp_path):
    """Without any help from medlab's own report: a reader may call papermill by hand."""
    cell = """
from medlab import plots, widgets
def draw(ax, k):
    ax.plot([0, k])
print("live:", widgets.is_live())
for _ in widgets.progress(range(2)):
    pass
widgets.explore(draw, k=(0, 4, 1), settings=[{"k": 1}])
"""
    book, done = notebooks.write(tmp_path, "b", cell), tmp_path / "done.ipynb"
    command = [sys.executable, "-m", "papermill", "-k", "python3", "--execution-timeout", "60", str(book), str(done)]
    subprocess.run(command, check=True, capture_output=True)
    outputs = nbformat.read(done, as_version=4).cells[0].outputs
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert "image/png" in kinds
    assert not [kind for kind in kinds if "widget" in kind]
    assert "live: False" in "".join(o.get("text", "") for o in outputs)
