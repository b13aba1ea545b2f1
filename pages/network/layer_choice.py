"""Which layer is looked at: a list of all, in the order of the network, and in the URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import streamlit as st

from pages.shared.addressed import addressed, choose, put_right, say_what_was_put_right, write_address
from pages.shared.state import escaped, keep_widget

T = TypeVar("T")


def chosen_layer(
    layers: Mapping[str, T],
    *,
    key: str,
    words: Callable[[T], str],
    usual: str | None = None,
    label: str = "Layer",
) -> T:
    """Ask for a layer; the query parameter ``layer`` names it, on all pages of this section alike.

    Args:
        layers: name to whatever is known of it, in the order of the network; not empty.
        key: of the widget.
        words: what stands behind a layer's name in the list ("96 x 14 x 14").
        usual: the layer before one is chosen; None is the last one.
        label: over the list.

    Returns:
        What is known of the chosen layer.
    """
    names = list(layers)
    asked = addressed("layer")
    name = next((each for each in (asked, usual) if each is not None and each in layers), names[-1])
    if asked is not None and asked != name:
        put_right("layer", name, f"There is no layer {escaped(asked)} to look at here; {escaped(name)} is shown instead.")  # fmt: skip
    say_what_was_put_right("layer")
    write_address("layer", name)
    st.selectbox(
        label, names, index=names.index(keep_widget(key, name)), key=key,
        format_func=lambda each: f"{each} · {words(layers[each])}",
        on_change=lambda: choose("layer", st.session_state[key]),
    )  # fmt: skip
    return layers[name]


def places_words(n_channels: int, places: tuple[int, int] | None) -> str:
    """The size of what a layer gives.

    >>> places_words(96, (14, 14)), places_words(512, None)
    ('96 maps of 14 x 14', 'vector of 512')
    """
    if places is None:
        return f"vector of {n_channels:,}"
    return f"{n_channels:,} maps of {places[0]} x {places[1]}"


def activation_name(activation: str) -> str:
    """What a person calls an activation.

    >>> activation_name("hardtanh"), activation_name("tanh")
    ('ReLU6', 'tanh')
    """
    known = {
        "relu": "ReLU",
        "relu6": "ReLU6",
        "hardtanh": "ReLU6",
        "silu": "SiLU",
        "gelu": "GELU",
        "hardswish": "h-swish",
    }
    return known.get(activation, activation)
