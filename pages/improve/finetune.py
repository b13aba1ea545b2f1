"""From a confusion to a training that is meant to mend it: what, on which images, how, and how it goes."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from models.finetune.augmentation import Augmentation
from models.finetune.spec import FinetuneSpec
from models.jobs import JobStatus
from models.prediction_record import Predictions
from pages.improve import finetune_cached
from pages.improve.augmentation_form import augmentation_form
from pages.improve.finetune_images import chosen_images
from pages.improve.finetune_recipe import chosen_kind, chosen_recipe
from pages.improve.finetune_start import chosen_start
from pages.improve.finetune_summary import Asked, summary, training_name
from pages.improve.finetune_target import Aim, aimed
from pages.improve.job_words import TRAINING
from pages.improve.training_view import followed_training, training_view
from pages.shared import state
from pages.shared.addressed import settle_addresses
from pages.shared.halves import halves
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace

SHOWN_JOBS = 200
PREVIEWED = 12


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.html(Path(__file__).with_name("finetune.css"))
    st.title("Fine-tune")
    if not predictions.architecture:
        st.info(
            "These predictions came from a table, so there is no network to train. Open a checkpoint to fine-tune it.",
            icon=":material/info:",
        )
        st.page_link(state.SETUP_PAGE, label="Open a model and images", icon=":material/folder_open:")
        return
    job = _shown_job(workspace)
    if job is not None:
        _training(job)
    with st.container(key="finetune_form"):
        _form(workspace, predictions)
    open_inspector(workspace, predictions)


def _shown_job(workspace: Workspace) -> JobStatus | None:
    """The training that was started here last, or that runs for what is open; None where there is none."""
    jobs = state.running_jobs().list(limit=SHOWN_JOBS, kinds=(TRAINING,))
    own = workspace.spec.to_json()
    of_this = [job for job in jobs if job.spec.get("baseline") == own]
    started = [job for job in of_this if job.id == st.session_state.get("finetune_job")]
    return next(iter([*started, *(job for job in of_this if job.is_active)]), None)


def _training(job: JobStatus) -> None:
    """The training in place of its start, as it goes on and when it has ended."""
    with st.container(border=True, key="finetune_job"):
        if job.is_active:
            followed_training(job.id, key="finetune_training")
        else:
            training_view(job, key="finetune_training")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(
                state.JOBS_PAGE, label="In the list of jobs", icon=":material/pending_actions:",
                query_params={"job": job.id},
            )  # fmt: skip
            if not job.is_active:
                st.button(
                    "Close", key="finetune_close", icon=":material/close:", type="tertiary", on_click=_close
                )


def _close() -> None:
    st.session_state.pop("finetune_job", None)


def _form(workspace: Workspace, predictions: Predictions) -> None:
    left, right = halves("finetune", (0.64, 0.36), "large")
    with left:
        st.subheader("What to mend")
        aim = aimed(workspace, predictions)
        settle_addresses()
        st.subheader("Images to learn from")
        images = chosen_images(workspace, predictions)
        st.subheader("How to train")
        start = chosen_start(workspace, predictions.architecture)
        kind = chosen_kind()
        recipe, problem = chosen_recipe(kind)
        st.subheader("Augmentation of the training images")
        augmentation = _augmentation(workspace, predictions, aim)
    spec = FinetuneSpec(
        start=start.spec,
        baseline=workspace.spec,
        training=images.images,
        recipe=recipe,
        augmentation=augmentation,
        target=aim.target,
        name=training_name(kind, aim, start),
        parent=start.parent,
    )
    asked = Asked(
        workspace, predictions, aim, images, start, spec, start.problem_of(kind) or images.problem or problem
    )
    with right, st.container(border=True, key="finetune_summary"):
        summary(asked)


def _augmentation(workspace: Workspace, predictions: Predictions, aim: Aim) -> Augmentation:
    """Ask for the augmentation, with a preview on the mistakes, else on any images."""
    rows = aim.rows[:PREVIEWED] if len(aim.rows) else range(min(PREVIEWED, len(predictions)))
    paths = [predictions.absolute(predictions.images["path"].iloc[row]) for row in rows]
    preprocessing = finetune_cached.preprocessing(workspace.fingerprint, workspace.spec)
    return augmentation_form("finetune_augmentation", paths, preprocessing)


page()
