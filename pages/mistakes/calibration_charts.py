"""The charts of the calibration page, in the app's colours, on light and dark ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.calibration import Calibration, ReliabilityBin
from analysis.coverage import CoverageCurve, ThresholdReport
from analysis.number_words import percent
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR

_GREY, _BAND = "#8a929b", "rgba(138, 146, 155, 0.32)"
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_OFF = 0.05


def bin_words(bin: ReliabilityBin) -> str:
    """Such as "87% to 93%: 41 images, 80% right"."""
    return f"{percent(bin.low)} to {percent(bin.high)}: {_images(bin)}, {percent(bin.accuracy)} right"


def _images(bin: ReliabilityBin) -> str:
    return "1 image" if bin.n == 1 else f"{bin.n:,} images"


def reliability_chart(found: Calibration) -> Any:
    """Confidence against accuracy over the band of an honest model, and how many images each bin has.

    Every trace has one point a bin, in their order, so a clicked point's index is the bin's.

    Args:
        found: the measures of what is shown.
    """
    # Imported here: plotly takes half a second, and the matrix page does not need it.
    from plotly.subplots import make_subplots

    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.74, 0.26], vertical_spacing=0.05)
    bins = found.bins
    centres = [(bin.low + bin.high) / 2 for bin in bins]
    widths = [bin.high - bin.low for bin in bins]
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="confidence = accuracy", hoverinfo="skip",
        line={"color": _GREY, "width": 1, "dash": "dot"}, row=1, col=1,
    )  # fmt: skip
    # a hair of height, so that a band without room (all sure, all right) can still be seen
    figure.add_bar(
        x=centres, width=widths, base=[bin.null_low - 0.003 for bin in bins], name="an honest model, 95 times in 100",
        y=[bin.null_high - bin.null_low + 0.006 for bin in bins], marker={"color": _BAND, "line": {"width": 0}},
        hovertext=[_hover(bin) for bin in bins], hovertemplate="%{hovertext}<extra></extra>", row=1, col=1,
    )  # fmt: skip
    _add_points(figure, bins)
    for name, counts, colour in (
        ("right images", [bin.right for bin in bins], RIGHT_COLOUR),
        ("wrong images", [bin.n - bin.right for bin in bins], WRONG_COLOUR),
    ):
        figure.add_bar(
            x=centres, y=counts, width=[0.94 * width for width in widths], name=name, marker_color=colour,
            showlegend=False, hovertemplate="%{y:,} " + name + "<extra></extra>", row=2, col=1,
        )  # fmt: skip
    # a click chooses a bin for the gallery; the chart itself stays as it is
    figure.update_traces(unselected={"marker": {"opacity": 0.75}}, selector={"type": "bar"})
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%", fixedrange=True)
    figure.update_xaxes(title="confidence", row=2, col=1)
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", title="right", fixedrange=True, row=1, col=1)
    figure.update_yaxes(title="images", fixedrange=True, row=2, col=1)
    figure.update_layout(
        barmode="stack", height=470, margin=_MARGIN, dragmode=False, hovermode="closest",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    return figure


def _add_points(figure: Any, bins: Sequence[ReliabilityBin]) -> None:
    off = [bin.q_value < _OFF for bin in bins]
    figure.add_scatter(
        x=[bin.mean_confidence for bin in bins], y=[bin.accuracy for bin in bins], mode="markers+lines",
        name="this model", line={"color": RIGHT_COLOUR, "width": 1.5},
        marker={"size": 10, "color": [WRONG_COLOUR if each else RIGHT_COLOUR for each in off],
                "symbol": ["diamond" if each else "circle" for each in off]},
        selected={"marker": {"size": 13}}, unselected={"marker": {"opacity": 1}},
        hovertext=[_hover(bin) for bin in bins], hovertemplate="%{hovertext}<extra></extra>", row=1, col=1,
    )  # fmt: skip


def _hover(bin: ReliabilityBin) -> str:
    return (
        f"{_images(bin)} from {percent(bin.low)} to {percent(bin.high)}<br>"
        f"mean confidence {percent(bin.mean_confidence)}, right {percent(bin.accuracy)}<br>"
        f"an honest model: {percent(bin.null_low)} to {percent(bin.null_high)}"
    )


def coverage_chart(curve: CoverageCurve, chosen: ThresholdReport) -> Any:
    """The accuracy of the kept images over the share that is kept, with the chosen threshold.

    Args:
        curve: for every threshold.
        chosen: what is kept under the chosen one.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    points = curve.thinned()
    right = 1 - curve.aurc_random
    shares = np.linspace(0.0025, 1, 400)
    figure.add_scatter(
        x=shares, y=np.minimum(1, right / shares), mode="lines", name="best possible order", hoverinfo="skip",
        line={"color": _GREY, "width": 1.5, "dash": "dash"},
    )  # fmt: skip
    figure.add_scatter(
        x=[0, 1], y=[right, right], mode="lines", name="random order", hoverinfo="skip",
        line={"color": _GREY, "width": 1.5, "dash": "dot"},
    )  # fmt: skip
    figure.add_scatter(
        x=curve.coverage[points], y=curve.accuracy[points], mode="lines", name="this model",
        line={"color": RIGHT_COLOUR, "width": 2.5}, customdata=curve.thresholds[points],
        hovertemplate="threshold %{customdata:.1%}: %{x:.0%} kept, %{y:.1%} of them right<extra></extra>",
    )  # fmt: skip
    if chosen.kept.n:
        figure.add_scatter(
            x=[chosen.coverage], y=[chosen.kept.rate], mode="markers", name="your threshold",
            marker={"size": 13, "color": WRONG_COLOUR, "symbol": "diamond"},
            error_y={"type": "data", "symmetric": False, "array": [chosen.kept.high - chosen.kept.rate],
                     "arrayminus": [chosen.kept.rate - chosen.kept.low], "color": WRONG_COLOUR, "thickness": 2},
            hovertemplate="%{x:.0%} kept, %{y:.1%} of them right<extra></extra>",
        )  # fmt: skip
    # the first few images make any curve jump: they alone must not stretch the axis
    steady = curve.accuracy[curve.coverage >= 0.05]
    least = min(right, float(steady.min(initial=right)), chosen.kept.low if chosen.kept.n else right)
    figure.update_xaxes(title="images the model decides", range=[0, 1.02], tickformat=".0%", fixedrange=True)
    figure.update_yaxes(
        title="right among these", range=[max(0, least - 0.05), 1.01], tickformat=".0%", fixedrange=True
    )
    figure.update_layout(
        height=360,
        margin=_MARGIN,
        dragmode=False,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure
