"""A job as a person sees it: phase, progress, time left, cancel, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from models.errors import JobError
from models.jobs import JobStatus
from pages.shared import state
from pages.shared.clock import clock

REFRESH_SECONDS = 0.5


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


def waiting_words(ahead: Sequence[JobStatus]) -> str:
    """What a waiting job waits for, in one line.

    Args:
        ahead: the jobs before it, the one that comes first; not empty.
    """
    first = ahead[0]
    words = [f"Waits for: {first.title}"]
    if first.state == "cancelling":
        words.append("stopping")
    elif first.total:
        words.append(f"{100 * first.fraction:.0f}%")
    if len(ahead) > 1:
        words.append(f"and {len(ahead) - 1} more")
    return " · ".join(words)


def job_at_work(job: JobStatus, *, key: str) -> None:
    """Where a job stands that has not ended, with a button to cancel it.

    One that waits names the job before it, and can stop that one too: its own panel may be gone from the
    page, with another cell or place chosen since.

    Args:
        job: the job's present status.
        key: of the button.
    """
    ahead = state.running_jobs().ahead_of(job.id) if job.state == "queued" else []
    st.progress(job.fraction, text=state.escaped(waiting_words(ahead)) if ahead else progress_words(job))
    with st.container(horizontal=True, key=f"{key}_buttons"):
        _cancel_button("Cancel", job, key=key)
        if ahead:
            _cancel_button("Stop what it waits for", ahead[0], key=f"{key}_before")


def _cancel_button(words: str, job: JobStatus, *, key: str) -> None:
    st.button(
        words, key=key, icon=":material/stop_circle:", disabled=job.state == "cancelling", on_click=cancel_job,
        args=(job.id,),
    )  # fmt: skip


@st.fragment
@state.explained
def running_job(identifier: str, *, key: str) -> None:
    """Where a running job stands, drawn again and again until it ends.

    The whole page is drawn anew as soon as it has ended, or an evaluation has its predictions.

    Args:
        identifier: the job.
        key: of the button that cancels it; the clock's begins with it.
    """
    try:
        job = state.running_jobs().status(identifier)
    except JobError:  # it has ended, and was forgotten since
        st.rerun()
    if not job.is_active or state.has_predictions(job):
        st.rerun()
    job_at_work(job, key=key)
    clock(REFRESH_SECONDS, key=f"{key}_clock")


def job_panel(job: JobStatus) -> None:
    """Show a job until it ends, then how it ended and what can be done.

    Args:
        job: the job's present status.
    """
    with st.container(border=True, key="job_panel"):
        st.markdown(f"**{state.escaped(job.title)}**")
        if job.is_active:
            running_job(job.id, key="cancel_job")
            return
        _ended_panel(job)


def _ended_panel(job: JobStatus) -> None:
    explain_failure(job)
    if job.state == "cancelled":
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


def explain_failure(job: JobStatus) -> None:
    """Say why a job failed, if it did."""
    if job.state == "failed" and job.error:
        state.show_problem(job.error["title"], job.error["message"], job.error["next_step"])


@state.explained
def cancel_job(identifier: str) -> None:
    """Ask a job to end, if it has not; for buttons."""
    with suppress(JobError):  # it has ended, and was forgotten since
        state.running_jobs().cancel(identifier)


@state.explained
def _go_on(identifier: str) -> None:
    st.session_state["job"] = state.running_jobs().resume(identifier)
