"""Which layer the map is drawn from, and the maps of other layers than the last but one."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.embedding_map import EmbeddingMap
from analysis.embedding_vectors import MapVectors, map_vectors
from analysis.layers.layer_map import layer_map_file, layer_map_spec, layer_vectors, saved_layer_map
from models.prediction_record import PROGRAMS, Predictions
from pages.network.layers_cached import scan, scanned
from pages.shared import cached, state
from pages.shared.job_begin import begin_job
from pages.shared.job_button import job_and_button
from pages.shared.state import Workspace, escaped

KIND = "layer_map"
_EMBEDDING, _EMBEDDING_WORDS = "", "The embedding, which the last layer gets"


def chosen_map_layer(workspace: Workspace, predictions: Predictions) -> str | None:
    """Draw the list of layers; without a look through all layers there is none.

    Returns:
        The name of a layer whose vectors are kept; None for the embedding.
    """
    found = scan(workspace) if _has_layers(predictions) else None
    names = [each.name for each in found.layers if each.numbers is not None] if found else []
    if not names:
        return None
    chosen = st.selectbox(
        "Layer", [_EMBEDDING, *names], format_func=lambda each: each or _EMBEDDING_WORDS, key="map_layer",
        bind="query-params", width=380,
        help="What the map is drawn from: of any layer the mean of each channel over the picture.",
    )  # fmt: skip
    return chosen or None


def offer_layers(workspace: Workspace, predictions: Predictions) -> None:
    """Where there is no list of layers yet, the button that makes it possible."""
    if _has_layers(predictions) and scan(workspace) is None:
        with st.expander("Maps of other layers", icon=":material/layers:", key="map_layers_folded"):
            scanned(workspace, predictions, "The map can also be drawn from what any other layer gives.")


def _has_layers(predictions: Predictions) -> bool:
    return bool(predictions.architecture) and predictions.architecture not in PROGRAMS


def layer_map(workspace: Workspace, layer: str) -> EmbeddingMap | None:
    """The map of a layer; where it is not there yet, draw how far it is, and return None.

    It is begun by itself the first time; one that was stopped waits for a press.
    """
    file = layer_map_file(state.store(), workspace.fingerprint, layer)
    if file.is_file():
        return _opened(str(file), file.stat().st_mtime_ns)
    spec, title = layer_map_spec(workspace.fingerprint, layer), f"Map of the layer {layer}"
    if state.running_jobs().newest_of(KIND, spec) is None:
        begin_job(KIND, spec, title=title)
    job_and_button(
        KIND, spec, label="Draw the map", key="map_of_layer", title=title, primary=True, icon=":material/scatter_plot:",
        words=f"The map of {escaped(layer)} is drawn once and kept.",
    )  # fmt: skip
    return None


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(file: str, changed: int) -> EmbeddingMap | None:
    return saved_layer_map(Path(file))


def revision_of(workspace: Workspace, layer: str | None) -> str:
    """Names the points of a map: another layer has other ones."""
    return workspace.fingerprint if layer is None else f"{workspace.fingerprint}-{layer}"


def vectors_of(workspace: Workspace, layer: str | None) -> MapVectors:
    """What a map that is there was drawn from."""
    if layer is None:
        found = map_vectors(cached.predictions(workspace.fingerprint))
    else:
        known = scan(workspace)
        found = None if known is None else layer_vectors(known, layer)
    assert found is not None
    return found


def layer_words(layer: str) -> str:
    """What the places on a layer's map mean, in Markdown."""
    return (
        f"Images that the layer {escaped(layer)} sees as alike (by the mean of each of its channels over the picture) lie "
        "close together. What is selected stays selected on the map of another layer."
    )
