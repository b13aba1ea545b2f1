"""The confusion matrix, and beside it the images of the chosen cell."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from analysis.axis import MatrixView
from analysis.export import matrix_csv
from analysis.metrics import accuracy
from models.predictions import Predictions
from pages.mistakes.cell import Cell, cell_lists, choose_clicked, chosen_cell, chosen_words, write_cell
from pages.mistakes.cell_gallery import cell_gallery
from pages.mistakes.matrix_controls import MatrixChoices, matrix_choices
from pages.shared import cached, state
from pages.shared.addressed import settle_addresses
from pages.shared.halves import halves
from pages.shared.inspector import open_inspector
from pages.shared.matrix import confusion_matrix
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace


def headline(predictions: Predictions) -> None:
    """The one figure over the matrix."""
    overall = accuracy(predictions.labels, predictions.predicted)
    wrong = overall.n - overall.right
    words = f"**{overall.right:,} of {overall.n:,} right ({overall.rate:.1%})** · {wrong:,} mistakes"
    if predictions.unreadable:
        n = len(predictions.unreadable)
        words += f" · {n:,} {'file' if n == 1 else 'files'} could not be read (see the overview)"
    st.markdown(words)


def entry_groups(view: MatrixView, groups: Mapping[str, str]) -> list[str]:
    """The group of each row, "" where it has none."""
    return [entry.name if entry.is_group else groups.get(entry.name, "") for entry in view.entries]


def matrix_column(view: MatrixView, choices: MatrixChoices, cell: Cell, groups: Mapping[str, str]) -> None:
    """The matrix itself, with its lists and its export."""
    confusion_matrix(
        labels=[entry.label for entry in view.entries],
        counts=view.counts,
        row_totals=view.row_totals,
        column_totals=view.column_totals,
        values=choices.values,
        diagonal=choices.diagonal,
        scale=choices.scale,
        selected=(cell.row, cell.column),
        groups=entry_groups(view, groups),
        is_group=[entry.is_group for entry in view.entries],
        min_count=view.min_count,
        on_click=lambda click: choose_clicked(view, click),
    )
    if choices.shown or choices.min_count:
        st.caption("Totals count all images of a class, also those in rows and columns that are not shown.")
    cell_lists(view, cell)
    st.download_button(
        "Matrix as CSV", lambda: matrix_csv(view), file_name="confusion_matrix.csv", mime="text/csv",
        icon=":material/download:", on_click="ignore", type="tertiary", key="matrix_csv",
    )  # fmt: skip


@st.fragment
@state.explained
def controls_and_matrix(workspace: Workspace, predictions: Predictions) -> None:
    """The choices over the matrix, and under them what they show."""
    groups = sorted({group for group in predictions.groups.values() if group})
    choices = matrix_choices(predictions.class_names, groups)
    view = cached.view(workspace.fingerprint, choices.order, choices.folded, choices.shown, choices.min_count)
    if not view.entries:
        st.info(
            "No row has a mistake that happens so often. Lower the number under “More”, or unfold a group."
        )
        return
    matrix_and_images(workspace, predictions, view, choices)


@st.fragment
@state.explained
def matrix_and_images(
    workspace: Workspace, predictions: Predictions, view: MatrixView, choices: MatrixChoices
) -> None:
    """Both halves of the page; a click runs these alone, without the controls and the rest of the app."""
    cell = chosen_cell(view, predictions.class_names, predictions.groups)
    write_cell(view, cell)
    settle_addresses()
    left, right = halves("matrix", (0.55, 0.45), "medium")
    with left:
        matrix_column(view, choices, cell, predictions.groups)
    with right:
        st.markdown(f"##### {state.escaped(chosen_words(view, cell))}")
        cell_gallery(workspace, predictions, view, cell)
    open_inspector(workspace, predictions)


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    headline(predictions)
    controls_and_matrix(workspace, predictions)


page()
