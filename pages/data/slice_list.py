"""The list of slices: each line says what the images are and how much worse they fare."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.number_words import p_words, percent
from analysis.slice_record import Slice, Slices
from pages.data.slice_texts import errors_words, rates_words
from pages.shared import state
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR

_ICONS = {"rule": ":material/rule:", "embedding": ":material/scatter_plot:"}
_KINDS = {"rule": "rule", "embedding": "images that look alike to the network"}


def slice_list(found: Slices, chosen: Slice | None) -> None:
    """Draw the confirmed slices, and where it is asked for the others; a click on one chooses it.

    Args:
        found: all slices.
        chosen: the one that is open.
    """
    st.html(Path(__file__).with_name("slice_list.css"))
    with st.container(key="slices_table"):
        for each in found.confirmed:
            _line(each, chosen)
        if found.slices:
            st.caption(
                "Each bar: the share of wrong images (warm) with the interval in which it lies with 95% confidence, "
                "and the share among the other images (calm)."
            )
        if found.candidates:
            n = len(found.candidates)
            also = st.checkbox(
                f"Also those not confirmed ({n})", key="slices_unconfirmed", bind="query-params",
                value=False, help="One half of the images suggested them and the other did not bear them out: most "
                "are chance.",
            )  # fmt: skip
            if also or (chosen is not None and not chosen.confirmed):
                st.caption("Not confirmed: each may well be chance.")
                for each in found.candidates:
                    _line(each, chosen)


def _line(each: Slice, chosen: Slice | None) -> None:
    is_chosen = chosen is not None and each.identity == chosen.identity
    with st.container(key=f"slice_{'chosen' if is_chosen else 'line'}_{each.identity}"):
        st.button(
            state.escaped(each.words), key=f"slice_button_{each.identity}", type="tertiary", icon=_ICONS[each.kind],
            on_click=_choose, args=(each.identity,),
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center", key=f"slice_figures_{each.identity}"):
            st.html(_bar(each), width=180)
            st.caption(
                f"{each.n:,} images · {rates_words(each)} · {errors_words(each)} · {_KINDS[each.kind]} · corrected {p_words(each.q_value)}",
                width="stretch",
            )


def _bar(each: Slice) -> str:
    low, high = (f"{100 * end:.1f}%" for end in each.interval)
    width = f"{100 * (each.interval[1] - each.interval[0]):.1f}%"
    words = f"wrong: {percent(each.held_out_rate)}, from {low} to {high}; other images {percent(each.held_out_rate_outside)}"
    return (
        f'<div class="slice-bar" role="img" aria-label="{words}" title="{words}">'
        f'<i style="left:{low};width:{width};background:{WRONG_COLOUR};opacity:.35"></i>'
        f'<b style="left:{100 * each.held_out_rate:.1f}%;background:{WRONG_COLOUR}"></b>'
        f'<b style="left:{100 * each.held_out_rate_outside:.1f}%;background:{RIGHT_COLOUR}"></b></div>'
    )


@state.explained
def _choose(identity: str) -> None:
    st.session_state["slice"] = identity
