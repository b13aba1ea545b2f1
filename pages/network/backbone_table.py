"""All of torchvision's classifiers as a table to sort."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

if TYPE_CHECKING:
    from models.backbone_timing import BackboneTiming
    from models.backbones import Backbone

_MEGABYTE = 1e6
_COLUMNS = {
    "name": st.column_config.TextColumn("Backbone", pinned=True),
    "family": st.column_config.TextColumn("Family"),
    "top_1": st.column_config.NumberColumn(
        "Top 1",
        format="percent",
        help="Share of ImageNet's validation images that its default weights get right.",
    ),
    "top_5": st.column_config.NumberColumn("Top 5", format="percent", help="Likewise among five guesses."),
    "weights": st.column_config.NumberColumn(
        "Weights, M", format="%.1f", help="With its head for 1000 classes."
    ),
    "adds": st.column_config.NumberColumn(
        "Multiply-adds, G", format="%.2f", help="For one image of its own side."
    ),
    "side": st.column_config.NumberColumn(
        "Side, px", help="Of the square that it is fed where it reaches this accuracy."
    ),
    "file": st.column_config.NumberColumn("File, MB", format="%.0f"),
    "ms": st.column_config.NumberColumn(
        "Time here, ms", format="%.1f", help="Median for one image of its own side."
    ),
    "memory": st.column_config.NumberColumn("Memory here, MB", format="%.0f"),
    "here": st.column_config.CheckboxColumn(
        "Weights here", help="Whether its ImageNet weights lie on this machine."
    ),
}


def backbone_table(
    backbones: Sequence[Backbone],
    timings: Mapping[str, BackboneTiming],
    here: frozenset[str],
    on_choice: Callable[[str], object],
) -> None:
    """Draw the table; a row that is clicked becomes the chosen one.

    Args:
        backbones: that are shown.
        timings: what was measured, by name.
        here: names of those whose weights lie on this machine.
        on_choice: told the name of a row that was clicked.
    """
    table = backbone_rows(backbones, timings, here)

    def take() -> None:
        rows = st.session_state["backbone_table"]["selection"]["rows"]
        if rows and rows[0] < len(table):
            on_choice(str(table["name"].iloc[rows[0]]))

    st.dataframe(
        table, key="backbone_table", placeholder="", hide_index=True, column_config=_COLUMNS, on_select=take,
        selection_mode="single-row", height=min(36 * (len(table) + 1) + 2, 480),
    )  # fmt: skip


def backbone_rows(
    backbones: Sequence[Backbone], timings: Mapping[str, BackboneTiming], here: frozenset[str]
) -> pd.DataFrame:
    """A row each, the most accurate first; columns of measurements only where there are any."""
    rows = []
    for each in sorted(backbones, key=lambda each: -each.top_1):
        timing = timings.get(each.name)
        n_bytes = timing.bytes if timing else None
        rows.append(
            {
                "name": each.name,
                "family": each.family,
                "top_1": each.top_1,
                "top_5": each.top_5,
                "weights": each.n_weights / 1e6,
                "adds": each.multiply_adds / 1e9,
                "side": each.input_side,
                "file": each.file_bytes / _MEGABYTE,
                "ms": 1000 * timing.seconds if timing else None,
                "memory": n_bytes / _MEGABYTE if n_bytes is not None else None,
                "here": each.name in here,
            }
        )
    table = pd.DataFrame(rows)
    return table.drop(columns=[name for name in ("ms", "memory") if table[name].isna().all()])
