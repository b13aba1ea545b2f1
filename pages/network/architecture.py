"""The network from inside: its modules with what each gives, weighs, computes, takes and sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from models.prediction_record import Predictions
from pages.network import architecture_cached
from pages.network.architecture_charts import operation_rows, stage_chart
from pages.network.module_table import module_table, recipe_table
from pages.network.network_words import count_words, seconds_words, size_words
from pages.shared import state
from pages.shared.job_button import job_and_button
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace

if TYPE_CHECKING:
    from analysis.layers.layer_times import LayerTimes
    from analysis.layers.module_tree import ModuleTree

TIMES = "layer_times"


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Architecture")
    st.caption("What each part of the network gives, weighs, computes, takes and sees, for one image.")
    if not predictions.architecture:
        st.info(
            "These predictions came from a table, so there is no network to look into. Open the checkpoint that made "
            "them.",
            icon=":material/info:",
        )
        st.page_link(state.SETUP_PAGE, label="Open a model and images", icon=":material/folder_open:")
        return
    tree = architecture_cached.tree(workspace)
    times = architecture_cached.times(workspace)
    with st.container(key="architecture"):
        _headline(predictions, tree, times)
        if tree.limits:
            st.info(tree.limits, icon=":material/info:")
        _time(workspace, predictions, times)
        _stages(tree, times)
        st.subheader("Modules")
        module_table(tree, times)
        if tree.stages:
            st.subheader("What learns in which recipe")
            recipe_table(tree)
        _onwards(workspace)


def _headline(predictions: Predictions, tree: ModuleTree, times: LayerTimes | None) -> None:
    """What the network costs as a whole."""
    height, width = tree.input_size
    adds = tree.whole.multiply_adds
    if adds is None and times is not None:
        adds = times.multiply_adds
    with st.container(horizontal=True, gap="medium", key="architecture_figures"):
        st.metric("Architecture", predictions.architecture, width="content")
        st.metric(
            "Weights", count_words(tree.whole.n_weights), help=f"{tree.whole.n_weights:,} numbers", width="content"
        )  # fmt: skip
        st.metric(
            "In memory", size_words(tree.bytes_of_weights), width="content",
            help="All weights and statistics as they lie there; what a forward pass needs comes on top.",
        )  # fmt: skip
        if adds is not None:
            st.metric(
                "Multiply-adds", count_words(adds), width="content",
                help=f"For one image of {height} x {width} pixels, by torch's own counter: convolutions, matrix products "
                "and attention. Twice as many floating-point operations.",
            )  # fmt: skip
        if times is not None:
            st.metric("One image takes", seconds_words(times.whole), help=_how(times), width="content")


def _how(times: LayerTimes) -> str:
    device = "the processor" if times.device == "cpu" else times.device
    return (
        f"Median of {times.runs} runs on {device} with {times.threads} thread{'' if times.threads == 1 else 's'}, half "
        f"of them between {seconds_words(times.low)} and {seconds_words(times.high)}; without the profiler."
    )


def _profiled(device: str, whole: float) -> str:
    """What the times of the parts are shares of."""
    told = seconds_words(whole)
    if device == "cuda":
        return f"The times of the parts are the card's own work, {told} of it; the rest is waiting for the processor."
    return f"The profiler itself takes time: with it, the whole takes {told}."


def _time(workspace: Workspace, predictions: Predictions, times: LayerTimes | None) -> None:
    words = (
        ""
        if times is not None
        else "How long each part takes is not measured yet. It is measured with torch's profiler in a process of its own, "
        "which opens the network once more; a few seconds."
    )
    job_and_button(
        TIMES, {"evaluation": workspace.spec.to_json(), "predictions": workspace.fingerprint},
        label="Measure the time of each layer" if times is None else "Measure again", key="layer_times_run",
        title=f"Layer times of {predictions.architecture}", words=words, icon=":material/timer:",
        primary=times is None,
    )  # fmt: skip


def _stages(tree: ModuleTree, times: LayerTimes | None) -> None:
    """Where it all lies, by stage and by operation."""
    from analysis.layers.stage_costs import stage_costs

    costs = stage_costs(tree, times.modules if times and times.modules else None)
    if costs:
        st.subheader("Where it lies")
        st.plotly_chart(stage_chart(costs), key="stage_chart", config={"displayModeBar": False})
    if times is not None and times.operations:
        with st.expander("Time by kind of operation", key="operations", expanded=not costs):
            st.dataframe(
                [
                    {"operation": name, "time, ms": 1000 * seconds, "share": share}
                    for name, seconds, share in operation_rows(times.operations)
                ],
                hide_index=True, key="operations_table",
                column_config={
                    "time, ms": st.column_config.NumberColumn(format="%.3f"),
                    "share": st.column_config.ProgressColumn(
                        format="percent", min_value=0.0, max_value=1.0, color="primary"
                    ),
                },
            )  # fmt: skip
    if times is not None:
        whole = times.modules.get("")
        profiled = f" {_profiled(times.device, whole)}" if whole else ""
        st.caption(
            f"{_how(times)}{profiled} Other work of this machine at the same time makes all of it longer. "
            "What belongs to no stage (sums, the way from one module to the next) stands between them."
        )


def _onwards(workspace: Workspace) -> None:
    with st.container(horizontal=True):
        st.page_link(
            state.BACKBONES_PAGE, label="Compare with other backbones", icon=":material/stacks:",
            query_params=state.open_query(workspace.spec),
        )  # fmt: skip
        st.page_link(
            state.FINETUNE_PAGE, label="Fine-tune this network", icon=":material/model_training:",
            query_params=state.open_query(workspace.spec),
        )  # fmt: skip


page()
