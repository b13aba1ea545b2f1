"""One layer's weights: their histogram, and what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from analysis.layers.difference_record import shape_words
from analysis.layers.weight_record import LayerWeights, NetworkWeights
from analysis.number_words import percent
from pages.network.layer_choice import chosen_layer
from pages.network.weights_unusual import Dead
from pages.shared import state
from pages.shared.charts import RIGHT_COLOUR
from pages.shared.halves import halves

_GREY = "#8a929b"
_LISTED = 24


def layer_shown(found: NetworkWeights, dead: Dead | None, *, can_be_looked_at: bool) -> None:
    """Ask for a layer and draw it.

    Args:
        found: the statistics.
        dead: None where the images were not looked at.
        can_be_looked_at: whether the page of channels can show the layer.
    """
    st.subheader("One layer")
    with st.container(key="weights_layer"):
        layer = chosen_layer(
            {each.name: each for each in found.layers}, key="weights_layer_choice",
            words=lambda each: f"{each.kind} {shape_words(each.shape)}", usual=found.layers[0].name,
        )  # fmt: skip
        left, right = halves("weights_layer", (0.58, 0.42), "medium")
        with left:
            st.plotly_chart(histogram_chart(layer), key="weights_histogram", config={"displayModeBar": False})
        with right:
            _words(layer, dead)
            if can_be_looked_at and (dead is None or layer.name in dead):  # the head is no layer to look at
                st.page_link(
                    state.CHANNELS_PAGE, label="What excites its channels", icon=":material/blur_on:",
                    query_params={"layer": layer.name},
                )  # fmt: skip


def _words(layer: LayerWeights, dead: Dead | None) -> None:
    smaller = min(layer.shape[0] // layer.groups, layer.n_weights // layer.shape[0]) * layer.groups
    norm = (
        f"; with the batch norm behind it, {layer.gain:.3g} times"
        if layer.gain != layer.spectral_norm
        else ""
    )
    lines = [
        f"**{layer.n_weights:,} weights**, {shape_words(layer.shape)}"
        + (f", in {layer.groups:,} groups" if layer.groups > 1 else ""),
        f"Typical size {layer.rms:.2g}; all together {layer.norm:.3g} long",
        f"{percent(layer.near_zero)} are less than a hundredth of that; {percent(layer.exact_zero)} are exactly 0",
        f"Stretches what it gets at most {layer.spectral_norm:.3g} times{norm}",
        f"Passes it on along about {layer.stable_rank:.1f} of {smaller:,} directions (stable rank)",
    ]
    if layer.n_odd:
        lines.insert(0, f"**{layer.n_odd:,} weights are no numbers (NaN or infinite)**; they count as 0 here")
    for words, channels in (
        ("Empty channels, their weights are 0", layer.empty_channels),
        ("Faint channels, they hardly hear what it gets", layer.faint_channels),
        ("Dead channels, the same for every validation image", (dead or {}).get(layer.name, ())),
    ):
        if channels:
            lines.append(f"{words}: {channel_list(channels)}")
    if dead is not None and layer.name in dead and not dead[layer.name]:
        lines.append("No channel is dead on the validation images")
    st.markdown("\n".join(f"- {line}" for line in lines))


def channel_list(channels: tuple[int, ...]) -> str:
    """Numbers of channels, the first ones where there are many.

    >>> channel_list((3, 5))
    '3, 5'
    """
    more = f" and {len(channels) - _LISTED:,} more" if len(channels) > _LISTED else ""
    return ", ".join(map(str, channels[:_LISTED])) + more


def histogram_chart(layer: LayerWeights) -> Any:
    """How many weights have which size, as a plotly figure, with a bell curve of the same width behind.

    Args:
        layer: its statistics.
    """
    # Imported here: plotly takes half a second.
    import plotly.graph_objects as go

    edges = layer.edges
    centres, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    figure = go.Figure()
    figure.add_bar(
        x=centres, y=layer.counts, marker_color=RIGHT_COLOUR, name="weights", hovertemplate="%{y:,} weights around %{x:.3g}<extra></extra>",
    )  # fmt: skip
    if layer.rms:
        bell = (
            np.exp(-((centres / layer.rms) ** 2) / 2)
            / (layer.rms * np.sqrt(2 * np.pi))
            * width
            * layer.n_weights
        )
        figure.add_scatter(
            x=centres, y=bell, mode="lines", line={"color": _GREY, "width": 1.5, "dash": "dot"}, hoverinfo="skip",
            name="a bell curve as wide",
        )  # fmt: skip
    figure.update_xaxes(title="weight; what lies further out is in the last bins", fixedrange=True)
    figure.update_yaxes(title="how many", fixedrange=True)
    figure.update_layout(
        height=300, bargap=0.04, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    return figure
