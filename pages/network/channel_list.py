"""All channels of a layer, page by page, each with the parts of images that excite it most."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from pages.network.channel_pictures import peak_cuts
from pages.shared.addressed import addressed, choose
from pages.shared.attribution_grid import data_uri

if TYPE_CHECKING:
    from pages.network.channels_of_layer import ScannedChannels

PAGE_SIZE = 10
CUTS = 5
ORDERS = {
    "active": "Most active first",
    "least": "Dead and least active first",
    "labels": "Most explained by the labels",
    "highest": "Highest value first",
    "number": "Number of the channel",
}


def ordered(channels: ScannedChannels, order: str, wanted: int | None) -> npt.NDArray[np.intp]:
    """The channels in the order in which they are listed.

    Args:
        channels: of a layer.
        order: a key of `ORDERS`.
        wanted: only those that are most active for this class; None for all.
    """
    scan, span = channels.scan, channels.layer.channels
    dead = np.isin(np.arange(channels.layer.n_channels), channels.still)
    mean = np.nan_to_num(scan.mean[span].astype(np.float64))
    keys = {
        "active": -mean,
        "least": np.where(dead, -np.inf, mean),
        "highest": -np.nan_to_num(scan.high[span].astype(np.float64)),
        "number": np.arange(channels.layer.n_channels, dtype=np.float64),
    }
    if channels.known is not None:
        keys["labels"] = -np.nan_to_num(channels.known.explained, nan=-np.inf)
    found = np.argsort(keys[order], kind="stable")
    if wanted is not None and channels.known is not None:
        found = found[channels.known.best[found] == wanted]
    return found


def channel_list(channels: ScannedChannels, shown: npt.NDArray[np.intp], page_key: str) -> None:
    """Draw one page of the list; a press makes a channel the one that is shown.

    Args:
        channels: of a layer.
        shown: in the order in which they are listed.
        page_key: another one begins at the first page again.
    """
    with st.container(key="channel_list"):
        n, dead = channels.layer.n_channels, len(channels.still)
        every = f"{len(shown):,} of {n:,} channels" if len(shown) < n else f"{n:,} channels"
        st.caption(f"{every}; {dead:,} dead." if dead else f"{every}; none is dead.")
        if not len(shown):
            st.info("No channel of this layer is most active for this class.", icon=":material/search_off:")
            return
        page = 1
        if len(shown) > PAGE_SIZE:
            page = st.pagination(
                math.ceil(len(shown) / PAGE_SIZE), key=f"channels_page_{page_key}", width="stretch"
            )
        chosen = addressed("channel")
        rows = shown[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        cuts = peak_cuts(channels, rows, CUTS)
        for channel in rows:
            _card(channels, int(channel), cuts[int(channel)], is_chosen=str(channel) == chosen)
        with st.expander("All channels as a table"):
            _table(channels, shown)


def _card(channels: ScannedChannels, channel: int, cuts: list[bytes | None], *, is_chosen: bool) -> None:
    # the mark of the chosen card is in its key: CSS finds it there
    with st.container(
        border=True, gap="xsmall", key=f"channel_card_{'chosen' if is_chosen else 'other'}_{channel}"
    ):
        st.button(
            f"Channel {channel}", key=f"channel_{channel}", type="tertiary", on_click=choose,
            args=("channel", str(channel)),
        )  # fmt: skip
        pictures = "".join(_cut(each) for each in cuts)
        words = html.escape(short_words(channels, channel))
        st.html(f'<div class="channel-cuts">{pictures}</div><div class="channel-words">{words}</div>')


def _cut(content: bytes | None) -> str:
    return "<span></span>" if content is None else f'<img src="{data_uri(content, "jpeg")}" alt="">'


def short_words(channels: ScannedChannels, channel: int) -> str:
    """What a channel is, in a few words.

    Args:
        channels: of a layer.
        channel: its number.
    """
    at = channels.layer.first_channel + channel
    if channel in channels.still:
        return f"dead: always {channels.scan.high[at]:.3g}"
    words = [f"mean {channels.scan.mean[at]:.2g}"]
    known = channels.known
    if known is not None and known.best[channel] >= 0:
        words.append(f"most for {channels.predictions.class_names[known.best[channel]]}")
        if not np.isnan(known.explained[channel]):
            words.append(f"labels explain {max(0.0, float(known.explained[channel])):.0%}")
    return " · ".join(words)


def _table(channels: ScannedChannels, shown: npt.NDArray[np.intp]) -> None:
    scan, span, known = channels.scan, channels.layer.channels, channels.known
    columns: dict[str, object] = {
        "channel": shown,
        "mean": scan.mean[span][shown],
        "active": scan.active[span][shown],
        "highest": scan.high[span][shown],
        "dead": np.isin(shown, channels.still),
    }
    if known is not None:
        names = (*channels.predictions.class_names, "")  # -1 is the last
        columns["class"] = [names[best] for best in known.best[shown]]
        columns["labels"] = known.explained[shown]

    def take() -> None:
        rows = st.session_state["channels_table"]["selection"]["rows"]
        if rows and rows[0] < len(shown):
            choose("channel", str(int(shown[rows[0]])))

    column = st.column_config
    st.dataframe(
        pd.DataFrame(columns), key="channels_table", hide_index=True, on_select=take, selection_mode="single-row",
        height=320, column_config={
            "channel": column.NumberColumn("Channel", pinned=True),
            "mean": column.NumberColumn("Mean", format="%.3g"),
            "active": column.NumberColumn("Above 0", format="percent", help="Share of all places of all images."),
            "highest": column.NumberColumn("Highest", format="%.3g"),
            "dead": column.CheckboxColumn("Dead"),
            "class": column.TextColumn("Most for"),
            "labels": column.NumberColumn("Labels explain", format="percent"),
        },
    )  # fmt: skip
