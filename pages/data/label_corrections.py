"""The figures with the corrected labels, and the labels to take away."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analysis.label_overlay import OverlayComparison
from analysis.label_tables import corrected_labels_table, relabelled_table
from pages.data.label_cached import comparison
from pages.data.label_choice import Judged
from pages.shared.inspector import inspect


def corrections_part(judged: Judged) -> None:
    """Draw the part below the candidates."""
    st.subheader("With the corrections")
    left_out = st.toggle(
        "Leave out bad images", key="label_leave_out", bind="query-params",
        help="Images that were decided to be bad are not counted, and are not in the table of all labels.",
    )  # fmt: skip
    found = comparison(judged.workspace, without_bad_images=left_out)
    if not (found.n_corrected or found.n_left_out):
        st.caption("No label is corrected yet. Accept a suggestion, and the figures with it stand here.")
    else:
        _figures(found)
        _changes(judged, found)
    if found.n_unknown:
        n = "1 label is" if found.n_unknown == 1 else f"{found.n_unknown:,} labels are"
        st.caption(f"{n} decided wrong without a right class among these: the image keeps its label here.")
    _downloads(judged, without_bad_images=left_out)


def _figures(found: OverlayComparison) -> None:
    points = 100 * (found.after.rate - found.before.rate)
    with st.container(horizontal=True, key="label_figures"):
        st.metric(
            "Accuracy, labels as they are", f"{found.before.rate:.1%}", border=True,
            help=f"{found.before.words}.",
        )  # fmt: skip
        st.metric(
            "Accuracy, labels corrected", f"{found.after.rate:.1%}", f"{points:+.1f} points", border=True,
            help=f"{found.after.words}.",
        )  # fmt: skip
        st.metric("95% interval", f"{found.after.low:.1%} – {found.after.high:.1%}", border=True)
        st.metric("Labels corrected", f"{found.n_corrected:,}", border=True)
        st.metric("Mistakes gone / new", f"{len(found.vanished):,} / {len(found.appeared):,}", border=True)
    st.caption(
        "Only labels that the model contradicts were looked at, so corrections nearly always help it. "
        "Compare two models on the same corrected labels."
    )


def _changes(judged: Judged, found: OverlayComparison) -> None:
    with st.expander("What changes: classes, cells and mistakes", key="label_changes"):
        left, right = st.columns(2, gap="large")
        share = st.column_config.NumberColumn(format="percent")
        left.dataframe(
            pd.DataFrame(
                [(each.name, each.before.rate, each.after.rate, each.before.n, each.after.n) for each in found.classes],
                columns=["class", "recall before", "recall after", "images before", "images after"],
            ),
            hide_index=True, column_config={"recall before": share, "recall after": share},
        )  # fmt: skip
        right.dataframe(
            pd.DataFrame(
                [(each.label, each.predicted, each.before, each.after) for each in found.cells],
                columns=["label", "called", "images before", "images after"],
            ),
            hide_index=True,
        )
        with st.container(horizontal=True, key="label_mistakes"):
            for words, rows in (("gone", found.vanished), ("new", found.appeared)):
                if rows:
                    _images(judged, f"Mistakes that are {words} ({len(rows):,})", words, rows)


def _images(judged: Judged, words: str, key: str, rows: tuple[int, ...]) -> None:
    ids = [str(each) for each in judged.predictions.images["id"].to_numpy()[list(rows)]]
    st.button(words, key=f"label_{key}", icon=":material/open_in_full:", on_click=inspect, args=(ids[0], ids))


def _downloads(judged: Judged, *, without_bad_images: bool) -> None:
    predictions, notes = judged.predictions, judged.notes
    decided = corrected_labels_table(predictions, notes)
    with st.container(horizontal=True, key="label_downloads"):
        st.download_button(
            f"Decisions as CSV ({len(decided):,})", lambda: decided.to_csv(index=False),
            file_name="corrected_labels.csv", mime="text/csv", icon=":material/download:", on_click="ignore",
            disabled=decided.empty, key="label_decisions_csv",
            help="Path, label, corrected label, decision, note and tags of each image with a decision.",
        )  # fmt: skip
        st.download_button(
            "All labels, corrected, as CSV",
            lambda: relabelled_table(predictions, notes, without_bad_images=without_bad_images).to_csv(index=False),
            file_name="labels_corrected.csv", mime="text/csv", icon=":material/download:", on_click="ignore",
            key="label_all_csv",
            help="Path and label of all images. Open this file as images to judge a model by the corrected labels.",
        )  # fmt: skip
