"""Duplicates and leakage: what repeats within the images, and what the network may have been trained on."""

from __future__ import annotations

from typing import cast

import streamlit as st

from analysis.duplicates import DuplicateCluster, Duplicates, accuracy_once
from analysis.leakage import split_leakage
from models.prediction_record import Predictions
from pages.data.duplicate_clusters import clusters_list
from pages.data.duplicate_words import headline, remarks
from pages.data.leakage_panel import leakage_panel
from pages.data.repeat_table import duplicates_csv
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions
from pages.shared.surveyed import surveyed


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Duplicates and leakage")
    st.caption(
        "An image that occurs twice counts twice. One that was trained on, or nearly so, says nothing about new "
        "images."
    )
    st.subheader("Within these images")
    with st.container(key="duplicate_clusters"):
        found = surveyed(workspace, predictions, "duplicates")
        if found is not None:
            within(predictions, cast("Duplicates", found))
    leakage_panel(workspace, predictions)
    open_inspector(workspace, predictions)


def within(predictions: Predictions, duplicates: Duplicates) -> None:
    """What repeats among the open images."""
    if duplicates.n_images and duplicates.n_missing == duplicates.n_images:
        st.info(
            "None of the image files is there, so nothing could be compared.",
            icon=":material/image_not_supported:",
        )
    elif not duplicates.clusters:
        st.success("No image is repeated.", icon=":material/check_circle:")
    else:
        st.markdown(headline(duplicates))
        _figures(predictions, duplicates)
        _across_splits(predictions, duplicates)
        clusters_list(predictions, duplicates)
    for words in remarks(duplicates):
        st.caption(words)


def _figures(predictions: Predictions, duplicates: Duplicates) -> None:
    once = accuracy_once(predictions, duplicates)
    with st.container(horizontal=True, vertical_alignment="center", key="duplicate_figures"):
        st.metric(
            "Accuracy", f"{predictions.accuracy:.1%}", border=True, help=f"on all {len(predictions):,} images"
        )
        st.metric(
            "… each picture once", f"{once.rate:.1%}" if once.n else "–", border=True,
            help=f"{once.words}. The first image of each group stands for all of it.",
        )  # fmt: skip
        st.metric(
            "Repeated images", f"{duplicates.n_extra:,}", border=True, help="beyond the first of each picture"
        )
        st.download_button(
            "CSV", lambda: duplicates_csv(predictions, duplicates), "duplicates.csv", "text/csv", key="duplicates_csv",
            icon=":material/download:", help="Every repeated image with its group, kind, label and file.",
        )  # fmt: skip


def _across_splits(predictions: Predictions, duplicates: Duplicates) -> None:
    leaked: tuple[DuplicateCluster, ...] = split_leakage(predictions, duplicates)
    if leaked:
        n = len(leaked)
        st.warning(
            f"{n:,} picture{' lies' if n == 1 else 's lie'} in more than one split of these images.",
            icon=":material/call_split:",
        )


page()
