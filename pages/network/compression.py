"""A smaller network: fewer channels, zeros, half precision or int8, and who pays for it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from models.compress.spec import METHODS
from models.onnx_runtime import INSTALL, has_onnx_runtime
from models.prediction_record import PROGRAMS, Predictions
from pages.network.compression_images import training_images
from pages.network.compression_kept import kept_networks
from pages.network.compression_save import save_form
from pages.network.compression_sweep import sweep_shown
from pages.shared.addressed import settle_addresses
from pages.shared.opened import opened_predictions


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.html(Path(__file__).with_name("compression.css"))
    st.title("Compression")
    st.caption(
        "Make the open network smaller or faster, and see what that costs: file, time, accuracy, and the classes and cells "
        "that pay for it. What you keep becomes a version; the open network stays as it is."
    )
    settle_addresses()
    with st.container(key="compression"):
        if _can_shrink(predictions):
            chosen = st.segmented_control(
                "Way", list(METHODS), format_func=lambda key: METHODS[key].label, default="channels", required=True,
                key="compression_way", persist_state="session", label_visibility="collapsed",
            )  # fmt: skip
            method = METHODS[chosen].key
            st.markdown(METHODS[method].sentence)
            if method == "int8" and not has_onnx_runtime():
                st.warning(
                    f"ONNX Runtime, which computes in 8 bits, is not installed. {INSTALL}",
                    icon=":material/download:",
                )
            elif (training := training_images(workspace, method)) is not None:
                swept = METHODS[method].amounts
                amount = sweep_shown(workspace, predictions, method, training) if swept else 0.0
                save_form(workspace, predictions, method, amount, training)
        kept_networks(workspace)


def _can_shrink(predictions: Predictions) -> bool:
    """Whether there are weights to change; where there are none, say why."""
    if not predictions.architecture:
        words = "These predictions came from a table, so there is no network to make smaller. Open the checkpoint that made them."
    elif predictions.architecture in PROGRAMS:
        words = (
            f"This network is a program ({predictions.architecture}): its weights cannot be changed. Open the checkpoint of "
            "weights that it was exported from."
        )
    else:
        return True
    st.info(words, icon=":material/info:")
    return False


page()
