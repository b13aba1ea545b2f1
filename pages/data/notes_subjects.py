"""What was written about cells, classes and pairs, each with the way back to it."""

from __future__ import annotations

import streamlit as st

from analysis.cell_name import cell_name
from analysis.notes_table import subject_notes_table
from analysis.spreadsheet import spreadsheet_csv
from models.notes import SubjectNote, subject_notes
from models.prediction_record import Predictions
from pages.shared import state
from pages.shared.notes_form import moment_words
from pages.shared.state import Workspace

MOST_SHOWN = 50


def notes_on_subjects(workspace: Workspace, predictions: Predictions) -> None:
    """The list of them and its export."""
    notes = subject_notes(state.store(), predictions.class_names)
    st.subheader("Cells, pairs and classes")
    if not notes:
        st.caption(
            "None yet. Write them under the images of a cell, a row or a column in the confusion matrix, "
            "or on the page of a pair."
        )
        return
    with st.container(key="subject_notes"):
        for note in notes[:MOST_SHOWN]:
            _subject(workspace, note)
    if len(notes) > MOST_SHOWN:
        st.caption(f"The last {MOST_SHOWN} of {len(notes):,}; the table has them all.")
    st.download_button(
        "Cells, pairs and classes as CSV", lambda: spreadsheet_csv(subject_notes_table(notes)),
        file_name="class_notes.csv", mime="text/csv", icon=":material/download:", on_click="ignore",
        type="tertiary", key="subjects_csv",
    )  # fmt: skip


def _subject(workspace: Workspace, note: SubjectNote) -> None:
    query = state.open_query(workspace.spec)
    page, name, value = state.MATRIX_PAGE, "cell", note.name
    if note.kind == "pair":
        page, name = state.PAIR_PAGE, "pair"
    elif note.kind == "class":
        value = cell_name(note.name, None)
    with st.container(border=True, gap="xsmall"):
        head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        with head:
            st.page_link(
                page, label=f"**{state.escaped(note.name)}** · {note.kind}", icon=":material/arrow_forward:",
                query_params={**query, name: value},
            )  # fmt: skip
            st.caption(moment_words(note.changed), width="content")
        if note.tags:
            st.markdown(" ".join(f":gray-badge[{state.escaped(tag)}]" for tag in note.tags))
        if note.text:
            st.text(note.text)
