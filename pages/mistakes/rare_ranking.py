"""The mistakes in the order in which they surprise, and in words what that order goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from analysis.rare_errors import RareError, crossing_words, rare_errors
from analysis.visual_blocks import VisualBlocks, visual_blocks
from pages.shared import cached, state


@dataclass(frozen=True)
class Ranking:
    """All mistakes, the oddest first.

    Args:
        errors: one a mistake.
        groups: class name to the user's group, or to an inferred block, or {}.
        blocks: where the groups were inferred.
    """

    errors: Sequence[RareError]
    groups: Mapping[str, str]
    blocks: VisualBlocks | None


@st.cache_resource(max_entries=4, show_spinner="Looking for odd mistakes…")
def ranking(fingerprint: str) -> Ranking:
    """The mistakes ranked by the user's groups; without any, by blocks that the mistakes themselves show."""
    predictions = cached.predictions(fingerprint)
    if any(predictions.groups.values()):
        return Ranking(cached.odd_errors(fingerprint), predictions.groups, None)
    blocks = visual_blocks(predictions)
    if blocks is None:
        return Ranking(cached.odd_errors(fingerprint), {}, None)
    return Ranking(rare_errors(predictions, blocks.groups), blocks.groups, blocks)


def headline(ranked: Ranking) -> None:
    """What was found, in one sentence, and what it goes by."""
    n = len(ranked.errors)
    if ranked.groups:
        st.markdown(f"**{state.escaped(crossing_words(ranked.errors, ranked.groups))}.**")
    else:
        st.markdown(f"**{n:,} {'mistake' if n == 1 else 'mistakes'}, the most surprising first.**")
    st.caption(_order_words(ranked))
    if ranked.blocks is not None:
        _blocks(ranked.blocks)


def _order_words(ranked: Ranking) -> str:
    if ranked.blocks is not None:
        return (
            "Mistakes across visual blocks come first, then those that the other images make least likely. "
            "Nobody gave these classes groups: the blocks are inferred from what the network takes for what, "
            "not from what the classes mean."
        )
    if ranked.groups:
        return (
            "Mistakes across groups come first, then those that the other images make least likely. "
            "An odd mistake often says something about its one image: a wrong label, a bad picture."
        )
    return (
        "Those come first that the other images make least likely. These classes have no groups, and the "
        "mistakes do not fall into blocks of classes more than chance would have it."
    )


def _blocks(blocks: VisualBlocks) -> None:
    with st.expander(f"The {blocks.n_blocks} visual blocks (inferred)", key="rare_blocks"):
        for name in dict.fromkeys(blocks.groups.values()):
            members = [each for each, block in blocks.groups.items() if block == name]
            st.markdown(f"**{name}** ({len(members)}): {state.escaped(', '.join(members))}")
        st.caption(
            "Are they more than chance? Blocks made from one half of the images were tried on the mistakes of "
            f"the other half: {blocks.held_out_crossing:,} of {blocks.held_out_errors:,} cross a block, where "
            f"chance alone would give {blocks.expected_crossing:,.0f}."
        )
