"""Where a network's weights, multiply-adds and time lie, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.number_words import percent
from pages.network.network_words import count_words, seconds_words
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR

if TYPE_CHECKING:
    from analysis.layers.stage_costs import StageCost

_WEIGHTS_COLOUR, _ADDS_COLOUR, _TIME_COLOUR = "#8a929b", RIGHT_COLOUR, WRONG_COLOUR
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
MOST_OPERATIONS = 8


def stage_chart(costs: Sequence[StageCost]) -> Any:
    """A bar for each measure and stage, as shares of the whole network; the input is on top.

    Args:
        costs: from input to head.
    """
    import plotly.graph_objects as go

    names = [each.name.replace(" to ", " to<br>") for each in costs]
    figure = go.Figure()
    for label, colour, shares, words in (
        ("weights", _WEIGHTS_COLOUR, [each.share_of_weights for each in costs], [count_words(each.n_weights) for each in costs]),
        ("multiply-adds", _ADDS_COLOUR, [each.share_of_multiply_adds for each in costs], [count_words(each.multiply_adds) for each in costs]),
        ("time", _TIME_COLOUR, [each.share_of_time for each in costs], [seconds_words(each.seconds or 0.0) for each in costs]),
    ):  # fmt: skip
        if None in shares:
            continue
        figure.add_bar(
            y=names, x=shares, name=label, orientation="h", marker_color=colour,
            hovertext=[f"{each.name}<br>{percent(share or 0.0)} of {label}: {told}" for each, share, told in zip(costs, shares, words, strict=True)],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(
        tickformat=".0%", rangemode="tozero", title="share of the whole network", fixedrange=True
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True, automargin=True)
    figure.update_layout(
        barmode="group", bargap=0.28, height=110 + 58 * len(costs), margin=_MARGIN, dragmode=False,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
    )  # fmt: skip
    return figure


def operation_rows(operations: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """The operations that take most time: name, seconds, share of all; the rest together at the end.

    Args:
        operations: torch's name to seconds, without those in it.
    """
    whole = sum(operations.values()) or 1.0
    ordered = sorted(operations.items(), key=lambda each: -each[1])
    rows = [(name.strip("_"), seconds, seconds / whole) for name, seconds in ordered[:MOST_OPERATIONS]]
    rest = sum(seconds for _, seconds in ordered[MOST_OPERATIONS:])
    return [*rows, ("all others", rest, rest / whole)] if rest else rows
