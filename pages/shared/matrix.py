"""The confusion matrix on the screen: a Streamlit component that draws on a canvas.

Python sends the cells that are not zero; the browser draws, zooms, names and hears clicks. Under one key
nothing is ever mounted anew, so zoom and place survive every run of the script.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared.component_sources import sources

Values = Literal["counts", "label", "prediction"]
Diagonal = Literal["shown", "dimmed", "hidden"]
Scale = Literal["linear", "log"]

_FOLDER = Path(__file__).parent
_SCRIPTS = ("data", "colours", "layout", "drawing", "labels", "marks", "input", "picture")
_MOST_ENTRIES = 2**16  # rows and columns travel as two bytes each

_mounted = st.components.v2.component(
    "errorscope_confusion_matrix",
    html=sources(_FOLDER, "matrix.html"),
    css=sources(_FOLDER, "canvas_tools.css", "matrix.css"),
    js=sources(_FOLDER, *(f"matrix_{script}.js" for script in _SCRIPTS), "matrix.js"),
)


@dataclass(frozen=True)
class MatrixClick:
    """What a person chose in the matrix, by the positions of the entries.

    Attributes:
        row: the true class; None where a column label was chosen.
        column: the predicted class; None where a row label was chosen.

    Both are None when the choice was taken back (Escape).
    """

    row: int | None
    column: int | None


def confusion_matrix(
    *,
    labels: Sequence[str],
    counts: NDArray[np.integer[Any]],
    row_totals: NDArray[np.integer[Any]],
    on_click: Callable[[MatrixClick], None],
    column_totals: NDArray[np.integer[Any]] | None = None,
    values: Values = "counts",
    diagonal: Diagonal = "shown",
    scale: Scale = "linear",
    selected: tuple[int | None, int | None] | None = None,
    groups: Sequence[str] = (),
    is_group: Sequence[bool] = (),
    min_count: int = 0,
    earlier: NDArray[np.integer[Any]] | None = None,
    noun: str = "images",
    title: str = "Confusion matrix",
    file_name: str = "confusion_matrix.png",
    key: str = "confusion_matrix",
    height: int | None = None,
) -> None:
    """Draw a confusion matrix of E entries (classes, or groups of classes).

    Args:
        labels: the E names, in the order of rows and columns.
        counts: shape (E, E), images by label (row) and prediction (column).
        row_totals: shape (E,), all images of each label; the denominator of rates by label.
        on_click: called before the script runs again, with the cell, row or column that was chosen.
        column_totals: shape (E,), all images of each prediction; the sums of the columns if not given.
        values: "counts", or rates: by "label" (rows) or by "prediction" (columns).
        diagonal: whether what is right is shown, dimmed or hidden.
        scale: of the colours. "log" keeps single errors visible beside large counts.
        selected: the marked place (row, column); one of them None marks a whole row or column.
        groups: the group of each entry, "" for none. Lines part groups that the order keeps together.
        is_group: whether each entry is a folded group; none is if not given. On the diagonal such an entry
            counts the images called any class of the group, which need not be right.
        min_count: the fewest images of a cell off the diagonal that ``counts`` still holds; below it, a 0
            is said to be "fewer than", not none.
        earlier: shape (E, E), an earlier result on the same images: what is drawn is then the change since,
            in one hue where it is for the better (more right, fewer errors) and in another where for the worse.
        noun: what is counted, in the plural.
        title: above the picture that the PNG button saves, and for screen readers.
        file_name: of that picture.
        key: of the component in this script.
        height: in CSS pixels; by default what the entries and their names need.

    Raises:
        ValueError: the shapes do not agree, or ``selected`` lies outside.
    """
    entries = len(labels)
    totals = counts.sum(axis=0) if column_totals is None else column_totals
    _check_shapes(entries, counts, row_totals, totals)
    if earlier is not None and earlier.shape != counts.shape:
        raise ValueError(f"earlier has shape {earlier.shape}, but counts has {counts.shape}")
    _check_places(entries, groups, is_group, selected)
    data = {
        "labels": list(labels),
        "cells": _packed_cells(counts, earlier),
        "is_change": earlier is not None,
        "row_totals": row_totals.tolist(),
        "column_totals": totals.tolist(),
        "values": values,
        "diagonal": diagonal,
        "scale": scale,
        "selected": _plain_place(selected),
        "groups": list(groups) if len(groups) else [""] * entries,
        "is_group": [bool(folded) for folded in is_group],
        "min_count": int(min_count),
        "noun": noun,
        "title": title,
        "file_name": file_name,
        "height": height,
    }
    _mounted(key=key, data=data, on_click_change=lambda: _answer(key, entries, on_click))


def _packed_cells(counts: NDArray[np.integer[Any]], earlier: NDArray[np.integer[Any]] | None = None) -> str:
    """Pack the cells that are not zero: all counts (4 bytes each), then all rows, all columns (2 each).

    With an earlier result, the changes (with their sign) stand for the counts, and the earlier counts follow at the
    end (4 bytes each).
    """
    before = np.zeros_like(counts) if earlier is None else earlier
    rows, columns = np.nonzero((counts != 0) | (before != 0))
    changes = counts[rows, columns].astype(np.int64) - before[rows, columns].astype(np.int64)
    packed = changes.astype("<u4" if earlier is None else "<i4").tobytes()
    packed += rows.astype("<u2").tobytes() + columns.astype("<u2").tobytes()
    if earlier is not None:
        packed += before[rows, columns].astype("<u4").tobytes()
    return base64.b64encode(packed).decode("ascii")


def _plain_place(selected: tuple[int | None, int | None] | None) -> list[int | None] | None:
    if selected is None or selected == (None, None):
        return None
    return [None if index is None else int(index) for index in selected]


def _check_shapes(
    entries: int,
    counts: NDArray[np.integer[Any]],
    row_totals: NDArray[np.integer[Any]],
    column_totals: NDArray[np.integer[Any]],
) -> None:
    if not 0 < entries < _MOST_ENTRIES:
        raise ValueError(f"a matrix has 1 to {_MOST_ENTRIES - 1} entries, not {entries}")
    if counts.shape != (entries, entries):
        raise ValueError(f"counts has shape {counts.shape}, but there are {entries} labels")
    for name, totals in (("row_totals", row_totals), ("column_totals", column_totals)):
        if totals.shape != (entries,):
            raise ValueError(f"{name} has shape {totals.shape}, but there are {entries} labels")


def _check_places(
    entries: int,
    groups: Sequence[str],
    is_group: Sequence[bool],
    selected: tuple[int | None, int | None] | None,
) -> None:
    if len(groups) not in (0, entries):
        raise ValueError(f"there are {len(groups)} groups for {entries} labels")
    if len(is_group) not in (0, entries):
        raise ValueError(f"is_group has {len(is_group)} values for {entries} labels")
    if selected is not None and not all(_is_index(index, entries) for index in selected):
        raise ValueError(f"selected is {selected}, outside {entries} entries")


def _is_index(value: object, entries: int) -> bool:
    return value is None or (isinstance(value, int | np.integer) and 0 <= int(value) < entries)


def _answer(key: str, entries: int, on_click: Callable[[MatrixClick], None]) -> None:
    place = st.session_state[key].get("click")
    if not isinstance(place, Mapping):
        return
    row, column = place.get("row"), place.get("column")
    # A browser may still show an older matrix, with more entries than this one.
    if _is_index(row, entries) and _is_index(column, entries):
        on_click(MatrixClick(row, column))
