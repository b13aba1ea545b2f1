"""The chosen channel: its map laid over what the network saw, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import streamlit as st

from analysis.layers.map_pictures import map_over
from models.preprocessing import Preprocessing
from pages.network.layer_choice import places_words
from pages.shared import state
from pages.shared.addressed import addressed, put_right, say_what_was_put_right, write_address
from pages.shared.halves import halves

if TYPE_CHECKING:
    from analysis.layers.catalogue import LayerOutline
    from analysis.layers.feature_maps import FeatureMaps
    from pages.explain.chosen_image import Chosen

WIDTH = 300


@dataclass(frozen=True)
class Seen:
    """One image and what a layer makes of it.

    Args:
        picture: the image.
        maps: of the layer.
        title: what a person calls it.
        place: "first" or "beside".
    """

    picture: Chosen
    maps: FeatureMaps
    title: str
    place: str = "first"


def channel_shown(
    preprocessing: Preprocessing, layer: LayerOutline, seen: Sequence[Seen], channels: npt.NDArray[np.intp]
) -> None:
    """Draw the chosen channel, or the first one.

    Args:
        preprocessing: of the network.
        layer: what is known of the layer.
        seen: the image, or two.
        channels: (D,) in the order in which they are shown.
    """
    channel = _chosen(channels)
    own = max(float(np.abs(each.maps.values[channel]).max()) for each in seen)
    pictures, words = halves("channel_shown", (0.64, 0.36), "medium")
    with pictures:
        for column, each in zip(st.columns(len(seen), gap="small"), seen, strict=True):
            with column:
                _over(preprocessing, each, channel, own, alone=len(seen) == 1)
    with words:
        _words(layer, seen, channel)


def _over(preprocessing: Preprocessing, seen: Seen, channel: int, largest: float, *, alone: bool) -> None:
    """What the network saw, and the map laid over it; of two images, each over its own words."""
    shown = seen.picture.picture
    times = shown.width / seen.picture.size[0]
    left, top, right, bottom = (round(side * times) for side in preprocessing.crop_box(*seen.picture.size))
    crop = shown.crop((left, top, right, bottom))
    crop.thumbnail((WIDTH * 2, WIDTH * 2))
    laid = map_over(seen.maps.values[channel], largest, crop)
    with st.container(horizontal=True, gap="small", key=f"channel_over_{seen.place}"):
        st.image(
            crop, width=WIDTH if alone else WIDTH // 2, caption="What the network sees" if alone else None
        )
        st.image(laid, width=WIDTH if alone else WIDTH // 2, caption=f"Channel {channel}" if alone else None)
    if not alone:
        st.caption(seen.title)


def _chosen(channels: npt.NDArray[np.intp]) -> int:
    asked = addressed("channel")
    number = int(asked) if asked is not None and asked.isdecimal() else None
    if number is None or number >= len(channels):
        number = int(channels[0])
        if asked is not None:
            put_right("channel", str(number), f"This layer has no channel {state.escaped(asked)}; channel {number} is shown instead.")  # fmt: skip
    say_what_was_put_right("channel")
    write_address("channel", str(number))
    return number


def _words(layer: LayerOutline, seen: Sequence[Seen], channel: int) -> None:
    st.markdown(f"##### Channel {channel} of {state.escaped(layer.name)}")
    field = layer.receptive_field
    if field is not None:
        height, width = field.size
        gate = ", and through gates on the whole image" if field.whole else ""
        st.caption(
            f"{places_words(layer.n_channels, layer.places)}; each place hangs on {height} x {width} pixels{gate}."
        )
    else:
        st.caption(f"{places_words(layer.n_channels, layer.places)}.")
    for each in seen:
        maps = each.maps
        share = _share(maps.influence, channel)
        name = f"**{state.escaped(each.title)}.** " if len(seen) > 1 else ""
        verb = "adds" if maps.influence[channel] >= 0 else "takes"
        preposition = "to" if maps.influence[channel] >= 0 else "from"
        st.markdown(
            f"{name}Mean {maps.values[channel].mean():.3g}, largest {maps.values[channel].max():.3g}. "
            f"It {verb} **{abs(maps.influence[channel]):.2g}** {preposition} the score of {maps.score:.3g}, "
            f"which is {share} of all influence in this layer."
        )
    st.page_link(
        state.CHANNELS_PAGE, label="Which images excite it most", icon=":material/blur_on:",
        query_params={"layer": layer.name, "channel": str(channel)},
    )  # fmt: skip


def _share(influence: npt.NDArray[np.float32], channel: int) -> str:
    whole = float(np.abs(influence).sum())
    return f"{abs(float(influence[channel])) / whole:.1%}" if whole else "nothing"
