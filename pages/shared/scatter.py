"""A map of up to tens of thousands of images on the screen: two Streamlit components that work together.

`scatter_points` hands the points over, once; `scatter` draws them on a canvas, and its messages are small. So a
page gives the points outside of the fragment in which colours and selections change: nothing heavy travels
again, and under one key nothing is mounted anew, so zoom and place survive every run of the script.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared.component_sources import sources

Kind = Literal["region", "point"]

FILTERED_OUT = 255
"""The category of points that are drawn faintly and cannot be selected."""
MOST_ENTRIES = 254
SHAPES = 3
"""Disc, square, triangle."""

_FOLDER = Path(__file__).parent
_SCRIPTS = "registry", "points", "drawing", "words", "input"
_UNKNOWN = 255
_NAMED = 2**16 - 1  # classes travel as two bytes


_given = st.components.v2.component(
    "errorscope_scatter_points",
    html="<div hidden></div>",
    js=sources(_FOLDER, "scatter_registry.js", "scatter_given.js"),
)
_mounted = st.components.v2.component(
    "errorscope_scatter",
    html=sources(_FOLDER, "scatter.html"),
    css=sources(_FOLDER, "canvas_tools.css", "scatter.css"),
    js=sources(_FOLDER, *(f"scatter_{script}.js" for script in _SCRIPTS), "scatter.js"),
)


@dataclass(frozen=True)
class ScatterEntry:
    """One line of the legend: a category of points.

    Args:
        name: what a person calls it.
        colour: "#rrggbb", of middling brightness, for it is drawn on light and on dark; None is grey.
        shape: 0 disc, 1 square, 2 triangle.
        on_top: drawn over the others.
    """

    name: str
    colour: str | None
    shape: int = 0
    on_top: bool = False


@dataclass(frozen=True, eq=False)
class ScatterSelection:
    """What a person selected.

    Args:
        rows: (M,) row numbers, ascending.
        kind: "point" where one point was clicked; "region" where many were gathered, or none.
        serial: counts the selections of a browser; it goes back to `scatter`, which knows its echo by it.
    """

    rows: NDArray[np.intp]
    kind: Kind
    serial: int


NOTHING = ScatterSelection(np.empty(0, dtype=np.intp), "region", 0)


def scatter_points(
    *,
    revision: str,
    positions: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    predicted: NDArray[np.integer[Any]],
    confidence: NDArray[np.floating[Any]],
    class_names: Sequence[str],
    key: str,
) -> None:
    """Hand N points over to the `scatter` of the same key. Call it outside of its fragment.

    Args:
        revision: names these very points; another map has another one.
        positions: (N, 2), 0 to 1, y upwards.
        labels: (N,) indices of class names.
        predicted: (N,) indices of class names.
        confidence: (N,) 0 to 1, or NaN where it is not known.
        class_names: at most 65,535 names.
        key: of the `scatter`.
    """
    data = {
        "name": key,
        "revision": revision,
        "places": _packed(np.clip(np.rint(positions * 65535), 0, 65535), "<u2"),
        "labels": _packed(np.clip(labels, 0, _NAMED), "<u2"),
        "predicted": _packed(np.clip(predicted, 0, _NAMED), "<u2"),
        "confidence": _packed(np.nan_to_num(np.rint(confidence * 254), nan=_UNKNOWN), "u1"),
        "names": list(class_names),
    }
    _given(key=f"{key}_points", data=data)


def scatter(
    *,
    revision: str,
    categories: NDArray[np.uint8],
    entries: Sequence[ScatterEntry],
    selection: ScatterSelection = NOTHING,
    on_select: Callable[[ScatterSelection], None],
    on_open: Callable[[int], None],
    key: str,
) -> None:
    """Draw the points of `scatter_points`.

    Args:
        revision: of the points.
        categories: (N,) for each point the place of its entry in ``entries``, or ``FILTERED_OUT``.
        entries: the legend, at most 254.
        selection: what is marked.
        on_select: called before the script runs again, with what was selected by lasso, box, click, legend or key.
        on_open: the same with the row number of a point that was double-clicked.
        key: of the component in this script.

    Raises:
        ValueError: there are too many entries, or a category without an entry.
    """
    n = len(categories)
    used = categories[categories != FILTERED_OUT]
    if len(entries) > MOST_ENTRIES or (len(used) and int(used.max()) >= len(entries)):
        raise ValueError(f"categories do not fit {len(entries)} entries (at most {MOST_ENTRIES})")
    marks = np.zeros(n, dtype=bool)
    marks[selection.rows] = True
    data = {
        "name": key,
        "revision": revision,
        "categories": _packed(categories, "u1"),
        "entries": [vars(entry) for entry in entries],
        "selected": base64.b64encode(np.packbits(marks, bitorder="little").tobytes()).decode("ascii"),
        "serial": selection.serial,
    }
    _mounted(
        key=key,
        data=data,
        on_select_change=lambda: _selected(key, revision, n, on_select),
        on_open_change=lambda: _opened(key, revision, n, on_open),
    )


def _packed(numbers: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers.astype(kind)).tobytes()).decode("ascii")


def _selected(key: str, revision: str, n: int, on_select: Callable[[ScatterSelection], None]) -> None:
    found = selection_from(st.session_state[key].get("select"), revision, n)
    if found is not None:
        on_select(found)


def selection_from(answer: object, revision: str, n: int) -> ScatterSelection | None:
    """What a browser says was selected; None where it makes no sense, or is about other points.

    Args:
        answer: what the browser sent: it can be anything.
        revision: of the points that are shown.
        n: how many points there are.
    """
    if not isinstance(answer, Mapping) or answer.get("revision") != revision:
        return None  # a browser may still show an older map
    text, serial = answer.get("selected"), answer.get("serial")
    if not isinstance(text, str) or not isinstance(serial, int) or not 0 <= serial < 2**53:
        return None
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(packed) != (n + 7) // 8:
        return None
    marks = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=n, bitorder="little")
    rows = np.flatnonzero(marks)
    return ScatterSelection(
        rows, "point" if answer.get("kind") == "point" and len(rows) == 1 else "region", serial
    )


def _opened(key: str, revision: str, n: int, on_open: Callable[[int], None]) -> None:
    answer = st.session_state[key].get("open")
    if not isinstance(answer, Mapping) or answer.get("revision") != revision:
        return
    row = answer.get("row")
    if isinstance(row, int) and not isinstance(row, bool) and 0 <= row < n:
        on_open(row)
