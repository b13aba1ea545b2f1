"""Whose fault a mistake is, as a row of buttons under an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from analysis.decision_words import DECISION_WORDS, decision_on
from models.errors import ErrorscopeError
from models.notes import Decision, ImageNote
from models.prediction_record import Predictions
from pages.shared import state
from pages.shared.decisions import decide_on, label_of, notes_of_images

HELP: dict[Decision, str] = {
    "model": "The label is right and the picture shows it well: the network errs.",
    "label": "The picture shows another class than its label says. Then name the right one.",
    "image": "The picture is too dark, cut off, blurred or shows nothing of its class.",
    "ambiguous": "A careful person could not tell either, or several classes are in the picture.",
}
ICONS: dict[Decision, str] = {
    "model": "smart_toy",
    "label": "label_off",
    "image": "broken_image",
    "ambiguous": "balance",
}
NOT_KNOWN = "I don't know"


@dataclass(frozen=True)
class _Decided:
    """An image that is decided about, at one place of a page.

    Args:
        workspace: what is open.
        predictions: its predictions.
        position: the image's row.
        key: of the place.
    """

    workspace: state.Workspace
    predictions: Predictions
    position: int
    key: str

    def keep(self, decision: Decision | None, corrected_label: str | None) -> bool:
        """Keep a decision, or remember for the next drawing why that was not possible."""
        try:
            decide_on(self.workspace, self.predictions, self.position, decision, corrected_label)
        except ErrorscopeError as error:
            st.session_state[f"{self.key}_problem"] = error.title, error.message, error.next_step
            return False
        return True


def decision_buttons(
    workspace: state.Workspace,
    predictions: Predictions,
    position: int,
    *,
    key: str,
    shortcuts: bool = True,
    on_decided: Callable[[], None] | None = None,
) -> None:
    """Draw the decisions of one image; the one that was made is filled, and a second press takes it back.

    A file that is gone or a workspace that cannot be written is said under the buttons.

    Args:
        workspace: what is open.
        predictions: its predictions.
        position: the image's row.
        key: of the place, once a page.
        shortcuts: whether the keys 1 to 4 press the buttons; only one place of a page can listen.
        on_decided: called after a decision was kept, before the page is drawn again.
    """
    decided = _Decided(workspace, predictions, position, key)
    note = notes_of_images(workspace).get(position)
    decision = decision_on(note, label_of(predictions, position))

    def decide(pressed: Decision) -> None:
        wanted = None if pressed == decision else pressed
        right = _suggested(predictions, position) if wanted == "label" else None
        if decided.keep(wanted, right) and wanted and on_decided:
            on_decided()

    with st.container(horizontal=True, key=f"{key}_decisions", gap="small"):
        for place, (each, words) in enumerate(DECISION_WORDS.items(), start=1):
            if each == "model" != decision and _is_right(predictions, position):
                continue  # the model made no mistake
            st.button(
                words, key=f"{key}_{each}", icon=f":material/{ICONS[each]}:", on_click=decide, args=(each,),
                type="primary" if each == decision else "secondary", help=HELP[each],
                shortcut=str(place) if shortcuts else None,
            )  # fmt: skip
    if decision == "label" and note is not None:
        _right_class(decided, note)
    problem = st.session_state.pop(f"{key}_problem", None)
    if problem is not None:
        state.show_problem(*problem)


def _right_class(decided: _Decided, note: ImageNote) -> None:
    """Choose the class that the label should have been, the likeliest first."""
    predictions, position = decided.predictions, decided.position
    names = predictions.class_names
    options = [names[index] for index in _likeliest(predictions, position)]
    kept = note.corrected_label
    options += [NOT_KNOWN] + ([kept] if kept is not None and kept not in options else [])
    widget = f"{decided.key}_right_class_{predictions.images['id'].iloc[position]}"

    def correct() -> None:
        chosen = st.session_state[widget]
        decided.keep("label", None if chosen == NOT_KNOWN else chosen)

    st.selectbox(
        "The right class", options, index=options.index(state.keep_widget(widget, kept or NOT_KNOWN)),
        key=widget, on_change=correct, width=320,
        help="Taken from the prediction until you choose. Label candidates exports the corrected labels.",
    )  # fmt: skip


def _likeliest(predictions: Predictions, position: int) -> list[int]:
    """The classes that the label is not: the prediction first, then by probability or by name."""
    label, predicted = int(predictions.labels[position]), int(predictions.predicted[position])
    if predictions.probabilities is None:
        order = sorted(range(len(predictions.class_names)), key=predictions.class_names.__getitem__)
    else:
        order = np.argsort(-predictions.probabilities[position], kind="stable").tolist()
    first = [predicted] if predicted != label else []
    return first + [index for index in order if index not in (label, predicted)]


def _suggested(predictions: Predictions, position: int) -> str | None:
    """The prediction, where it is not the label; else nobody has suggested anything."""
    if _is_right(predictions, position):
        return None
    return predictions.class_names[int(predictions.predicted[position])]


def _is_right(predictions: Predictions, position: int) -> bool:
    return int(predictions.predicted[position]) == int(predictions.labels[position])
