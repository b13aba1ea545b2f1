"""Predictions that were made elsewhere, read to be compared."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from models.errors import ErrorscopeError
from models.evaluation import evaluation_of
from models.evaluation_spec import EvaluationSpec
from models.images import preferred_split
from models.prediction_selection import table_splits
from pages.improve.compare_choice import choose
from pages.open.given_file import typed_path
from pages.shared import state
from pages.shared.job_panel import explain_failure, running_job

_ASKED = "compare_table_spec"


def table_popover(beside: EvaluationSpec | None) -> None:
    """Ask for a file of predictions; as soon as it is read, it stands on the later side.

    Args:
        beside: what it is to be compared with: its images' folder and split are the usual ones; None where nothing
            is open.
    """
    with st.popover(
        "A file", icon=":material/table_view:", help="Compare with predictions that were made elsewhere."
    ):
        table = st.text_input(
            "Table of predictions", key="compare_table_path", placeholder="results/predictions.parquet", width=420,
            help="CSV or Parquet with the columns path and label, and either predicted or one probability column per "
            "class, as Errorscope's own predictions.parquet.",
        )  # fmt: skip
        folder = "" if beside is None or not Path(beside.images).is_dir() else beside.images
        images = st.text_input(
            "Folder of the images", folder, key="compare_table_images", placeholder="the folder of the table",
            help="What the paths in the table are relative to.",
        )  # fmt: skip
        st.button(
            "Read it", key="compare_table_read", on_click=_read, args=(table, images, beside), type="primary",
            disabled=not table.strip(),
        )  # fmt: skip


@state.explained
def _read(table: str, images: str, beside: EvaluationSpec | None) -> None:
    try:
        path = typed_path(table)
        splits = table_splits(Path(path))
        wanted = None if beside is None else beside.split
        spec = EvaluationSpec.of_predictions(
            path, typed_path(images) or None, split=wanted if wanted in splits else preferred_split(splits)
        )
        if evaluation_of(spec, state.store()) is None:
            state.running_jobs().submit("evaluate", spec.to_json(), title=spec.title())
        st.session_state[_ASKED] = spec.to_json()
    except ErrorscopeError as error:
        st.session_state["compare_table_problem"] = error.title, error.message, error.next_step


def follow_reading() -> None:
    """Show how far the reading is; choose the result once it is there."""
    problem = st.session_state.pop("compare_table_problem", None)
    if problem is not None:
        state.show_problem(*problem)
    asked = st.session_state.get(_ASKED)
    if asked is None:
        return
    spec = EvaluationSpec.from_json(asked)
    fingerprint = evaluation_of(spec, state.store())
    if fingerprint is not None:
        del st.session_state[_ASKED]
        choose("after", fingerprint)
        st.rerun()
    job = state.running_jobs().newest_of("evaluate", asked)
    if job is not None and job.is_active:
        running_job(job.id, key="compare_table_job")
        return
    del st.session_state[_ASKED]
    if job is not None:
        explain_failure(job)
