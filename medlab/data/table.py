"""Tables: read one from a file, and turn a column into labels: classes, a grade, or a number."""

import csv
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas

OUTCOME = ("benign", "malignant")
POSITIVE = ("malignant", "cancer", "positive", "disease", "diseased", "abnormal", "pneumonia", "yes", "true")
MISSING = ("", "na", "n/a", "#n/a", "nan", "<na>", "null", "?", "-")  # as text, in small or capital letters
NOBODY = (*MISSING, "none")  # of a patient, and of all that names something; a class may be called none
NUMBER = r"-?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?|\.[0-9]+)(?:e[+-][0-9]+)?"  # as programs write it
TEXT = ("patient_id", "image", "mask", "split")  # columns that stay text, whatever they look like
GRADES_AT_MOST = 20  # more different whole numbers are a measurement, not a grade


def read_table(path: Path, *, types: dict[str, str] | None = None) -> "pandas.DataFrame":
    """A table of text and numbers, its index the row in the file: the heading is row 1.

    Commas, semicolons or tabs stand between the fields, whichever the heading has most of. A column becomes numbers
    where every filled value is plainly one: digits without leading zeros, at most 15 before the point, an exponent only
    as programs write it (1e-07, not 1e5); between semicolons or tabs the comma may be the point. All else stays the
    text it is, and so do `TEXT` and columns whose name ends in _id. `types` says otherwise: what `write_cohort` noted.

    Raises:
        ValueError: If it is no such table, has no rows, two columns of one name, or a row with more or fewer fields.
    """
    import pandas as pd

    rows: list[list[str]] = []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            between = max(",;\t", key=file.readline().count)
            file.seek(0)
            for row in csv.reader(file, delimiter=between, strict=True):
                rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        where = f"{path}: row {len(rows) + 1} or a later one"
        raise ValueError(f"{where} cannot be read ({error}); mend the quotes, or save as CSV UTF-8") from error
    filled = {number: row for number, row in enumerate(rows, 1) if any(map(str.strip, row))}
    names = [name.strip() for name in filled.pop(min(filled, default=0), [])]
    if not filled:
        raise ValueError(f"{path}: has no rows")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: columns {', '.join(twice)} stand there more than once; rename or delete one of each")
    width = max(i for i, name in enumerate(names, 1) if name)
    for number, row in filled.items():
        if len(row) < width or any(map(str.strip, row[width:])):
            hint = f"put values with {between!r} (a decimal comma, a title) in quotes, leave a field empty if unknown"
            raise ValueError(f"{path}: row {number} has {len(row)} fields, the heading {width}; {hint}")
    names = [name or f"column {i}" for i, name in enumerate(names[:width], 1)]
    table = pd.DataFrame([row[:width] for row in filled.values()], index=list(filled), columns=names, dtype=str)
    for column in table:
        table[column] = _typed(table[column], (types or {}).get(column, ""), between, path)
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
            "regression". Rows without a value (`MISSING`) are left out, with a warning. "malignant" without such a
            column is made from `malignancy`, the opinion of radiologists from 1 to 5: 4 and 5 are 1, 1 and 2 are 0,
            what lies between is left out. None takes `label`, or else "malignant" if that can be had.

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
    rows = np.flatnonzero(column.notna() & ~is_missing(column))
    if not len(rows):
        raise ValueError(f"column {label!r} is empty")
    if len(rows) < len(column):
        warnings.warn(f"{len(column) - len(rows)} of {len(column)} rows left out: no {label}", stacklevel=5)
    values = column.iloc[rows]
    if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
        unclear = values[values.astype(str).str.strip().str.fullmatch(r"-?[0-9.]*,[0-9]+")]
        if len(unclear):
            raise ValueError(f"row {unclear.index[0]}: {label} {unclear.iloc[0]!r} may be a number; write it as 12.5")
        names, labels = by_name(values.astype(str).str.strip())
        return Labels(labels, names, "binary" if len(names) == 2 else "multiclass", rows)
    values = values.to_numpy(float)
    grades = np.unique(values)
    if set(grades) <= {0.0, 1.0}:
        names = OUTCOME if label == "malignant" else (f"not {label}", label)
        return Labels(values.astype(np.int64), names, "binary", rows)
    if (grades != np.round(grades)).any() or len(grades) > GRADES_AT_MOST:
        return Labels(values, (), "regression", rows)
    names = tuple(str(int(value)) for value in grades)
    return Labels(np.searchsorted(grades, values), names, "binary" if len(names) == 2 else "ordinal", rows)


def by_name(values: Iterable[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names in alphabetical order, and the class of each value; of two, the one that means disease is class 1."""
    names, labels = np.unique(np.array(list(values), dtype=str), return_inverse=True)
    names = tuple(names.tolist())
    if len(names) == 2 and names[0].lower() in POSITIVE and names[1].lower() not in POSITIVE:
        return names[::-1], 1 - labels
    return names, labels


def is_missing(column: "pandas.Series", words: tuple[str, ...] = MISSING) -> "pandas.Series":
    """Where a column says in text that there is no value."""
    return column.astype(str).str.strip().str.lower().isin(words)


def numbers(column: "pandas.Series", where: str = "") -> np.ndarray:
    """A column as numbers, NaN where a value is missing.

    Raises:
        ValueError: If a row holds something else.
    """
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce")
    wrong = column[values.isna() & column.notna() & ~is_missing(column)]
    if len(wrong):
        raise ValueError(f"{where}row {wrong.index[0]}: {column.name} must be a number, got {wrong.iloc[0]!r}")
    return values.to_numpy(float)


def _typed(column: "pandas.Series", kind: str, between: str, path: Path) -> "pandas.Series":
    """A column of text as the kind that is known, or as numbers where all of it is plainly that."""
    if kind == "text" or (not kind and (column.name in TEXT or column.name.endswith("_id"))):
        return column
    missing = is_missing(column)
    filled = column.str.strip()
    if kind.startswith(("bool", "int", "uint", "float", "datetime")):
        try:
            if kind == "bool":
                return filled.map({"True": True, "False": False}.__getitem__)
            return filled.mask(missing, "nan").astype(kind)
        except (KeyError, ValueError, OverflowError) as error:
            raise ValueError(f"{path}: column {column.name!r} was written as {kind}; mend it ({error})") from error
    if between != "," and not filled.str.contains(".", regex=False).any():
        filled = filled.str.replace(",", ".", n=1, regex=False)
    if missing.all() or not filled[~missing].str.fullmatch(NUMBER).all():
        return column
    whole = not (missing.any() or filled.str.contains("[.e]").any())
    return filled.mask(missing, "nan").astype("int64" if whole else "float64")


def _from_opinion(opinion: "pandas.Series") -> Labels:
    """Malignancy 4 to 5 is 1, 1 to 2 is 0; between them nobody knew."""
    values = numbers(opinion)
    outside = values[(values < 1) | (values > 5)]
    if len(outside):
        raise ValueError(f"malignancy is an opinion from 1 to 5, got {outside[0]:g}")
    rows = np.flatnonzero((values <= 2) | (values >= 4))
    if not len(rows):
        raise ValueError("column 'malignancy' has neither 1-2 nor 4-5: nothing to tell apart")
    return Labels((values[rows] >= 4).astype(np.int64), OUTCOME, "binary", rows)
