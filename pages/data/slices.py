"""Slices: the kinds of image that fail more often than others of their classes."""

from __future__ import annotations

from typing import cast

import streamlit as st

from analysis.slice_record import Slice, Slices
from models.prediction_record import Predictions
from pages.data.slice_list import slice_list
from pages.data.slice_shown import slice_shown
from pages.data.slice_texts import caption_words, headline_words, tried_words
from pages.shared import state
from pages.shared.addressed import newest, settle_addresses, write_later
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions
from pages.shared.surveyed import surveyed


def chosen_slice(found: Slices) -> Slice | None:
    """The slice the session or the URL names; else the first finding, if there is one."""
    named = newest("slice", "slice", "written_slice")
    known = {each.identity: each for each in found.slices}
    chosen = known.get(named or "")
    if named and chosen is None:
        st.info(
            "The slice of this link is not among these: other images, or another model, give others.",
            icon=":material/search_off:",
        )
    return chosen or next(iter(found.confirmed), None)


@st.fragment
@state.explained
def slices_and_images(workspace: state.Workspace, predictions: Predictions, found: Slices) -> None:
    """The list, and under it the chosen slice with its images; a click runs these alone."""
    chosen = chosen_slice(found)
    if chosen is not None:
        st.session_state["slice"] = chosen.identity
        write_later("slice", chosen.identity, "written_slice")
    settle_addresses()
    slice_list(found, chosen)
    if chosen is not None:
        slice_shown(predictions, chosen)
    open_inspector(workspace, predictions)


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Slices")
    found = cast("Slices | None", surveyed(workspace, predictions, "slices"))
    if found is None:
        open_inspector(workspace, predictions)
        return
    if found.too_few:
        st.info(found.too_few, icon=":material/info:")
        return
    if found.confirmed:
        st.markdown(f"**{headline_words(found)}**")
    else:
        st.success(headline_words(found), icon=":material/check_circle:")
    st.caption(state.escaped(caption_words(found)))
    with st.expander("What was tried", icon=":material/search:"):
        st.markdown(state.escaped(tried_words(found)))
        for remark in found.remarks:
            st.markdown(f"- {state.escaped(remark)}")
    slices_and_images(workspace, predictions, found)


page()
