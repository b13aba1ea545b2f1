"""How an amount is spread inside a slice and among the other images."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from analysis.slice_conditions import Condition
from analysis.slice_record import Spread
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR


def spread_chart(spread: Spread, conditions: Sequence[Condition]) -> Any:
    """A plotly figure: shares of images in each bin, and the ends that a rule sets.

    Args:
        spread: shares inside and outside.
        conditions: the slice's.
    """
    # Imported here: plotly takes half a second, and only an open slice needs it.
    import plotly.graph_objects as go

    centres = [(low + high) / 2 for low, high in zip(spread.edges[:-1], spread.edges[1:], strict=True)]
    figure = go.Figure()
    for name, shares, colour in (
        ("other images", spread.outside, RIGHT_COLOUR),
        ("this slice", spread.inside, WRONG_COLOUR),
    ):
        figure.add_bar(
            x=[_place(centre, spread) for centre in centres], y=shares, name=name, marker_color=colour, opacity=0.65,
            hovertemplate="%{y:.0%} of " + name + " around %{x}<extra></extra>",
        )  # fmt: skip
    for condition in conditions:
        if condition.feature == spread.feature:
            for end in (condition.low, condition.high):
                if end is not None:
                    figure.add_vline(
                        x=_place(end, spread), line_width=1.5, line_dash="dot", line_color="#888"
                    )
    figure.update_layout(
        barmode="overlay", bargap=0.04, height=230, margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.16, "x": 0},
        xaxis={"title": spread.feature}, yaxis={"title": "share of images", "tickformat": ".0%"},
    )  # fmt: skip
    return figure


def _place(amount: float, spread: Spread) -> Any:
    return datetime.fromtimestamp(amount, UTC) if spread.is_date else amount
