"""Which classes are taken for each other: as a table, as a graph, and in groups of three and more."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from analysis.cell_name import cell_name
from analysis.confusable import ConfusablePair
from analysis.confusable_groups import ConfusableGroup
from analysis.confusion import Counts
from analysis.pair_graph import MOST_CLASSES, graph_edges, pair_graph
from models.predictions import Predictions
from pages.mistakes import pair_cached
from pages.mistakes.pair_drawing import pair_drawing
from pages.mistakes.pair_words import (
    CHANCE,
    IN_GROUP,
    WINNERS_CURSE,
    answer_words,
    chance_words,
    group_words,
    grouped_pairs,
    share_words,
)
from pages.shared import cached, state
from pages.shared.halves import halves
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace, escaped

FEW_ROWS = 10
MOST_ROWS = 1000
MOST_CELLS = 6
MOST_GROUPS = 8


def page() -> None:
    """Draw the page."""
    # a click in the graph is told by a callback, which cannot change the page itself
    if st.session_state.pop("pair_opened", False):
        st.switch_page(state.PAIR_PAGE)
    workspace, predictions = opened_predictions()
    st.title("Confusable classes")
    pairs = pair_cached.pairs(workspace.fingerprint)
    if not pairs:
        st.success("Every image is right: no class is taken for another.", icon=":material/check_circle:")
        return
    groups = pair_cached.groups(workspace.fingerprint)
    st.markdown(answer_words(pairs, groups, len(predictions.class_names)))
    pair_table(pairs, groups)
    left, right = halves("pairs", (0.56, 0.44)) if groups else (st.container(), st.container())
    with left:
        graph(pairs, groups, predictions)
    with right:
        group_cards(workspace, predictions, groups)


def open_pair(name: str) -> None:
    """Let the next run of the script go to this pair."""
    st.session_state["pair"] = name
    st.session_state["pair_opened"] = True


def pair_table(pairs: Sequence[ConfusablePair], groups: Sequence[ConfusableGroup]) -> None:
    """All pairs with their figures; a selected row opens its pair."""
    grouped = grouped_pairs(groups)
    chance = [chance_words(pair, grouped) for pair in pairs]
    n_sure = sum(words != CHANCE for words in chance)
    st.subheader("Pairs")
    only_sure = n_sure > 0 and st.toggle(
        f"Beyond chance only ({n_sure:,} of {len(pairs):,})", value=True, key="pairs_beyond_chance",
        persist_state="session",  # not in the address: Streamlit cannot leave a page with a parameter bound
    )  # fmt: skip
    shown = [place for place in range(len(pairs)) if not only_sure or chance[place] != CHANCE][:MOST_ROWS]
    table = pd.DataFrame([_row(pairs[place], chance[place]) for place in shown])
    share = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0, width="small")
    listed = [pairs[place] for place in shown]
    st.dataframe(
        table, hide_index=True, on_select=lambda: _open_selected(listed), selection_mode="single-row", key="pairs_table",
        height="content" if len(table) <= FEW_ROWS else 400,
        column_config={
            "a called b": share, "b called a": share, "score": share,
            "corrected p": st.column_config.NumberColumn(format="%.4f", width="small"),
        },
    )  # fmt: skip
    words = f"{WINNERS_CURSE} The score is the mean of both rates; in brackets stand 95% intervals. Select a row to "
    words += "see the pair's images."
    if IN_GROUP in chance:
        words += (
            f" “{IN_GROUP[0].upper()}{IN_GROUP[1:]}”: the pair by itself could be chance, its group is not."
        )
    if len(shown) == MOST_ROWS:
        words += f" Only the first {MOST_ROWS:,} pairs are listed."
    st.caption(words)


@state.explained
def _open_selected(listed: Sequence[ConfusablePair]) -> None:
    rows = st.session_state["pairs_table"]["selection"]["rows"]
    if rows and rows[0] < len(listed):
        open_pair(cell_name(listed[rows[0]].a, listed[rows[0]].b))


def _row(pair: ConfusablePair, chance: str) -> dict[str, object]:
    return {
        "a": pair.a,
        "b": pair.b,
        "is it chance?": chance,
        "score": round(pair.score, 3),
        "a called b": round(pair.a_as_b_rate, 3),
        "images of a": share_words(pair.a_as_b, pair.a_support, pair.a_as_b_interval),
        "b called a": round(pair.b_as_a_rate, 3),
        "images of b": share_words(pair.b_as_a, pair.b_support, pair.b_as_a_interval),
        "corrected p": pair.q_value,
    }


def graph(
    pairs: Sequence[ConfusablePair], groups: Sequence[ConfusableGroup], predictions: Predictions
) -> None:
    """The classes that are confused beyond chance, with a line for each pair."""
    st.subheader("Who is taken for whom")
    edges = graph_edges(pairs, groups)
    if not edges:
        st.caption("Nothing to draw: no two classes are confused beyond chance.")
        return
    parts = pair_graph(edges)
    with st.container(key="pair_graph"):
        pair_drawing(parts, key="pair_graph_drawing", on_open=open_pair)
    n_shown = sum(len(part.nodes) for part in parts)
    n_all = len({index for pair in edges for index in (pair.a_index, pair.b_index)})
    rest = len(predictions.class_names) - n_all
    words = "The thicker a line, the more the two are confused; the figure is their score. A click opens the pair."
    if n_all > n_shown:
        words += f" Only the most confused {MOST_CLASSES} of {n_all:,} classes are drawn."
    elif rest:
        words += f" The other {rest:,} classes are in no such pair." if rest > 1 else ""
    st.caption(words)


def group_cards(workspace: Workspace, predictions: Predictions, groups: Sequence[ConfusableGroup]) -> None:
    """The groups of three and more, with links to their pairs and cells."""
    if not groups:
        st.caption("No group of three or more classes is confused beyond chance.")
        return
    st.subheader("Groups of three and more")
    counts = cached.counts(workspace.fingerprint)
    for place, group in enumerate(groups[:MOST_GROUPS]):
        with st.container(border=True, key=f"class_group_{place}"):
            st.markdown("##### " + escaped(", ".join(group.members)))
            st.markdown(group_words(group))
            for label, predicted in _worst(counts, group):
                name, other = (predictions.class_names[index] for index in (label, predicted))
                st.page_link(
                    state.MATRIX_PAGE, icon=":material/grid_on:",
                    label=f"**{counts[label, predicted]}** {escaped(name)} called {escaped(other)}",
                    query_params={**state.open_query(workspace.spec), "cell": cell_name(name, other)},
                )  # fmt: skip
    if len(groups) > MOST_GROUPS:
        st.caption(f"{len(groups) - MOST_GROUPS:,} more groups with fewer mistakes are not listed.")


def _worst(counts: Counts, group: ConfusableGroup) -> list[tuple[int, int]]:
    cells = [(i, j) for i in group.indices for j in group.indices if i != j and counts[i, j]]
    return sorted(cells, key=lambda cell: (-int(counts[cell]), cell))[:MOST_CELLS]


page()
