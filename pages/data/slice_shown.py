"""One slice in full: its rates, its images, its classes, and what to try."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from analysis.confusion import Integers
from analysis.number_words import percent
from analysis.slice_record import Slice
from models.prediction_record import Predictions
from pages.data.slice_chart import spread_chart
from pages.mistakes.cell_gallery import SORTS, sorted_images
from pages.shared import state
from pages.shared.halves import halves
from pages.shared.paged_gallery import paged_gallery

FIRST_SORTS = {"wrong": "Wrong ones first", "typical": "Most typical first"}


def slice_shown(predictions: Predictions, chosen: Slice) -> None:
    """Draw the chosen slice; ``predictions`` are of all images."""
    st.subheader(state.escaped(chosen.words[0].upper() + chosen.words[1:]))
    st.markdown(state.escaped(all_words(chosen)))
    st.info(state.escaped(chosen.next_step), icon=":material/lightbulb:")
    left, right = halves("slice", (0.62, 0.38), "medium")
    with left:
        _images(predictions, chosen)
    with right:
        _spreads(chosen)
        _classes(chosen)


def all_words(chosen: Slice) -> str:
    """Its rates on the half that was not searched, and among all images."""
    fate = "Confirmed" if chosen.confirmed else "Not confirmed"
    return (
        f"{fate}: on the half that was not searched {chosen.held_out_errors:,} of {chosen.held_out_n:,} are wrong "
        f"({percent(chosen.held_out_rate)}) against {percent(chosen.held_out_rate_outside)} of the other images. Among all images, "
        f"{chosen.errors:,} of {chosen.n:,} are wrong ({percent(chosen.rate)}) against {percent(chosen.rate_outside)}."
    )


def ordered_rows(predictions: Predictions, chosen: Slice, by: str) -> Integers:
    """The slice's images in the order that ``by`` (a key of FIRST_SORTS or SORTS) names."""
    if by == "typical":
        return chosen.rows
    rows = np.sort(chosen.rows).astype(np.intp)
    if by != "wrong":
        return sorted_images(predictions, rows, by)
    rows = sorted_images(predictions, rows, "confidence") if predictions.has_probabilities else rows
    right = predictions.labels[rows] == predictions.predicted[rows]
    return rows[np.argsort(right, kind="stable")]


def _images(predictions: Predictions, chosen: Slice) -> None:
    sorts = FIRST_SORTS | SORTS
    names = [
        "wrong",
        *(["typical"] if chosen.kind == "embedding" else []),
        *(SORTS if predictions.has_probabilities else ["path"]),
    ]
    by = st.selectbox(
        "Sort", names, format_func=sorts.__getitem__, key=f"slice_sort_{chosen.kind}", width=240,
        label_visibility="collapsed",
    )  # fmt: skip
    rows = ordered_rows(predictions, chosen, by)
    paged_gallery(predictions, rows, key="slice_gallery", page_key=f"slice_page_{chosen.identity}_{by}")
    if predictions.n_missing_files:
        st.caption("Images without a file have no picture here.")


def _spreads(chosen: Slice) -> None:
    for place, spread in enumerate(chosen.spreads):
        st.plotly_chart(
            spread_chart(spread, chosen.conditions),
            config={"displayModeBar": False},
            key=f"slice_spread_{place}",
        )


def _classes(chosen: Slice) -> None:
    st.markdown("**Classes in it**")
    table = pd.DataFrame(
        {
            "class": [each.label for each in chosen.classes],
            "images": [each.n for each in chosen.classes],
            "wrong": [each.errors for each in chosen.classes],
            "mostly called": [each.taken_for for each in chosen.classes],
        }
    )
    st.dataframe(table, hide_index=True, key="slice_classes", height=min(36 * (len(table) + 1), 380))
