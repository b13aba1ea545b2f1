"""The control of a training: the same without its target, one click away."""

from __future__ import annotations

import streamlit as st

from pages.improve.compare_results import Result
from pages.improve.job_words import TRAINING
from pages.shared import state
from pages.shared.job_panel import explain_failure, running_job


def control_offer(after: Result, *, primary: bool = True) -> None:
    """Offer to train the control of a version; show the training while it runs, and what went wrong.

    Args:
        after: a version with a target.
        primary: whether it is the main thing to do here.
    """
    version = after.version
    if version is None or not version.finetune_spec.target:
        return
    spec = version.finetune_spec.control(version.id)
    job = state.running_jobs().newest_of(TRAINING, spec.to_json())
    with st.container(key="comparison_control_offer"):
        if job is not None and job.is_active:
            st.markdown("**The control is being trained.**")
            running_job(job.id, key="comparison_control_job")
            st.page_link(state.JOBS_PAGE, label="Its curves", icon=":material/show_chart:")
            return
        st.markdown(
            "**No control yet.** Any further training moves figures, by itself and by chance. The control is the same "
            "recipe, seed and images without the target; what it mends too was not the target's doing."
        )
        if job is not None:
            explain_failure(job)
        stopped = job is not None and job.state in ("cancelled", "interrupted")
        st.button(
            "Go on training the control" if stopped else "Train the control", key="train_control",
            icon=":material/science:", type="primary" if primary else "secondary", on_click=_train, args=(after,),
        )  # fmt: skip


@state.explained
def _train(after: Result) -> None:
    version = after.version
    assert version is not None
    spec, jobs = version.finetune_spec.control(version.id), state.running_jobs()
    job = jobs.newest_of(TRAINING, spec.to_json())
    if job is not None and job.can_resume:
        jobs.resume(job.id)
    else:
        jobs.submit(TRAINING, spec.to_json(), title=spec.name)
