"""What the network has learned: its first filters, the weights of each layer, and how they differ from another's."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.layers.weight_record import NetworkWeights
from models.prediction_record import PROGRAMS, Predictions
from pages.network.layers_cached import scan, scanned
from pages.network.weights_cached import read_weights
from pages.network.weights_difference import difference
from pages.network.weights_filters import first_filters
from pages.network.weights_layer import layer_shown
from pages.network.weights_table import dead_channels, weights_table
from pages.network.weights_unusual import norms_of_network, unusual_layers
from pages.shared.addressed import settle_addresses
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.html(Path(__file__).with_name("weights.css"))
    st.title("Learned weights")
    st.caption(
        "What training left in each layer: the filters that see the pixels, how large and how varied the weights are, "
        "and what is dead or odd about them."
    )
    with st.container(key="weights_page"):
        if not predictions.architecture:
            st.info(
                "These predictions came from a table, so there are no weights to look at. Open the checkpoint that "
                "made them.",
                icon=":material/info:",
            )
            return
        if predictions.architecture == "onnx":
            st.info(
                "This network is an ONNX file: it answers, but its weights are not read here. Open the checkpoint that it "
                "was made from to look at them.",
                icon=":material/info:",
            )
            return
        found = read_weights(workspace, predictions)
        if found is not None:
            weights_view(workspace, predictions, found)
    settle_addresses()


def weights_view(workspace: Workspace, predictions: Predictions, found: NetworkWeights) -> None:
    """All that is known of the weights.

    Args:
        workspace: what is open.
        predictions: of its evaluation.
        found: the statistics.
    """
    if not found.layers:
        st.info("This network has no convolutions and no linear layers whose weights can be read.")
        return
    is_program = predictions.architecture in PROGRAMS
    seen = None if is_program else scan(workspace)
    dead = None if seen is None else dead_channels(found, seen)
    norms_of_network(found, can_learn=not is_program)
    unusual_layers(found, dead)
    if found.filters is not None:
        first_filters(found, dead, can_be_looked_at=not is_program)
    weights_table(found, dead)
    if is_program:
        st.caption(
            "Which channels are dead on the validation images cannot be seen: the network is a program, and what its "
            "layers give on the way cannot be read."
        )
    elif seen is None:
        scanned(workspace, predictions, "Which channels are never active shows only when images go through.")
    layer_shown(found, dead, can_be_looked_at=not is_program)
    difference(workspace)


page()
