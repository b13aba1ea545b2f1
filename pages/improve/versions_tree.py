"""The tree of versions: each under the one it came from, and one of them chosen."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from models.finetune.version_record import Version
from models.finetune.version_tree import TreeRow, version_tree
from pages.improve.finetune_target import target_words
from pages.improve.versions_words import change_words, recipe_label
from pages.shared import state
from pages.shared.addressed import newest, write_later
from pages.shared.notes_form import moment_words

CHOSEN, WRITTEN = "shown_version", "written_version"
_DEEPEST = 3
"""Levels that are drawn further in; what lies deeper stands there too."""


def chosen_version(versions: Sequence[Version]) -> Version:
    """The version that the session or the URL names, else the newest.

    Args:
        versions: all, the newest first; at least one.
    """
    asked = newest("version", CHOSEN, WRITTEN)
    found = next((each for each in versions if each.id == asked), None)
    if found is None and asked is not None:
        st.session_state.pop(CHOSEN, None)
        st.info(
            "The version of this link is not kept any more; another one is shown.", icon=":material/info:"
        )
    found = found or versions[0]
    write_later("version", found.id, WRITTEN)
    return found


def choose(id: str) -> None:
    """Make this the version that is shown."""
    st.session_state[CHOSEN] = id


def tree(versions: Sequence[Version], chosen: Version) -> None:
    """Draw all versions, one to press.

    Args:
        versions: all.
        chosen: the one that is shown beside the tree.
    """
    with st.container(key="version_tree", gap="small"):
        for row in version_tree(versions):
            _row(row, is_chosen=row.version.id == chosen.id)


def _row(row: TreeRow, *, is_chosen: bool) -> None:
    version = row.version
    with (
        st.container(key=f"version_at_{min(row.depth, _DEEPEST)}_{version.id}"),
        # the mark of the chosen row is in its key: CSS finds it there
        st.container(
            border=True, gap="xsmall", key=f"version_row_{'chosen' if is_chosen else 'other'}_{version.id}"
        ),
    ):
        st.button(
            state.escaped(version.name), key=f"version_{version.id}", type="tertiary", on_click=choose,
            args=(version.id,), width="stretch",
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            badges(version)
            st.caption(state.escaped(_words(row)), width="content")


def badges(version: Version) -> None:
    """What a version is, in a word or two each."""
    spec = state.open_spec()
    if spec is not None and spec.checkpoint == str(version.checkpoint):
        st.badge("Open now", icon=":material/folder_open:", color="green")
    if version.control_of:
        st.badge("Control", icon=":material/science:", color="gray")
    target = version.finetune_spec.target
    if target is not None:
        st.badge(state.escaped(target_words(target)[:80]), icon=":material/target:", color="blue")


def _words(row: TreeRow) -> str:
    words = [recipe_label(row.version), change_words(row.version), moment_words(row.version.created)]
    if row.parent_is_gone:
        words.append("its parent was deleted")
    return " · ".join(words)
