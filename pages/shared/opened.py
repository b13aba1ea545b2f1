"""The gate before every page that needs an evaluation."""

from __future__ import annotations

import streamlit as st

from models.jobs import JobStatus
from models.predictions import Predictions
from pages.shared import cached, state
from pages.shared.interruptible import end_drawing
from pages.shared.job_button import forget_pressed
from pages.shared.job_panel import job_panel


def opened_predictions() -> tuple[state.Workspace, Predictions]:
    """What is open, with its predictions; else say what is missing, with a link, and stop the page.

    Raises:
        ErrorscopeError: the saved evaluation is damaged, or its files are gone.
    """
    # asked first: an evaluation that ends in between is then found, or still watched
    job = state.evaluation_job()
    workspace = state.workspace()
    if workspace is None:
        _say_what_is_missing(job)
        forget_pressed()
        end_drawing()
    st.session_state["job"] = None
    return workspace, cached.predictions(workspace.fingerprint)


def _say_what_is_missing(job: JobStatus | None) -> None:
    if job is not None:
        st.title("Looking at your images" if job.is_active else "The evaluation did not finish")
        if job.is_active:
            st.caption("This page opens as soon as every image has its prediction.")
        job_panel(job)
        return
    st.title("Nothing is open yet" if state.open_spec() is None else "Not evaluated yet")
    st.write("Choose a trained checkpoint and labelled images; Errorscope shows where and why it errs.")
    st.page_link(state.SETUP_PAGE, label="Open a model and images", icon=":material/folder_open:")
