"""Several amounts of a way to make a network smaller: the curve, the table, and the amount that is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from models.compress.spec import METHODS, MOST_SWEPT, Method, SweepSpec
from models.finetune.spec import TrainingImages
from models.predictions import Predictions
from pages.network.compression_charts import cost_chart, right_chart
from pages.network.compression_words import (
    cells_words,
    classes_words,
    matched_words,
    table_rows,
    threads_words,
)
from pages.shared import state
from pages.shared.halves import halves
from pages.shared.job_button import job_and_button
from pages.shared.state import Workspace

SWEEP = "compress_sweep"
_PLAIN = {"displayModeBar": False}


def sweep_shown(
    workspace: Workspace, predictions: Predictions, method: Method, training: TrainingImages
) -> float:
    """Draw what a sweep found, or the button that makes it, and ask for the amount.

    Args:
        workspace: what is open.
        predictions: its predictions.
        method: with amounts.
        training: the training images.

    Returns:
        The share that goes, 0..1.
    """
    amounts = METHODS[method].amounts
    spec = SweepSpec(workspace.spec, workspace.fingerprint, method, amounts, training).to_json()
    job = state.running_jobs().newest_of(SWEEP, spec)
    found: Mapping[str, Any] | None = job.result if job is not None and job.state == "done" else None
    if found is None:
        n = min(len(predictions), MOST_SWEPT)
        some = f"{n:,} of the {len(predictions):,}" if n < len(predictions) else f"all {n:,}"
        with st.container(border=True, key="compression_sweep"):
            job_and_button(
                SWEEP, spec, label=f"Try {len(amounts)} amounts", key=f"sweep_{method}", icon=":material/show_chart:",
                title=f"Try amounts: {METHODS[method].label.lower()}",
                words=f"How much can go? A sweep tries {amounts[0]:.0%} to {amounts[-1]:.0%} on {some} validation images and "
                "says for each what it costs and who pays. Nothing is kept of it but the figures.",
            )  # fmt: skip
    else:
        _sweep(found, method)
    return _chosen(found, method)


def _sweep(found: Mapping[str, Any], method: Method) -> None:
    rows: Sequence[Mapping[str, Any]] = found["amounts"]
    left, right = halves("compression_charts", gap="medium")
    with left:
        st.markdown("**Right answers**")
        st.plotly_chart(right_chart(rows), key=f"compression_right_{method}", config=_PLAIN)
    with right:
        st.markdown("**File and time, in shares of the open network's**")
        st.plotly_chart(cost_chart(rows, found["before"]), key=f"compression_cost_{method}", config=_PLAIN)
    if method == "magnitude":
        st.info(_honest(rows, found["before"]), icon=":material/info:")
    st.dataframe(table_rows(rows, found["before"]), hide_index=True, key=f"compression_table_{method}")
    n, n_all = rows[0]["n"], found["n_all"]
    some = (
        f" The sweep looked at {n:,} of the {n_all:,} images, as many of each class as it could."
        if n < n_all
        else ""
    )
    st.caption(
        f"{threads_words(found['threads'])}{some} {matched_words(found)} An amount that is chosen here for its figure looks a little better on these "
        "images than on new ones."
    )


def _honest(rows: Sequence[Mapping[str, Any]], before: Mapping[str, Any]) -> str:
    sizes = {row["size"] for row in rows}
    ratios = [row["latency"] / row["latency_before"] for row in rows]
    same = "every file has" if sizes == {before["size"]} else "the files have nearly"
    return (
        f"Zeros do not shrink anything: {same} the same {before['size']:,} bytes, and the time for one image is "
        f"{min(ratios):.0%} to {max(ratios):.0%} of the open network's, which is the noise of the clock."
    )


def _chosen(found: Mapping[str, Any] | None, method: Method) -> float:
    amounts = METHODS[method].amounts
    amount: float = st.select_slider(
        "How much goes", amounts, value=amounts[2], format_func=lambda share: f"{share:.0%}", key=f"compression_amount_{method}",
        persist_state="session",
    )  # fmt: skip
    row = (
        None if found is None else next((each for each in found["amounts"] if each["amount"] == amount), None)
    )
    if row is not None:
        st.markdown(
            f"At {amount:.0%}: {row['fixed']:,} fixed, {row['broken']:,} broken. "
            f"Classes that pay most: {state.escaped(classes_words(row))}. "
            f"Mistakes that grow most: {state.escaped(cells_words(row))}."
        )
    return amount
