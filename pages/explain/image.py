"""One image: what the network looked at, by every method one likes, and what if it were different."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from models.errors import ErrorscopeError
from models.predictions import Predictions
from pages.explain import refresh
from pages.explain.asked_class import asked_class
from pages.explain.chosen_image import chosen_image
from pages.explain.drawing_form import chosen_drawing, scale_bar
from pages.explain.methods_form import chosen_methods
from pages.explain.running import View, begin_drawing, stop_the_forgotten
from pages.explain.tiles import tiles
from pages.explain.trust import trust_panel
from pages.explain.what_if import answered, what_if
from pages.shared import cached, state
from pages.shared.addressed import settle_addresses
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace


@st.fragment
@state.explained
def explain_view(workspace: Workspace, predictions: Predictions) -> None:
    """The whole page; its clicks run this without the rest of the app."""
    if not predictions.architecture:
        st.caption("These predictions came from a table, so there is no network to ask.")
        return
    chosen = chosen_image(workspace, predictions)
    network = cached.network(workspace.spec, workspace.fingerprint)
    if chosen.probabilities is None:
        chosen = replace(chosen, probabilities=answered(network, chosen.path, chosen.key))
    asked = asked_class(network.class_names, chosen)
    view = View(workspace, network, chosen, asked)
    with st.container(horizontal=True, vertical_alignment="center", key="explain_controls"):
        methods = chosen_methods()
        drawing = chosen_drawing()
        with st.container(key="explain_scale", width="stretch"):
            scale_bar(drawing)
    settle_addresses()
    begin_drawing()
    refresh.begin()
    if not methods:
        st.info("Choose at least one method.", icon=":material/layers:")
    try:
        found = tiles(view, methods, drawing)
        what_if(view, methods, drawing)
        trust_panel(view, methods, found)
    except ErrorscopeError:
        _go_on()  # one part that fails must not hold up the others
        raise
    _go_on()


def _go_on() -> None:
    """Leave the jobs that nobody looks at any more, and let the clock strike for the others."""
    stop_the_forgotten()
    refresh.settle()


def page() -> None:
    """Draw the page."""
    st.html(Path(__file__).with_name("image.css"))
    explain_view(*opened_predictions())


page()
