"""What the duplicates page keeps between reruns."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.leakage import Leakage
from analysis.leakage_job import opened_leakage, saved_leakage_files
from pages.shared import state


def leakages(workspace: state.Workspace) -> list[Leakage]:
    """All comparisons of the open images with another set, the latest first.

    Raises:
        WorkspaceError: one of them is damaged.
    """
    files = saved_leakage_files(state.store(), workspace.fingerprint)
    return [_opened(str(file), file.stat().st_mtime_ns) for file in files]


@st.cache_resource(max_entries=16, show_spinner="Opening what was compared…")
def _opened(file: str, changed: int) -> Leakage:
    return opened_leakage(Path(file))
