"""The two charts of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.metrics import accuracy_of
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR

_GREY = "#8a929b"
Rows = Sequence[Mapping[str, Any]]


def right_chart(rows: Rows) -> Any:
    """Share of right answers for each amount with its interval, and that of the open network, as a plotly figure.

    Args:
        rows: one for each amount: ``amount``, ``right``, ``right_before``, ``n``.
    """
    import plotly.graph_objects as go

    found = [accuracy_of(row["right"], row["n"]) for row in rows]
    shares = [row["right"] / row["n"] for row in rows]
    figure = go.Figure()
    figure.add_scatter(
        x=[row["amount"] for row in rows], y=shares, mode="lines+markers", name="smaller network",
        line={"color": RIGHT_COLOUR, "width": 2.5},
        error_y={
            "type": "data", "symmetric": False, "color": RIGHT_COLOUR, "thickness": 1.2, "width": 3,
            "array": [each.high - share for each, share in zip(found, shares, strict=True)],
            "arrayminus": [share - each.low for each, share in zip(found, shares, strict=True)],
        },
        hovertemplate="%{x:.0%} goes: %{y:.1%} right<extra></extra>",
    )  # fmt: skip
    before = rows[0]["right_before"] / rows[0]["n"]
    figure.add_hline(
        y=before, line={"color": _GREY, "dash": "dot"}, annotation_text=f"open network {before:.1%}",
        annotation_position="bottom right",
    )  # fmt: skip
    return _laid_out(figure, {"tickformat": ".0%", "range": [0, 1.02]})


def cost_chart(rows: Rows, before: Mapping[str, Any]) -> Any:
    """File and time for each amount as shares of the open network's, as a plotly figure.

    Args:
        rows: one for each amount: ``amount``, ``size``, ``latency``, ``latency_before``.
        before: ``size`` of the open network.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    lines = {
        "file": ([row["size"] / before["size"] for row in rows], RIGHT_COLOUR, "circle"),
        "time for one image": (
            [row["latency"] / row["latency_before"] for row in rows],
            WRONG_COLOUR,
            "diamond",
        ),
    }
    for name, (shares, colour, symbol) in lines.items():
        figure.add_scatter(
            x=[row["amount"] for row in rows], y=shares, mode="lines+markers", name=name, line={"color": colour, "width": 2.5},
            marker={"symbol": symbol, "size": 7}, hovertemplate="%{x:.0%} goes: %{y:.0%} of the " + name + "<extra></extra>",
        )  # fmt: skip
    highest = max(1.1, *(1.05 * max(shares) for shares, _, _ in lines.values()))
    return _laid_out(figure, {"tickformat": ".0%", "range": [0, highest]})


def _laid_out(figure: Any, y: dict[str, Any]) -> Any:
    return figure.update_layout(
        height=290, margin={"l": 8, "r": 8, "t": 8, "b": 8}, legend={"orientation": "h", "y": 1.14, "x": 0},
        xaxis={"title": "share that goes", "tickformat": ".0%", "rangemode": "tozero"}, yaxis=y,
    )  # fmt: skip
