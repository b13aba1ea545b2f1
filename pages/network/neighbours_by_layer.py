"""An image of the pair, and its nearest images as one layer after another sees them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st

from analysis.layers.layer_neighbours import LayerNeighbours, chance_share
from analysis.layers.probe_words import neighbour_words
from analysis.layers.scan_record import LayerScan
from models.predictions import Predictions
from pages.mistakes import pair_cached
from pages.mistakes.cell_gallery import sorted_images
from pages.mistakes.pair_choice import Classes
from pages.network import probe_cached
from pages.network.probe_chart import neighbours_chart
from pages.shared import cached
from pages.shared.addressed import newest, write_later
from pages.shared.gallery import gallery
from pages.shared.inspector import inspect, verdict
from pages.shared.pictures import gallery_items
from pages.shared.state import Workspace, escaped

STRIP = 12
SHOWN = 7
MOST_LAYERS = 8


def neighbours_by_layer(
    workspace: Workspace, predictions: Predictions, scan: LayerScan, chosen: Classes
) -> None:
    """Choose an image, and draw how its neighbours change with depth and which they are."""
    row = _chosen_image(workspace, predictions, chosen)
    if row is None:
        st.caption("There are no images of this pair.")
        return
    with st.container(horizontal=True, vertical_alignment="center", key="layers_image"):
        st.markdown(f"##### {escaped(verdict(predictions, row))}", width="content")
        image = str(predictions.images["id"].iloc[row])
        st.button(
            "Look at it", key="layers_look", icon=":material/zoom_in:", type="tertiary", on_click=inspect,
            args=(image, [image]),
        )  # fmt: skip
    found = probe_cached.neighbours(workspace.fingerprint, row, scan)
    if not found or not len(found[0].rows):
        st.caption(
            "There is no other image."
            if found
            else "This image could not be read again, so its vectors are not known."
        )
        return
    names = predictions.class_names
    label, predicted = int(predictions.labels[row]), int(predictions.predicted[row])
    st.markdown(escaped(neighbour_words(found, names[label], names[predicted])))
    lines = [("with_label", label), ("with_predicted", predicted)][: 1 if label == predicted else 2]
    k = len(found[0].rows)
    drawn = [
        (which, names[index], k * chance_share(predictions.labels, row, index)) for which, index in lines
    ]
    st.plotly_chart(
        neighbours_chart(found, len(scan.layers), drawn), key="layers_neighbours_chart", config={"displayModeBar": False}
    )  # fmt: skip
    st.caption(
        f"The {k} nearest by cosine of the mean of each channel; dotted: how many it would be of images drawn by lot."
    )
    for each in _chosen_layers(workspace, found):
        _row(predictions, each, names[label], names[predicted])


def _chosen_image(workspace: Workspace, predictions: Predictions, chosen: Classes) -> int | None:
    """Draw the images to choose from, and return the row number of the chosen one."""
    rows, n_wrong = _candidates(workspace, predictions, chosen)
    asked = newest("near", "near", "written_near")
    positions = cached.positions(workspace.fingerprint)
    known = asked is not None and asked in positions.index
    row = int(positions[str(asked)]) if known else int(rows[0]) if len(rows) else None
    if row is None:
        return None
    if asked is not None and not known:
        st.info("The image of this link is not among these images; the usual one is shown instead.")
    write_later("near", str(predictions.images["id"].iloc[row]), "written_near")
    words = (
        "The images of both classes"
        if n_wrong == 0
        else "The images of both classes, those that are confused first"
    )
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="layers_strip_head",
    ):
        st.caption(f"{words}. Choose one:", width="content")
        page = 1
        if len(rows) > STRIP:
            pair = "-".join(map(str, chosen))
            page = st.pagination(
                math.ceil(len(rows) / STRIP), key=f"layers_strip_page_{pair}", width="content"
            )
    shown = rows[(page - 1) * STRIP : page * STRIP]
    gallery(
        gallery_items(predictions, shown), key="layers_strip", strip=True, on_open=_choose,
        selected=str(predictions.images["id"].iloc[row]),
    )  # fmt: skip
    return row


def _choose(image: str) -> None:
    st.session_state["near"] = image


def _candidates(
    workspace: Workspace, predictions: Predictions, chosen: Classes
) -> tuple[npt.NDArray[np.intp], int]:
    """The images of a pair: those taken for the other class, all other mistakes, then the right ones."""
    rows = pair_cached.rows(workspace.fingerprint, *chosen)
    by = "confidence" if predictions.has_probabilities else "path"
    labels, predicted = predictions.labels, predictions.predicted
    elsewhere = np.flatnonzero(np.isin(labels, chosen) & ~np.isin(predicted, chosen))
    parts = [
        np.concatenate([rows.a_as_b, rows.b_as_a]), elsewhere, np.concatenate([rows.a_right, rows.b_right])
    ]  # fmt: skip
    return np.concatenate([sorted_images(predictions, part, by) for part in parts]), len(parts[0])


def _chosen_layers(workspace: Workspace, found: Sequence[LayerNeighbours]) -> list[LayerNeighbours]:
    known = {each.layer: each for each in found}
    names = list(known)
    usual = [
        names[place] for place in sorted({round(share * (len(names) - 1)) for share in (0, 1 / 3, 2 / 3, 1)})
    ]
    # a key of its own for each evaluation: another network has other layers
    chosen = st.multiselect(
        "Layers", names, default=usual, max_selections=MOST_LAYERS, key=f"layers_rows_{workspace.fingerprint[:8]}",
        persist_state="session", placeholder="Choose layers",
    )  # fmt: skip
    return sorted((known[name] for name in chosen), key=lambda each: each.depth)


def _row(predictions: Predictions, found: LayerNeighbours, label: str, predicted: str) -> None:
    counts = f"{found.with_label} of {len(found.rows)} are {label}"
    if label != predicted:
        counts += f", {found.with_predicted} {predicted}"
    with st.container(key=f"layers_row_{found.depth}"):
        st.markdown(f"**{escaped(found.layer)}** · layer {found.depth + 1} · {escaped(counts)}")
        sequence = predictions.images["id"].to_numpy()[found.rows].tolist()
        gallery(
            gallery_items(
                predictions, found.rows[:SHOWN], _similarity_words(found)
            ),
            key=f"layers_near_{found.depth}",
            on_open=lambda image: inspect(image, sequence), selected=st.session_state.get("image"),
        )  # fmt: skip


def _similarity_words(found: LayerNeighbours) -> list[str]:
    # at early layers all images point nearly the same way
    shown = found.similarities[:SHOWN]
    return [f"similarity {each:.{4 if shown.min() > 0.99 else 2}f}" for each in shown]
