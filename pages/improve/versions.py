"""The networks that trainings made: their tree, and one of them in full."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from models.finetune.versions import unreadable_versions, versions
from pages.improve.versions_shown import version_shown
from pages.improve.versions_tree import chosen_version, tree
from pages.shared import state
from pages.shared.addressed import settle_addresses
from pages.shared.halves import halves


def page() -> None:
    """Draw the page."""
    st.html(Path(__file__).with_name("versions.css"))
    st.title("Versions")
    found = versions(state.store())
    for error in unreadable_versions(state.store()):
        state.explain(error)
    if not found:
        _nothing_yet()
        return
    chosen = chosen_version(found)
    settle_addresses()
    left, right = halves("versions", (0.38, 0.62), "medium")
    with left:
        tree(found, chosen)
    with right:
        version_shown(chosen, found)


def _nothing_yet() -> None:
    st.info(
        "No version yet. Every fine-tuning that comes to its end, or that you end and keep, becomes one: its weights, "
        "how it was trained, and what it reached.",
        icon=":material/account_tree:",
    )
    with st.container(horizontal=True):
        st.page_link(state.FINETUNE_PAGE, label="Fine-tune the open model", icon=":material/model_training:")
        st.page_link(state.JOBS_PAGE, label="Look at the jobs", icon=":material/pending_actions:")


page()
