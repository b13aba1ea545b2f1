"""What the page of label candidates keeps between reruns."""

from __future__ import annotations

import streamlit as st

from analysis.label_candidates import LabelCandidates, label_candidates
from analysis.label_overlay import OverlayComparison, overlay_comparison
from models.notes import notes_revision
from pages.shared import cached, state
from pages.shared.decisions import notes_of_images


@st.cache_resource(max_entries=4, show_spinner="Asking which labels the model contradicts…")
def candidates(fingerprint: str) -> LabelCandidates:
    """The labels that may be wrong."""
    return label_candidates(cached.predictions(fingerprint))


def comparison(workspace: state.Workspace, *, without_bad_images: bool) -> OverlayComparison:
    """The figures with and without the corrections that there are now."""
    store = state.store()
    return _comparison(workspace, str(store.root), notes_revision(store), without_bad_images)


@st.cache_resource(
    max_entries=4,
    show_spinner=False,
    hash_funcs={state.Workspace: lambda workspace: workspace.fingerprint},
)
def _comparison(
    workspace: state.Workspace, root: str, revision: int, without_bad_images: bool
) -> OverlayComparison:
    predictions = cached.predictions(workspace.fingerprint)
    return overlay_comparison(predictions, notes_of_images(workspace), without_bad_images=without_bad_images)
