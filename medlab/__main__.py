"""The command line: `python -m medlab report`, `python -m medlab exercises`."""

import argparse
import sys

from medlab import __version__, exercises
from medlab.report import command as report


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m medlab", description="medlab: a course in medical image analysis.")
    parser.add_argument("--version", action="version", version=f"medlab {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    report.add_to(commands)
    exercises.add_to(commands)
    options = parser.parse_args(arguments)
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
