"""The matrix after less the matrix before, and the images that entered or left the chosen cell."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from analysis.cell_name import cell_name, parsed_cell
from analysis.class_changes import cell_movements
from analysis.comparison_record import Comparison, Half, Rows
from analysis.confusion import Counts
from models.finetune.spec import Target
from pages.improve import compare_cached
from pages.improve.compare_choice import Chosen
from pages.improve.compare_galleries import flips_gallery
from pages.shared import state
from pages.shared.addressed import newest, write_later
from pages.shared.halves import halves
from pages.shared.matrix import MatrixClick, confusion_matrix

ANY = "any class"
Place = tuple[int | None, int | None]


def matrix_section(chosen: Chosen, comparison: Comparison, half: Half) -> None:
    """Draw the matrix of changes and, beside it, the images behind the chosen cell.

    Args:
        chosen: what is compared.
        comparison: both results.
        half: which images count.
    """
    before, after = compare_cached.counts(chosen.before.fingerprint, chosen.after.fingerprint, half)
    order = compare_cached.order(chosen.before.fingerprint, chosen.after.fingerprint)
    place = chosen_place(comparison.class_names, after - before, chosen.after.target)
    write_later("cell", place_name(comparison.class_names, place), "written_compare_cell")
    st.subheader("Where the answers moved")
    left, right = halves("comparison_matrix", (0.55, 0.45), "medium")
    with left:
        _matrix(comparison.class_names, order, before, after, place)
    with right:
        _movements(chosen, comparison, half, place)


def _matrix(names: tuple[str, ...], order: Rows, before: Counts, after: Counts, place: Place) -> None:
    at = {int(index): position for position, index in enumerate(order)}
    row, column = (None if index is None else at[index] for index in place)
    confusion_matrix(
        labels=[names[index] for index in order],
        counts=after[np.ix_(order, order)],
        earlier=before[np.ix_(order, order)],
        row_totals=after.sum(axis=1)[order],
        selected=(row, column),
        title="Change of the confusion matrix",
        file_name="confusion_matrix_change.png",
        key="comparison_matrix",
        on_click=partial(_choose_clicked, names, order),
    )
    lists = zip(
        st.columns(2), ("Labelled", "Predicted"), ("change_label", "change_predicted"), place, strict=True
    )
    for holder, title, key, index in lists:
        holder.selectbox(
            title, range(len(names)), index=state.keep_widget(key, index), placeholder=ANY, key=key,
            format_func=names.__getitem__, on_change=_choose_listed, args=(names,),
        )  # fmt: skip


def chosen_place(names: tuple[str, ...], change: Counts, target: Target | None) -> Place:
    """The cell that was chosen; else the target's, else the mistake that changed most.

    Args:
        names: C class names.
        change: (C, C) the matrix after less the matrix before.
        target: what was declared, or None.
    """
    text = newest("cell", "compare_cell", "written_compare_cell")
    known = {name: index for index, name in enumerate(names)}
    if text is not None:
        asked = parsed_cell(text)
        label, predicted = (None if name is None else known.get(name) for name in asked)
        lost = [
            name
            for name, index in zip(asked, (label, predicted), strict=True)
            if name is not None and index is None
        ]
        if not lost and (label, predicted) != (None, None):
            return label, predicted
        st.session_state.pop("compare_cell", None)
    if target is not None:
        for label_name, predicted_name in target.cells:
            if label_name in known and predicted_name in known:
                return known[label_name], known[predicted_name]
    mistakes = np.abs(change)
    np.fill_diagonal(mistakes, 0)
    row, column = divmod(int(mistakes.argmax()), len(names))
    return row, column


def place_name(names: tuple[str, ...], place: Place) -> str:
    """The cell, row or column as the URL writes it."""
    return cell_name(*(None if index is None else names[index] for index in place))


def _choose_clicked(names: tuple[str, ...], order: Rows, click: MatrixClick) -> None:
    if click != MatrixClick(None, None):
        row, column = (None if each is None else int(order[each]) for each in (click.row, click.column))
        st.session_state["compare_cell"] = place_name(names, (row, column))


def _choose_listed(names: tuple[str, ...]) -> None:
    place = st.session_state["change_label"], st.session_state["change_predicted"]
    if place != (None, None):
        st.session_state["compare_cell"] = place_name(names, place)


def _movements(chosen: Chosen, comparison: Comparison, half: Half, place: Place) -> None:
    """The images that left the cell, and those that entered it."""
    names, (row, column) = comparison.class_names, place
    labels = list(range(len(names))) if row is None else [row]
    predicted = [index for index in (row if column is None else column,) if index is not None]
    left, entered = cell_movements(comparison, comparison.rows(half), labels, predicted)
    st.markdown(f"##### {state.escaped(_title(names, place))}")
    for words, key, places in (
        (_left_words(place), "left", left),
        (_entered_words(place), "entered", entered),
    ):
        st.markdown(f"**{words}** ({len(places):,})")
        flips_gallery(chosen, comparison, places, key=f"comparison_{key}", empty="No image.", size=8)


def _title(names: tuple[str, ...], place: Place) -> str:
    row, column = place
    if row is None:
        assert column is not None
        return f"called {names[column]}"
    if column is None or row == column:
        return f"{names[row]}, rightly recognised"
    return f"{names[row]} called {names[column]}"


def _is_right(place: Place) -> bool:
    row, column = place
    return row is not None and column in (None, row)


def _left_words(place: Place) -> str:
    return "No longer recognised" if _is_right(place) else "No longer called so"


def _entered_words(place: Place) -> str:
    return "Recognised now" if _is_right(place) else "Called so now"
