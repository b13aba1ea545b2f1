"""Reading a table from a file: CSV and its relatives, or Parquet.

A text table must be UTF-8 and its first line must name the columns. What separates the columns (comma,
semicolon, tab, bar) is found out from that line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from models.errors import TableError
from models.file_reasons import file_reason
from models.image_listing import listed, shown

TEXT_SUFFIXES = frozenset([".csv", ".tsv", ".tab"])
PARQUET_SUFFIXES = frozenset([".parquet", ".pq"])
TABLE_SUFFIXES = TEXT_SUFFIXES | PARQUET_SUFFIXES
SEPARATORS = ",;\t|"
HEADER_BYTES = 1_000_000


def is_table(name: str) -> bool:
    """Whether a file name ends like that of a table.

    >>> is_table("labels.CSV"), is_table("labels.xlsx")
    (True, False)
    """
    return name[name.rfind(".") :].lower() in TABLE_SUFFIXES


def read_table(path: Path, wanted: Sequence[str], *, optional: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table and make sure of its columns.

    Args:
        path: the file.
        wanted: names of columns that must be there, lower case; they are found in any case.
        optional: names that are found in any case as well, but may be missing.

    Returns:
        At least one row; all columns, those in ``wanted`` and ``optional`` under exactly these names.
        From a text table every value is text and an empty cell is ""; Parquet keeps its types.

    Raises:
        TableError: no table, missing, damaged, not UTF-8, empty, or a wanted column is missing or doubled.
    """
    if not is_table(path.name):
        suffix = f"({path.suffix})" if path.suffix else "(its name has no suffix)"
        raise TableError(
            f"{shown(path.name)} is no table that can be read {suffix}.",
            next_step=f"Open a folder or a table. {CONVERT}",
        )
    try:
        text = path.suffix.lower() in TEXT_SUFFIXES
        table = _delimited(path, wanted) if text else _parquet(path)
    except OSError as error:
        raise TableError(
            f"The table {shown(str(path))} cannot be read: {file_reason(error)}.", next_step="Check the file."
        ) from error
    table = table.rename(columns=_exact_names(table.columns, [*wanted, *optional]))
    _check_columns(table, path, wanted, optional)
    if table.empty:
        raise TableError(f"The table {shown(path.name)} has no rows.", next_step="Give it one row per image.")
    return table


CONVERT = "Save a table as CSV (UTF-8) or Parquet."


def columns_of(path: Path, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The lower-case names of the columns of a table, () where it cannot be read; reads no rows.

    Args:
        path: the file.
        wanted: names by which to tell what separates the columns of a text table.
    """
    try:
        if path.suffix.lower() in TEXT_SUFFIXES:
            names: Sequence[str] = _header(path, wanted)[0]
        else:
            import pyarrow.parquet  # slow to import, and only a folder with Parquet in it needs it

            names = pyarrow.parquet.read_schema(path).names
    except (OSError, ValueError, csv.Error, TableError):
        return ()
    return tuple(str(name).strip().lower() for name in names)


def _exact_names(columns: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """What each column is to be called: its own name stripped, or the known name it is equal to."""
    stripped = {column: str(column).strip() for column in columns}
    return {
        column: name.lower() if name.lower() in names and name not in names else name
        for column, name in stripped.items()
    }


def _check_columns(
    table: pd.DataFrame, path: Path, wanted: Sequence[str], optional: Sequence[str] = ()
) -> None:
    found = [str(column) for column in table.columns]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise TableError(
            f"The table {shown(path.name)} has no column called {' and none called '.join(missing)};"
            f" its columns are: {listed(found, most=12)}.",
            next_step=f"Its first line must name the columns {' and '.join(wanted)}.",
        )
    doubled = [name for name in (*wanted, *optional) if found.count(name) > 1]
    if doubled:
        raise TableError(
            f"The table {shown(path.name)} has {found.count(doubled[0])} columns called {doubled[0]}.",
            next_step="Rename all but one.",
        )


def _header(path: Path, wanted: Sequence[str]) -> tuple[list[str], str]:
    """The names in the first line that is not empty, and what separates them."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    lines = head.decode("utf-8-sig", "replace").replace("\r", "\n").split("\n")
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise TableError(f"The table {shown(path.name)} is empty.", next_step=CONVERT)
    rows = [(next(csv.reader([first], delimiter=separator)), separator) for separator in SEPARATORS]

    def fitness(candidate: tuple[list[str], str]) -> tuple[int, int]:
        names = [name.strip().lower() for name in candidate[0]]
        return sum(name in names for name in wanted), len(names)

    return max(rows, key=fitness)


def _delimited(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    try:
        names, separator = _header(path, wanted)
        table = pd.read_csv(path, sep=separator, dtype=str, na_filter=False, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(
            f"The table {shown(path.name)} is not UTF-8 (byte {error.object[error.start]:#04x}).",
            next_step="Save it again with the encoding UTF-8.",
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise TableError(
            f"The table {shown(path.name)} is damaged: {reason}.",
            next_step="Put values that hold the separator or a quotation mark in quotation marks.",
        ) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the columns without a name for an index
        raise TableError(
            f"The rows of the table {shown(path.name)} have more values than its first line has names"
            f" ({len(names)}).",
            next_step="Name every column in the first line, and quote values that hold the separator.",
        )
    return table


def _parquet(path: Path) -> pd.DataFrame:
    with path.open("rb"):  # so that a missing file is told from a damaged one
        pass
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError, NotImplementedError) as error:
        raise TableError(
            f"The table {shown(path.name)} is no Parquet file, or a damaged one.",
            next_step="Write it again, or save it as CSV.",
        ) from error
    # an index without a name is left over from sorting or filtering
    return table.reset_index(drop=table.index.names == [None])
