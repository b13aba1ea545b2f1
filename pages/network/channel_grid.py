"""The maps of a layer as a grid, page by page: one tile for each channel, each a button."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import streamlit as st

from analysis.layers.map_pictures import map_picture
from pages.network.layer_choice import activation_name
from pages.shared.addressed import addressed, choose
from pages.shared.component_sources import sources

if TYPE_CHECKING:
    from analysis.layers.feature_maps import FeatureMaps

PAGE_SIZE = 48
_FOLDER = Path(__file__).parent
ORDERS = {
    "influence": ("Most influence", "Influence differs most"),
    "strength": ("Strongest", "Strength differs most"),
    "number": ("Number of the channel", "Number of the channel"),
}
"""How channels are ordered: what it is called for one image, and for two."""
_grid = st.components.v2.component(
    "errorscope_channels",
    html='<div class="channels" role="group"></div>',
    css=sources(_FOLDER, "channel_grid.css"),
    js=sources(_FOLDER, "channel_grid.js"),
)


def ordered(maps: Sequence[FeatureMaps], order: str) -> npt.NDArray[np.intp]:
    """The channels in the order in which they are shown.

    Args:
        maps: of one image, or of two.
        order: a key of `ORDERS`.
    """
    first = maps[0]
    if order == "number":
        return np.arange(len(first.values))
    if len(maps) > 1:
        from analysis.layers.feature_maps import most_different

        return most_different(first, maps[1], order)
    return first.strongest() if order == "strength" else first.most_influential()


def channel_grid(maps: Sequence[FeatureMaps], channels: npt.NDArray[np.intp], page_key: str) -> None:
    """Draw one page of tiles.

    Args:
        maps: of one image, or of two, whose maps then stand side by side.
        channels: (D,) in the order in which they are shown.
        page_key: another one begins at the first page again.
    """
    page = 1
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="maps_pages"
    ):
        st.caption(_legend(maps))
        if len(channels) > PAGE_SIZE:
            page = st.pagination(
                math.ceil(len(channels) / PAGE_SIZE), key=f"maps_page_{page_key}", width="content"
            )
    shown = channels[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    largest = max(float(np.abs(each.values).max()) for each in maps)
    data = {
        "tiles": [_tile(int(channel), maps, largest) for channel in shown],
        "selected": addressed("channel"),
        "columns": len(maps),
    }
    known = {str(channel) for channel in shown}
    _grid(key="channel_grid", data=data, on_open_change=lambda: _open(known))


def _tile(channel: int, maps: Sequence[FeatureMaps], largest: float) -> dict[str, object]:
    # a channel's own scale, else one loud channel leaves all others black
    own = max(float(np.abs(each.values[channel]).max()) for each in maps)
    pictures = [map_picture(each.values[channel], own) for each in maps]
    return {
        "id": str(channel),
        "pictures": [base64.b64encode(each).decode("ascii") for each in pictures],
        "influence": [f"{each.influence[channel]:+.2g}" for each in maps],
        "strength": [f"{each.strength[channel]:.2g}" for each in maps],
        "share": own / largest if largest else 0.0,
        "silent": own == 0,
    }


def _open(known: set[str]) -> None:
    channel = st.session_state["channel_grid"].get("open")
    if channel in known:  # a browser may still show an older page
        choose("channel", channel)


def _legend(maps: Sequence[FeatureMaps]) -> str:
    first = maps[0]
    behind = f", behind its {activation_name(first.activation)}" if first.activation else ""
    signs = (
        "white is 0, red above and blue below it"
        if first.values.min() < 0
        else "black is 0, and the brighter the more"
    )
    sides = " Left: this image, right: the other." if len(maps) > 1 else ""
    return (
        f"{len(first.values):,} channels{behind}; {signs}. Each map has its own scale; the bar under it "
        f"compares its largest value with the layer's, and the number is its influence.{sides}"
    )
