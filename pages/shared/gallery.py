"""The gallery of images on the screen: a Streamlit component of real buttons with thumbnails inside.

One message carries all thumbnails, so a page of images is painted at once, not one round trip for each.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.shared.component_sources import sources

_FOLDER = Path(__file__).parent


_mounted = st.components.v2.component(
    "errorscope_gallery",
    html=sources(_FOLDER, "gallery.html"),
    css=sources(_FOLDER, "gallery.css"),
    js=sources(_FOLDER, "gallery.js"),
)


@dataclass(frozen=True)
class GalleryItem:
    """One image of a gallery.

    Attributes:
        id: the image's id; what ``on_open`` gets.
        thumbnail: a JPEG of about 128 pixels; None where the image cannot be read.
        label: the true class.
        predicted: the class the network chose.
        confidence: the probability of ``predicted``, 0 to 1; None (or NaN) where it is not known.
        right: whether the prediction counts as right.
        note: a few words more, below the names.
    """

    id: str
    thumbnail: bytes | None
    label: str
    predicted: str
    confidence: float | None
    right: bool
    note: str = ""


def gallery(
    items: Sequence[GalleryItem],
    *,
    key: str,
    on_open: Callable[[str], None],
    selected: str | None = None,
    columns: int | None = None,
    empty: str = "No images here.",
    compact: bool = False,
    strip: bool = False,
) -> None:
    """Show images side by side; each opens with a click or the Enter key, arrow keys go from one to the next.

    Args:
        items: what to show, in this order. About 24 to 60 at a time.
        key: of the component in this script.
        on_open: called with the image's id before the script runs again.
        selected: the id of the marked image.
        columns: images in a row; by default as many as fit.
        empty: what to say where there are no images.
        compact: smaller pictures, names on one line.
        strip: one row of small pictures without words under them, to choose one from.
    """
    data = {
        "items": [_plain(item) for item in items],
        "selected": selected,
        "columns": columns,
        "empty": empty,
        "compact": compact,
        "strip": strip,
    }
    known = frozenset(item.id for item in items)
    _mounted(key=key, data=data, on_open_change=lambda: _answer(key, known, on_open))


def _plain(item: GalleryItem) -> dict[str, str | float | bool | None]:
    known = item.confidence is not None and math.isfinite(item.confidence)
    return {
        "id": item.id,
        "thumbnail": None if item.thumbnail is None else base64.b64encode(item.thumbnail).decode("ascii"),
        "label": item.label,
        "predicted": item.predicted,
        "confidence": item.confidence if known else None,
        "right": item.right,
        "note": item.note,
    }


def _answer(key: str, known: frozenset[str], on_open: Callable[[str], None]) -> None:
    image = st.session_state[key].get("open")
    # A browser may still show an older page of images.
    if isinstance(image, str) and image in known:
        on_open(image)
