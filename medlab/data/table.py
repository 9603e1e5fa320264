"""Tables: read one from a file, and turn a column into labels: classes, a grade, or a number."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas

OUTCOME = ("benign", "malignant")
POSITIVE = (
    "malignant", "cancer", "positive", "disease", "diseased", "abnormal", "pneumonia", "yes", "true",
)  # fmt: skip
MISSING = ("", "na", "n/a", "nan", "null", "?", "-")  # as text, in small or capital letters
GRADES_AT_MOST = 20  # more different whole numbers are a measurement, not a grade


def read_table(path: Path, *, text: tuple[str, ...] = ()) -> "pandas.DataFrame":
    """Comma-separated values, numbers as numbers; columns in `text` or ending in _id stay text: "007" is not 7.

    Raises:
        ValueError: If it is no such table, has no rows, or two columns of one name.
    """
    import pandas as pd

    options = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
    try:
        head = pd.read_csv(path, header=None, nrows=1, **options).iloc[0].str.strip().tolist()
        table = pd.read_csv(path, **options)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path}: not a table of comma-separated values in UTF-8 ({error}); save it again") from error
    twice = sorted({name for name in head if name and head.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: columns {', '.join(twice)} stand there more than once; rename or delete one of each")
    if not len(table):
        raise ValueError(f"{path}: has no rows")
    table.columns = [str(column).strip() for column in table.columns]
    for column in table:
        if column not in text and not column.endswith("_id"):
            table[column] = _numbers(table[column])
    return table


class Labels(NamedTuple):
    """Labels of the rows that have one; `rows` are their positions in the table."""

    labels: np.ndarray
    class_names: tuple[str, ...]
    task: str
    rows: np.ndarray


def from_column(table: "pandas.DataFrame", label: str | None) -> Labels:
    """Labels from a column of a table.

    Args:
        table: One row an image.
        label: Column. Text becomes classes in alphabetical order, of two classes the disease (`POSITIVE`) last; whole
            numbers become classes in their order, two of them "binary", more "ordinal"; fractions become a
            "regression". Rows without a value (`MISSING`) are left out. "malignant" without such a column is made from
            `malignancy`, the opinion of radiologists from 1 to 5: 4 and 5 are 1, 1 and 2 are 0, what lies between is
            left out. None takes `label`, or else "malignant" if that can be had.

    Raises:
        KeyError: If there is no such column; it lists them.
        ValueError: If no row has a value, or `malignancy` is not from 1 to 5.
    """
    import pandas as pd

    columns = ", ".join(map(str, table.columns))
    if label is None:
        label = "label" if "label" in table else "malignant"
        if label not in table and "malignancy" not in table:
            raise KeyError(f"which column is the label? Choose label= from {columns}")
    if label == "malignant" and label not in table and "malignancy" in table:
        return _from_opinion(table["malignancy"])
    if label not in table:
        raise KeyError(f"no column {label!r}; there are {columns}")
    column = table[label]
    rows = np.flatnonzero(column.notna() & ~_is_missing(column))
    if not len(rows):
        raise ValueError(f"column {label!r} is empty")
    values = column.iloc[rows]
    if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
        names, labels = by_name(values.astype(str).str.strip())
        return Labels(labels, names, "binary" if len(names) == 2 else "multiclass", rows)
    numbers = values.to_numpy(float)
    grades = np.unique(numbers)
    if set(grades) <= {0.0, 1.0}:
        names = OUTCOME if label == "malignant" else (f"not {label}", label)
        return Labels(numbers.astype(np.int64), names, "binary", rows)
    if (grades != np.round(grades)).any() or len(grades) > GRADES_AT_MOST:
        return Labels(numbers, (), "regression", rows)
    names = tuple(str(int(value)) for value in grades)
    return Labels(np.searchsorted(grades, numbers), names, "binary" if len(names) == 2 else "ordinal", rows)


def by_name(values: Iterable[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names in alphabetical order, and the class of each value; of two, the one that means disease is class 1."""
    names, labels = np.unique(np.array(list(values), dtype=str), return_inverse=True)
    names = tuple(names.tolist())
    if len(names) == 2 and names[0].lower() in POSITIVE and names[1].lower() not in POSITIVE:
        return names[::-1], 1 - labels
    return names, labels


def _is_missing(column: "pandas.Series") -> "pandas.Series":
    """Where a column says in text that there is no value."""
    return column.astype(str).str.strip().str.lower().isin(MISSING)


def _numbers(column: "pandas.Series") -> "pandas.Series":
    """A column of text as whole numbers or fractions (missing is NaN) where every value is one."""
    missing = _is_missing(column)
    filled = column.str.strip().mask(missing, "nan")
    for kind in () if missing.all() else ("int64", "float64"):
        try:
            return filled.astype(kind)
        except (ValueError, OverflowError):
            continue
    return column


def _from_opinion(opinion: "pandas.Series") -> Labels:
    """Malignancy 4 to 5 is 1, 1 to 2 is 0; between them nobody knew."""
    values = opinion.to_numpy(float)
    outside = values[(values < 1) | (values > 5)]
    if len(outside):
        raise ValueError(f"malignancy is an opinion from 1 to 5, got {outside[0]:g}")
    rows = np.flatnonzero((values <= 2) | (values >= 4))
    if not len(rows):
        raise ValueError("column 'malignancy' has neither 1-2 nor 4-5: nothing to tell apart")
    return Labels((values[rows] >= 4).astype(np.int64), OUTCOME, "binary", rows)
