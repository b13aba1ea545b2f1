"""The chosen pair of classes: one truth in the session, repeated in the URL and in two lists."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.cell_name import cell_name, parsed_cell
from analysis.confusable import ConfusablePair
from pages.mistakes.pair_words import MAX_Q
from pages.shared import state
from pages.shared.addressed import newest, write_later

Classes = tuple[int, int]


def chosen_pair(class_names: Sequence[str], pairs: Sequence[ConfusablePair]) -> Classes:
    """The class indices that the session or the URL names; the most confusable pair where neither names any.

    Args:
        class_names: C names, two or more.
        pairs: all pairs with errors, most confused first.
    """
    usual = usual_pair(pairs)
    text = newest("pair", "pair", "written_pair")
    if text is None:
        return usual
    named = [None if name is None else str(name) for name in parsed_cell(text)]
    known = {name: index for index, name in enumerate(class_names)}
    a, b = (known.get(name) if name is not None else None for name in named)
    if a is None or b is None or a == b:
        st.info(
            f"There is no pair {state.escaped(text)} among these classes; the most confused is shown instead."
        )
        return usual
    return a, b


def usual_pair(pairs: Sequence[ConfusablePair]) -> Classes:
    """The most confused pair beyond chance, else the most confused, else the first two classes."""
    best = next((pair for pair in pairs if pair.q_value <= MAX_Q), pairs[0] if pairs else None)
    return (best.a_index, best.b_index) if best else (0, 1)


def write_pair(class_names: Sequence[str], chosen: Classes) -> None:
    """Let the URL name the chosen pair, after `settle_addresses`."""
    write_later("pair", cell_name(*(class_names[index] for index in chosen)), "written_pair")


def pair_lists(class_names: Sequence[str], chosen: Classes) -> None:
    """Two lists that choose the classes."""
    for column, title, key, index in zip(
        st.columns(2), ("One class", "The other"), ("pair_first", "pair_second"), chosen, strict=True
    ):
        column.selectbox(
            title, range(len(class_names)), index=state.keep_widget(key, index), key=key,
            format_func=class_names.__getitem__, on_change=_choose_listed, args=(class_names, chosen),
        )  # fmt: skip


def _choose_listed(class_names: Sequence[str], before: Classes) -> None:
    a, b = st.session_state["pair_first"], st.session_state["pair_second"]
    if a == b:  # the class that stood in the other list: the two change places
        a, b = before[1], before[0]
    st.session_state["pair"] = cell_name(class_names[a], class_names[b])
