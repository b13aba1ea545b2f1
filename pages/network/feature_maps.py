"""What each layer sees in one image: a map for each channel, alone or beside those of another image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from models.predictions import Predictions
from pages.explain.asked_class import AskedClass, asked_class
from pages.explain.chosen_image import Chosen, chosen_image
from pages.explain.what_if import answered
from pages.network.channel_grid import ORDERS, channel_grid, ordered
from pages.network.channel_shown import Seen, channel_shown
from pages.network.image_beside import image_beside
from pages.network.layer_choice import chosen_layer, places_words
from pages.network.layers_cached import has_layers, outlines
from pages.shared import cached
from pages.shared.addressed import settle_addresses
from pages.shared.halves import halves
from pages.shared.interruptible import interruptible
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace, explained

if TYPE_CHECKING:
    from analysis.layers.feature_maps import FeatureMaps
    from models.network import Network


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Feature maps")
    st.caption(
        "What one layer makes of an image: a map for each of its channels, as the next layer gets it. Influence says "
        "how much a channel adds to the answer, or takes from it."
    )
    st.html(Path(__file__).with_name("feature_maps.css"))
    with st.container(key="feature_maps"):
        if has_layers(predictions):
            maps_view(workspace, predictions)


@st.fragment
@explained
def maps_view(workspace: Workspace, predictions: Predictions) -> None:
    """All of the page; its clicks run this without the rest of the app."""
    chosen = chosen_image(workspace, predictions)
    network = cached.network(workspace.spec, workspace.fingerprint)
    if chosen.probabilities is None:
        chosen = replace(chosen, probabilities=answered(network, chosen.path, chosen.key))
    asked = asked_class(network.class_names, chosen)
    known = outlines(workspace)
    left, middle, right = halves("maps_controls", (0.42, 0.28, 0.3), "small")
    with left:
        layer = chosen_layer(
            known,
            key="maps_layer",
            words=lambda each: places_words(each.n_channels, each.places),
            usual=_usual(known),
        )
    with right:
        other = image_beside(workspace, predictions, chosen)
    with middle:
        order = st.selectbox(
            "Order", list(ORDERS), format_func=lambda each: ORDERS[each][other is not None], key="maps_order",
            bind="query-params", help="Strength is the mean absolute value of a map. Influence is the sum over the map "
            "of value times gradient: what the channel adds to the answer, to first order.",
        )  # fmt: skip
    seen = [Seen(chosen, _seen(network, chosen, layer.name, asked), "This image")]
    if other is not None:
        maps = _seen(network, other.picture, layer.name, asked)
        seen.append(Seen(other.picture, maps, other.title, "beside"))
    channels = ordered([each.maps for each in seen], order)
    channel_shown(network.preprocessing, layer, seen, channels)
    channel_grid([each.maps for each in seen], channels, f"{layer.name}-{order}")
    settle_addresses()


def _usual(layers: Mapping[str, object]) -> str:
    """The layer in the middle: its maps are still fine, and no longer plain edges."""
    names = list(layers)
    return names[len(names) // 2]


def _seen(network: Network, picture: Chosen, layer: str, asked: AskedClass) -> FeatureMaps:
    key = network.fingerprint, str(picture.path), picture.key
    return _maps(key, layer, (asked.a, asked.b), network)


@st.cache_resource(max_entries=8, show_spinner="Reading the layer…")
def _maps(
    key: tuple[str, str, str], layer: str, target: tuple[int, int | None], _network: Network
) -> FeatureMaps:
    def read() -> FeatureMaps:
        from analysis.layers.feature_maps import feature_maps
        from models.image_input import image_input

        inputs = image_input(Path(key[1]), _network.preprocessing)[None]
        return feature_maps(_network, inputs, layer, *target)

    return interruptible(read)


page()
