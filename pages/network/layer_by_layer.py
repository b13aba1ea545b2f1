"""Where in the network two classes come apart, and how an image's nearest images change from layer to layer."""

from __future__ import annotations

import streamlit as st

from analysis.cell_name import cell_name
from analysis.layers.scan_record import LayerScan
from models.predictions import Predictions
from pages.mistakes import pair_cached
from pages.mistakes.pair_choice import Classes, chosen_pair, pair_lists, write_pair
from pages.network.layers_cached import has_layers, scanned
from pages.network.neighbours_by_layer import neighbours_by_layer
from pages.network.probe_shown import probe_shown
from pages.shared import state
from pages.shared.addressed import settle_addresses
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Layer by layer")
    with st.container(key="layer_by_layer"):
        if has_layers(predictions):
            _asked(workspace, predictions)
    open_inspector(workspace, predictions)


def _asked(workspace: Workspace, predictions: Predictions) -> None:
    names = predictions.class_names
    if len(names) < 2:
        st.info("There is only one class, so there is nothing to tell apart.", icon=":material/info:")
        return
    st.caption(
        "What each layer knows: whether it tells two classes apart, and which images it takes for alike."
    )
    chosen = chosen_pair(names, pair_cached.pairs(workspace.fingerprint))
    write_pair(names, chosen)
    pair_lists(names, chosen)
    found = scanned(workspace, predictions, "This page shows where in the network two classes come apart.")
    if found is not None:
        _of_pair(workspace, predictions, found, chosen)
    settle_addresses()


def _of_pair(workspace: Workspace, predictions: Predictions, scan: LayerScan, chosen: Classes) -> None:
    a, b = (state.escaped(predictions.class_names[index]) for index in chosen)
    with st.container(key="layers_curve"):
        st.subheader(f"Where {a} and {b} come apart")
        probe_shown(workspace, predictions, scan, chosen)
        st.page_link(
            state.PAIR_PAGE, label="The images of this pair", icon=":material/compare:",
            query_params={
                **state.open_query(workspace.spec),
                "pair": cell_name(*(predictions.class_names[index] for index in chosen)),
            },
        )  # fmt: skip
    with st.container(key="layers_neighbours"):
        st.subheader("An image's nearest images, layer by layer")
        neighbours_by_layer(workspace, predictions, scan, chosen)


page()
