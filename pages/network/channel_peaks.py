"""One channel: how active it is, the nine images that excite it most, and an image made to excite it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from analysis.layers.excitation_record import Excited
from analysis.number_words import percent
from pages.network.channel_pictures import peak_rows, seen
from pages.network.excitation_shown import excitation_shown
from pages.network.layer_choice import activation_name
from pages.shared.gallery import gallery
from pages.shared.inspector import inspect
from pages.shared.pictures import gallery_items
from pages.shared.state import escaped

if TYPE_CHECKING:
    from pages.network.channels_of_layer import ScannedChannels


def channel_peaks(channels: ScannedChannels, channel: int) -> None:
    """Draw a channel.

    Args:
        channels: of its layer.
        channel: its number.
    """
    with st.container(key="channel_peaks"):
        st.markdown(f"##### Channel {channel} of {escaped(channels.layer.name)}")
        st.markdown(_words(channels, channel))
        if channel in channels.still:
            st.info(
                "Nothing moves this channel: it is dead on the validation images, so no image excites it more than any "
                "other.",
                icon=":material/do_not_disturb_on:",
            )
        else:
            _images(channels, channel)
        at = channels.layer.first_channel + channel
        excitation_shown(
            channels.workspace, channels.predictions, Excited(channels.layer.name, channel),
            f"channel {channel} of {channels.layer.name}", float(channels.scan.high[at]),
        )  # fmt: skip


def _words(channels: ScannedChannels, channel: int) -> str:
    scan, at, known = channels.scan, channels.layer.first_channel + channel, channels.known
    if channel in channels.still:
        return f"It gave {scan.high[at]:.3g} at every place of every image."
    behind = f", behind its {activation_name(channels.layer.activation)}" if channels.layer.activation else ""
    words = (
        f"Mean {scan.mean[at]:.3g}, from {scan.low[at]:.3g} to {scan.high[at]:.3g}{behind}; above 0 at "
        f"{percent(float(scan.active[at]))} of all places."
    )
    if known is not None and known.best[channel] >= 0:
        best = escaped(channels.predictions.class_names[known.best[channel]])
        words += f" Most active for **{best}** ({known.lead[channel]:+.1f} standard deviations)"
        explained = float(known.explained[channel])
        words += (
            "."
            if np.isnan(explained)
            else f"; the labels explain {percent(max(0.0, explained))} of its variance."
        )
    return words


def _images(channels: ScannedChannels, channel: int) -> None:
    from analysis.layers.peak_pictures import marked, peak_region

    peaks = peak_rows(channels, channel)
    rows = np.array([row for row, _, _ in peaks], dtype=np.intp)
    items, are_fields = [], []
    for item, (row, value, place) in zip(gallery_items(channels.predictions, rows), peaks, strict=True):
        picture = seen(channels, row)
        content = None
        if picture is not None:
            size = picture.height, picture.width
            region, is_field = peak_region(place, channels.layer.places, channels.field, size)
            content = marked(picture, region)
            are_fields.append(is_field)
        items.append(replace(item, thumbnail=content, note=f"gives {value:.3g}"))
    sequence = channels.predictions.images["id"].to_numpy()[rows].tolist()
    st.session_state["gallery_sequence"] = sequence
    gallery(
        items, key="channel_images", on_open=lambda image: inspect(image, sequence), columns=3,
        selected=st.session_state.get("image"), empty="No image excites this channel.",
    )  # fmt: skip
    st.caption(_mark_words(channels, any(are_fields)))
    values = {value for _, value, _ in peaks}
    if len(peaks) > 1 and len(values) == 1:
        st.caption(
            f"All of them reach {max(values):.3g}, the most that this channel gives; those that do so in most of the picture come first."
        )


def _mark_words(channels: ScannedChannels, is_field: bool) -> str:
    if channels.layer.places is None:
        return "What the network saw of each image. This layer gives one number for the whole image, so no part is marked."
    field = channels.field
    if is_field and field is not None:
        gate = " (and, through gates, a little on the whole image)" if field.whole else ""
        return (
            f"What the network saw of each image. The frame is the {field.size[0]} x {field.size[1]} pixels that the "
            f"largest value hangs on{gate}."
        )
    why = (
        "each place sees nearly the whole image"
        if field is not None
        else "what a place sees is not defined here"
    )
    return (
        f"What the network saw of each image. The frame is the place of the largest value in the map; {why}."
    )
