"""What excites the channels of a layer: the images that do it most, and an image made to do it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.network.channels_of_layer import channels_view
from pages.network.class_excitation import class_view
from pages.network.layers_cached import has_layers
from pages.shared.addressed import settle_addresses
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions

VIEWS = {"channel": "A channel", "class": "A class"}


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.html(Path(__file__).with_name("channels.css"))
    st.title("Channels")
    st.caption(
        "What one channel of the network responds to: the validation images that excite it most, with the part that does "
        "it, and an image made from noise to excite it; the same for a class."
    )
    with st.container(key="channels_page"):
        if has_layers(predictions):
            view = st.segmented_control(
                "What excites", list(VIEWS), default="channel", format_func=VIEWS.__getitem__, key="excite",
                required=True, label_visibility="collapsed", bind="query-params",
            )  # fmt: skip
            if view == "class":
                class_view(workspace, predictions)
            else:
                channels_view(workspace, predictions)
    settle_addresses()
    open_inspector(workspace, predictions)


page()
