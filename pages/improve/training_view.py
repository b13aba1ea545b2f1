"""A training as a person follows it: where it stands, its curves, its log, how to stop it, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from analysis.number_words import fine_percent
from models.errors import JobError
from models.finetune.finish import ask_to_finish, finish_asked
from models.jobs import JobStatus
from pages.improve.job_diary import TrainingDiary, training_diary
from pages.improve.job_words import TRAINING, kind_words, result_words, state_badge, when_words
from pages.improve.training_curves import Rows, best_row, training_curves
from pages.shared import state
from pages.shared.clock import clock
from pages.shared.job_panel import cancel_job, duration_words, explain_failure, progress_words, waiting_words

REFRESH_SECONDS = 1.0
_MOST_LINES = 200


@st.fragment
@state.explained
def followed_training(identifier: str, *, key: str) -> None:
    """A training drawn again and again until it ends; then the whole page is drawn anew.

    Args:
        identifier: the job's id.
        key: of this place on the page.
    """
    try:
        job = state.running_jobs().status(identifier)
    except JobError:  # it was deleted on another page
        st.rerun()
    if not job.is_active:
        st.rerun()
    training_view(job, key=key)
    clock(REFRESH_SECONDS, key=f"{key}_clock")


def training_view(job: JobStatus, *, key: str) -> None:
    """Draw a training once.

    Args:
        job: its present status.
        key: of this place on the page.
    """
    diary = training_diary(job.id, _batch_size(job))
    job_head(job)
    if job.is_active:
        ahead = state.running_jobs().ahead_of(job.id) if job.state == "queued" else []
        st.progress(job.fraction, text=state.escaped(waiting_words(ahead) if ahead else progress_words(job)))
    else:
        _ended(job, diary)
    has_weights = bool(diary.rows or (diary.steps and job.state != "failed"))
    training_buttons(job, key=key, has_weights=has_weights)
    if diary.latest:
        _figures(job, diary, key=key)
    if diary.rows or diary.steps or job.is_active:
        training_curves(diary.rows, key=f"{key}_curves", steps=diary.steps)
    _log(diary, key=key)


def job_head(job: JobStatus) -> None:
    """What a job is, how it stands, and since when."""
    word, icon, colour = state_badge(job)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"#### {state.escaped(job.title)}", width="content")
        st.badge(word, icon=f":material/{icon}:", color=colour)
    st.caption(f"{kind_words(job.kind)} · {when_words(job)}")


def _batch_size(job: JobStatus) -> int:
    recipe = job.spec.get("recipe", {})
    return int(recipe.get("batch_size", 32))


def _ended(job: JobStatus, diary: TrainingDiary) -> None:
    explain_failure(job)
    if job.state == "cancelled":
        st.info(paused_words(diary.rows), icon=":material/pause:")
    elif job.state == "interrupted":
        st.info(
            "The server stopped in the middle; the training goes on from where it stood.",
            icon=":material/power_off:",
        )
    elif job.state == "done":
        words = result_words(job)
        reached = f"Done. **{words}**." if words else "Done."
        st.success(f"{reached} {kept_words(diary.rows)}".strip(), icon=":material/check_circle:")


def paused_words(rows: Rows) -> str:
    """What a paused training has so far, in a sentence.

    Args:
        rows: one for each epoch that is over.
    """
    if not rows:
        return "Paused before its first epoch was over. What it has so far is kept: it goes on from there."
    return "Paused. All that was learnt is kept: it goes on from there, or ends with the best weights so far as a version."


def kept_words(rows: Rows) -> str:
    """Which epoch's weights were kept, where later ones only made it worse; else "".

    >>> kept_words([{"validation_loss": 0.5}, {"validation_loss": 0.6}])
    'The first epoch was the best: the validation loss did not fall after it, and its weights are the ones kept.'
    >>> kept_words([{"validation_loss": 0.5}, {"validation_loss": 0.4}])
    ''
    """
    if len(rows) < 2 or best_row(rows) != 0:
        return ""
    return "The first epoch was the best: the validation loss did not fall after it, and its weights are the ones kept."


def training_buttons(job: JobStatus, *, key: str, has_weights: bool) -> None:
    """What can be done with a training: pause, stop and keep, go on, and see what came of it.

    Args:
        job: its present status.
        key: of this place on the page.
        has_weights: whether something was learnt that can be kept.
    """
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_buttons"):
        if job.is_active:
            _active_buttons(job, key)
        if job.can_resume:
            word = "Try again" if job.state == "failed" else "Go on"
            st.button(
                word,
                key=f"{key}_resume",
                icon=":material/play_arrow:",
                type="primary",
                on_click=resume,
                args=(job.id,),
            )
            if has_weights:
                st.button(
                    "End and keep the best", key=f"{key}_finish", icon=":material/stop_circle:", on_click=finish, args=(job.id,),
                    help="Save the best weights so far as a version, and evaluate it.",
                )  # fmt: skip
        if job.state == "done":
            _result_links(job)


def _active_buttons(job: JobStatus, key: str) -> None:
    is_stopping = job.state == "cancelling"
    st.button(
        "Cancel" if job.state == "queued" else "Pause", key=f"{key}_pause", icon=":material/pause:", disabled=is_stopping,
        on_click=cancel_job, args=(job.id,),
        help=None if job.state == "queued" else "Stop after the present batch. Everything is kept, and it can go on.",
    )  # fmt: skip
    if job.state == "running":
        st.button(
            "End and keep the best", key=f"{key}_finish", icon=":material/stop_circle:", disabled=is_finishing(job.id),
            on_click=finish, args=(job.id,), help="End now; the best weights so far become a version and are evaluated.",
        )  # fmt: skip


def _result_links(job: JobStatus) -> None:
    result: Mapping[str, Any] = job.result or {}
    if result.get("evaluation"):
        st.page_link(
            state.COMPARE_PAGE, label="What was fixed, what broke", icon=":material/difference:",
            query_params={"before": result.get("baseline", ""), "after": result["evaluation"]},
        )  # fmt: skip
    if result.get("version"):
        st.page_link(
            state.VERSIONS_PAGE, label="The version", icon=":material/account_tree:", query_params={"version": result["version"]}
        )  # fmt: skip


def _figures(job: JobStatus, diary: TrainingDiary, *, key: str) -> None:
    """The figures of this moment."""
    latest, best = diary.latest, best_row(diary.rows)
    figures = {"Epoch" if job.is_active else "Epochs": f"{len(diary.rows):,}"}
    if best is not None and diary.rows[best].get("validation_accuracy") is not None:
        figures[f"Validation, epoch {best + 1}"] = fine_percent(diary.rows[best]["validation_accuracy"])
    if latest.get("images_per_second"):
        figures["Images per second"] = f"{latest['images_per_second']:,.0f}"
    if latest.get("learning_rate") is not None:
        figures["Learning rate"] = f"{latest['learning_rate']:.2g}"
    if job.started is not None:
        figures["Running for" if job.is_active else "Took"] = duration_words(job.seconds)
    with st.container(horizontal=True, gap="large", key=f"{key}_figures"):
        for name, value in figures.items():
            st.metric(name, value, width="content")


def _log(diary: TrainingDiary, *, key: str) -> None:
    if not diary.lines:
        return
    with st.expander(f"Log ({len(diary.lines):,})", key=f"{key}_log"):
        shown = diary.lines[-_MOST_LINES:]
        st.code(
            "\n".join(f"{datetime.fromtimestamp(when):%H:%M:%S}  {words}" for when, words in shown), language=None,
            wrap_lines=True,
        )  # fmt: skip


def is_finishing(identifier: str) -> bool:
    """Whether it was asked to end and keep its best weights."""
    return finish_asked(state.store().folder("jobs", identifier))


@state.explained
def resume(identifier: str) -> None:
    """Let a job go on; for buttons."""
    state.running_jobs().resume(identifier)


@state.explained
def finish(identifier: str) -> None:
    """Let a training end with the best weights so far; one that is paused goes on to do so; for buttons."""
    jobs = state.running_jobs()
    job = jobs.status(identifier)
    if job.kind != TRAINING or job.state == "done":
        return
    ask_to_finish(state.store().folder("jobs", identifier))
    if job.can_resume:
        jobs.resume(identifier)
