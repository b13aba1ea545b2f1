"""Which second image stands beside the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from analysis.layers.beside import right_image_like
from models.fingerprints import content_key
from models.predictions import Predictions
from pages.explain.chosen_image import Chosen, opened_picture
from pages.shared import cached
from pages.shared.addressed import addressed, choose, write_address
from pages.shared.inspector import verdict
from pages.shared.state import Workspace, keep_widget

NONE, CALLED, LABELLED, OTHER = "none", "called", "labelled", "other"


@dataclass(frozen=True)
class Beside:
    """The second image.

    Args:
        picture: the image.
        title: what a person calls it.
    """

    picture: Chosen
    title: str


def image_beside(workspace: Workspace, predictions: Predictions, chosen: Chosen) -> Beside | None:
    """Ask for the second image; the query parameter ``beside`` names the way, or the image's id.

    Args:
        workspace: what is open.
        predictions: of all images.
        chosen: the first image.

    Raises:
        ImagesError: its file cannot be read.
    """
    assert chosen.probabilities is not None
    positions = cached.positions(workspace.fingerprint)
    known = addressed("image")
    row = int(positions[known]) if known is not None and known in positions.index else None
    called = int(np.argmax(chosen.probabilities))
    names = predictions.class_names
    ways = {NONE: "Nothing", CALLED: f"A right {names[called]} like it"}
    if chosen.label is not None and chosen.label != called:
        ways[LABELLED] = f"A right {names[chosen.label]} like it"
    ways[OTHER] = "Another image…"
    asked = addressed("beside")
    way = asked if asked in ways else OTHER if asked in positions.index else NONE
    st.selectbox(
        "Beside", list(ways), index=list(ways).index(keep_widget("maps_beside", way)), format_func=ways.__getitem__,
        key="maps_beside", on_change=lambda: choose("beside", st.session_state["maps_beside"]),
    )  # fmt: skip
    if way == NONE:
        write_address("beside", NONE)
        return None
    if way == OTHER:
        other = _another(predictions, positions, asked)
    else:
        other = right_image_like(predictions, called if way == CALLED else chosen.label or 0, row)
        write_address("beside", way)
        if other is None:
            st.caption("No image of this class is right.")
    return None if other is None else _opened(predictions, other)


def _another(predictions: Predictions, positions: object, asked: str | None) -> int | None:
    ids = predictions.images["id"].tolist()
    words = dict(zip(ids, predictions.images["path"].tolist(), strict=True))
    index = ids.index(asked) if asked in words else None
    st.selectbox(
        "Which image", ids, index=index, format_func=words.__getitem__, key="maps_beside_image",
        placeholder="Type a part of its name", label_visibility="collapsed",
        on_change=lambda: choose("beside", st.session_state["maps_beside_image"] or OTHER),
    )  # fmt: skip
    write_address("beside", asked if index is not None and asked is not None else OTHER)
    return index


def _opened(predictions: Predictions, row: int) -> Beside:
    path = predictions.absolute(predictions.images["path"].iloc[row])
    key = content_key(path)
    given = predictions.probabilities
    picture = Chosen(
        path,
        *opened_picture(str(path), key),
        label=int(predictions.labels[row]),
        probabilities=None if given is None else np.array(given[row]),
    )
    return Beside(picture, verdict(predictions, row))
