"""How the maps are drawn: direction, colours, clip; and the one scale that all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import streamlit as st

from analysis.colour_maps import DIVERGING_COLOUR_MAP, css_colours
from pages.shared.addressed import addressed, choose, write_address
from pages.shared.attribution_grid import USUAL_OPACITY, Drawing, Sign, drawn_maps
from pages.shared.state import keep_widget

SIGNS = {"positive": "For", "signed": "For and against", "absolute": "Strength"}
COLOUR_MAPS = {"inferno": "Inferno", "viridis": "Viridis", "cividis": "Cividis"}
STOPS = 12
LOWEST_CLIP = 90.0


def chosen_drawing() -> Drawing:
    """Draw the choices and return them; what is not usual stands in the URL."""
    drawing = _known_drawing()
    st.segmented_control(
        "Relevance", list(SIGNS), default=keep_widget("map_sign", drawing.sign), required=True, format_func=SIGNS.__getitem__, key="map_sign",
        label_visibility="collapsed", on_change=_choose, args=("sign", "map_sign"),
    )  # fmt: skip
    with st.popover("Colours", icon=":material/palette:", key="drawing_menu"):
        st.segmented_control(
            "Colour map", list(COLOUR_MAPS), default=keep_widget("colour_map", drawing.colour_map),
            required=True, format_func=COLOUR_MAPS.__getitem__,
            key="colour_map", disabled=drawing.sign == "signed", on_change=_choose,
            args=("colours", "colour_map"),
            help="All are even in lightness and can be told apart in any colour vision. “For and against” is "
            "drawn in red and blue.",
        )  # fmt: skip
        st.slider(
            "Full strength from percentile", LOWEST_CLIP, 100.0, keep_widget("map_clip", drawing.percentile),
            step=0.5, key="map_clip",
            on_change=_choose, args=("clip", "map_clip"),
            help="From this percentile of a map's own values on, it is drawn at full strength, so that a few "
            "extreme pixels do not leave the rest dark.",
        )  # fmt: skip
    return drawing


def _known_drawing() -> Drawing:
    usual = Drawing()
    sign, colours, clip = addressed("sign"), addressed("colours"), addressed("clip")
    try:
        percentile = min(100.0, max(LOWEST_CLIP, round(2 * float(clip or usual.percentile)) / 2))
    except (ValueError, OverflowError):  # what somebody typed into the address
        percentile = usual.percentile
    drawing = Drawing(
        cast(Sign, sign) if sign in SIGNS else usual.sign,
        colours if colours in COLOUR_MAPS else usual.colour_map,
        percentile,
    )
    for name, value, known in (
        ("sign", drawing.sign, sign), ("colours", drawing.colour_map, colours), ("clip", f"{percentile:g}", clip),
    ):  # fmt: skip
        if known is not None:
            write_address(name, value)
    return drawing


def _choose(name: str, key: str) -> None:
    choose(name, str(st.session_state[key]))


def legend(drawing: Drawing) -> dict[str, Any]:
    """The scale in words and colours."""
    signed = drawing.sign == "signed"
    share = 100 - drawing.percentile
    strongest = f"strongest {share:g}% of each map" if share else "strongest place of each map"
    return {
        "low": "against" if signed else "0",
        "high": f"for: {strongest}" if signed else strongest,
        "colours": css_colours(STOPS, DIVERGING_COLOUR_MAP if signed else drawing.colour_map),
    }


def scale_bar(drawing: Drawing) -> None:
    """Draw the scale, with the opacity of all maps and the colour of the pictures under them.

    Args:
        drawing: how maps are drawn.
    """
    look = kept_look()
    found = drawn_maps(
        {"legend": legend(drawing), "opacity": look.opacity, "grey": look.grey}, key="map_scale"
    )
    opacity, grey = found.get("opacity"), found.get("grey")
    look.opacity = look.opacity if opacity is None else float(opacity)
    look.grey = look.grey if grey is None else bool(grey)


@dataclass
class Look:
    """What the browser changes without asking the server; downloads are drawn with it.

    Args:
        opacity: of the maps, 0 to 1.
        grey: whether the picture under a map is grey.
    """

    opacity: float = USUAL_OPACITY
    grey: bool = True


def kept_look() -> Look:
    """How the maps look on the screen of this session."""
    kept: Look = st.session_state.setdefault("map_look", Look())
    return kept
