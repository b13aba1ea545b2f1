"""What excites a class: the images with the highest score for it, and an image made to raise that score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from analysis.layers.excitation_record import Excited
from models.predictions import Predictions
from pages.network.excitation_shown import excitation_shown
from pages.shared.addressed import addressed, choose, put_right, say_what_was_put_right, write_address
from pages.shared.gallery import gallery
from pages.shared.halves import halves
from pages.shared.inspector import inspect
from pages.shared.pictures import gallery_items
from pages.shared.state import Workspace, escaped, keep_widget

SHOWN = 9


def class_view(workspace: Workspace, predictions: Predictions) -> None:
    """Draw the view of a class.

    Args:
        workspace: what is open.
        predictions: of its evaluation.
    """
    name = _chosen(predictions)
    index = predictions.class_names.index(name)
    logits = predictions.logits
    left, right = halves("class_excited", (0.5, 0.5), "medium")
    highest = float("nan")
    with left:
        st.markdown(f"##### Validation images with the highest score for {escaped(name)}")
        if logits is not None and len(logits):
            scores = np.asarray(logits[:, index], dtype=np.float64)
            rows = np.argsort(-scores, kind="stable")[:SHOWN]
            highest = float(scores[rows[0]])
            items = [
                replace(item, note=f"score {score:.3g}")
                for item, score in zip(gallery_items(predictions, rows), scores[rows], strict=True)
            ]
            sequence = predictions.images["id"].to_numpy()[rows].tolist()
            st.session_state["gallery_sequence"] = sequence
            gallery(
                items, key="class_images", on_open=lambda image: inspect(image, sequence), columns=3,
                selected=st.session_state.get("image"),
            )  # fmt: skip
    with right:
        excitation_shown(workspace, predictions, Excited("", index), name, highest)


def _chosen(predictions: Predictions) -> str:
    names = predictions.class_names
    asked = addressed("for_class")
    name = asked if asked is not None and asked in names else names[0]
    if asked is not None and asked not in names:
        put_right("for_class", name, f"There is no class {escaped(asked)}; {escaped(name)} is shown instead.")
    say_what_was_put_right("for_class")
    write_address("for_class", name)
    st.selectbox(
        "Class", names, index=names.index(keep_widget("channels_for_class", name)), key="channels_for_class",
        on_change=lambda: choose("for_class", st.session_state["channels_for_class"]), width=420,
    )  # fmt: skip
    return name
