"""A rectangle drawn on a picture with the mouse or a finger; sliders beside it are the way by keyboard."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from analysis.picture_edits import Region
from pages.shared.component_sources import sources

Ends = tuple[int, int]
"""Where a rectangle begins and ends on one side of the picture: per cent, the smaller first."""
END_WORDS = ("From left to right", "From top to bottom")
_FOLDER = Path(__file__).parent
_mounted = st.components.v2.component(
    "errorscope_rectangle",
    html='<div class="rectangle">\n</div>',
    css=sources(_FOLDER, "rectangle.css"),
    js=sources(_FOLDER, "rectangle.js"),
)


def region_of(across: Ends, down: Ends) -> Region | None:
    """The rectangle between these ends; None where it is empty.

    >>> region_of((0, 25), (50, 75)), region_of((30, 30), (0, 25))
    ((0.0, 0.5, 0.25, 0.75), None)
    """
    (left, right), (top, bottom) = across, down
    if left >= right or top >= bottom:
        return None
    return left / 100, top / 100, right / 100, bottom / 100


def ends_of(region: Region) -> tuple[Ends, Ends]:
    """A rectangle's ends from left to right and from top to bottom, to the nearest per cent.

    >>> ends_of((0.0, 0.5, 0.254, 0.75))
    ((0, 25), (50, 75))
    """
    left, top, right, bottom = (round(100 * each) for each in region)
    return (left, right), (top, bottom)


def drawn_rectangle(
    picture: str,
    region: Region | None,
    *,
    key: str,
    on_draw: Callable[[Region | None], None],
    stays: bool = False,
) -> None:
    """Show a picture on which a rectangle can be drawn; a mere click takes it away.

    Args:
        picture: its address.
        region: the rectangle that is there, or None.
        key: of the component in this script.
        on_draw: called with the new rectangle before the script runs again.
        stays: whether there is always a rectangle, which a mere click leaves; only its outline is drawn.
    """
    _mounted(
        key=key,
        data={"picture": picture, "region": None if region is None else list(region), "stays": stays},
        on_region_change=lambda: _answer(key, on_draw),
    )


def _answer(key: str, on_draw: Callable[[Region | None], None]) -> None:
    drawn = st.session_state[key].get("region")
    if drawn == "none":
        on_draw(None)
    elif isinstance(drawn, list) and len(drawn) == 4 and all(math.isfinite(each) for each in drawn):
        left, top, right, bottom = (min(1.0, max(0.0, float(each))) for each in drawn)
        if left < right and top < bottom:
            on_draw((left, top, right, bottom))
