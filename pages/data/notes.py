"""All that was decided and written about the open images, cells, pairs and classes; and the report."""

from __future__ import annotations

import streamlit as st

from analysis.notes_table import image_notes_table, model_names, selected_notes
from analysis.spreadsheet import spreadsheet_csv
from models.notes import image_notes
from models.prediction_record import Predictions
from models.recent import recent
from pages.data.notes_subjects import notes_on_subjects
from pages.data.notes_table import notes_filters, shown_table
from pages.data.report_section import report_section
from pages.shared import state
from pages.shared.decisions import notes_of_images
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace


def notes_on_images(workspace: Workspace, predictions: Predictions) -> None:
    """The table of decisions, tags and notes, with its filters and its export."""
    notes = notes_of_images(workspace)
    st.subheader("Images")
    n_elsewhere = len(image_notes(state.store())) - len({note.content for note in notes.values()})
    if not notes:
        _nothing_yet(workspace)
    else:
        table = image_notes_table(predictions, notes, model_names(recent(state.store(), limit=200)))
        shown = selected_notes(table, **notes_filters(table))
        shown_table(predictions, shown, len(table))
        st.download_button(
            "Images as CSV", lambda: spreadsheet_csv(shown), file_name="image_notes.csv", mime="text/csv",
            icon=":material/download:", on_click="ignore", type="tertiary", key="notes_csv",
        )  # fmt: skip
    if n_elsewhere:
        one = n_elsewhere == 1
        st.caption(
            f"{n_elsewhere:,} more {'note belongs' if one else 'notes belong'} to other images of this workspace."
        )


def _nothing_yet(workspace: Workspace) -> None:
    st.info(
        "Nothing is noted about these images yet. Open any image and press one of the four decisions under its "
        "name, or write a tag or a note. It stays with the picture, also for the next version of the model.",
        icon=":material/edit_note:",
    )
    query = state.open_query(workspace.spec)
    with st.container(horizontal=True):
        st.page_link(
            state.RARE_PAGE, label="Begin with the rare errors", icon=":material/priority_high:",
            query_params=query,
        )  # fmt: skip
        st.page_link(
            state.LABELS_PAGE, label="Begin with the label candidates", icon=":material/label:",
            query_params=query,
        )  # fmt: skip


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Notes and report")
    notes_on_images(workspace, predictions)
    notes_on_subjects(workspace, predictions)
    st.subheader("Report")
    report_section(workspace, predictions)
    open_inspector(workspace, predictions)


page()
