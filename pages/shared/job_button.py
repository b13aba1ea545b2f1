"""A button that starts a job, and in its place what the job does until it ends."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shared import state
from pages.shared.job_begin import begin_job
from pages.shared.job_panel import explain_failure, running_job


def job_and_button(
    kind: str,
    spec: dict[str, Any],
    *,
    label: str,
    key: str,
    title: str,
    words: str = "",
    icon: str = ":material/play_arrow:",
    primary: bool = False,
) -> None:
    """Show the running job of a spec with a cancel button, else the button that starts it.

    Args:
        kind: of the job.
        spec: of the job.
        label: on the button.
        key: of the button.
        title: of the job in lists.
        words: what it does, over the button.
        icon: on the button.
        primary: whether it is the main thing to do here.
    """
    if _pressed().pop(key, None) is not None:
        begin_job(kind, spec, title=title)
    # whoever submitted it, so a reload finds it again
    job = state.running_jobs().newest_of(kind, spec)
    if job is not None and job.is_active:
        with st.container(key=f"{key}_running"):
            running_job(job.id, key=f"{key}_cancel")
        return
    if words:
        st.markdown(words)
    if job is not None:
        explain_failure(job)
    stopped = job is not None and job.state in ("cancelled", "interrupted")
    if stopped and job is not None and job.total:
        st.caption(f"Stopped after {job.done:,} of {job.total:,} {job.unit}; they are kept.")
    st.button(
        f"Go on: {label[0].lower()}{label[1:]}" if stopped else label,
        key=key, icon=icon, type="primary" if primary else "secondary", on_click=_press, args=(key,),
    )  # fmt: skip


def forget_pressed(but: str | None = None) -> None:
    """Drop what was pressed and met no button; call it where a drawing ends, unless another takes its place.

    A drawing that a click cuts short leaves its presses to the next one, however long that takes.

    Args:
        but: the address of the page whose presses are kept, because it is about to be drawn.
    """
    pressed = _pressed()
    for key in [key for key, page in pressed.items() if but is None or page != but]:
        del pressed[key]


def _press(key: str) -> None:
    """Note it only: the callback knows the spec of the last drawing, and a list may have been changed since."""
    _pressed()[key] = st.session_state.get("shown_page", "")


def _pressed() -> dict[str, str]:
    """The buttons that wait for their drawing, to the address of the page they were pressed on."""
    pages: dict[str, str] = st.session_state.setdefault("jobs_pressed", {})
    return pages
