"""The graph of confusable classes on the screen: a Streamlit component that draws dots and lines.

Each connected part is a drawing of its own; they stand side by side as the screen has room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from analysis.cell_name import cell_name
from analysis.pair_graph import MOST_FIGURES, GraphPart
from pages.mistakes.pair_words import directions_words
from pages.shared.component_sources import sources

_FOLDER = Path(__file__).parent


_mounted = st.components.v2.component(
    "errorscope_pair_graph",
    html=sources(_FOLDER, "pair_drawing.html"),
    css=sources(_FOLDER, "pair_drawing.css"),
    js=sources(_FOLDER, "pair_drawing.js"),
)


def pair_drawing(parts: Sequence[GraphPart], *, key: str, on_open: Callable[[str], None]) -> None:
    """Draw the graph; a click on a line opens its pair, on a dot the most confused pair of the class.

    Args:
        parts: from ``analysis.pair_graph``.
        key: of the component in this script.
        on_open: called with the pair's name (``Bengal/Egyptian_Mau``) before the script runs again.
    """
    drawn = [_plain(part) for part in parts]
    known = frozenset(edge["pair"] for part in drawn for edge in part["edges"])
    _mounted(key=key, data={"parts": drawn}, on_open_change=lambda: _answer(key, known, on_open))


def _plain(part: GraphPart) -> dict[str, Any]:
    edges = [
        {
            "start": edge.start,
            "end": edge.end,
            "width": round(edge.width, 1),
            "score": f"{edge.pair.score:.0%}",
            "pair": cell_name(edge.pair.a, edge.pair.b),
            "words": directions_words(edge.pair),
        }
        for edge in part.edges
    ]
    first = {end: edge["pair"] for edge in reversed(edges) for end in (edge["start"], edge["end"])}
    nodes = [
        {
            "x": round(node.x, 1),
            "y": round(node.y, 1),
            "lines": node.lines,
            "above": node.is_above,
            "pair": first[place],
            "words": f"{node.name}: open its most confused pair",
        }
        for place, node in enumerate(part.nodes)
    ]
    dense = len(edges) > MOST_FIGURES
    return {"width": part.width, "height": part.height, "nodes": nodes, "edges": edges, "dense": dense}


def _answer(key: str, known: frozenset[str], on_open: Callable[[str], None]) -> None:
    pair = st.session_state[key].get("open")
    # A browser may still show an older drawing.
    if isinstance(pair, str) and pair in known:
        on_open(pair)
