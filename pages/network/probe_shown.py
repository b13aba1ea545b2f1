"""What each layer knows of a pair: the answer in words, the curve, and a table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analysis.layers.probe import ProbeCurve
from analysis.layers.probe_job import probe_spec
from analysis.layers.probe_words import HOW_IT_IS_TOLD, apart_words, best_words, images_words
from analysis.layers.scan_record import LayerScan
from analysis.pair_features import FEWEST
from models.predictions import Predictions
from pages.mistakes.pair_choice import Classes
from pages.network import probe_cached
from pages.network.layer_choice import places_words
from pages.network.probe_chart import probe_chart
from pages.shared import state
from pages.shared.job_begin import begin_job
from pages.shared.job_button import job_and_button
from pages.shared.state import Workspace, escaped

KIND = "layer_probe"


def probe_shown(workspace: Workspace, predictions: Predictions, scan: LayerScan, chosen: Classes) -> None:
    """Draw the curve of a pair; before there is one, how far the layers have been asked.

    They are asked by themselves the first time; a job that was stopped waits for a press.
    """
    counts = [int((predictions.labels == index).sum()) for index in chosen]
    if min(counts) < FEWEST:
        a, b = (escaped(predictions.class_names[index]) for index in chosen)
        st.info(
            f"There are {counts[0]:,} images of {a} and {counts[1]:,} of {b}: too few to tell where the two come apart. "
            f"{FEWEST} of each are needed.",
            icon=":material/info:",
        )
        return
    curve = probe_cached.curve(workspace, chosen)
    if curve is None:
        _ask(workspace, predictions, chosen)
        return
    answer, behind = apart_words(curve)
    st.markdown(f"**{escaped(answer)}** {escaped(behind)}")
    st.plotly_chart(probe_chart(curve), key="layers_chart", config={"displayModeBar": False})
    st.markdown(escaped(best_words(curve)))
    st.caption(escaped(images_words(curve)), help=HOW_IT_IS_TOLD)
    with st.expander("All layers as a table", icon=":material/table_rows:", key="layers_table_folded"):
        _table(curve, scan)


def _ask(workspace: Workspace, predictions: Predictions, chosen: Classes) -> None:
    spec = probe_spec(workspace.fingerprint, chosen)
    names = " and ".join(predictions.class_names[index] for index in sorted(chosen))
    title = f"Where {names} come apart"
    if state.running_jobs().newest_of(KIND, spec) is None:
        begin_job(KIND, spec, title=title)
    job_and_button(
        KIND, spec, label="Ask each layer", key="layers_ask", title=title, primary=True, icon=":material/layers:",
        words="For each layer a new classifier is fitted on what it gives for the images of these two classes.",
    )  # fmt: skip


def _table(curve: ProbeCurve, scan: LayerScan) -> None:
    rows = []
    for each in curve.layers:
        layer, (low, high) = scan.layer(each.layer), each.choice.interval
        rows.append(
            {
                "number": each.depth + 1,
                "layer": each.layer,
                "size": "" if layer is None else places_words(layer.n_channels, layer.places),
                "right": round(each.choice.accuracy, 2),
                "first": round(each.choice.shares[0], 2),
                "second": round(each.choice.shares[1], 2),
                "low": round(low, 2),
                "high": round(high, 2),
                "p": each.p_value,
            }
        )
    a, b = curve.class_names
    shares = {"right": "Right", "first": a, "second": b, "low": "From", "high": "To"}
    helps = {
        "right": "The mean of both classes' shares.",
        "first": f"Share of the images of {a} that are right.",
        "second": f"Share of the images of {b} that are right.",
        "low": "Lower end of the 95% interval.",
        "high": "Upper end of the 95% interval.",
    }
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, height=400,
        column_config={
            "number": st.column_config.NumberColumn("No.", width="small"),
            "layer": "Layer",
            "size": "Gives",
            **{
                name: st.column_config.NumberColumn(words, help=helps[name], format="percent")
                for name, words in shares.items()
            },
            "p": st.column_config.NumberColumn(
                "p", format="%.3f",
                help=f"How often any layer does as well with shuffled labels ({curve.n_shuffles} tries); .05 and less "
                "is beyond chance.",
            ),
        },
    )  # fmt: skip
