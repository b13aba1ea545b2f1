"""A job as a person sees it: phase, progress, time left, cancel, and how it ended."""

from __future__ import annotations

import streamlit as st

from models.jobs import JobStatus
from pages.shared import state

REFRESH_SECONDS = 0.7


def duration_words(seconds: float) -> str:
    """A duration in words.

    >>> duration_words(8.2), duration_words(95), duration_words(7300)
    ('8 s', '2 min', '2.0 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def progress_words(job: JobStatus) -> str:
    """Where a running job stands, in one line."""
    if job.state == "queued":
        return "Waiting for the job before it"
    if job.state == "cancelling":
        return "Stopping; what is done so far is kept"
    words = job.phase or "Starting"
    if job.total:
        words += f" · {job.done:,} of {job.total:,} {job.unit}"
    if job.seconds_left is not None:
        words += f" · about {duration_words(job.seconds_left)} left"
    return f"{words} · {job.message}" if job.message else words


@st.fragment(run_every=REFRESH_SECONDS)
@state.explained
def _running_panel(identifier: str) -> None:
    job = state.running_jobs().status(identifier)
    if not job.is_active or state.has_predictions(job):
        st.rerun()
    st.progress(job.fraction, text=progress_words(job))
    st.button(
        "Cancel",
        key="cancel_job",
        icon=":material/stop_circle:",
        disabled=job.state == "cancelling",
        on_click=_cancel,
        args=(identifier,),
    )


def job_panel(job: JobStatus) -> None:
    """Show a job until it ends, then how it ended and what can be done.

    Args:
        job: the job's present status.
    """
    with st.container(border=True, key="job_panel"):
        st.markdown(f"**{state.escaped(job.title)}**")
        if job.is_active:
            _running_panel(job.id)
            return
        _ended_panel(job)


def _ended_panel(job: JobStatus) -> None:
    if job.state == "failed" and job.error:
        st.error(
            f"**{job.error['title']}.** {state.escaped(job.error['message'])}\n\n"
            f"{state.escaped(job.error['next_step'])}",
            icon=":material/error:",
        )
    elif job.state == "cancelled":
        st.info(
            f"Cancelled after {job.done:,} of {job.total:,} {job.unit}; they are kept.",
            icon=":material/pause:",
        )
    elif job.state == "interrupted":
        st.info("The server stopped in the middle; what was done is kept.", icon=":material/pause:")
    columns = st.container(horizontal=True)
    if job.can_resume:
        word = "Try again" if job.state == "failed" else "Go on"
        columns.button(word, key="resume_job", icon=":material/play_arrow:", on_click=_go_on, args=(job.id,))
    with columns:
        st.page_link(state.SETUP_PAGE, label="Choose another model or images", icon=":material/folder_open:")


@state.explained
def _cancel(identifier: str) -> None:
    state.running_jobs().cancel(identifier)


@state.explained
def _go_on(identifier: str) -> None:
    st.session_state["job"] = state.running_jobs().resume(identifier)
