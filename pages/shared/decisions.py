"""Decisions about images as pages read and write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from models.noted_images import ImageContents, noted_images
from models.notes import Decision, ImageNote, decide, notes_revision, write_image_note
from models.prediction_record import Predictions
from pages.shared import cached, state

SECONDS_OF_CONTENTS = 600.0
"""How long what was found in the files holds; files that change under a running app are rare."""


def notes_of_images(workspace: state.Workspace) -> Mapping[int, ImageNote]:
    """What is known about the open images: row in the predictions to note.

    A decision other than "label" speaks of the label of its time: `analysis.decision_words.decision_on` says whether it still holds.
    """
    revision = notes_revision(state.store())
    return _notes(workspace.fingerprint, str(state.store().root), revision) if revision else {}


@st.cache_resource(max_entries=4, show_spinner=False)
def _notes(fingerprint: str, root: str, revision: int) -> dict[int, ImageNote]:
    return noted_images(state.store(), cached.predictions(fingerprint), _contents(fingerprint))


@st.cache_resource(max_entries=4, ttl=SECONDS_OF_CONTENTS, show_spinner="Looking for what was noted…")
def _contents(fingerprint: str) -> ImageContents:
    return ImageContents(cached.predictions(fingerprint))


def decide_on(
    workspace: state.Workspace,
    predictions: Predictions,
    position: int,
    decision: Decision | None,
    corrected_label: str | None = None,
) -> None:
    """Keep a decision about one of the open images; None takes it back.

    Raises:
        ImagesError: its file is gone.
        WorkspaceError: the workspace cannot be written.
    """
    decide(
        state.store(), image_file(predictions, position), label=label_of(predictions, position), decision=decision,
        corrected_label=corrected_label, evaluation=workspace.fingerprint,
    )  # fmt: skip
    _contents(workspace.fingerprint).look_again(position)


def write_on(
    workspace: state.Workspace, predictions: Predictions, position: int, tags: Sequence[str], text: str
) -> None:
    """Keep tags and a note about one of the open images.

    Raises:
        ImagesError: its file is gone.
        WorkspaceError: the workspace cannot be written.
    """
    write_image_note(
        state.store(), image_file(predictions, position), label=label_of(predictions, position), tags=tags,
        text=text, evaluation=workspace.fingerprint,
    )  # fmt: skip
    _contents(workspace.fingerprint).look_again(position)


def image_file(predictions: Predictions, position: int) -> Path:
    """The file of an image."""
    return predictions.absolute(predictions.images["path"].iloc[position])


def label_of(predictions: Predictions, position: int) -> str:
    """The name of an image's label."""
    return predictions.class_names[int(predictions.images["label_index"].iloc[position])]
