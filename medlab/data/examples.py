"""Images that need no network (`examples.csv`): real ones inside installed packages, and one synthetic patient."""

import csv
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Example:
    """One image inside an installed package, or in the checkout of this one.

    Args:
        package: Python package that brings it.
        file: Path below the package.
        shows: What it shows, for a caption.
        licence: Terms under which the package passes it on.
    """

    package: str
    file: str
    shows: str
    licence: str


def _examples() -> dict[str, Example]:
    """The table beside this file."""
    with open(Path(__file__).with_suffix(".csv"), encoding="utf-8", newline="") as file:
        return {row.pop("name"): Example(**row) for row in csv.DictReader(file)}


EXAMPLES = _examples()


def example(name: str) -> Path:
    """Where an example image lies on this machine.

    Args:
        name: A key of `EXAMPLES`, such as "ct-head" or "pacs-folder".

    Raises:
        KeyError: If there is no such example; it lists the names.
        FileNotFoundError: If the package that should bring it does not.

    Taught in: notebook 00.
    """
    if name not in EXAMPLES:
        raise KeyError(f"no example image {name!r}; there are {', '.join(EXAMPLES)}")
    chosen = EXAMPLES[name]
    package = find_spec(chosen.package)
    path = (Path(package.origin).parent / chosen.file).resolve() if package and package.origin else None
    if path is None or not path.exists():
        raise FileNotFoundError(
            f"example {name!r} should lie in the package {chosen.package!r} as {chosen.file}; "
            f"install the course again: pip install -r requirements.txt"
        )
    return path
