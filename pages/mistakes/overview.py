"""How good the model is, where it is worst, and what is odd: each line leads to its images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from analysis.cell_name import cell_name
from analysis.confusable import worst_cells
from analysis.metrics import accuracy, accuracy_of, per_class
from models.predictions import Predictions
from pages.mistakes.overview_findings import findings_section
from pages.shared import cached, state
from pages.shared.charts import confidence_chart
from pages.shared.gallery import gallery
from pages.shared.halves import halves
from pages.shared.inspector import inspect, open_inspector
from pages.shared.opened import opened_predictions
from pages.shared.pictures import gallery_items

WORST_CELLS = 8
ODD_ERRORS = 8


def figures(predictions: Predictions, n_crossing: int) -> None:
    """The headline numbers, each with what makes it trustworthy."""
    overall = accuracy(predictions.labels, predictions.predicted)
    with st.container(horizontal=True, key="figures"):
        st.metric(
            "Accuracy", f"{overall.rate:.1%}", border=True,
            help=f"{overall.words}. The interval is Wilson's: how far chance alone could move the figure.",
        )  # fmt: skip
        st.metric("95% interval", f"{overall.low:.1%} – {overall.high:.1%}", border=True)
        if predictions.has_probabilities and len(predictions.class_names) > 5:
            top_5 = accuracy_of(int((predictions.images["label_rank"] < 5).sum()), overall.n)
            st.metric("Label among top 5", f"{top_5.rate:.1%}", border=True, help=top_5.words)
        st.metric("Mistakes", f"{overall.n - overall.right:,}", border=True, help=f"of {overall.n:,} images")
        if predictions.groups:
            st.metric("… across groups", f"{n_crossing:,}", border=True, help="such as a dog called a cat")
        if predictions.unreadable:
            st.metric(
                "Unreadable files", f"{len(predictions.unreadable):,}", border=True, help="listed below"
            )


def worst_cells_list(workspace: state.Workspace, predictions: Predictions) -> None:
    """The most frequent mistakes, as links into the matrix."""
    st.subheader("Most frequent mistakes")
    counts = cached.counts(workspace.fingerprint)
    cells = worst_cells(counts, predictions.class_names, predictions.groups, WORST_CELLS)
    if not cells:
        st.success("Every image is right.", icon=":material/check_circle:")
    for cell in cells:
        words = (
            f"**{cell.count}** of {cell.support} **{state.escaped(cell.label)}** called "
            f"**{state.escaped(cell.predicted)}**"
        )
        target = {**state.open_query(workspace.spec), "cell": cell_name(cell.label, cell.predicted)}
        st.page_link(state.MATRIX_PAGE, label=words, query_params=target, icon=":material/arrow_forward:")


def odd_errors_gallery(fingerprint: str, predictions: Predictions) -> None:
    """The errors nobody would expect, the oddest first."""
    st.subheader("Rare and surprising errors")
    odd = cached.odd_errors(fingerprint)[:ODD_ERRORS]
    if not odd:
        st.caption("None.")
        return
    st.caption("Errors that cross a group come first, then those that the other images make least likely.")
    items = gallery_items(
        predictions, np.array([error.index for error in odd]), [error.support for error in odd]
    )
    gallery(items, key="rare_errors", on_open=lambda image: inspect(image, [error.id for error in odd]))


def class_table(fingerprint: str, predictions: Predictions) -> None:
    """Every class with its figures; choosing a row leads to its images."""
    st.subheader("Classes")
    st.caption("Sort by a column's head. Select a row to see the class's images in the matrix.")
    table = per_class(cached.counts(fingerprint), predictions.class_names)
    table = table.sort_values("recall", kind="stable")
    if predictions.groups:
        table.insert(1, "group", table["class"].map(predictions.groups))
    share = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
    event = st.dataframe(
        table.drop(columns=["recall_low", "recall_high", "right"]),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="class_table",
        height=min(36 * (len(table) + 1), 560),
        column_config={
            "precision": share,
            "recall": share,
            "f1": share,
            "support": st.column_config.NumberColumn("images", width="small"),
            "errors": st.column_config.NumberColumn(width="small"),
            "predicted": st.column_config.NumberColumn("called so", width="small"),
        },
    )
    rows = event["selection"]["rows"]
    if rows:
        name = table.iloc[rows[0]]["class"]
        st.session_state["cell"] = cell_name(name, None)
        st.switch_page(state.MATRIX_PAGE)


def confidences(predictions: Predictions) -> None:
    """How confident the model is when right and when wrong."""
    st.subheader("Confidence")
    if not predictions.has_probabilities:
        st.caption("These predictions came without probabilities.")
        return
    confidence = predictions.images["confidence"].to_numpy()
    right = predictions.labels == predictions.predicted
    st.plotly_chart(confidence_chart(confidence, right), config={"displayModeBar": False}, key="confidences")
    if (~right).any():
        sure = int((confidence[~right] >= 0.9).sum())
        st.caption(f"{sure} of {int((~right).sum())} mistakes were made with a confidence of 90% or more.")


def unreadable_words(n: int) -> str:
    """How many files could not be read, in words."""
    return (
        "1 file could not be read and takes no part"
        if n == 1
        else f"{n:,} files could not be read and take no part"
    )


def unreadable_files(predictions: Predictions) -> None:
    """What could not be read, with the reasons."""
    if not predictions.unreadable:
        return
    with st.expander(unreadable_words(len(predictions.unreadable))):
        rows = [(file.path, file.reason) for file in predictions.unreadable]
        st.dataframe(pd.DataFrame(rows, columns=["file", "why"]), hide_index=True, key="unreadable")


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Overview")
    n_crossing = sum(error.crosses_group for error in cached.odd_errors(workspace.fingerprint))
    figures(predictions, n_crossing)
    findings_section(workspace, predictions)
    left, right = halves("findings", (0.42, 0.58))
    with left:
        worst_cells_list(workspace, predictions)
    with right:
        odd_errors_gallery(workspace.fingerprint, predictions)
    left, right = halves("classes", (0.62, 0.38))
    with left:
        class_table(workspace.fingerprint, predictions)
    with right:
        confidences(predictions)
    unreadable_files(predictions)
    open_inspector(workspace, predictions)


page()
