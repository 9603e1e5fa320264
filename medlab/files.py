"""Files and folders that appear whole or not at all: written beside their place, then renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def beside(path: str | Path) -> Iterator[Path]:
    """A path to write to in place of `path`: renamed to it where the block ends well, removed where it does not.

    The ending of the name is kept, for writers that go by it. A file that was there is replaced; a folder is not.

    Raises:
        OSError: If the file cannot be put in its place; `path` is then as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.part.{path.name}")
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A folder to fill in place of `path`, which must be new or empty: put there as `beside` does.

    Raises:
        FileExistsError: If `path` is a file, or a folder that holds something.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        what = "is there already and not empty" if path.is_dir() else "is a file"
        raise FileExistsError(f"{path}: {what}; name a new folder, or clear it first")
    with beside(path) as part:
        part.mkdir()
        yield part
        if path.exists():
            path.rmdir()
