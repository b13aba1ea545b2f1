"""The changes of a picture: drawn, chosen and undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.picture_edits import Edit, Fill, Region
from pages.explain.chosen_image import Chosen
from pages.explain.rectangle import drawn_rectangle
from pages.shared import state
from pages.shared.attribution_grid import picture_address

FILLS = {"blur": "Blur", "grey": "Grey", "mean": "Mean colour"}
USUAL: dict[str, Any] = {
    "cover": False, "fill": "blur", "across": (30, 70), "down": (30, 70), "flip": False, "rotate": 0,
    "brighten": 1.0, "blur": 0.0,
}  # fmt: skip


def edit_form(chosen: Chosen, left: DeltaGenerator, right: DeltaGenerator) -> list[Edit]:
    """Draw the picture to draw on, and the choices beside it; return the edits in their order.

    Args:
        chosen: the picture; each has choices of its own.
        left: where the picture goes.
        right: where the choices go.
    """

    def key(name: str) -> str:
        return f"what_if_{name}_{chosen.key[:12]}"

    for name, usual in USUAL.items():
        state.keep_widget(key(name), st.session_state.get(key(name), usual))
    covers = bool(st.session_state[key("cover")])
    region = _region(key) if covers else None
    with left:
        drawn_rectangle(
            picture_address(chosen.key, chosen.picture), region, key="what_if_rectangle",
            on_draw=lambda drawn: _draw(key, drawn),
        )  # fmt: skip
        st.caption("Drag a rectangle to hide what is in it; click to take it away.")
    with right:
        _choices(key, covers)
    return _edits(key, region)


def _choices(key: Callable[[str], str], covers: bool) -> None:
    now = {name: st.session_state[key(name)] for name in USUAL}  # also as defaults: see state.keep_widget
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle("Cover a rectangle", now["cover"], key=key("cover"))
        st.toggle("Flip", now["flip"], key=key("flip"))
    if covers:
        st.segmented_control(
            "Fill it with", list(FILLS), default=now["fill"], format_func=FILLS.__getitem__, key=key("fill"), required=True,
        )  # fmt: skip
        for name, words in (("across", "From left to right"), ("down", "From top to bottom")):
            st.slider(words, 0, 100, now[name], key=key(name), format="%d %%")
    st.slider("Rotate", -180, 180, now["rotate"], step=5, key=key("rotate"), format="%d°")
    st.slider("Brightness", 0.2, 2.0, now["brighten"], step=0.05, key=key("brighten"), format="%.2f ×")
    st.slider(
        "Blur the whole picture",
        0.0,
        10.0,
        now["blur"],
        step=0.25,
        key=key("blur"),
        format="%.2f %%",
        help="Of the picture's shorter side.",
    )
    changed = any(st.session_state[key(name)] != usual for name, usual in USUAL.items())
    st.button(
        "Reset", icon=":material/restart_alt:", key="what_if_reset", on_click=_reset, args=(key,),
        disabled=not changed,
    )  # fmt: skip


def _region(key: Callable[[str], str]) -> Region | None:
    (left, right), (top, bottom) = (st.session_state[key(name)] for name in ("across", "down"))
    if left >= right or top >= bottom:
        return None
    return left / 100, top / 100, right / 100, bottom / 100


def _edits(key: Callable[[str], str], region: Region | None) -> list[Edit]:
    chosen = {name: st.session_state[key(name)] for name in USUAL}
    edits = [] if region is None else [Edit("cover", region, cast(Fill, chosen["fill"] or "blur"))]
    if chosen["flip"]:
        edits.append(Edit("flip"))
    if chosen["rotate"]:
        edits.append(Edit("rotate", amount=float(chosen["rotate"])))
    if chosen["brighten"] != 1:
        edits.append(Edit("brighten", amount=float(chosen["brighten"])))
    if chosen["blur"]:
        edits.append(Edit("blur", amount=float(chosen["blur"]) / 100))
    return edits


def _draw(key: Callable[[str], str], drawn: Region | None) -> None:
    st.session_state[key("cover")] = drawn is not None
    if drawn is not None:
        left, top, right, bottom = (round(100 * each) for each in drawn)
        st.session_state[key("across")], st.session_state[key("down")] = (left, right), (top, bottom)


def _reset(key: Callable[[str], str]) -> None:
    for name, usual in USUAL.items():
        st.session_state[key(name)] = usual
