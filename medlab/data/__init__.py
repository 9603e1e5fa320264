"""Where images come from: for now the real ones that ship inside installed packages."""

from medlab.data.examples import EXAMPLES, Example, example

__all__ = ["EXAMPLES", "Example", "example"]
