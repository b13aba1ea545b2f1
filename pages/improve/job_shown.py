"""One job in full: what it is, how it stands, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from models.errors import ErrorscopeError
from models.finetune.augmentation_presets import preset_of
from models.finetune.recipe import DEFAULTS, KINDS
from models.finetune.spec import FinetuneSpec
from models.jobs import JobStatus
from pages.improve.finetune_images import place_words
from pages.improve.finetune_target import target_words
from pages.improve.job_words import TRAINING
from pages.improve.training_view import followed_training, job_head, resume, training_view
from pages.shared import state
from pages.shared.job_panel import explain_failure, progress_words, running_job


def shown_job(job: JobStatus) -> None:
    """Draw a job, as it stands now and as it goes on."""
    if job.kind == TRAINING:
        if job.is_active:
            followed_training(job.id, key="training")
        else:
            training_view(job, key="training")
        settings(job)
    elif job.is_active:
        job_head(job)
        running_job(job.id, key="job_cancel")
    else:
        job_head(job)
        _ended(job)
    if not job.is_active:
        _delete(job)


def _ended(job: JobStatus) -> None:
    explain_failure(job)
    if job.total and job.state in ("cancelled", "interrupted"):
        st.caption(f"Stopped after {job.done:,} of {job.total:,} {job.unit}; they are kept.")
    elif job.state == "done":
        st.caption(progress_words(job) if job.phase else "Done.")
    if job.can_resume:
        word = "Try again" if job.state == "failed" else "Go on"
        st.button(word, key="job_resume", icon=":material/play_arrow:", on_click=resume, args=(job.id,))


def _delete(job: JobStatus) -> None:
    """Forget a job, once a person has confirmed it."""
    words = (
        "Its curves and its log go; the version that it made stays."
        if job.kind == TRAINING
        else "What it made stays."
    )
    if job.kind == TRAINING and job.can_resume:
        words = "What it learnt so far goes with it: it was not kept as a version."
    with st.popover("Delete", icon=":material/delete:", type="tertiary", key="job_delete"):
        st.markdown(f"Delete this job? {words}")
        st.button("Delete it", key="job_delete_sure", type="primary", on_click=_forget, args=(job.id,))


@state.explained
def _forget(identifier: str) -> None:
    state.running_jobs().delete(identifier)
    st.session_state.pop("shown_job", None)
    st.query_params.pop("job", None)


def settings(job: JobStatus) -> None:
    """What a training was asked to do, in a table."""
    with st.expander("What it was asked to do"):
        try:
            rows = setting_rows(FinetuneSpec.from_json(job.spec))
        except ErrorscopeError as error:
            state.explain(error)
            return
        st.table({"setting": list(rows), "value": list(rows.values())}, border="horizontal")


def setting_rows(spec: FinetuneSpec) -> Mapping[str, str]:
    """The settings of a training in words: all that a person chose, and what they changed of the recipe."""
    training, target = spec.training, spec.target
    images = (
        "half of the open images" if training.path is None else place_words(training.path, training.split)
    )
    rows: dict[str, Any] = {
        "Meant to mend": "nothing in particular" if target is None else target_words(target),
        "Starts from": place_words(spec.start.checkpoint, None),
        "Training images": images,
        "Test images": "none"
        if training.test_path is None
        else place_words(training.test_path, training.test_split),
        "Recipe": KINDS[spec.recipe.kind].label,
        "Augmentation": augmentation_words(spec),
    }
    if target is not None:
        rows["Raised"] = (
            f"{target.neighbours} nearest of each mistake, {target.strength:g} times as often, at most {target.cap:.0%}"
        )
    usual = DEFAULTS[spec.recipe.kind].to_json()
    for name, value in spec.recipe.to_json().items():
        if name in ("epochs", "learning_rate", "batch_size", "seed") or value != usual[name]:
            rows[name.replace("_", " ").capitalize()] = "none" if value in (None, []) else str(value)
    return {name: str(value) for name, value in rows.items()}


def augmentation_words(spec: FinetuneSpec) -> str:
    """The name of the preset, else its operations."""
    key = preset_of(spec.augmentation)
    if key is not None:
        return "none" if key == "none" else key.replace("_", " ")
    return ", ".join(operation.name.replace("_", " ") for operation in spec.augmentation.operations)
