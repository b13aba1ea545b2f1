"""Accuracy on ImageNet against cost, for all of torchvision's classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pages.network.network_words import count_words, seconds_words, size_words

if TYPE_CHECKING:
    from models.backbone_timing import BackboneTiming
    from models.backbones import Backbone

COSTS = {"adds": "Multiply-adds", "weights": "Weights", "time": "Time here", "memory": "Memory here"}
"""What accuracy may be drawn against; the last two only where they were measured."""
_AXES = {
    "adds": "multiply-adds for one image",
    "weights": "weights",
    "time": "milliseconds for one image, on this machine",
    "memory": "MB for one image, on this machine",
}
_UNITS = {"time": 1e-3, "memory": 1e6}
_TICKS = [digit * 10**power for power in range(6) for digit in (1, 2, 5)]
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_GREY = "#8a929b"
_COLOURS = (
    "#3b8ea5", "#d1603d", "#7a9e3f", "#8f5fa8", "#c79a2b", "#4a6fb3", "#b8577f", "#4f9b82", "#9c6b44", "#6f7680",
)  # fmt: skip
_SYMBOLS = ("circle", "square", "diamond", "triangle-up")


def cost_of(backbone: Backbone, timing: BackboneTiming | None, by: str) -> float | None:
    """What one classifier costs; None where it was not measured.

    Args:
        backbone: the classifier.
        timing: what was measured of it.
        by: a key of `COSTS`.
    """
    if by == "adds":
        return backbone.multiply_adds
    if by == "weights":
        return backbone.n_weights
    if timing is None:
        return None
    return timing.seconds if by == "time" else timing.bytes


def cost_words(value: float, by: str) -> str:
    """A cost of a kind in words."""
    words = {"time": seconds_words, "memory": size_words}.get(by, count_words)
    return words(value)


def backbone_chart(
    backbones: Sequence[Backbone], timings: Mapping[str, BackboneTiming], by: str, marked: Mapping[str, str]
) -> Any:
    """Accuracy against cost, a point each, families told apart; a line along those worth their cost.

    Args:
        backbones: that are shown.
        timings: what was measured, by name.
        by: a key of `COSTS`.
        marked: name to the word that stands at its point ("open").
    """
    import plotly.graph_objects as go

    from models.backbones import frontier

    costs = [(each, cost_of(each, timings.get(each.name), by)) for each in backbones]
    unit = _UNITS.get(by, 1.0)
    known = [(each, cost / unit) for each, cost in costs if cost is not None]
    figure = go.Figure()
    best = [known[at] for at in frontier([cost for _, cost in known], [each.top_1 for each, _ in known])]
    figure.add_scatter(
        x=[cost for _, cost in best], y=[each.top_1 for each, _ in best], mode="lines", hoverinfo="skip",
        name="best for its cost", line={"color": _GREY, "width": 1, "dash": "dot"},
    )  # fmt: skip
    for at, family in enumerate(sorted({each.family for each in backbones})):
        own = [(each, cost) for each, cost in known if each.family == family]
        if not own:
            continue
        figure.add_scatter(
            x=[cost for _, cost in own], y=[each.top_1 for each, _ in own], mode="markers", name=family,
            marker={"color": _COLOURS[at % len(_COLOURS)], "size": 9, "symbol": _SYMBOLS[at // len(_COLOURS)]},
            hovertext=[f"{each.name}<br>{each.top_1:.1%} of ImageNet right<br>{cost_words(cost * unit, by)}" for each, cost in own],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    _mark(figure, known, marked)
    figure.update_xaxes(type="log", title=_AXES[by], fixedrange=True)
    if by in _UNITS:
        figure.update_xaxes(tickvals=_TICKS, ticktext=[f"{each:,}" for each in _TICKS])
    else:
        figure.update_xaxes(exponentformat="SI", dtick=1)
    figure.update_yaxes(tickformat=".0%", title="right on ImageNet (top 1)", fixedrange=True)
    figure.update_layout(
        height=540, margin=_MARGIN, dragmode=False, hovermode="closest", legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "entrywidth": 104},
    )  # fmt: skip
    return figure


def _mark(figure: Any, known: Sequence[tuple[Backbone, float]], marked: Mapping[str, str]) -> None:
    points = [(each, cost) for each, cost in known if each.name in marked]
    if points:
        figure.add_scatter(
            x=[cost for _, cost in points], y=[each.top_1 for each, _ in points], mode="markers+text",
            text=[f"{each.name} ({marked[each.name]})" for each, _ in points], textposition="bottom right",
            marker={"symbol": "circle-open", "size": 17, "color": _GREY, "line": {"width": 2}}, showlegend=False,
            hoverinfo="skip", cliponaxis=False,
        )  # fmt: skip
