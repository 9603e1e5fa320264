"""Draw the picture of the README: `python -m tests.readme_picture`."""

from medlab import data, io, plots, preprocess
from tests import notebooks

PICTURE = notebooks.REPOSITORY / "notebooks" / "readme.png"


def main() -> None:
    head = io.read(data.example("ct-head"))
    brain = io.reorient(io.read(data.example("mr-brain")))
    fig, panels = plots.row(5, size=(2.9, 3.0))
    for ax, name in zip(panels, ["brain", "bone"]):
        title = f"one CT slice, {name} window"
        window = preprocess.WINDOWS[name]
        plots.image(head.array, spacing=head.spacing, window=window, title=title, scale=False, ax=ax)
    plots.image(brain.array[0, 12], spacing=brain.spacing[1:], title="MR", scale=False, ax=panels[2])
    plots.image(io.read(data.example("fundus")).array, title="retina", ax=panels[3])
    plots.image(io.read(data.example("histology")).array, title="stained colon", ax=panels[4])
    fig.savefig(PICTURE, dpi=75, metadata={"Software": None})
    print(f"written to {PICTURE}")


if __name__ == "__main__":
    main()
