"""How a training went: loss and accuracy of training and validation images, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any

import streamlit as st

from analysis.number_words import percent
from pages.shared.charts import RIGHT_COLOUR
from pages.shared.halves import halves

Rows = Sequence[Mapping[str, Any]]
STEPS_OF_AN_EPOCH = 3
_GREY = "#8a929b"
_PLAIN = {"displayModeBar": False}
_LINES = {"train": ("training", _GREY, 1.5), "validation": ("validation", RIGHT_COLOUR, 2.5)}
"""Of each line: the beginning of its rows' keys, to its name, colour and width."""
_PANELS = (("loss", "Loss", ".3~f", ".2~f"), ("accuracy", "Accuracy", ".1%", ".0%"))
"""Of each chart: the end of its rows' keys, its title, how its hover and its axis write a number."""


def training_curves(rows: Rows, *, key: str, steps: Rows = ()) -> None:
    """Draw the loss and the accuracy of each epoch, side by side, and say which epoch was the best.

    Args:
        rows: one for each epoch, of all phases in their order, as ``models.finetune.version_record.Version.history``.
        key: of this place on the page.
        steps: training loss and accuracy within the epochs, as the events "step" of a running job: ``place`` (epochs
            since the start, as `step_places` gives it), ``loss``, ``accuracy``. They are what there is to see of an
            epoch that takes minutes.
    """
    if not rows and not steps:
        st.caption("The curves begin with the first epoch.")
        return
    if len(steps) < STEPS_OF_AN_EPOCH * len(rows):
        steps = ()  # the epochs are quick: their own points are enough
    for column, (name, title, hover, ticks) in zip(halves(key, gap="medium"), _PANELS, strict=True):
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                curve_chart(rows, name, hover=hover, ticks=ticks, steps=steps), key=f"{key}_{name}", config=_PLAIN
            )  # fmt: skip
    words = best_words(rows)
    if words:
        st.caption(words)


def best_row(rows: Rows) -> int | None:
    """Which epoch is kept: that with the lowest validation loss, of all phases; None before there is one."""
    known = [i for i, row in enumerate(rows) if _known(row, "validation_loss")]
    return min(known, key=lambda i: float(rows[i]["validation_loss"]), default=None)


def best_words(rows: Rows) -> str:
    """Which epoch is the best, in a sentence; "" before there is one.

    >>> best_words([{"phase": "Last block", "validation_loss": 0.5, "validation_accuracy": 0.88}])
    'The best epoch is number 1 (Last block): its validation loss is the lowest, .50, with 88% right.'
    """
    best = best_row(rows)
    if best is None:
        return ""
    row = rows[best]
    loss = f"{row['validation_loss']:.2f}".removeprefix("0")
    right = (
        f", with {percent(row['validation_accuracy'])} right" if _known(row, "validation_accuracy") else ""
    )
    return f"The best epoch is number {best + 1} ({row['phase']}): its validation loss is the lowest, {loss}{right}."


def curve_chart(rows: Rows, name: str, *, hover: str, ticks: str, steps: Rows = ()) -> Any:
    """One of the two charts, as a plotly figure.

    Args:
        rows: as `training_curves` takes them.
        name: "loss" or "accuracy".
        hover: how a number is written at the pointer, in d3's words.
        ticks: how it is written along the axis.
        steps: as `training_curves` takes them.
    """
    # Imported here: plotly takes half a second, and the form needs it only once something runs.
    import plotly.graph_objects as go

    figure = go.Figure()
    if steps:
        figure.add_scatter(
            x=[step["place"] for step in steps], y=[_number(step, name) for step in steps], mode="lines",
            line={"color": _GREY, "width": 1}, opacity=0.55, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    for side in _LINES:
        _add_curve(figure, rows, side, name, hover)
    _mark_best(figure, rows, f"validation_{name}")
    _mark_phases(figure, rows)
    figure.update_xaxes(
        title="epoch", range=[0 if steps else 0.5, max(len(rows), 1) + 0.5], tickformat="d", fixedrange=True,
        nticks=10, dtick=1 if len(rows) < 10 else None,
    )  # fmt: skip
    figure.update_yaxes(
        tickformat=ticks, fixedrange=True, rangemode="tozero" if name == "loss" else "normal",
        range=None if name == "loss" else _accuracy_range(rows, steps),
    )  # fmt: skip
    figure.update_layout(
        height=280, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False, hovermode="x unified",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        # one running chart, not a new one for each epoch
        uirevision="kept",
    )  # fmt: skip
    return figure


def _add_curve(figure: Any, rows: Rows, side: str, name: str, hover: str) -> None:
    label, colour, width = _LINES[side]
    figure.add_scatter(
        x=list(range(1, len(rows) + 1)), y=[_number(row, f"{side}_{name}") for row in rows], name=label,
        mode="lines+markers" if len(rows) < 40 else "lines", line={"color": colour, "width": width},
        marker={"size": 5}, legendgroup=side, customdata=[row["phase"] for row in rows],
        hovertemplate=f"%{{y:{hover}}}<extra>{label}, %{{customdata}}</extra>",
    )  # fmt: skip


def _mark_best(figure: Any, rows: Rows, column: str) -> None:
    best = best_row(rows)
    if best is not None and _known(rows[best], column):
        figure.add_scatter(
            x=[best + 1], y=[rows[best][column]], name="best epoch", mode="markers", hoverinfo="skip",
            marker={"size": 12, "symbol": "diamond", "color": RIGHT_COLOUR, "line": {"color": "white", "width": 1.5}},
        )  # fmt: skip


def _mark_phases(figure: Any, rows: Rows) -> None:
    """A dotted line where other weights begin to learn."""
    for i, (before, after) in enumerate(pairwise(rows), start=1):
        if before["phase"] != after["phase"]:
            figure.add_vline(x=i + 0.5, line={"color": _GREY, "width": 1, "dash": "dot"})
            figure.add_annotation(
                x=i + 0.5, y=1, yref="paper", yanchor="top", xanchor="left", showarrow=False,
                text=f" {after['phase']}", font={"size": 11, "color": _GREY},
            )  # fmt: skip


def _accuracy_range(rows: Rows, steps: Rows) -> list[float]:
    seen = [_number(row, side) for row in rows for side in ("train_accuracy", "validation_accuracy")]
    seen += [_number(step, "accuracy") for step in steps]
    known = [each for each in seen if each is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    room = max(0.02, 0.08 * (high - low))
    return [max(0.0, low - room), min(1.02, high + room)]


def _known(row: Mapping[str, Any], column: str) -> bool:
    return _number(row, column) is not None


def _number(row: Mapping[str, Any], column: str) -> float | None:
    """What stands there, or None: a gap in the line."""
    value = row.get(column)
    return float(value) if isinstance(value, int | float) and isfinite(value) else None
