"""Torchvision's classifiers side by side: accuracy against cost, so that a person can choose the next backbone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from models.backbone_files import weights_file
from models.backbone_timing import BackboneTiming, saved_timings
from models.prediction_record import Predictions
from pages.network import architecture_cached
from pages.network.backbone_charts import COSTS, backbone_chart, cost_of
from pages.network.backbone_measuring import measuring
from pages.network.backbone_table import backbone_table
from pages.network.network_words import count_words, seconds_words, size_words
from pages.shared import state
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace

if TYPE_CHECKING:
    from models.backbones import Backbone

CHOSEN = "backbone_chosen"


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Backbones")
    st.caption(
        "The classifiers of torchvision with ImageNet weights, to choose the next starting point. Accuracy is torchvision's "
        "own, on ImageNet's 1000 classes: on other images the order may differ, and only a training shows it."
    )
    found = architecture_cached.backbones()
    timings = saved_timings(state.store())
    opened = predictions.architecture
    with st.container(key="backbones"):
        families = st.pills(
            "Families", sorted({each.family for each in found.values()}), selection_mode="multi",
            key="backbone_families", help="None chosen shows all.",
        )  # fmt: skip
        shown = [each for each in found.values() if not families or each.family in families]
        name = _chart(shown, timings, opened, found)
        here = frozenset(
            each.name for each in shown if weights_file(state.store(), each.file_name) is not None
        )
        _details(workspace, predictions, found, name, timings)
        st.subheader("All figures")
        backbone_table(shown, timings, here, _choose)
        st.caption("A click on a column sorts; a row that is chosen is shown above.")
        st.subheader("Time and memory on this machine")
        measuring(found, timings, opened)


def _chart(
    shown: list[Backbone], timings: Mapping[str, BackboneTiming], opened: str, found: Mapping[str, Backbone]
) -> str:
    """Draw the points; returns the chosen backbone."""
    known = {by: words for by, words in COSTS.items() if any(_is_known(each, timings, by) for each in shown)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.segmented_control(
            "Accuracy against", list(known), default="adds", required=True, key="backbone_cost",
            format_func=COSTS.__getitem__,
        )  # fmt: skip
        first = opened if opened in found else "mobilenet_v2"
        name = st.selectbox(
            "Look at", list(found), index=list(found).index(first), key=CHOSEN, persist_state="session", width=280
        )  # fmt: skip
    marked = {name: "chosen"}
    if opened in found:
        marked[opened] = "open"
    by = by if by in known else "adds"
    st.plotly_chart(
        backbone_chart(shown, timings, by, marked), key="backbone_chart", config={"displayModeBar": False}
    )
    words = "Best for its cost: no other that is shown reaches as much for less."
    if by in ("time", "memory"):
        n = sum(_is_known(each, timings, by) for each in shown)
        words += f" {n} of {len(shown)} were measured; the others are left out."
    st.caption(words)
    return name


def _is_known(backbone: Backbone, timings: Mapping[str, BackboneTiming], by: str) -> bool:
    return cost_of(backbone, timings.get(backbone.name), by) is not None


def _choose(name: str) -> None:
    st.session_state[CHOSEN] = name


def _details(
    workspace: Workspace,
    predictions: Predictions,
    found: Mapping[str, Backbone],
    name: str,
    timings: Mapping[str, BackboneTiming],
) -> None:
    """The chosen one beside the open one, and the way on."""
    chosen, opened = found[name], found.get(predictions.architecture)
    other = opened if opened is not None and opened is not chosen else None
    timing, others = timings.get(name), timings.get(other.name) if other else None
    with st.container(border=True, key="backbone_shown"):
        st.markdown(f"##### {name}")
        with st.container(horizontal=True, gap="medium"):
            st.metric(
                "Right on ImageNet", f"{chosen.top_1:.1%}", width="content",
                delta=_points(chosen.top_1, other.top_1 if other else None),
            )  # fmt: skip
            _metric(
                "Multiply-adds", chosen.multiply_adds, other.multiply_adds if other else None, count_words
            )
            _metric("Weights", chosen.n_weights, other.n_weights if other else None, count_words)
            _metric("File", chosen.file_bytes, None, size_words)
            if timing is not None:
                _metric("Time here", timing.seconds, others.seconds if others else None, seconds_words)
                if timing.bytes is not None:
                    _metric("Memory here", timing.bytes, others.bytes if others else None, size_words)
        words = f"Fed squares of {chosen.input_side} pixels; weights {chosen.weights_name}."
        if other is not None:
            words += f" The small figures compare it with the open {other.name} at its own side."
        st.caption(words)
        _way_on(workspace, predictions, chosen)


def _way_on(workspace: Workspace, predictions: Predictions, chosen: Backbone) -> None:
    if not predictions.architecture:
        st.caption("Fine-tuning needs an open network; these predictions came from a table.")
        return
    st.page_link(
        state.FINETUNE_PAGE, label=f"Fine-tune from {chosen.name}", icon=":material/model_training:",
        query_params={**state.open_query(workspace.spec), "backbone": chosen.name},
    )  # fmt: skip


def _metric(label: str, value: float, other: float | None, words: object) -> None:
    delta = f"{value / other:.2g} times" if other and value != other else None
    told = words(value) if callable(words) else str(value)
    st.metric(label, told, width="content", delta=delta, delta_color="off", delta_arrow="off")


def _points(value: float, other: float | None) -> str | None:
    return None if other is None else f"{100 * (value - other):+.1f} points"


page()
