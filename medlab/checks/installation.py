"""Is everything installed that requirements.txt asks for?"""

import platform
import sys
from importlib import metadata
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"


def installation(requirements: Path = REQUIREMENTS):
    """Compare what is installed with requirements.txt, without importing any of it.

    Args:
        requirements: File with one requirement a line.

    Returns:
        A pandas DataFrame, one row a package: `package`, `wanted`, `found` (empty: missing), `ok`.
    """
    import pandas as pd
    from packaging.requirements import Requirement

    rows = [
        {"package": "python", "wanted": ">=3.11", "found": platform.python_version(), "ok": sys.version_info >= (3, 11)}
    ]
    for line in requirements.read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if not text or text.startswith("-"):
            continue
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            found = ""
        ok = bool(found) and wanted.specifier.contains(found, prereleases=True)
        rows.append({"package": wanted.name, "wanted": str(wanted.specifier), "found": found, "ok": ok})
    return pd.DataFrame(rows)
