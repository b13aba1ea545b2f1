"""The charts of the trust panel, in colours that any colour vision tells apart, on light and dark ground."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.colour_maps import DIVERGING_COLOUR_MAP, css_colours

if TYPE_CHECKING:
    from analysis.attribution.faithfulness import Curve, Faithfulness
    from analysis.attribution.randomisation import Randomisation

# Okabe and Ito's colours; the dashes tell the second round of them from the first.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ("solid", "dash", "dot", "dashdot")
_GREY, _BAND = "#8a929b", "rgba(138, 146, 155, 0.28)"
_MARGIN = {"l": 8, "r": 8, "t": 34, "b": 8}
_NUMBERS_UP_TO = 12
ROW_HEIGHT = 34


def agreement_chart(names: Sequence[str], matrix: npt.NDArray[np.float64]) -> Any:
    """The rank correlations between maps as a table of coloured cells, as a plotly figure.

    Args:
        names: M names of methods.
        matrix: (M, M) from -1 to 1; NaN where a map has no ranks.
    """
    # Imported here: plotly takes half a second, and the maps should be seen first.
    import plotly.graph_objects as go

    stops = css_colours(11, DIVERGING_COLOUR_MAP)
    scale = [[place / (len(stops) - 1), stop] for place, stop in enumerate(stops)]
    figure = go.Figure(
        go.Heatmap(
            z=matrix, x=list(names), y=list(names), zmin=-1, zmax=1, colorscale=scale, xgap=2, ygap=2,
            texttemplate="%{z:.2f}" if len(names) <= _NUMBERS_UP_TO else None, hoverongaps=False,
            hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>",
            colorbar={"title": {"text": "rank<br>correlation"}, "thickness": 12, "tickvals": [-1, 0, 1]},
        )
    )  # fmt: skip
    figure.update_layout(height=150 + ROW_HEIGHT * len(names), margin=_MARGIN)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, tickangle=-35)
    return figure


def curves_chart(measured: Faithfulness, labels: Mapping[str, str], probability: str) -> Any:
    """Insertion beside deletion, each method a line over the band of the random orders.

    Args:
        measured: the curves of the maps and of chance.
        labels: what a person calls each map.
        probability: title of the vertical axis.
    """
    from plotly.subplots import make_subplots

    titles = ("Insertion", "Deletion")
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.08, subplot_titles=titles)
    for column, name in ((1, "insertion"), (2, "deletion")):
        _add_chance(figure, [getattr(each, name) for each in measured.random], column)
        for place, (key, curves) in enumerate(measured.maps.items()):
            _add_line(figure, getattr(curves, name), labels[key], place, column)
        verb = "uncovered" if name == "insertion" else "covered"
        figure.update_xaxes(
            title=f"share {verb}",
            tickformat=".0%",
            range=[-0.02, 1.02],
            tickvals=[0, 0.5, 1],
            row=1,
            col=column,
        )
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(title=html.escape(probability, quote=False), row=1, col=1)  # plotly reads tags
    figure.update_layout(
        height=340, margin={**_MARGIN, "b": 8}, hovermode="x unified",
        legend={"orientation": "h", "y": -0.28, "x": 0},
    )  # fmt: skip
    return figure


def _add_chance(figure: Any, random: Sequence[Curve], column: int) -> None:
    if not random:
        return
    scores = np.array([each.scores for each in random])
    common = {"x": random[0].fractions, "mode": "lines", "legendgroup": "chance"}
    edge = {**common, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(y=scores.min(0), **edge, row=1, col=column)
    figure.add_scatter(y=scores.max(0), **edge, fill="tonexty", fillcolor=_BAND, row=1, col=column)
    figure.add_scatter(
        y=scores.mean(0), **common, name=f"{len(random)} random orders", showlegend=column == 1,
        line={"color": _GREY, "width": 2, "dash": "dot"}, row=1, col=column,
        hovertemplate="%{y:.0%}",
    )  # fmt: skip


def _add_line(figure: Any, curve: Curve, label: str, place: int, column: int) -> None:
    figure.add_scatter(
        x=curve.fractions, y=curve.scores, mode="lines", name=label, legendgroup=label,
        showlegend=column == 1, line=_line(place), hovertemplate="%{y:.0%}", row=1, col=column,
    )  # fmt: skip


def randomisation_chart(found: Mapping[str, Randomisation], labels: Mapping[str, str]) -> Any:
    """How like its map each method's maps stay while the network unlearns from its answer downwards.

    Args:
        found: the check's results by method.
        labels: what a person calls each.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for place, (key, result) in enumerate(found.items()):
        figure.add_scatter(
            x=["as trained", *map(_stage, result.shares)], y=[1.0, *result.means],
            mode="lines+markers", name=labels[key], line=_line(place), hovertemplate="%{y:.2f}",
        )  # fmt: skip
    figure.add_hline(0, line={"color": _GREY, "width": 1, "dash": "dot"})
    figure.update_layout(
        height=300, margin=_MARGIN, hovermode="x unified", showlegend=True,
        legend={"orientation": "h", "y": -0.3, "x": 0},
        xaxis={"title": "layers with random weights, counted from the answer", "type": "category"},
        yaxis={"title": "similarity to the map", "range": [-0.5, 1.05]},
    )  # fmt: skip
    return figure


def _stage(share: float) -> str:
    return "the last one" if share == 0 else "all" if share == 1 else f"{share:.0%}"


def _line(place: int) -> dict[str, Any]:
    dash = _DASHES[place // len(_COLOURS) % len(_DASHES)]
    return {"color": _COLOURS[place % len(_COLOURS)], "width": 2.5, "dash": dash}
