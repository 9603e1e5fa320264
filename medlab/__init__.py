"""medlab: a course in medical image analysis, from the first pixel to a report.

`import medlab` loads nothing heavy: a part is imported when it is first used (`medlab.io`, `medlab.plots`, ...).
For teaching and research, not for clinical use.
"""

from importlib import import_module

__version__ = "0.1.0"

_PARTS = (
    "checks", "classify", "data", "detect", "features", "io", "metrics", "networks", "phantoms", "plots",
    "preprocess", "registration", "report", "retrieval", "segment", "train", "widgets",
)  # fmt: skip

__all__ = ["__version__", *_PARTS]


def __getattr__(name: str):
    if name in _PARTS:
        return import_module(f"medlab.{name}")
    raise AttributeError(f"module 'medlab' has no attribute {name!r}; it has {', '.join(_PARTS)}")


def __dir__() -> list[str]:
    return sorted(__all__)
