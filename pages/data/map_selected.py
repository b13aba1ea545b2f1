"""The images that are selected on the map, beside it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from analysis.embedding_faithfulness import PointPlace, point_place
from analysis.embedding_map import EmbeddingMap
from analysis.embedding_map_words import LAYER, labels_words, place_words, selection_words
from analysis.embedding_selection import map_selection
from analysis.embedding_vectors import MapVectors
from models.prediction_record import Predictions
from pages.data.map_layer import revision_of, vectors_of
from pages.improve.finetune_link import finetune_link
from pages.shared import state
from pages.shared.inspector import inspect
from pages.shared.paged_gallery import paged_gallery
from pages.shared.scatter import NOTHING, ScatterSelection

SELECTED = "map_selection"


@st.cache_resource(max_entries=32, show_spinner="Comparing with all images…")
def placed(revision: str, row: int, _vectors: MapVectors, _found: EmbeddingMap) -> PointPlace:
    """How far the place of one image can be trusted.

    Args:
        revision: names the map (`revision_of`).
        row: of the image.
    """
    return point_place(_vectors, _found.positions, row)


def selection_of(workspace: state.Workspace) -> ScatterSelection:
    """What is selected on the map of these images."""
    fingerprint, selection = st.session_state.get(SELECTED, ("", NOTHING))
    return selection if fingerprint == workspace.fingerprint else NOTHING


def keep_selection(workspace: state.Workspace, selection: ScatterSelection) -> None:
    """Make this what is selected."""
    st.session_state[SELECTED] = workspace.fingerprint, selection


def open_row(predictions: Predictions, row: int) -> None:
    """Open the image of one point in the inspector."""
    image = str(predictions.images["id"].iloc[row])
    inspect(image, [image])


def draw_selection(
    workspace: state.Workspace, predictions: Predictions, found: EmbeddingMap, layer: str | None
) -> None:
    """The selected images in words and as a gallery; before there are any, how to select some."""
    selection = selection_of(workspace)
    if len(selection.rows) == 0:
        with st.container(key="map_selected"):
            st.markdown("##### Select images on the map")
            st.markdown(
                "Draw around a place to see its images here. Click one point for that image and its "
                "neighbours on the map, double-click to open it, or press a colour in the legend. "
                "Hold Shift to add to what is selected; Escape clears it."
            )
        st.session_state["gallery_sequence"] = []
        return
    if selection.kind == "point" and found.method != "none":
        _one_point(workspace, predictions, found, layer, int(selection.rows[0]))
    else:
        _region(workspace, predictions, selection)


def _one_point(
    workspace: state.Workspace, predictions: Predictions, found: EmbeddingMap, layer: str | None, row: int
) -> None:
    place = placed(revision_of(workspace, layer), row, vectors_of(workspace, layer), found)
    _heading("This image and its nearest on the map", workspace)
    if len(place.on_map):
        st.caption(place_words(place, found.space if layer is None else LAYER))
    rows = np.concatenate([[row], place.on_map]).astype(np.intp)
    notes = ["selected", *("" for _ in place.on_map)]
    paged_gallery(predictions, rows, key="map_gallery", page_key="map_page_of_point", notes=notes)


def _region(workspace: state.Workspace, predictions: Predictions, selection: ScatterSelection) -> None:
    marked = map_selection(predictions, selection.rows)
    _heading(selection_words(marked), workspace)
    st.markdown(state.escaped(labels_words(marked)))
    if marked.error_rate > marked.error_rate_elsewhere:
        with st.container(horizontal=True, vertical_alignment="center", key="map_caution"):
            st.caption(
                "A place picked by eye for its mistakes has more of them than elsewhere: that proves nothing yet. "
                "Slices tests kinds of image on a half that was held back."
            )
            st.page_link(
                state.SLICES_PAGE, label="Slices", icon=":material/donut_small:", query_params=state.open_query(workspace.spec)
            )  # fmt: skip
    if marked.error_rate > 0:
        finetune_link(workspace, predictions, "selection", label="Fine-tune on the mistakes among these")
    paged_gallery(predictions, marked.rows, key="map_gallery", page_key=f"map_page_{selection.serial}")


def _heading(words: str, workspace: state.Workspace) -> None:
    with st.container(key="map_selected"):
        left, right = st.columns([0.8, 0.2], vertical_alignment="center")
        left.markdown(f"##### {state.escaped(words)}")
        right.button(
            "Clear", key="map_clear", icon=":material/close:", type="tertiary", on_click=_clear, args=(workspace,),
            help="Select nothing (Escape on the map)",
        )  # fmt: skip


def _clear(workspace: state.Workspace) -> None:
    # the serial stays: the browser takes it as the answer to its last selection
    keep_selection(workspace, ScatterSelection(NOTHING.rows, "region", selection_of(workspace).serial))
