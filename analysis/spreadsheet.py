"""Tables as spreadsheets open them."""

from __future__ import annotations

from typing import Any

import pandas as pd

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet_csv(table: pd.DataFrame) -> bytes:
    """A table as CSV for a spreadsheet.

    UTF-8 with a byte order mark, without which Excel takes it for another encoding. A cell that would
    begin a formula (with =, +, -, @, a tab or a return) gets an apostrophe in front, whoever wrote it: notes
    and file names come from many people.

    >>> spreadsheet_csv(pd.DataFrame({"note": ['=1+1', 'a "b", c']})).decode("utf-8-sig").splitlines()
    ['note', "'=1+1", '"a ""b"", c"']
    """
    safe = table.map(_no_formula)
    return safe.to_csv(index=False, lineterminator="\n").encode("utf-8-sig", "backslashreplace")


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_A_FORMULA) else value
