"""The mistakes that nothing else in the data leads one to expect, and whose fault each of them is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from analysis.decision_words import decision_words
from analysis.rare_errors import RareError
from models.prediction_record import Predictions
from pages.mistakes.rare_chosen import chosen_in_full
from pages.mistakes.rare_ranking import Ranking, headline, ranking
from pages.shared import state
from pages.shared.addressed import newest, settle_addresses, write_later
from pages.shared.decisions import notes_of_images
from pages.shared.gallery import gallery
from pages.shared.halves import halves
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions
from pages.shared.pictures import gallery_items
from pages.shared.state import Workspace

PAGE_SIZE = 12
ALL, CROSSING = "all", "across"
UNDECIDED, DECIDED = "undecided", "decided"


def choose(image: str) -> None:
    """Make the mistake of this image the chosen one."""
    st.session_state["error"] = image
    st.session_state.pop("rare_page", None)  # the page of the list that shows it


def chosen_error(errors: Sequence[RareError], shown: Sequence[RareError]) -> RareError | None:
    """The mistake that the session or the URL names, even one that the filters hide; else the first shown."""
    asked = newest("error", "error", "written_error")
    found = next((error for error in errors if error.id == asked), None)
    if found is None and asked is not None:
        st.info("The image of this link is not among these mistakes; the first one is shown instead.")
        st.session_state.pop("error", None)
    return found or next(iter(shown), None)


def filtered(workspace: Workspace, ranked: Ranking) -> tuple[list[RareError], bool]:
    """The mistakes that the filters leave, and whether only undecided ones are wanted."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="rare_filters"):
        crossing = ALL
        if ranked.groups:
            words = "Across blocks" if ranked.blocks else "Across groups"
            crossing = st.segmented_control(
                "Which", [ALL, CROSSING], default=ALL, required=True, key="rare_which", bind="query-params",
                format_func={ALL: "All mistakes", CROSSING: words}.__getitem__,
                label_visibility="collapsed",
            )  # fmt: skip
        decided = st.segmented_control(
            "Decisions", [ALL, UNDECIDED, DECIDED], default=ALL, required=True, key="rare_decided",
            bind="query-params", format_func=str.capitalize, label_visibility="collapsed",
        )  # fmt: skip
        names = sorted({name for error in ranked.errors for name in (error.label, error.predicted)})
        name = st.selectbox(
            "Class", names, index=None, placeholder="Any class", width=230, label_visibility="collapsed",
            key=f"rare_class_{workspace.fingerprint[:8]}", persist_state="session",
        )  # fmt: skip
    notes = notes_of_images(workspace)
    shown = [
        error
        for error in ranked.errors
        if (crossing == ALL or error.crosses_group)
        and (
            decided == ALL
            or bool(decision_words(notes.get(error.index), error.label)) is (decided == DECIDED)
        )
        and name in (None, error.label, error.predicted)
    ]
    return shown, decided == UNDECIDED


def errors_gallery(
    workspace: Workspace, predictions: Predictions, shown: Sequence[RareError], chosen: RareError | None
) -> None:
    """The mistakes page by page, each with how often the like happened and what was decided."""
    ids = [error.id for error in shown]
    place = ids.index(chosen.id) if chosen is not None and chosen.id in ids else 0
    page, pages = 1, math.ceil(len(shown) / PAGE_SIZE)
    if pages > 1:
        if not 1 <= st.session_state.get("rare_page", 0) <= pages:
            st.session_state["rare_page"] = place // PAGE_SIZE + 1
        page = st.pagination(pages, default=st.session_state["rare_page"], key="rare_page")
    rows = shown[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    notes = notes_of_images(workspace)
    decisions = [decision_words(notes.get(error.index), error.label) for error in rows]
    words = [
        f"✓ {decision}. {error.support}" if decision else error.support
        for error, decision in zip(rows, decisions, strict=True)
    ]
    gallery(
        gallery_items(predictions, np.array([error.index for error in rows], dtype=int), words),
        key="rare_errors",
        selected=None if chosen is None else chosen.id,
        on_open=choose,
        empty="No mistake is left by these filters.",
    )


@st.fragment
@state.explained
def rare_view(workspace: Workspace, predictions: Predictions) -> None:
    """The list and the chosen mistake; a click runs these alone."""
    ranked = ranking(workspace.fingerprint)
    if not ranked.errors:
        st.success("Every image is right, so there are no rare mistakes.", icon=":material/check_circle:")
        open_inspector(workspace, predictions)
        return
    headline(ranked)
    shown, undecided_only = filtered(workspace, ranked)
    chosen = chosen_error(ranked.errors, shown)
    if chosen is not None:
        write_later("error", chosen.id, "written_error")
    settle_addresses()
    left, right = halves("rare", (0.45, 0.55), "medium")
    with left:
        errors_gallery(workspace, predictions, shown, chosen)
    with right:
        if chosen is not None:
            following = next_of(chosen, shown) if undecided_only else None
            chosen_in_full(
                workspace, predictions, chosen, shown, choose=choose,
                on_decided=None if following is None else lambda: choose(following),
            )  # fmt: skip
    open_inspector(workspace, predictions)


def next_of(chosen: RareError, shown: Sequence[RareError]) -> str | None:
    """The mistake after the chosen one, or before it where it is the last: the chosen one leaves the list."""
    ids = [error.id for error in shown]
    if chosen.id not in ids or len(ids) < 2:
        return None
    place = ids.index(chosen.id)
    return ids[place + 1] if place + 1 < len(ids) else ids[place - 1]


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.html(Path(__file__).with_name("rare.css"))
    st.title("Rare errors")
    rare_view(workspace, predictions)


page()
