"""A part of the survey on a page: what it found, or how far the survey is."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.survey import SURVEY_PARTS, Surveyed, part_file, saved_result
from models.prediction_record import Predictions
from pages.shared import state
from pages.shared.job_begin import begin_job
from pages.shared.job_button import job_and_button

KIND = "survey"


def surveyed(workspace: state.Workspace, predictions: Predictions, part: str) -> Surveyed | None:
    """What a part of the survey found; where it is not there yet, draw how far the survey is.

    The survey begins by itself the first time a page asks; one that was stopped waits for a press.

    Args:
        workspace: what is open.
        predictions: its predictions.
        part: a key of ``SURVEY_PARTS``.

    Returns:
        None while it is not there: the page draws nothing more for it.
    """
    found = surveyed_so_far(workspace, part)
    if found is not None:
        return found
    draw_survey(workspace, predictions)
    return None


def surveyed_so_far(workspace: state.Workspace, part: str) -> Surveyed | None:
    """What a part of the survey found, None where it is not there yet; draws and starts nothing."""
    file = part_file(state.store(), workspace.fingerprint, part)
    return _opened(str(file), file.stat().st_mtime_ns, part) if file.is_file() else None


def draw_survey(workspace: state.Workspace, predictions: Predictions) -> None:
    """How far the survey is, with a button to stop it or to go on.

    It begins by itself the first time, and where a newer version finds a part in another way.
    """
    revisions = {name: part.revision for name, part in SURVEY_PARTS.items()}
    spec = {"fingerprint": workspace.fingerprint, "revisions": revisions}
    title = f"Survey of {state.images_words(workspace.spec)}"
    if state.running_jobs().newest_of(KIND, spec) is None:
        begin_job(KIND, spec, title=title)
    n = len(predictions)
    job_and_button(
        KIND, spec, label="Survey the images", key="survey", title=title, primary=True,
        words=f"The survey looks through all {n:,} images for duplicates, weak kinds of image and their map. "
        "It is made once and kept.",
    )  # fmt: skip


@st.cache_resource(max_entries=16, show_spinner="Opening what the survey found…")
def _opened(file: str, changed: int, part: str) -> Surveyed:
    return saved_result(Path(file), SURVEY_PARTS[part].result_class)
