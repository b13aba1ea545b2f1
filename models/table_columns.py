"""Columns of a table of images: text for paths and labels, plain types for the user's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.errors import TableError
from models.image_listing import shown

COLUMNS = ("path", "label")
OPTIONAL = ("group", "split")

_WHOLE_NUMBER = re.compile(r"[+-]?\d+")
_WHOLE_FLOAT = re.compile(r"([+-]?\d+)\.0+")
_CODE = re.compile(r"[+-]?0\d")  # a number written like a code, 007, is one


def label_texts(texts: Sequence[str]) -> list[str]:
    """Labels as class names: where all of them are whole numbers written as 3.0, they lose the .0.

    >>> label_texts(["3.0", "", "11.0"]), label_texts(["3.0", "2.5"])
    (['3', '', '11'], ['3.0', '2.5'])
    """
    matches = [_WHOLE_FLOAT.fullmatch(text) for text in texts]
    if all(match or not text for match, text in zip(matches, texts, strict=True)):
        return [match[1] if match else "" for match in matches]
    return list(texts)


def sorted_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """The different labels, sorted; by value if all are whole numbers. "" is no label.

    >>> sorted_labels(["10", "9", "9"]), sorted_labels(["b10", "b9", ""])
    (('9', '10'), ('b10', 'b9'))
    """
    names = set(labels) - {""}
    if all(_WHOLE_NUMBER.fullmatch(name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def column_texts(table: pd.DataFrame, column: str, path: Path) -> list[str]:
    """A column as text: "" for what is empty or missing; a column that is missing is empty."""
    if column not in table:
        return [""] * len(table)
    try:
        return [_text(value) for value in table[column].tolist()]
    except TypeError as error:
        raise TableError(
            f"The column {column} of {shown(path.name)} holds {error}, not text.",
            next_step="Write text or numbers into it.",
        ) from error


def _text(value: Any) -> str:
    """A cell as text; TypeError names the type of a cell that is neither text nor number."""
    if isinstance(value, str):
        return value.strip()
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - the test for NaN
        return ""
    if isinstance(value, int | float):
        return str(value)
    raise TypeError(f"values of type {type(value).__name__}")


def extra_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The user's own columns, with types that can be saved: numbers, truth values, times, text."""
    columns = {
        ("table_id" if name == "id" else str(name)): _plain(table[name])
        for name in table.columns
        if name not in (*COLUMNS, *OPTIONAL)
    }
    kept = {name: column for name, column in columns.items() if column is not None}
    return pd.DataFrame(kept, index=table.index)


def _plain(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """A column as numbers, truth values, times or text; None for nested and binary ones."""
    kinds = pd.api.types
    if kinds.is_bool_dtype(column) or kinds.is_datetime64_any_dtype(column):
        return column
    if kinds.is_numeric_dtype(column):
        return None if kinds.is_complex_dtype(column) else column
    values = column.dropna()
    if not all(isinstance(value, str | int | float | bool) for value in values):
        return None
    texts = column.astype("str").fillna("")
    return _numbers(texts)


def _numbers(texts: pd.Series[Any]) -> pd.Series[Any]:
    """A column of text as numbers, if all that is not empty is a number; else unchanged."""
    filled = texts[texts != ""]
    if filled.empty or any(_CODE.match(text) for text in filled):
        return texts
    numbers = pd.to_numeric(filled, errors="coerce")
    return numbers.reindex(texts.index) if np.isfinite(numbers).all() else texts
