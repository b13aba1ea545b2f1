"""Labels that may be wrong: look at one after another, decide, and see the figures with the corrections."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.decision_words import decision_words
from analysis.label_candidates import LabelCandidate, LabelCandidates
from analysis.number_words import p_words
from models.predictions import Predictions
from pages.data import label_cached
from pages.data.label_candidate import candidate_view
from pages.data.label_choice import (
    FILTER_KEY,
    FILTERS,
    Judged,
    chosen_candidate,
    go_to,
    to_first_of_list,
)
from pages.data.label_corrections import corrections_part
from pages.data.label_steps import steps
from pages.shared import state
from pages.shared.addressed import settle_addresses
from pages.shared.decisions import notes_of_images
from pages.shared.gallery import gallery
from pages.shared.halves import halves
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions
from pages.shared.pictures import gallery_items

PAGE_SIZE = 12
PAGE_KEY = "label_page"


def headline(found: LabelCandidates) -> None:
    """What was found, and what that rests on."""
    assert found.noise is not None
    st.markdown(f"**{state.escaped(found.words)}**")
    st.caption(
        "Candidates only: in real data people keep the label of most of them. For images that the model was not "
        "trained on; those it was trained on need probabilities of k-fold or per-epoch runs instead.",
        help=f"Labels drawn at random were tested against the model's calibrated probabilities and its habits "
        f"({p_words(found.noise.p_value)}). A mix-up that happens again and again between two classes looks "
        f"like a habit and does not stand out. The model confidently disagrees with about {found.n_estimated:,} of "
        f"{found.n_images:,} labels, its plain errors among them.",
    )
    if 2 * found.n_candidates > found.n_images:
        st.warning(
            "More than half of the labels contradict the model. Before looking at single labels, check that the "
            "class names are in the order of the model's outputs.",
            icon=":material/warning:",
        )


@st.fragment
@state.explained
def candidates_and_corrections(
    workspace: state.Workspace, predictions: Predictions, found: LabelCandidates
) -> None:
    """The list, the candidate on show and the figures; a key runs these alone, without the rest of the app."""
    judged = Judged(workspace, predictions, found, notes_of_images(workspace))
    head = st.container(horizontal=True, vertical_alignment="center", key="label_head")
    among = _filter(head)
    listed = judged.shown(among)
    candidate = chosen_candidate(judged, listed)
    settle_addresses()
    with head:
        steps(judged, candidate, listed)
        _progress(judged)
    left, right = halves("labels", (0.42, 0.58), "medium")
    with left:
        _list(judged, listed, candidate)
    with right, st.container(key="label_candidate"):
        if candidate is None:
            _nothing_listed(among)
        else:
            candidate_view(judged, candidate)
    corrections_part(judged)
    open_inspector(workspace, predictions)


def _filter(head: DeltaGenerator) -> str:
    among = head.segmented_control(
        "Show", FILTERS, default=FILTERS[0], required=True, key=FILTER_KEY, bind="query-params",
        label_visibility="collapsed", on_change=to_first_of_list,
    )  # fmt: skip
    return among or FILTERS[0]


def _progress(judged: Judged) -> None:
    total, decided = len(judged.found.candidates), len(judged.shown("Decided"))
    words = f"{decided:,} of {total:,} looked at"
    if judged.found.n_beyond_chance:
        first = [each for each in judged.found.candidates if each.is_beyond_chance]
        done = sum(judged.decision(each) is not None for each in first)
        words += f" · {done:,} of the {len(first):,} that stand out"
    if judged.found.n_candidates > total:
        words += f" · the first {total:,} of {judged.found.n_candidates:,}"
    st.progress(decided / total, text=words)


def _list(judged: Judged, listed: list[LabelCandidate], candidate: LabelCandidate | None) -> None:
    page = _page(listed, candidate)
    shown = listed[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    gallery(
        gallery_items(
            judged.predictions,
            np.array([each.index for each in shown], dtype=np.intp),
            [_note(judged, each) for each in shown],
        ),
        key="label_candidates",
        selected=candidate.id if candidate else None,
        on_open=go_to,
        empty="No candidate here.",
    )


def _note(judged: Judged, candidate: LabelCandidate) -> str:
    decided = decision_words(judged.notes.get(candidate.index), candidate.label)
    return decided or ("stands out" if candidate.is_beyond_chance else "")


def _page(listed: list[LabelCandidate], candidate: LabelCandidate | None) -> int:
    """The page of the list: the one with the candidate when another came up, else the one last turned to."""
    pages = math.ceil(len(listed) / PAGE_SIZE)
    if pages < 2:
        return 1
    turned = min(pages, st.session_state.get(PAGE_KEY) or 1)
    if candidate is not None and st.session_state.get("label_paged_for") != candidate.id:
        st.session_state["label_paged_for"] = candidate.id
        if candidate in listed:
            turned = listed.index(candidate) // PAGE_SIZE + 1
    return st.pagination(pages, default=state.keep_widget(PAGE_KEY, turned), key=PAGE_KEY)


def _nothing_listed(among: str) -> None:
    if among == "Decided":
        st.info("Nothing is decided yet.", icon=":material/info:")
    else:
        st.success("Every candidate has a decision.", icon=":material/check_circle:")


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Label candidates")
    st.html(Path(__file__).with_name("label.css"))
    found = label_cached.candidates(workspace.fingerprint)
    if found.missing:
        st.info(found.missing, icon=":material/info:")
    else:
        headline(found)
        if found.candidates:
            candidates_and_corrections(workspace, predictions, found)
            return
    open_inspector(workspace, predictions)


page()
