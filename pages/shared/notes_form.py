"""Tags and a note, about an image, a cell, a class or a pair; kept as soon as the field is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import streamlit as st

from analysis.cell_name import cell_name, parsed_cell
from models.errors import ErrorscopeError
from models.notes import image_notes, notes_revision, subject_note, subject_notes, write_subject_note
from models.prediction_record import Predictions
from pages.shared import state
from pages.shared.decisions import notes_of_images, write_on
from pages.shared.state import Workspace

TEXT_HEIGHT = 84
SUMMARY_LENGTH = 60


@dataclass(frozen=True)
class Written:
    """What is kept of a subject.

    Args:
        tags: in the order they were given.
        text: the note.
        changed: when, in seconds since 1970.
    """

    tags: tuple[str, ...] = ()
    text: str = ""
    changed: float = 0.0


def subject_notes_form(
    workspace: Workspace, predictions: Predictions, *, kind: Literal["cell", "class", "pair"], name: str
) -> None:
    """Draw the tags and the note of a cell, a class or a pair of classes.

    Args:
        workspace: what is open.
        predictions: its predictions; the note holds for all models with these class names.
        kind: what it is about.
        name: of a cell or pair as in ``analysis.cell_name``, in either order for a pair; of a class its name.
    """
    subject = pair_name(name) if kind == "pair" else name
    note = subject_note(state.store(), predictions.class_names, kind, subject)
    key = f"{kind}_note_{subject}"

    def save(tags: Sequence[str], text: str) -> None:
        write_subject_note(state.store(), predictions.class_names, kind, subject, tags=tags, text=text)

    _form(key, f"this {kind}", Written(note.tags, note.text, note.changed), _known_tags(predictions), save)


def image_notes_form(
    workspace: Workspace, predictions: Predictions, position: int, *, key: str = "image_note"
) -> None:
    """Draw the tags and the note of an image; they follow its content into the next evaluation.

    Args:
        workspace: what is open.
        predictions: its predictions.
        position: the image's row.
        key: of the place, once a page.
    """
    note = notes_of_images(workspace).get(position)
    written = Written() if note is None else Written(note.tags, note.text, note.changed)

    def save(tags: Sequence[str], text: str) -> None:
        write_on(workspace, predictions, position, tags, text)

    image = predictions.images["id"].iloc[position]
    _form(f"{key}_{image}", "this image", written, _known_tags(predictions), save)


def noted_expander(workspace: Workspace, predictions: Predictions, position: int, *, key: str) -> None:
    """The same, folded away until something is written; marked where something is.

    Args:
        workspace: what is open.
        predictions: its predictions.
        position: the image's row.
        key: of the place, once a page.
    """
    note = notes_of_images(workspace).get(position)
    words = [] if note is None else [*note.tags, *([note.text] if note.text else [])]
    summary = f": {state.escaped(' · '.join(words)[:SUMMARY_LENGTH])}" if words else ""
    image = predictions.images["id"].iloc[position]
    with st.expander(f"Tags and note{summary}", key=f"{key}_fold_{image}", icon=_icon(bool(words))):
        image_notes_form(workspace, predictions, position, key=key)


def subject_expander(
    workspace: Workspace, predictions: Predictions, *, kind: Literal["cell", "class", "pair"], name: str
) -> None:
    """`subject_notes_form`, folded away; marked where something is written."""
    noted = is_noted(predictions, kind, name)
    words = f"Notes on this {kind}{' (written)' if noted else ''}"
    with st.expander(words, key=f"{kind}_fold_{name}", icon=_icon(noted)):
        subject_notes_form(workspace, predictions, kind=kind, name=name)


def _icon(noted: bool) -> str:
    return ":material/sticky_note_2:" if noted else ":material/note_add:"


def pair_name(name: str) -> str:
    """A pair's one name, whichever of its classes was named first.

    >>> pair_name("pug/Bengal") == pair_name("Bengal/pug") == "Bengal/pug"
    True
    """
    first, second = sorted(parsed_cell(name), key=lambda each: each or "")
    return cell_name(first, second)


def is_noted(predictions: Predictions, kind: Literal["cell", "class", "pair"], name: str) -> bool:
    """Whether something was written about a cell, class or pair."""
    subject = pair_name(name) if kind == "pair" else name
    note = subject_note(state.store(), predictions.class_names, kind, subject)
    return bool(note.tags or note.text)


def _form(
    key: str,
    what: str,
    written: Written,
    known_tags: Sequence[str],
    save: Callable[[Sequence[str], str], None],
) -> None:
    tags_key, text_key, problem_key = f"{key}_tags", f"{key}_text", f"{key}_problem"

    def keep() -> None:
        st.session_state.pop(problem_key, None)
        try:
            save(st.session_state[tags_key], st.session_state[text_key])
        except ErrorscopeError as error:
            st.session_state[problem_key] = error.title, error.message, error.next_step

    problem = st.session_state.get(problem_key)
    if problem is None or text_key not in st.session_state:  # else what was typed stays, to be kept later
        state.keep_widget(tags_key, list(written.tags))
        state.keep_widget(text_key, written.text)
    options = list(dict.fromkeys([*st.session_state[tags_key], *known_tags]))
    with st.container(key=f"form_{key}", gap="small"):
        st.multiselect(
            "Tags", options, default=st.session_state[tags_key], key=tags_key, accept_new_options=True,
            on_change=keep, placeholder="Choose a tag or type a new one",
        )  # fmt: skip
        st.text_area(
            "Note", st.session_state[text_key], key=text_key, on_change=keep, height=TEXT_HEIGHT,
            placeholder=f"What did you see in {what}?",
        )  # fmt: skip
        if problem is not None:
            state.show_problem(*problem)
            st.button("Save again", key=f"{key}_again", icon=":material/save:", on_click=keep)
        elif written.tags or written.text:
            st.caption(f":material/check: Saved {moment_words(written.changed)}")
        else:
            st.caption("Saved as soon as you leave the field.")


def moment_words(seconds: float) -> str:
    """When something happened, on the clock of this machine: "2026-11-26 18:40"."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def _known_tags(predictions: Predictions) -> tuple[str, ...]:
    store = state.store()
    return _tags(str(store.root), notes_revision(store), predictions.class_names)


@st.cache_resource(max_entries=4, show_spinner=False)
def _tags(root: str, revision: int, class_names: tuple[str, ...]) -> tuple[str, ...]:
    store = state.store()
    of_images = {tag for note in image_notes(store) for tag in note.tags}
    return tuple(sorted(of_images.union(*(note.tags for note in subject_notes(store, class_names)))))
