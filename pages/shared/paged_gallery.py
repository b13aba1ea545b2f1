"""A gallery of any number of images, page by page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.confusion import Integers
from models.prediction_record import Predictions
from pages.shared.gallery import gallery
from pages.shared.inspector import inspect
from pages.shared.pictures import gallery_items

PAGE_SIZE = 24


def paged_gallery(
    predictions: Predictions,
    indices: Integers,
    *,
    key: str,
    page_key: str | None = None,
    notes: Sequence[str] | None = None,
    empty: str = "No images here.",
    page_size: int = PAGE_SIZE,
    pages_in: DeltaGenerator | None = None,
) -> None:
    """Show images, a page at a time; a click opens one in the inspector, which steps through all of them.

    The page that calls this ends with ``open_inspector``.

    Args:
        predictions: all images' predictions.
        indices: (M,) row numbers of the images, in the order in which they are shown.
        key: of the gallery.
        page_key: of the list of pages; another one begins at the first page again (another slice, say).
        notes: M words, one under each image.
        empty: what to say where there are none.
        page_size: images on a page.
        pages_in: where the list of pages stands, as wide as that; None stands it over the gallery.
    """
    page = 1
    if len(indices) > page_size:
        with pages_in or nullcontext():
            page = st.pagination(
                math.ceil(len(indices) / page_size), key=page_key or f"{key}_page",
                width="content" if pages_in is None else "stretch",
            )  # fmt: skip
    rows = slice((page - 1) * page_size, page * page_size)
    sequence = predictions.images["id"].to_numpy()[indices].tolist()
    st.session_state["gallery_sequence"] = sequence
    gallery(
        gallery_items(predictions, indices[rows], notes[rows] if notes is not None else None),
        key=key,
        selected=st.session_state.get("image"),
        on_open=lambda image: inspect(image, sequence),
        empty=empty,
    )
