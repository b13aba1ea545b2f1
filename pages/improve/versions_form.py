"""What a person may change of a version: its name, the note, and whether it is kept."""

from __future__ import annotations

import streamlit as st

from models.finetune.version_record import Version
from models.finetune.versions import delete_version, note_version, rename_version, size_bytes
from pages.improve.job_list import MOST_JOBS
from pages.improve.versions_tree import CHOSEN
from pages.improve.versions_words import works_on
from pages.shared import state


def name_and_note(version: Version) -> None:
    """Draw the fields; what is written is kept as soon as a field is left.

    Args:
        version: it.
    """
    name, note = f"version_name_{version.id}", f"version_note_{version.id}"
    # kept anew at each drawing: a name that was refused gives way to the former one
    st.text_input(
        "Name", state.keep_widget(name, version.name), key=name, max_chars=200, on_change=_rename,
        args=(version.id, name),
    )  # fmt: skip
    st.text_area(
        "Note", state.keep_widget(note, version.note), key=note, height=84, on_change=_note, args=(version.id, note),
        placeholder="What is it for, what did you see?",
    )  # fmt: skip


@state.explained
def _rename(id: str, key: str) -> None:
    rename_version(state.store(), id, st.session_state[key])


@state.explained
def _note(id: str, key: str) -> None:
    note_version(state.store(), id, st.session_state[key])


def delete_button(version: Version, n_children: int) -> None:
    """Delete a version once a person has confirmed it.

    Args:
        version: it.
        n_children: how many versions started from it.
    """
    needed = _why_needed(version)
    if needed:
        st.button(
            "Delete",
            icon=":material/delete:",
            type="tertiary",
            key="version_delete",
            disabled=True,
            help=needed,
        )
        return
    with st.popover("Delete", icon=":material/delete:", type="tertiary", key="version_delete"):
        st.markdown(
            f"Delete this version? Its weights, curves and exported files go ({size_bytes(version) / 1e6:.1f} MB). "
            f"Its predictions stay and can still be compared, but its images cannot be explained any more.{_of_children(n_children)}"
        )
        st.button(
            "Delete it", key="version_delete_sure", type="primary", on_click=_delete, args=(version.id,)
        )


def _why_needed(version: Version) -> str:
    """Why a version cannot be deleted now; "" where it can."""
    spec = state.open_spec()
    if spec is not None and spec.checkpoint == str(version.checkpoint):
        return "It is the open model. Open another one first."
    jobs = state.running_jobs().list(limit=MOST_JOBS)
    at_work = next((job for job in jobs if job.is_active and works_on(job, version)), None)
    if at_work is None:
        return ""
    return f"A job still works on it: {at_work.title}. Wait for its end, or stop it first."


def _of_children(n: int) -> str:
    if not n:
        return ""
    return (
        f" {n:,} {'version that started from it stays' if n == 1 else 'versions that started from it stay'}."
    )


@state.explained
def _delete(id: str) -> None:
    delete_version(state.store(), id)
    st.session_state.pop(CHOSEN, None)
    st.query_params.pop("version", None)
