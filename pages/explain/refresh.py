"""One clock for the whole image page: while a job of it runs, the page is drawn again and again."""

from __future__ import annotations

import streamlit as st

from pages.shared.clock import clock

FIRST_SECONDS = 0.15
"""After a click: a method just begun soon knows something."""
REFRESH_SECONDS = 0.5


def begin() -> None:
    """Forget what was at work; call it before the parts are drawn."""
    st.session_state["explain_at_work"] = False


def at_work() -> None:
    """Say that a part waits for a job."""
    st.session_state["explain_at_work"] = True


def settle() -> None:
    """Let the clock strike once more where something is at work; call it after the parts are drawn."""
    struck = st.session_state.pop("explain_struck", False)
    seconds = REFRESH_SECONDS if struck else FIRST_SECONDS
    clock(
        seconds if st.session_state.get("explain_at_work") else None, key="explain_clock", on_strike=_struck
    )


def _struck() -> None:
    st.session_state["explain_struck"] = True
