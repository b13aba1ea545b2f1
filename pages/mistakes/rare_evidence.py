"""What speaks for the label and for the prediction of one mistake: where the network looked, what is alike."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from analysis.confusion import cell_images
from analysis.neighbours import nearest
from analysis.rare_errors import RareError
from models.errors import AttributionError, ImagesError
from models.fingerprints import content_key
from models.prediction_record import Predictions
from pages.shared import cached, state
from pages.shared.attribution_grid import Drawing, drawn_maps, frame_address, map_address, picture_address
from pages.shared.gallery import gallery
from pages.shared.inspector import inspect
from pages.shared.pictures import gallery_items
from pages.shared.state import Workspace

NEIGHBOURS = 4
METHOD = "grad_cam"


def neighbours_of_both(predictions: Predictions, error: RareError) -> None:
    """The rightly recognised images of both classes that are nearest to the mistake."""
    if predictions.embeddings is None:
        st.caption(
            "Without embeddings the nearest images of both classes can't be shown."
            if not predictions.architecture
            else "This network gives no embeddings, so the nearest images can't be shown."
        )
        return
    for side, name in (("predicted", error.predicted), ("label", error.label)):
        index = predictions.class_names.index(name)
        among = cell_images(predictions.labels, predictions.predicted, (index,), (index,))
        found, similarities = nearest(predictions.embeddings, error.index, NEIGHBOURS, among)
        words = "called so" if side == "predicted" else "labelled so"
        st.markdown(f"**Nearest {state.escaped(name)}** ({words}), rightly recognised")
        identifiers = predictions.images["id"].to_numpy()[found].tolist()
        gallery(
            gallery_items(predictions, found, [f"similarity {each:.2f}" for each in similarities]),
            key=f"nearest_{side}",
            on_open=partial(inspect, sequence=identifiers),
            empty=f"No image of {name} was recognised.",
            compact=True,
        )


def looked_at(workspace: Workspace, predictions: Predictions, error: RareError, picture: Image.Image) -> None:
    """Grad-CAM for the prediction and for the label, side by side."""
    if not predictions.architecture:
        st.caption("These predictions came from a table, so there is no network to ask where it looked.")
        return
    path = predictions.absolute(error.path)
    try:
        maps, box = _maps(workspace, predictions, error, path, picture)
    except (AttributionError, ImagesError) as problem:
        st.info(state.escaped(str(problem)), icon=":material/info:")
        return
    drawn_maps(
        {
            "base": picture_address(content_key(path), picture),
            "frame": frame_address(box, picture.size),
            "maps": maps,
            "ratio": picture.width / picture.height,
            "slider": True,
            "label": "Where the network looked",
            "note": "Grad-CAM: a coarse map of what speaks for a class.",
        },
        key="rare_maps",
    )


def _maps(
    workspace: Workspace, predictions: Predictions, error: RareError, path: Path, picture: Image.Image
) -> tuple[list[dict[str, object]], tuple[float, float, float, float]]:
    from analysis.attribution import METHODS
    from analysis.attribution.saved import saved_steps
    from models.image_input import image_input

    network = cached.network(workspace.spec, workspace.fingerprint)
    box = network.preprocessing.crop_box(*picture.size)
    named = (("predicted", error.predicted), ("label", error.label))
    targets = [predictions.class_names.index(name) for _, name in named]
    key = content_key(path)  # before the file is read: one changed in between is then explained anew
    inputs = image_input(path, network.preprocessing)
    *_, last = saved_steps(state.store(), network, inputs, targets, METHOD, image_key=key)
    maps: list[dict[str, object]] = []
    for (side, name), found in zip(named, last.attributions, strict=True):
        title = f"for {name} ({side})"
        if found.is_blank or not np.any(found.relevance > 0):
            maps.append({"title": title, "relevance": None, "word": "No positive evidence for this class."})
            continue
        address = map_address(found.relevance, METHODS[METHOD].grain, box, picture.size, Drawing())
        maps.append({"title": title, "relevance": address, "word": ""})
    return maps, box
