"""Keeping a smaller network: what it is called, the images that it needs, and training it further."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from models.compress.spec import CompressionSpec, Method
from models.errors import ErrorscopeError
from models.finetune.spec import TrainingImages
from models.finetune.versions import version_at
from models.onnx_runtime import INSTALL, has_onnx_runtime
from models.predictions import Predictions
from pages.improve import finetune_cached
from pages.improve.finetune_images import place_words
from pages.network.compression_words import way_words
from pages.open.given_file import typed_path
from pages.shared import state
from pages.shared.job_button import job_and_button
from pages.shared.state import Workspace

SAVE, SAVE_AND_TUNE = "compress", "compress_and_tune"
FOUND, HALF, OTHER = "found", "half", "other"
_USUAL_EPOCHS = 5


def save_form(workspace: Workspace, predictions: Predictions, method: Method, amount: float) -> None:
    """Draw what is asked before a smaller network is kept, and the button that makes it.

    Args:
        workspace: what is open.
        predictions: its predictions.
        method: the way.
        amount: share that goes, 0..1; 0 for the ways without one.
    """
    if method == "int8" and not has_onnx_runtime():
        st.warning(
            f"ONNX Runtime, which computes in 8 bits, is not installed. {INSTALL}", icon=":material/download:"
        )
        return
    with st.container(border=True, key="compression_save"):
        epochs = _epochs(method)
        training: TrainingImages | None = TrainingImages()
        if method == "int8" or epochs:
            training = _training(workspace, calibrates=method == "int8")
        if training is None:
            return
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


def _training(workspace: Workspace, *, calibrates: bool) -> TrainingImages | None:
    """Ask for the training images; None while they will not do."""
    suggested = finetune_cached.suggestion(workspace.fingerprint, workspace.spec)
    words = {HALF: "None: half of the open images", OTHER: "Another folder or table"}
    if suggested is not None and suggested.path is not None:
        place = state.escaped(place_words(suggested.path, suggested.split))
        words = {FOUND: f"{place}, found beside the open images", **words}
    way = st.radio(
        "Training images", list(words), format_func=words.__getitem__, horizontal=True,
        key=f"compression_images_{next(iter(words))}", persist_state="session",
    )  # fmt: skip
    what = (
        "128 of them, drawn at random, tell how large the activations become; none of them is a validation image"
        if calibrates
        else "The smaller network learns from them"
    )
    if way == HALF:
        st.caption(
            "There are no training images then: the choosing half of the validation images is used, and only the held-out half "
            "judges the result fairly."
        )
        return TrainingImages()
    st.caption(f"{what}.")
    if way == FOUND and suggested is not None:
        return replace(suggested, test_path=None, test_split=None)
    return _other()


def _other() -> TrainingImages | None:
    path = typed_path(
        st.text_input("Folder or table", key="compression_images_path", placeholder="/path/on/this/machine", persist_state="session")
    )  # fmt: skip
    if not path:
        st.caption("Name the training images.")
        return None
    try:
        listed = finetune_cached.listed(path, None)
        split = "train" if "train" in listed.splits else None
    except ErrorscopeError as error:
        state.explain(error)
        return None
    return TrainingImages(path, split)
