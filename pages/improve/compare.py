"""Before and after: what was fixed, what broke, and whether the difference is real."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.comparison_record import Comparison
from models.errors import ComparisonError
from pages.improve import compare_cached
from pages.improve.compare_budget import budget_section
from pages.improve.compare_choice import Chosen, choice_lists, chosen_results
from pages.improve.compare_classes import classes_section
from pages.improve.compare_galleries import galleries
from pages.improve.compare_headline import figures, half_choice, headline
from pages.improve.compare_image import open_compared_image
from pages.improve.compare_matrix import matrix_section
from pages.improve.compare_results import results
from pages.improve.compare_table import follow_reading, table_popover
from pages.improve.compare_target import target_section
from pages.shared import state
from pages.shared.addressed import settle_addresses


@st.fragment
@state.explained
def comparison_view(chosen: Chosen, comparison: Comparison) -> None:
    """All that follows from the choice; a click runs this alone."""
    before, after, target = chosen.before.fingerprint, chosen.after.fingerprint, chosen.after.target
    half = half_choice(comparison, chosen)
    statistics = compare_cached.statistics(before, after, half, target.cells if target else ())
    headline(statistics)
    if statistics.n:
        if target is not None:
            target_section(chosen, half, target)
        figures(statistics, comparison)
        galleries(chosen, comparison, half)
        matrix_section(chosen, comparison, half)
        classes_section(statistics)
        budget_section(chosen, statistics, half)
    settle_addresses()
    open_compared_image(chosen, comparison)


def nothing_to_compare() -> None:
    """What is missing, and where it comes from."""
    st.info(
        "There is nothing to compare yet: a comparison needs two results on the same images. Train a version, open "
        "another checkpoint on these images, or read predictions that were made elsewhere.",
        icon=":material/difference:",
    )
    with st.container(horizontal=True):
        st.page_link(state.FINETUNE_PAGE, label="Fine-tune", icon=":material/model_training:")
        st.page_link(state.SETUP_PAGE, label="Open another model", icon=":material/folder_open:")


def page() -> None:
    """Draw the page."""
    workspace = state.workspace()
    st.html(Path(__file__).with_name("compare.css"))
    st.title("Before and after")
    with st.container(key="comparison"):
        known = results(state.store())
        follow_reading()
        chosen = chosen_results(known, workspace)
        if chosen is None:
            settle_addresses()
            nothing_to_compare()
            table_popover(workspace.spec if workspace is not None else None)
            return
        with st.container(horizontal=True, vertical_alignment="bottom", key="comparison_choice"):
            choice_lists(known, chosen)
            table_popover(chosen.before.spec)
        if chosen.before == chosen.after:
            settle_addresses()
            st.info("Both sides are the same result; choose another one.", icon=":material/info:")
            return
        try:
            comparison = compare_cached.comparison(chosen.before.fingerprint, chosen.after.fingerprint)
        except ComparisonError as error:
            settle_addresses()
            state.explain(error)
            return
        comparison_view(chosen, comparison)


page()
