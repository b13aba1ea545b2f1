"""The channels of a layer: one of them with what excites it, and all of them to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import streamlit as st

from analysis.layers.channel_selectivity import Selectivity, selectivity
from analysis.layers.scan_record import LayerScan, ScannedLayer
from models.predictions import Predictions
from pages.network.channel_list import ORDERS, channel_list, ordered
from pages.network.channel_peaks import channel_peaks
from pages.network.layer_choice import chosen_layer, places_words
from pages.network.layers_cached import outlines, scanned
from pages.shared import cached
from pages.shared.addressed import addressed, put_right, say_what_was_put_right, write_address
from pages.shared.halves import halves
from pages.shared.state import Workspace, escaped

if TYPE_CHECKING:
    from analysis.layers.receptive_field import ReceptiveField
    from models.preprocessing import Preprocessing

ANY = "any"


@dataclass(frozen=True, eq=False)
class ScannedChannels:
    """A layer's channels as the look through all images showed them.

    Args:
        workspace: what is open.
        predictions: of its evaluation.
        scan: the look.
        layer: the layer.
        field: its receptive field; None where it is not defined.
        preprocessing: of the network.
        known: what its channels know of the labels; None where no vectors were kept.
        still: (M,) dead channels.
    """

    workspace: Workspace
    predictions: Predictions
    scan: LayerScan
    layer: ScannedLayer
    field: ReceptiveField | None
    preprocessing: Preprocessing
    known: Selectivity | None
    still: npt.NDArray[np.intp]


def channels_view(workspace: Workspace, predictions: Predictions) -> None:
    """Draw the view of a layer's channels.

    Args:
        workspace: what is open.
        predictions: of its evaluation.
    """
    found = scanned(
        workspace,
        predictions,
        "For each channel of each layer: how active it is, for which class most, whether it is dead, and the nine "
        "validation images that excite it most.",
    )
    if found is None:
        return
    left, middle, right = halves("channels_choice", (0.46, 0.3, 0.24), "small")
    with left:
        layer = chosen_layer(
            {each.name: each for each in found.layers}, key="channels_layer",
            words=lambda each: places_words(each.n_channels, each.places),
        )  # fmt: skip
    channels = _scanned_channels(workspace, predictions, found, layer)
    with middle:
        orders = [name for name in ORDERS if channels.known is not None or name != "labels"]
        order = st.selectbox(
            "Order", orders, format_func=ORDERS.__getitem__, key="channels_order", bind="query-params",
            help="How much the labels explain: the share of a channel's variance over the images that their labels "
            "explain, corrected for chance.",
        )  # fmt: skip
    with right:
        wanted = _wanted_class(predictions, channels.known)
    shown = ordered(channels, order, wanted)
    one, all_of_them = halves("channels", (0.62, 0.38), "medium")
    with one:
        channel_peaks(channels, _chosen(layer, shown))
    with all_of_them:
        channel_list(channels, shown, f"{layer.name}-{order}-{wanted}")


def _scanned_channels(
    workspace: Workspace, predictions: Predictions, found: LayerScan, layer: ScannedLayer
) -> ScannedChannels:
    network = cached.network(workspace.spec, workspace.fingerprint)
    outline = outlines(workspace).get(layer.name)
    return ScannedChannels(
        workspace, predictions, found, layer, None if outline is None else outline.receptive_field,
        network.preprocessing, _known(workspace.fingerprint, layer.name, found, predictions), found.still(layer),
    )  # fmt: skip


@st.cache_resource(max_entries=16, show_spinner=False)
def _known(fingerprint: str, layer: str, _scan: LayerScan, _predictions: Predictions) -> Selectivity | None:
    record = _scan.layer(layer)
    vectors = None if record is None else _scan.vectors_of(record)
    if vectors is None:
        return None
    return selectivity(
        np.array(vectors, dtype=np.float32), _predictions.labels, len(_predictions.class_names)
    )


def _wanted_class(predictions: Predictions, known: Selectivity | None) -> int | None:
    """Only the channels that are most active for this class; None for all."""
    names = predictions.class_names
    options = [ANY, *names]
    chosen = st.selectbox(
        "Most active for", options, format_func=lambda each: "any class" if each == ANY else each, key="channels_class",
        disabled=known is None, bind="query-params",
    )  # fmt: skip
    return None if chosen == ANY or known is None else names.index(chosen)


def _chosen(layer: ScannedLayer, shown: npt.NDArray[np.intp]) -> int:
    asked = addressed("channel")
    number = int(asked) if asked is not None and asked.isdecimal() else None
    if number is None or number >= layer.n_channels:
        number = int(shown[0]) if len(shown) else 0
        if asked is not None:
            put_right("channel", str(number), f"{escaped(layer.name)} has no channel {escaped(asked)}; channel {number} is shown instead.")  # fmt: skip
    say_what_was_put_right("channel")
    write_address("channel", str(number))
    return number
