"""All long work of this workspace: what runs, what waits, what came of the rest."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from models.jobs import JobStatus
from pages.improve.job_list import all_jobs, job_list
from pages.improve.job_shown import shown_job
from pages.improve.job_words import TRAINING
from pages.shared import state
from pages.shared.addressed import newest, settle_addresses, write_later
from pages.shared.halves import halves


def page() -> None:
    """Draw the page."""
    st.html(Path(__file__).with_name("jobs.css"))
    st.title("Jobs")
    jobs = all_jobs()
    if not jobs:
        st.write(
            "No job of this workspace was kept. Trainings, evaluations and surveys are listed here while they run, and after."
        )
        st.page_link(state.FINETUNE_PAGE, label="Fine-tune the open model", icon=":material/model_training:")
        return
    chosen = _chosen(jobs)
    write_later("job", chosen.id, "written_job")
    settle_addresses()
    left, right = halves("jobs", (0.4, 0.6), "medium")
    with left:
        job_list(chosen.id)
    with right, st.container(border=True, key="job_shown"):
        shown_job(chosen)


def _chosen(jobs: list[JobStatus]) -> JobStatus:
    """The job that the session or the URL names, else the first training, else the first."""
    asked = newest("job", "shown_job", "written_job")
    found = next((job for job in jobs if job.id == asked), None)
    if found is None and asked is not None:
        st.session_state.pop("shown_job", None)
        st.info("The job of this link is not kept any more.", icon=":material/info:")
    return found or next((job for job in jobs if job.kind == TRAINING), jobs[0])


page()
