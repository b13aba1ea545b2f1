"""Keeping a smaller network: what it is called, and training it further."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from models.compress.spec import CompressionSpec, Method
from models.finetune.spec import TrainingImages
from models.finetune.versions import version_at
from models.predictions import Predictions
from pages.network.compression_words import way_words
from pages.shared import state
from pages.shared.job_button import job_and_button
from pages.shared.state import Workspace

SAVE, SAVE_AND_TUNE = "compress", "compress_and_tune"
_USUAL_EPOCHS = 5


def save_form(
    workspace: Workspace, predictions: Predictions, method: Method, amount: float, training: TrainingImages
) -> None:
    """Draw what is asked before a smaller network is kept, and the button that makes it.

    Args:
        workspace: what is open.
        predictions: its predictions.
        method: the way.
        amount: share that goes, 0..1; 0 for the ways without one.
        training: the training images.
    """
    with st.container(border=True, key="compression_save"):
        epochs = _epochs(method)
        opened = version_at(state.store(), workspace.spec.checkpoint)
        name = Path(workspace.spec.checkpoint).stem if opened is None else opened.name
        spec = CompressionSpec(
            workspace.spec, workspace.fingerprint, method, amount, f"{name}, {way_words(method, amount)}"[:200],
            "" if opened is None else opened.id, training, epochs,
        )  # fmt: skip
        kind = SAVE_AND_TUNE if epochs else SAVE
        job_and_button(
            kind, spec.to_json(), label="Save as a version", key=f"save_{method}", icon=":material/save:", title=spec.name,
            words=f"{way_words(method, amount)}: the smaller network is kept as a version, and evaluated on all "
            f"{len(predictions):,} validation images so that the comparison opens at once.", primary=True,
        )  # fmt: skip


def _epochs(method: Method) -> int:
    """How long the smaller network is trained further."""
    if method not in ("channels", "magnitude"):
        return 0
    usual = method == "channels"
    if not st.checkbox(
        "Then fine-tune it", value=usual, key=f"compression_tune_{method}", persist_state="session",
        help="The whole network learns on, as on the page Fine-tune, and becomes a second version under the first. "
        + ("The zeros do not stay zero." if method == "magnitude" else "The channels that went stay gone."),
    ):  # fmt: skip
        return 0
    return int(
        st.number_input(
            "Epochs",
            1,
            1000,
            _USUAL_EPOCHS,
            key=f"compression_epochs_{method}",
            persist_state="session",
            width=160,
        )
    )
