"""The charts of the page of layers: from the input at the left to the answer at the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.layers.layer_neighbours import LayerNeighbours
from analysis.layers.probe import CHANCE, ProbeCurve, ProbedLayer
from analysis.number_words import interval_words, p_words, percent
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR

_GREY = "#8a929b"
_BAND = "rgba(59, 142, 165, 0.2)"
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}


def probe_chart(curve: ProbeCurve) -> Any:
    """How well each layer tells the two apart, with intervals, guessing and the network itself.

    Args:
        curve: of the pair.
    """
    # Imported here: plotly takes half a second, and other pages do not need it.
    import plotly.graph_objects as go

    figure = go.Figure()
    places = [each.depth + 1 for each in curve.layers]
    ends = [each.choice.interval for each in curve.layers]
    figure.add_scatter(
        x=[*places, *reversed(places)], y=[*(high for _, high in ends), *(low for low, _ in reversed(ends))],
        fill="toself", fillcolor=_BAND, line={"width": 0}, mode="lines", hoverinfo="skip", name="95% interval",
    )  # fmt: skip
    for name, level, dash in _levels(curve):
        figure.add_scatter(
            x=[0.5, curve.n_layers + 0.5], y=[level, level], mode="lines", name=name, hoverinfo="skip",
            line={"color": _GREY, "width": 1.5, "dash": dash},
        )  # fmt: skip
    figure.add_scatter(
        x=places, y=[each.choice.accuracy for each in curve.layers], mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": RIGHT_COLOUR, "width": 1.5},
    )  # fmt: skip
    for beyond, name, symbol in (
        (False, "a layer", "circle-open"),
        (True, "a layer beyond chance", "circle"),
    ):
        shown = [each for each in curve.layers if each.is_beyond_chance == beyond]
        if shown:
            figure.add_scatter(
                x=[each.depth + 1 for each in shown], y=[each.choice.accuracy for each in shown], mode="markers",
                name=name, marker={"color": RIGHT_COLOUR, "size": 8, "symbol": symbol},
                hovertext=[_hover(each) for each in shown], hovertemplate="%{hovertext}<extra></extra>",
            )  # fmt: skip
    if curve.apart_from is not None:
        figure.add_vline(
            x=curve.apart_from.depth + 1, line={"color": WRONG_COLOUR, "width": 1, "dash": "dot"}
        )
    lowest = min([CHANCE, *(low for low, _ in ends)])
    _lay_out(figure, curve.n_layers, "right", [max(-0.02, lowest - 0.04), 1.02], 360)
    return figure


def _levels(curve: ProbeCurve) -> list[tuple[str, float, str]]:
    levels = [("guessing", CHANCE, "dot")]
    if curve.own is not None:
        levels.append(("the network itself", curve.own.accuracy, "dash"))
    return levels


def _hover(each: ProbedLayer) -> str:
    return (
        f"{each.layer}<br>{percent(each.choice.accuracy)} right, 95% interval {interval_words(each.choice.interval)}"
        f"<br>{p_words(each.p_value)} (corrected)"
    )


def neighbours_chart(
    found: Sequence[LayerNeighbours], n_layers: int, lines: Sequence[tuple[str, str, float]]
) -> Any:
    """How many of an image's nearest images bear its label, and the predicted class, by depth.

    Args:
        found: of all layers whose vectors are kept.
        n_layers: layers of the network.
        lines: "with_label" or "with_predicted", the class's name, and how many there would be by lot; one or two.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    colours = {"with_label": RIGHT_COLOUR, "with_predicted": WRONG_COLOUR}
    places = [each.depth + 1 for each in found]
    for which, name, by_lot in lines:
        figure.add_scatter(
            x=places, y=[getattr(each, which) for each in found], mode="lines+markers", name=name, marker={"size": 5},
            line={"color": colours[which], "width": 2, "shape": "hvh"}, customdata=[each.layer for each in found],
            hovertemplate=f"%{{customdata}}<br>%{{y}} of its nearest are {name}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[0.5, n_layers + 0.5], y=[by_lot, by_lot], mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": colours[which], "width": 1, "dash": "dot"},
        )  # fmt: skip
    k = max(len(each.rows) for each in found)
    _lay_out(figure, n_layers, "of its nearest", [-0.03 * k, 1.05 * k], 240)
    figure.update_yaxes(tickformat="d")
    return figure


def _lay_out(figure: Any, n_layers: int, title: str, levels: list[float], height: int) -> None:
    figure.update_xaxes(
        title="layer, from the input to the answer", range=[0.5, n_layers + 0.5], fixedrange=True, tickformat="d",
        nticks=16, showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(title=title, range=levels, tickformat=".0%", fixedrange=True, zeroline=False)
    figure.update_layout(height=height, margin=_MARGIN, dragmode=False, hovermode="closest", legend=_LEGEND)
