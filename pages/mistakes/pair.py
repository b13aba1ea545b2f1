"""Two classes that are taken for each other: their images side by side, what separates them, and notes."""

from __future__ import annotations

import numpy as np
import streamlit as st

from analysis.cell_name import cell_name
from analysis.confusable import ConfusablePair
from analysis.number_words import interval_words, percent
from analysis.pair_separation import PairRows
from models.predictions import Predictions
from pages.improve.finetune_link import classes_name, finetune_link
from pages.mistakes import pair_cached
from pages.mistakes.cell_gallery import sorted_images
from pages.mistakes.pair_choice import Classes, chosen_pair, pair_lists, write_pair
from pages.mistakes.pair_evidence import average_images, separation
from pages.mistakes.pair_words import grouped_pairs, pair_chance_words
from pages.shared import state
from pages.shared.addressed import settle_addresses
from pages.shared.halves import halves
from pages.shared.inspector import open_inspector
from pages.shared.notes_form import subject_notes_form
from pages.shared.opened import opened_predictions
from pages.shared.paged_gallery import paged_gallery
from pages.shared.state import Workspace, escaped

PAGE_SIZE = 8
_SETS = {"confused": ("a_as_b", "b_as_a"), "right": ("a_right", "b_right")}


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("One pair")
    names = predictions.class_names
    if len(names) < 2:
        st.info("There is only one class, so there is no pair.", icon=":material/info:")
        return
    chosen = chosen_pair(names, pair_cached.pairs(workspace.fingerprint))
    write_pair(names, chosen)
    settle_addresses()
    pair_lists(names, chosen)
    with st.container(key="pair_page"):
        figures(workspace, predictions, chosen)
        galleries(workspace, predictions, chosen)
        separation(workspace, predictions, chosen)
        average_images(workspace, predictions, chosen)
        st.subheader("Notes")
        name = cell_name(*(names[index] for index in chosen))
        subject_notes_form(workspace, predictions, kind="pair", name=name)
    open_inspector(workspace, predictions)


def figures(workspace: Workspace, predictions: Predictions, chosen: Classes) -> None:
    """How often each is called the other, whether that is chance, and where to look further."""
    names, ends = predictions.class_names, tuple(sorted(chosen))
    pairs = pair_cached.pairs(workspace.fingerprint)
    pair = next((pair for pair in pairs if (pair.a_index, pair.b_index) == ends), None)
    if pair is None:
        st.markdown(
            f"No {escaped(names[chosen[0]])} is called {escaped(names[chosen[1]])}, and none the other way."
        )
    else:
        grouped = grouped_pairs(pair_cached.groups(workspace.fingerprint))
        words = _rate_words(pair, pair.a_index == chosen[0])
        if len(names) > 3:
            words += f" {pair_chance_words(pair, in_group=ends in grouped)}"
        st.markdown(words)
        finetune_link(
            workspace, predictions, "group", classes_name([names[index] for index in chosen]), label="Fine-tune on this pair"
        )  # fmt: skip
    _layers_link(workspace, predictions, chosen)


def _layers_link(workspace: Workspace, predictions: Predictions, chosen: Classes) -> None:
    if predictions.architecture:
        name = cell_name(*(predictions.class_names[index] for index in chosen))
        st.page_link(
            state.LAYERS_PAGE, label="Where in the network do they come apart?", icon=":material/linear_scale:",
            query_params={**state.open_query(workspace.spec), "pair": name},
        )  # fmt: skip


def _rate_words(pair: ConfusablePair, a_first: bool) -> str:
    ways = [
        (pair.a_as_b, pair.a_support, pair.a_as_b_rate, pair.a_as_b_interval, pair.a, pair.b),
        (pair.b_as_a, pair.b_support, pair.b_as_a_rate, pair.b_as_a_interval, pair.b, pair.a),
    ]
    said = [
        f"**{count} of {support}** {escaped(label)} called {escaped(predicted)} ({percent(rate)}, 95% interval "
        f"{interval_words(interval)})"
        if support
        else f"there are no images of {escaped(label)}"
        for count, support, rate, interval, label, predicted in (ways if a_first else ways[::-1])
    ]
    return f"{said[0]}; {said[1]}."


def galleries(workspace: Workspace, predictions: Predictions, chosen: Classes) -> None:
    """The confused images of both classes side by side, and under them the right ones."""
    rows = pair_cached.rows(workspace.fingerprint, *chosen)
    a, b = (predictions.class_names[index] for index in chosen)
    for line, ways in (("confused", ((a, b), (b, a))), ("right", ((a, a), (b, b)))):
        columns = halves(f"pair_{line}")
        for column, which, (label, predicted) in zip(columns, _SETS[line], ways, strict=True):
            with column:
                _gallery(workspace, predictions, rows, which, (label, predicted))
    # the address of an image may be of any of the four
    everything = np.concatenate([getattr(rows, which) for line in _SETS.values() for which in line])
    st.session_state["gallery_sequence"] = predictions.images["id"].to_numpy()[everything].tolist()


def _gallery(
    workspace: Workspace, predictions: Predictions, rows: PairRows, which: str, cell: tuple[str, str]
) -> None:
    indices, (label, predicted) = getattr(rows, which), cell
    words = f"{label}, rightly recognised" if label == predicted else f"{label} called {predicted}"
    st.markdown(f"##### {escaped(words)} ({len(indices):,})")
    name = cell_name(label, predicted)
    query = {**state.open_query(workspace.spec), "cell": name}
    with st.container(horizontal=True):
        st.page_link(state.MATRIX_PAGE, label="In the matrix", icon=":material/grid_on:", query_params=query)
        if predictions.architecture and label != predicted and len(indices):
            st.page_link(
                state.CELL_PAGE, label="What do these share?", icon=":material/join_inner:", query_params=query,
                help="Where the network looked in all of them, and whether that is a shortcut.",
            )  # fmt: skip
    by = "path"
    if predictions.has_probabilities:
        by = "confidence" if label == predicted else "margin"
    paged_gallery(
        predictions, sorted_images(predictions, indices, by), key=f"pair_{which}", page_size=PAGE_SIZE,
        page_key=f"pair_{which}_page_{name}", empty="No image.",
    )  # fmt: skip


page()
