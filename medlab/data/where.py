"""Where data files lie on this machine: the folder named in the call, else in MEDLAB_DATA, else `data/cache/`."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def data_folder(folder: str | Path | None = None) -> Path:
    """The folder to look in and to download to; it need not exist yet."""
    named = folder or os.environ.get("MEDLAB_DATA")
    return Path(named).expanduser() if named else REPOSITORY / "data" / "cache"
