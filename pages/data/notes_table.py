"""The table of what was noted about images: filters, rows, and the way to each image."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from analysis.decision_words import DECISION_WORDS
from models.notes import DECISIONS
from models.prediction_record import Predictions
from models.thumbnails import thumbnails
from pages.shared import state
from pages.shared.attribution_grid import data_uri
from pages.shared.inspector import inspect
from pages.shared.notes_form import moment_words

TABLE_KEY = "notes_table"
OPENED = "notes_opened"
MOST_PICTURES = 100
WORDS: dict[str, str] = {"": "No decision"} | {str(key): words for key, words in DECISION_WORDS.items()}


def notes_filters(table: pd.DataFrame) -> dict[str, Any]:
    """What a person looks for, as `analysis.notes_table.selected_notes` takes it."""
    tags = sorted({tag for joined in table["tags"] for tag in joined.split("; ") if tag})
    with st.container(horizontal=True, vertical_alignment="bottom", key="notes_filters"):
        decisions = st.pills(
            "Decision", ["", *DECISIONS], selection_mode="multi", key="notes_decision",
            format_func=lambda each: f"{WORDS[each]} ({int((table['decision'] == each).sum())})",
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        wanted = st.multiselect(
            "Tags", tags, key="notes_tags", placeholder="Any tag", width=230, label_visibility="collapsed",
        ) if tags else []  # fmt: skip
        words = st.text_input(
            "Search", key="notes_words", placeholder="Search paths, classes and notes", width=300,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
    return {"decisions": decisions, "tags": wanted, "words": words or ""}


def shown_table(predictions: Predictions, table: pd.DataFrame, n_all: int) -> None:
    """The rows; choosing one opens its image.

    Args:
        predictions: of the open images.
        table: the rows to show, of `analysis.notes_table.image_notes_table`.
        n_all: how many rows there are without filters.
    """
    images = predictions.images["id"].to_numpy()[table.index].tolist()
    st.session_state["gallery_sequence"] = images
    of = "" if len(table) == n_all else f" of {n_all:,}"
    st.caption(f"{len(table):,}{of} {'image' if n_all == 1 else 'images'}. Select a row to open its image.")
    if not len(table):
        st.info("No image is left by these filters.")
        return

    def open_selected() -> None:
        rows = st.session_state[TABLE_KEY]["selection"]["rows"]
        # A second click on a row takes its mark away; it is meant to open the image once more.
        image = images[rows[0]] if rows and rows[0] < len(images) else st.session_state.get(OPENED)
        if image is not None and image in images:
            st.session_state[OPENED] = image
            inspect(image, images)

    st.dataframe(
        _for_people(predictions, table), key=TABLE_KEY, hide_index=True, on_select=open_selected,
        selection_mode="single-row", row_height=44,
        column_config={
            "picture": st.column_config.ImageColumn(width=60),
            "tags": st.column_config.TextColumn(width=110),
            "note": st.column_config.TextColumn(width=220),
            "when": st.column_config.TextColumn(width=125),
            "path": st.column_config.TextColumn(width=170),
        },
    )  # fmt: skip


def _for_people(predictions: Predictions, table: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame(
        {
            "path": table["path"],
            "label": table["label"],
            "predicted": table["predicted"],
            "decision": [_decision_words(row) for row in table.itertuples()],
            "right class": table["corrected_label"],
            "tags": table["tags"],
            "note": table["note"],
            "when": [_clock(moment) for moment in table["changed"]],
            "model": table["model"],
        }
    )
    if len(table) <= MOST_PICTURES:
        pictures = thumbnails(state.store(), [predictions.absolute(path) for path in table["path"]])
        shown.insert(0, "picture", [None if each is None else data_uri(each, "jpeg") for each in pictures])
    return shown


def _clock(moment: str) -> str:
    return moment_words(datetime.fromisoformat(moment).timestamp())


def _decision_words(row: Any) -> str:
    if not row.decision:
        return ""
    words = WORDS[row.decision]
    return words if row.decided_label == row.label else f"{words} (when labelled {row.decided_label})"
