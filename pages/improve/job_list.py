"""The list of jobs: what runs first, then the rest, the newest first."""

from __future__ import annotations

import math

import streamlit as st

from models.jobs import JobStatus
from pages.improve.job_words import TRAINING, kind_words, result_words, state_badge, when_words
from pages.shared import state
from pages.shared.clock import clock
from pages.shared.job_panel import duration_words

REFRESH_SECONDS = 1.0
MOST_JOBS = 500
PAGE_SIZE = 12
ALL, TRAININGS = "all", "trainings"


def all_jobs() -> list[JobStatus]:
    """All jobs that are kept: what runs, then what waits in its order, then the rest, the newest first."""
    jobs = state.running_jobs().list(limit=MOST_JOBS)
    running = [job for job in jobs if job.state in ("running", "cancelling")]
    waiting = [job for job in reversed(jobs) if job.state == "queued"]
    return [*running, *waiting, *(job for job in jobs if not job.is_active)]


def choose(identifier: str) -> None:
    """Make this the job that is shown."""
    st.session_state["shown_job"] = identifier


@st.fragment
@state.explained
def job_list(chosen: str) -> None:
    """The list; drawn again while anything runs.

    Args:
        chosen: id of the job that is shown beside it.
    """
    if st.session_state.get("shown_job") not in (None, chosen):
        st.rerun()  # another was chosen: it stands beside the list
    jobs = all_jobs()
    active = [job.id for job in jobs if job.is_active]
    before = st.session_state.get("active_jobs")
    st.session_state["active_jobs"] = active
    if before is not None and set(before) - set(active):
        st.rerun()  # one has ended: what is shown of it beside the list may have changed too
    with st.container(key="job_list"):
        shown = _filtered(jobs)
        pages, page = math.ceil(len(shown) / PAGE_SIZE), 1
        if pages > 1:
            page = st.pagination(pages, key="job_page", width="content")
        for job in shown[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]:
            _row(job, is_chosen=job.id == chosen)
    clock(REFRESH_SECONDS if active else None, key="job_list_clock")


def _filtered(jobs: list[JobStatus]) -> list[JobStatus]:
    n = sum(job.kind == TRAINING for job in jobs)
    if n in (0, len(jobs)):
        return jobs
    words = {ALL: f"All ({len(jobs):,})", TRAININGS: f"Trainings ({n:,})"}
    which = st.segmented_control(
        "Which", list(words), default=ALL, required=True, key="jobs_which", persist_state="session",
        format_func=words.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    return jobs if which == ALL else [job for job in jobs if job.kind == TRAINING]


def _row(job: JobStatus, *, is_chosen: bool) -> None:
    word, icon, colour = state_badge(job)
    # the mark of the chosen row is in its key: CSS finds it there
    with st.container(
        border=True, gap="xsmall", key=f"job_row_{'chosen' if is_chosen else 'other'}_{job.id}"
    ):
        st.button(
            state.escaped(job.title), key=f"job_{job.id}", type="tertiary", on_click=choose, args=(job.id,),
            width="stretch",
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(word, icon=f":material/{icon}:", color=colour)
            st.caption(state.escaped(_words(job)), width="content")
        if job.state in ("running", "cancelling"):
            st.progress(job.fraction)


def _words(job: JobStatus) -> str:
    words = [kind_words(job.kind), when_words(job)]
    if job.state == "running" and job.seconds_left is not None:
        words.append(f"about {duration_words(job.seconds_left)} left")
    if job.error:
        words.append(job.error["title"])
    return " · ".join([*words, *filter(None, [result_words(job)])])
