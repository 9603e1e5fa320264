"""Sliders for people, a row of pictures for reports: the same drawing function serves both."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt

from medlab import plots


def is_live() -> bool:
    """Whether a person can turn a slider: true in JupyterLab, false in papermill, nbconvert, scripts and tests.

    The environment variable MEDLAB_STATIC=1 says no in any case.
    """
    if os.environ.get("MEDLAB_STATIC", "0") not in ("", "0"):
        return False
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    kernel = getattr(get_ipython(), "kernel", None)
    # who can type an answer can turn a slider; programs that run notebooks say that nobody can
    return bool(getattr(kernel, "_allow_stdin", False))


def explore(
    draw: Callable[..., object],
    *,
    settings: Sequence[Mapping[str, Any]] = (),
    size: tuple[float, float] = (4.4, 3.8),
    **controls: Any,
) -> Any:
    """Let the reader turn the parameters of a picture; without a reader (see `is_live`), draw it for chosen settings.

    Args:
        draw: Called as draw(ax, name=value, ...) with one value per control; draws on `ax`.
        settings: Values for the static row, one picture each; a control that is left out keeps its start value. The
            sliders start at the first setting. None: one picture at the start values.
        size: Width and height of one picture in inches.
        controls: name=(low, high, step) for a slider, name=[a, b, c] for a choice, name=True or False for a tick box.

    Returns:
        The widget (live; keys: Tab moves to a slider, the arrows turn it) or a closed Figure.

    Raises:
        ValueError: If a setting names no control or lies outside its range.
    """
    starts = {name: _start(name, control) for name, control in controls.items()}
    for setting in settings:
        _check(setting, controls)
    chosen = [{**starts, **setting} for setting in settings or ({},)]
    if is_live():
        return _sliders(draw, chosen[0], controls, size)
    fig, panels = plots.row(len(chosen), size=size)
    for panel, values in zip(panels, chosen, strict=True):
        draw(panel, **values)
    return fig


def progress(items: Iterable, *, label: str = "") -> Iterable:
    """Go through items with a bar: a widget for people, plain text where nobody watches (it survives in reports)."""
    if is_live():
        from tqdm.auto import tqdm
    else:
        from tqdm import tqdm
    return tqdm(items, desc=label, leave=True)


def _start(name: str, control: Any) -> Any:
    """The value that a control begins with."""
    if isinstance(control, bool):
        return control
    if isinstance(control, list) and control:
        return control[0]
    if isinstance(control, tuple) and len(control) == 3 and control[0] < control[1] and control[2] > 0:
        low, high, step = control
        return low + round((high - low) / 2 / step) * step
    raise ValueError(
        f"control {name!r} is (low, high, step) for a slider, a list for a choice, or True or False for a tick "
        f"box, got {control!r}"
    )


def _check(setting: Mapping[str, Any], controls: Mapping[str, Any]) -> None:
    for name, value in setting.items():
        if name not in controls:
            raise ValueError(f"setting {name!r} is no control; there are {', '.join(controls)}")
        control = [True, False] if isinstance(controls[name], bool) else controls[name]
        inside = control[0] <= value <= control[1] if isinstance(control, tuple) else value in control
        if not inside:
            raise ValueError(f"setting {name}={value!r} is outside its control {control!r}")


def _sliders(
    draw: Callable[..., object], starts: dict[str, Any], controls: Mapping[str, Any], size: tuple[float, float]
):
    import ipywidgets
    from IPython.display import display

    def show(**values: Any) -> None:
        fig, (panel,) = plots.row(1, size=(size[0] * 1.25, size[1] * 1.25))
        draw(panel, **values)
        display(fig)
        plt.close(fig)

    handles = {name: _widget(name, control, starts[name]) for name, control in controls.items()}
    output = ipywidgets.interactive_output(show, handles)
    return ipywidgets.VBox([*handles.values(), output])


def _widget(name: str, control: Any, start: Any):
    import ipywidgets

    wide = {"description": name.replace("_", " "), "style": {"description_width": "9em"}}
    layout = ipywidgets.Layout(width="32em")
    if isinstance(control, bool):
        return ipywidgets.Checkbox(value=start, **wide)
    if isinstance(control, list):
        return ipywidgets.Dropdown(options=control, value=start, layout=layout, **wide)
    low, high, step = control
    whole = all(isinstance(number, int) for number in control)
    slider = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return slider(value=round(start) if whole else start, min=low, max=high, step=step, layout=layout, **wide)
