"""The way from candidate to candidate."""

from __future__ import annotations

import streamlit as st

from analysis.label_candidates import LabelCandidate
from pages.data.label_choice import Judged, can_undo, go_to, undo


def free_key(shortcut: str) -> str | None:
    """A key of the keyboard, unless an open inspector has keys of its own."""
    return None if st.session_state.get("image") else shortcut


def steps(judged: Judged, candidate: LabelCandidate | None, listed: list[LabelCandidate]) -> None:
    """Go on without deciding, or take a decision back."""
    ids = [each.id for each in listed]
    place = ids.index(candidate.id) if candidate and candidate.id in ids else -1
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="label_steps"):
        st.button(
            "Previous", key="label_previous", icon=":material/chevron_left:", shortcut=free_key("Left"), type="tertiary",
            disabled=place <= 0, on_click=go_to, args=(ids[place - 1] if place > 0 else None,),
        )  # fmt: skip
        following = ids[place + 1] if place + 1 < len(ids) else None
        st.button(
            "Skip", key="label_next", icon=":material/chevron_right:", shortcut=free_key("Right"), type="tertiary",
            disabled=following is None, on_click=go_to, args=(following,),
        )  # fmt: skip
        _undo_button(judged, candidate)


def _undo_button(judged: Judged, candidate: LabelCandidate | None) -> None:
    st.button(
        "Undo", key="label_undo", icon=":material/undo:", shortcut=free_key("U"), type="tertiary",
        disabled=not can_undo(judged, candidate), on_click=undo, args=(judged, candidate),
    )  # fmt: skip
