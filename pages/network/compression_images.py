"""The training images that a smaller network is set right by, and learns from: asked once for all that follows."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from models.compress.spec import N_CALIBRATED, N_MATCHED, Method
from models.errors import ErrorscopeError
from models.finetune.spec import TrainingImages
from pages.improve import finetune_cached
from pages.improve.finetune_images import place_words
from pages.open.given_file import typed_path
from pages.shared import state
from pages.shared.state import Workspace

FOUND, HALF, OTHER = "found", "half", "other"
_MATCHED = f"{N_MATCHED} of them, drawn at random, tell what mean and spread each channel is to get back; fine-tuning learns from all"
_USES = {
    "channels": _MATCHED,
    "magnitude": _MATCHED,
    "int8": f"{N_CALIBRATED} of them, drawn at random, tell how large the activations become",
}


def training_images(workspace: Workspace, method: Method) -> TrainingImages | None:
    """Ask for the training images; None while they will not do.

    Args:
        workspace: what is open.
        method: the way to a smaller network; half precision needs none.
    """
    if method not in _USES:
        return TrainingImages()
    suggested = finetune_cached.suggestion(workspace.fingerprint, workspace.spec)
    words = {HALF: "None: half of the open images", OTHER: "Another folder or table"}
    if suggested is not None and suggested.path is not None:
        place = state.escaped(place_words(suggested.path, suggested.split))
        words = {FOUND: f"{place}, found beside the open images", **words}
    way = st.radio(
        "Training images", list(words), format_func=words.__getitem__, horizontal=True,
        key=f"compression_images_{next(iter(words))}", persist_state="session",
    )  # fmt: skip
    if way == HALF:
        st.caption(
            "There are no training images then: the choosing half of the validation images is used, and only the held-out half "
            "judges the result fairly."
        )
        return TrainingImages()
    st.caption(f"{_USES[method]}. None of them is a validation image.")
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
