"""The chosen cell of the matrix: one truth in the session, repeated in the URL and in two lists.

The matrix, the two lists, the keyboard and links all write the same name (``Bengal/Egyptian_Mau``;
``Bengal/`` is the whole row, ``/Bengal`` the whole column), and all of them show it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from analysis.axis import Entry, MatrixView, cell_words
from analysis.cell_name import GroupName, cell_name, parsed_cell
from analysis.ordering import Order
from pages.shared import cached, state
from pages.shared.addressed import newest, write_later
from pages.shared.matrix import MatrixClick

ANY = "any class"


@dataclass(frozen=True)
class Cell:
    """A cell, row or column of a matrix view; a None stands for "all of them"."""

    row: int | None
    column: int | None

    @property
    def is_error(self) -> bool:
        """True for one cell off the diagonal."""
        return self.row is not None and self.column is not None and self.row != self.column


def worst_cell(view: MatrixView) -> Cell:
    """The most frequent error, the first of them in the shown order; without errors the first cell."""
    errors = view.counts.copy()
    errors[range(len(errors)), range(len(errors))] = 0
    if not errors.any():
        return Cell(0, 0)
    row, column = divmod(int(errors.argmax()), len(errors))
    return Cell(row, column)


def chosen_cell(view: MatrixView, class_names: Sequence[str], groups: Mapping[str, str]) -> Cell:
    """The cell the session or the URL names; the worst one where neither names one that is shown.

    Args:
        view: the matrix on show.
        class_names: C names.
        groups: class name to group.
    """
    text = _named_cell()
    if text is None:
        return worst_cell(view)
    label, predicted = parsed_cell(text)
    cell = Cell(_place(view, label, groups), _place(view, predicted, groups))
    lost = (label is not None and cell.row is None) or (predicted is not None and cell.column is None)
    if not lost and cell != Cell(None, None):
        return cell
    if not {label, predicted} <= {None, *class_names, *groups.values()} or cell == Cell(None, None):
        words = state.escaped(text)
        st.info(f"There is no cell {words} in this matrix; the most frequent mistake is shown instead.")
    return worst_cell(view)


def _named_cell() -> str | None:
    """The name of the cell that was chosen last: by a click, in the lists or by a link."""
    return newest("cell", "cell", "written_cell")


def _place(view: MatrixView, name: str | None, groups: Mapping[str, str]) -> int | None:
    """Where an entry stands; a class that was folded away stands in its group's entry."""
    if name is None:
        return None
    place = view.place(name)
    if place is None and not isinstance(name, GroupName) and groups.get(name):
        place = view.place(GroupName(groups[name]))
    return place


def name_of(view: MatrixView, cell: Cell) -> str:
    """The cell as the URL writes it."""
    row = None if cell.row is None else view.entries[cell.row].name
    column = None if cell.column is None else view.entries[cell.column].name
    return cell_name(row, column)


def folded_view(fingerprint: str, order: Order) -> MatrixView:
    """The matrix on pages that do not show it: folded as the chosen cell is named.

    Args:
        fingerprint: of the evaluation.
        order: of its rows.
    """
    asked = parsed_cell(_named_cell() or "")
    folded = tuple(sorted({str(name) for name in asked if isinstance(name, GroupName)}))
    return cached.view(fingerprint, order, folded, (), 0)


def write_cell(view: MatrixView, cell: Cell) -> None:
    """Let the URL name the chosen cell, after `settle_addresses`."""
    write_later("cell", name_of(view, cell), "written_cell")


def choose(text: str) -> None:
    """Make the cell of this name the chosen one."""
    st.session_state["cell"] = text


def choose_clicked(view: MatrixView, click: MatrixClick) -> None:
    """Make the clicked cell, row label or column label the chosen one."""
    if click != MatrixClick(None, None):
        choose(name_of(view, Cell(click.row, click.column)))


def chosen_words(view: MatrixView, cell: Cell) -> str:
    """What the chosen cell, row or column holds, as a person says it."""
    if cell.row is not None and cell.column is not None:
        return cell_words(view, cell.row, cell.column)
    if cell.row is not None:
        return f"all {view.row_totals[cell.row]:,} images labelled {view.entries[cell.row].label}"
    assert cell.column is not None
    return f"all {view.column_totals[cell.column]:,} images called {view.entries[cell.column].label}"


def _choose_listed(view: MatrixView) -> None:
    row, column = st.session_state["cell_label"], st.session_state["cell_predicted"]
    if row is not None or column is not None:
        choose(name_of(view, Cell(row, column)))


def cell_lists(view: MatrixView, cell: Cell) -> None:
    """Two lists that choose the cell without a mouse on a small square."""
    for column, title, key, place in zip(
        st.columns(2), ("Labelled", "Predicted"), ("cell_label", "cell_predicted"), (cell.row, cell.column),
        strict=True,
    ):  # fmt: skip
        column.selectbox(
            title, range(len(view.entries)), index=state.keep_widget(key, place), placeholder=ANY, key=key,
            on_change=_choose_listed, args=(view,),
            format_func=lambda place: shown_name(view.entries[place]),
        )  # fmt: skip


def shown_name(entry: Entry) -> str:
    """An entry's name as a person reads it: a folded group is "all cat"."""
    return f"all {entry.label}" if entry.is_group else entry.label
