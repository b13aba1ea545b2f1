"""A map as files: the picture as drawn, and the bare numbers."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from models.decoding import decoded
from pages.explain.drawing_form import Look, kept_look
from pages.explain.running import View
from pages.shared.attribution_grid import Drawing

if TYPE_CHECKING:
    from analysis.attribution.records import Attribution, Method

PNG_SIDE = 1600


def downloads(
    view: View, method: Method, attribution: Attribution, drawing: Drawing, scale: float | None = None
) -> None:
    """Draw the two buttons; the files are made when they are clicked.

    Args:
        view: what is explained.
        method: the method.
        attribution: its map.
        drawing: how it is drawn.
        scale: the relevance at full strength; None takes the map's own percentile.
    """
    name = file_name(view.chosen.path.stem, method.key, view.asked.words)
    look = kept_look()  # read at the click: it changes without asking the server
    st.download_button(
        "Picture (PNG)", lambda: overlay_png(view, method, attribution, drawing, look, scale),
        file_name=f"{name}.png", mime="image/png", icon=":material/image:", on_click="ignore",
        type="tertiary", key=f"{view.name}_{method.key}_png",
    )  # fmt: skip
    st.download_button(
        "Numbers (NPY)", lambda: relevance_npy(attribution),
        file_name=f"{name}.npy", mime="application/octet-stream", icon=":material/data_array:",
        on_click="ignore", type="tertiary", key=f"{view.name}_{method.key}_npy",
        help="The raw relevance over the network's input, float32, rows by columns.",
    )  # fmt: skip


def file_name(image: str, method: str, asked: str) -> str:
    """The name of a download, without its suffix.

    >>> file_name("Bengal_020", "grad_cam", "Siamese rather than Bengal")
    'Bengal_020_grad_cam_for_Siamese_rather_than_Bengal'
    """
    return re.sub(r"[^\w.-]+", "_", f"{image}_{method}_for_{asked}").strip("_")


def overlay_png(  # noqa: PLR0917 - all that makes up the picture on the screen
    view: View,
    method: Method,
    attribution: Attribution,
    drawing: Drawing,
    look: Look,
    scale: float | None = None,
) -> bytes:
    """The picture with the map over it, as on the screen."""
    from analysis.saliency_image import overlay

    picture = decoded(view.chosen.path)  # what is on the screen may be smaller
    drawn = overlay(
        picture, attribution.relevance, view.network.preprocessing.crop_box(*picture.size),
        opacity=look.opacity, grey=look.grey, grain=method.grain, longest=PNG_SIDE, scale=scale,
        **drawing.keywords,
    )  # fmt: skip
    content = io.BytesIO()
    drawn.save(content, "PNG")
    return content.getvalue()


def relevance_npy(attribution: Attribution) -> bytes:
    """The relevance, (H, W) float32, as a .npy file."""
    content = io.BytesIO()
    np.save(content, attribution.relevance.astype(np.float32), allow_pickle=False)
    return content.getvalue()
