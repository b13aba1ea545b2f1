"""What is unusual about the weights, in words, each with the way to its layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from analysis.layers.weight_findings import Unusual, norm_words, unusual
from analysis.layers.weight_record import NetworkWeights
from pages.shared.addressed import choose
from pages.shared.state import escaped

SHOWN = 6
Dead = Mapping[str, tuple[int, ...]]
"""Layer to its channels that gave the same at every place of every validation image."""


def unusual_layers(found: NetworkWeights, dead: Dead | None) -> None:
    """Say what stands out, gravest first.

    Args:
        found: the statistics.
        dead: None where the images were not looked at.
    """
    said = [*unusual(found.layers), *_dead_words(found, dead or {})]
    said.sort(key=lambda each: each.gravity)
    with st.container(key="weights_unusual", gap="xsmall"):
        if not said:
            st.success(
                f"None of the {len(found.layers):,} layers stands out: no weight is missing, no channel is empty, and no "
                "layer is far stronger, weaker or poorer than others of its kind.",
                icon=":material/check_circle:",
            )
            return
        st.markdown("##### What stands out")
        _lines(said[:SHOWN], 0)
        if len(said) > SHOWN:
            with st.expander(f"{len(said) - SHOWN:,} more"):
                _lines(said[SHOWN:], SHOWN)


def norms_of_network(found: NetworkWeights, *, can_learn: bool) -> None:
    """Say where running statistics come from no images: it is true of the whole network, and decides how to train it.

    Args:
        found: the statistics.
        can_learn: whether the network can be trained further here.
    """
    words = norm_words(found.norms, can_learn=can_learn)
    if words:
        st.info(words, icon=":material/info:")


def _dead_words(found: NetworkWeights, dead: Dead) -> list[Unusual]:
    words = []
    worst = sorted(found.layers, key=lambda each: -len(dead.get(each.name, ())) / each.shape[0])
    for layer in worst:
        # those whose weights are 0 are said already
        channels = set(dead.get(layer.name, ())) - set(layer.empty_channels)
        if channels:
            count, of = len(channels), layer.shape[0]
            verb = "gives" if count == 1 else "give"
            words.append(
                Unusual(
                    layer.name,
                    f"{count:,} of its {of:,} channels {verb} the same for every validation image: dead",
                    2,
                )
            )
    return words


def _lines(said: Sequence[Unusual], first: int) -> None:
    for place, each in enumerate(said, start=first):
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"weights_line_{place}"
        ):
            st.button(
                escaped(each.layer), key=f"weights_unusual_{place}", type="tertiary", on_click=choose,
                args=("layer", each.layer), icon=":material/error:" if each.gravity < 2 else ":material/chevron_right:",
                help="Show this layer",
            )  # fmt: skip
            st.markdown(f"{each.words[0].upper()}{each.words[1:]}.", width="stretch")
