"""The statistics of the open network's weights; they are made the first time a page asks."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.layers.weight_record import NetworkWeights, saved_weights, weights_file
from models.predictions import Predictions
from pages.network.layers_cached import scan_spec
from pages.shared import cached, state
from pages.shared.job_begin import begin_job
from pages.shared.job_button import job_and_button
from pages.shared.state import Workspace

KIND = "layer_weights"


def network_name(workspace: Workspace, predictions: Predictions) -> str:
    """The fingerprint of the open network.

    Raises:
        CheckpointError: an older version saved the predictions, and the checkpoint cannot be opened to ask it.
    """
    # opening it takes torch, and seconds
    return (
        predictions.network_fingerprint or cached.network(workspace.spec, workspace.fingerprint).fingerprint
    )


def read_weights(workspace: Workspace, predictions: Predictions) -> NetworkWeights | None:
    """What the weights look like; where that is not known yet, draw how far reading them is.

    Args:
        workspace: what is open.
        predictions: of its evaluation.

    Returns:
        None while it is not there: the page draws nothing more for it.
    """
    name = network_name(workspace, predictions)
    file = weights_file(state.store(), name)
    found = _opened(str(file), file.stat().st_mtime_ns, name) if file.is_file() else None
    if found is not None:
        return found
    spec = scan_spec(workspace.spec, workspace.fingerprint)
    title = f"Weights of {Path(workspace.spec.model).name}"
    if state.running_jobs().newest_of(KIND, spec) is None:
        begin_job(KIND, spec, title=title)
    job_and_button(
        KIND, spec, label="Read the weights", key="read_weights", title=title, primary=True,
        words="All weights are read once; what they look like is kept.",
    )  # fmt: skip
    return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _opened(file: str, changed: int, name: str) -> NetworkWeights | None:
    return saved_weights(state.store(), name)
