"""The changes of a picture: drawn, chosen and undone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.picture_edits import Edit, Fill, Region
from pages.explain.chosen_image import Chosen
from pages.explain.rectangle import END_WORDS, drawn_rectangle, ends_of, region_of
from pages.shared.attribution_grid import picture_address

FILLS = {"blur": "Blur", "grey": "Grey", "mean": "Mean colour"}
USUAL: dict[str, Any] = {
    "cover": False, "fill": "blur", "across": (30, 70), "down": (30, 70), "flip": False, "rotate": 0,
    "brighten": 1.0, "blur": 0.0,
}  # fmt: skip
OF_THE_COVER = ("fill", "across", "down")
"""What is asked only while a rectangle is covered."""


def edit_form(chosen: Chosen, left: DeltaGenerator, right: DeltaGenerator) -> list[Edit]:
    """Draw the picture to draw on, and the choices beside it; return the edits in their order.

    Args:
        chosen: the picture; each has choices of its own.
        left: where the picture goes.
        right: where the choices go.
    """
    content = chosen.key
    keys = {name: f"what_if_{name}_{content[:12]}" for name in USUAL}
    now = {name: st.session_state.setdefault(keys[name], usual) for name, usual in USUAL.items()}
    region = region_of(now["across"], now["down"]) if now["cover"] else None
    with left:
        drawn_rectangle(
            picture_address(content, chosen.picture), region, key="what_if_rectangle",
            on_draw=lambda drawn: _draw(keys, drawn),
        )  # fmt: skip
        st.caption("Drag a rectangle to hide what is in it; click to take it away.")
    with right:
        _choices(keys, now)
    return _edits(now, region)


def _choices(keys: Mapping[str, str], now: Mapping[str, Any]) -> None:
    """The widgets, with what is chosen as their defaults too: see `state.keep_widget`."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle("Cover a rectangle", now["cover"], key=keys["cover"])
        st.toggle("Flip", now["flip"], key=keys["flip"])
    if now["cover"]:
        _cover_choices(keys, now)
    else:
        # Streamlit forgets the values of widgets that are not drawn, but for what is set at each drawing.
        for name in OF_THE_COVER:
            st.session_state[keys[name]] = now[name]
    st.slider("Rotate", -180, 180, now["rotate"], step=5, key=keys["rotate"], format="%d°")
    st.slider("Brightness", 0.2, 2.0, now["brighten"], step=0.05, key=keys["brighten"], format="%.2f ×")
    st.slider(
        "Blur the whole picture", 0.0, 10.0, now["blur"], step=0.25, key=keys["blur"], format="%.2f%%",
        help="Of the picture's shorter side.",
    )  # fmt: skip
    st.button(
        "Reset", icon=":material/restart_alt:", key="what_if_reset", on_click=_reset, args=(keys,),
        disabled=now == USUAL,
    )  # fmt: skip


def _cover_choices(keys: Mapping[str, str], now: Mapping[str, Any]) -> None:
    st.segmented_control(
        "Fill it with", list(FILLS), default=now["fill"], format_func=FILLS.__getitem__, key=keys["fill"], required=True,
    )  # fmt: skip
    for name, words in zip(("across", "down"), END_WORDS, strict=True):
        st.slider(words, 0, 100, now[name], key=keys[name], format="%d%%")


def _edits(now: Mapping[str, Any], region: Region | None) -> list[Edit]:
    edits = [] if region is None else [Edit("cover", region, cast(Fill, now["fill"] or "blur"))]
    if now["flip"]:
        edits.append(Edit("flip"))
    if now["rotate"]:
        edits.append(Edit("rotate", amount=float(now["rotate"])))
    if now["brighten"] != 1:
        edits.append(Edit("brighten", amount=float(now["brighten"])))
    if now["blur"]:
        edits.append(Edit("blur", amount=float(now["blur"]) / 100))
    return edits


def _draw(keys: Mapping[str, str], drawn: Region | None) -> None:
    st.session_state[keys["cover"]] = drawn is not None
    if drawn is not None:
        st.session_state[keys["across"]], st.session_state[keys["down"]] = ends_of(drawn)


def _reset(keys: Mapping[str, str]) -> None:
    for name, usual in USUAL.items():
        st.session_state[keys[name]] = usual
