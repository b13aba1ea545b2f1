"""The open network's weights beside those of another one: what changed, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from analysis.layers.difference_job import difference_spec, kept_difference
from analysis.layers.difference_record import LayerChange, difference_words, saved_difference, shape_words
from models.evaluation_spec import EvaluationSpec
from models.finetune.versions import versions
from models.recent import recent
from pages.shared import state
from pages.shared.addressed import addressed, choose, put_right, say_what_was_put_right, write_address
from pages.shared.charts import RIGHT_COLOUR
from pages.shared.job_begin import begin_job
from pages.shared.job_button import job_and_button
from pages.shared.state import Workspace, escaped, keep_widget

KIND = "weight_difference"
NOTHING = "none"
_PARTS = {"weight": "Weights", "vector": "Biases and scales", "statistics": "Batch-norm statistics"}
_MISSING = "#d1603d"


@dataclass(frozen=True)
class Other:
    """A network to compare with.

    Args:
        name: what a person calls it.
        spec: how it is opened.
    """

    name: str
    spec: EvaluationSpec


def difference(workspace: Workspace) -> None:
    """Ask for another network and say what changed from it to the open one."""
    st.subheader("What changed")
    with st.container(key="weights_difference"):
        others = other_networks(workspace.spec)
        if not others:
            st.info(
                "There is no other network here to compare with. Every fine-tuning leaves a version; so does every other "
                "checkpoint that was opened.",
                icon=":material/difference:",
            )
            st.page_link(
                state.FINETUNE_PAGE, label="Fine-tune the open model", icon=":material/model_training:"
            )
            return
        other = _chosen(others)
        if other is not None:
            _compared(other, workspace.spec)


def other_networks(opened: EvaluationSpec) -> dict[str, Other]:
    """The networks that the open one can be compared with, by the path of their checkpoints.

    What the open version started from comes first, then the versions, the newest first, then what was opened lately.
    ONNX files are left out: their weights are not read.

    Args:
        opened: what is open.
    """
    kept = versions(state.store())
    found: dict[str, Other] = {}
    starts = [each.finetune_spec.start for each in kept if str(each.checkpoint) == opened.checkpoint]
    named = {str(each.checkpoint): f"version {each.name}" for each in kept}
    candidates = [
        *starts,
        *(each.evaluation_spec() for each in kept),
        *(each.finetune_spec.start for each in kept),
        *(
            EvaluationSpec.from_json(each.spec)
            for each in recent(state.store(), limit=50)
            if "images" in each.spec
        ),
    ]
    for spec in candidates:
        path = spec.checkpoint
        is_new = path and path != opened.checkpoint and path not in found
        if is_new and not path.lower().endswith(".onnx") and Path(path).is_file():
            found[path] = Other(named.get(path, Path(path).name), spec)
    return found


def _chosen(others: Mapping[str, Other]) -> Other | None:
    asked = addressed("against")
    if asked is not None and asked not in others and asked != NOTHING:
        put_right("against", NOTHING, "The network of this link is not here any more; choose another.")
    chosen = asked if asked in others else None
    say_what_was_put_right("against")
    options = [NOTHING, *others]
    st.selectbox(
        "Compared with", options, index=options.index(keep_widget("weights_against", chosen or NOTHING)),
        format_func=lambda path: "Choose a network" if path == NOTHING else others[path].name, key="weights_against",
        on_change=lambda: choose("against", st.session_state["weights_against"]),
        help="Versions, what they started from, and checkpoints that were opened here.",
    )  # fmt: skip
    write_address("against", chosen or NOTHING)
    return None if chosen is None else others[chosen]


def _compared(other: Other, opened: EvaluationSpec) -> None:
    spec = difference_spec(other.spec, opened)
    found = saved_difference(kept_difference(state.store(), spec))
    if found is None:
        title = f"What changed since {other.name}"
        if state.running_jobs().newest_of(KIND, spec) is None:
            begin_job(KIND, spec, title=title)
        job_and_button(
            KIND, spec, label="Compare the weights", key="weights_compare", title=title, primary=True,
            words="The two networks are read layer by layer; what differs is kept.",
        )  # fmt: skip
        return
    st.markdown(f"From **{escaped(other.name)}** to the open network:")
    st.markdown("\n".join(f"- {escaped(words)}" for words in difference_words(found)))
    parts = [part for part in _PARTS if any(each.part == part for each in found)]
    part = st.segmented_control(
        "Part", parts, default=parts[0], format_func=_PARTS.__getitem__, key="weights_part", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    shown = [each for each in found if each.part == (part or parts[0])]
    if any(each.relative for each in shown):
        st.plotly_chart(change_chart(shown), key="weights_change_chart", config={"displayModeBar": False})
    _table(shown)


def change_chart(found: Sequence[LayerChange]) -> Any:
    """The relative change of each tensor, in the order of the network, as a plotly figure.

    Args:
        found: of one part.
    """
    import plotly.graph_objects as go

    names = [_name(each) for each in found]
    figure = go.Figure()
    figure.add_bar(
        x=names, y=[each.relative for each in found], marker_color=RIGHT_COLOUR,
        hovertemplate="%{x}: %{y:.2%} of its length<extra></extra>", showlegend=False,
    )  # fmt: skip
    missing = [name for name, each in zip(names, found, strict=True) if each.relative is None]
    if missing:
        figure.add_scatter(
            x=missing, y=[0] * len(missing), mode="markers", marker={"symbol": "x", "color": _MISSING, "size": 9},
            hovertemplate="%{x}: cannot be compared<extra></extra>", name="another shape, or only in one",
        )  # fmt: skip
    figure.update_xaxes(
        title="from the first layer to the last", showticklabels=False, fixedrange=True, type="category",
        categoryorder="array", categoryarray=names,
    )  # fmt: skip
    figure.update_yaxes(
        title="change, share of its length", tickformat=".0%", rangemode="tozero", fixedrange=True
    )
    figure.update_layout(
        height=260, bargap=0.1, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    return figure


def _name(change: LayerChange) -> str:
    return (
        change.layer
        if change.own == "weight" and change.part == "weight"
        else f"{change.layer}.{change.own}".lstrip(".")
    )


def _table(found: Sequence[LayerChange]) -> None:
    rows = [
        {
            "name": _name(each), "relative": each.relative, "cosine": each.cosine, "largest": each.largest,
            "changed": each.changed, "before": shape_words(each.shape_before),
            "after": "the same" if each.is_comparable else shape_words(each.shape_after),
        }
        for each in found
    ]  # fmt: skip
    column = st.column_config
    st.dataframe(
        # where nothing can be compared, four columns would say nothing
        pd.DataFrame(rows).dropna(axis="columns", how="all"), key="weights_changes", hide_index=True, height=min(420, 38 * (len(rows) + 1)),
        column_config={
            "name": column.TextColumn("Layer", pinned=True),
            "relative": column.NumberColumn(
                "Change", format="%.4g", help="Length of the difference over the length of the former weights; 0 is frozen."
            ),
            "cosine": column.NumberColumn("Cosine", format="%.4f", help="1 where only the length changed, not the direction."),
            "largest": column.NumberColumn("Largest change", format="%.3g", help="Of a single number."),
            "changed": column.NumberColumn("Changed at all", format="percent", help="Share of its numbers."),
            "before": column.TextColumn("Shape before"),
            "after": column.TextColumn("Shape now"),
        },
    )  # fmt: skip
