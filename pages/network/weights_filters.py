"""The filters of the first layer as pictures, each pixel one weight."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from analysis.layers.map_pictures import png
from analysis.layers.weight_record import LayerWeights, NetworkWeights
from pages.network.weights_unusual import Dead
from pages.shared import state


def first_filters(found: NetworkWeights, dead: Dead | None, *, can_be_looked_at: bool) -> None:
    """Draw them as a grid.

    Args:
        found: the statistics; with filters.
        dead: None where the images were not looked at.
        can_be_looked_at: whether the page of channels can show the layer.
    """
    filters = found.filters
    assert filters is not None
    layer = found.layer(filters.layer)
    n, side = len(filters.pictures), filters.pictures.shape[1:3]
    st.subheader("Filters of the first layer")
    with st.container(key="first_filters"):
        marks = {} if layer is None else _marks(layer, (dead or {}).get(filters.layer, ()))
        tiles = "".join(
            _tile(number, picture, marks.get(number)) for number, picture in enumerate(filters.pictures)
        )
        st.html(f'<div class="filters">{tiles}</div>')
        shown = f"The first {n:,} of {filters.n_filters:,}" if n < filters.n_filters else f"The {n:,}"
        st.caption(
            f"{shown} filters of {state.escaped(filters.layer)}, {side[0]} x {side[1]} weights each over red, green and "
            "blue. Grey is a weight of 0; where a filter is redder, greener or bluer than grey it looks for that colour, "
            "where it is darker or of the opposite colour it is held back by it. Each is scaled by its own largest weight."
        )
        if can_be_looked_at:
            st.page_link(
                state.CHANNELS_PAGE, label="The images that excite these filters most", icon=":material/blur_on:",
                query_params={"layer": filters.layer},
            )  # fmt: skip


def _marks(layer: LayerWeights, dead: tuple[int, ...]) -> dict[int, str]:
    """What is wrong with a filter, in a word."""
    words = dict.fromkeys(layer.faint_channels, "faint")
    words.update(dict.fromkeys(dead, "dead"))
    words.update(dict.fromkeys(layer.empty_channels, "empty"))
    return words


def _tile(number: int, picture: npt.NDArray[np.uint8], mark: str | None) -> str:
    words = f"Filter {number}" + (f", {mark}" if mark else "")
    tag = f"<b>{mark}</b>" if mark else ""
    return (
        f'<figure class="filter{" filter-off" if mark else ""}"><img src="{pixel_address(picture)}" alt="{words}" '
        f'title="{words}"><figcaption>{number}{tag}</figcaption></figure>'
    )


def pixel_address(picture: npt.NDArray[np.uint8]) -> str:
    """A small picture as an address for an <img>, not enlarged: the style sheet does that, without smoothing.

    Args:
        picture: (H, W, 3).
    """
    return f"data:image/png;base64,{base64.b64encode(png(Image.fromarray(picture))).decode()}"
