"""The images of a cell in groups, by where their evidence lies."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from analysis.cell_record import CellMaps
from analysis.map_clusters import FEWEST_IMAGES, MapCluster
from analysis.map_drawing import mean_map_pictures
from analysis.map_findings import MapFindings
from models.predictions import Predictions
from pages.explain.cell_drawing import marked_picture, row
from pages.shared.gallery import gallery
from pages.shared.halves import halves
from pages.shared.inspector import inspect
from pages.shared.pictures import gallery_items

EXAMPLES = 8


def clusters(predictions: Predictions, maps: CellMaps, found: MapFindings) -> None:
    """Draw each cluster with its mean map and its most typical images."""
    st.subheader("Groups of images with the same evidence")
    groups = found.clustering.clusters
    n = found.groups["cell"].n if "cell" in found.groups else 0
    if n < FEWEST_IMAGES:
        st.caption(f"Too few images to group: {n} of at least {FEWEST_IMAGES}.")
    elif len(groups) == 1:
        st.caption(
            "The maps form no groups: the evidence lies alike in all images. The most typical come first."
        )
    else:
        st.caption(
            "Images are grouped by their maps alone (spectral relevance analysis); the rectangle is where a group "
            "has most more evidence than the rest. Groups also part poses: only a group that looks away from the "
            "object is suspicious."
        )
    pictures = mean_map_pictures(
        [maps.mean_picture("cell")] * len(groups), [each.mean_map for each in groups]
    )
    for place, (cluster, picture) in enumerate(zip(groups, pictures, strict=True)):
        _cluster(predictions, maps, cluster, picture, place, alone=len(groups) == 1)


def _cluster(
    predictions: Predictions, maps: CellMaps, cluster: MapCluster, picture: bytes, place: int, *, alone: bool
) -> None:
    images = maps.images[maps.rows("cell")[list(cluster.indices)]]
    with st.container(key=f"cell_cluster_{place}"):
        left, right = (
            (None, st.container()) if alone else halves(f"cell_cluster_{place}", (0.2, 0.8), "medium")
        )
        if left is not None:
            left.html(
                row(
                    [
                        marked_picture(
                            picture,
                            f"mean map of group {place + 1}",
                            _words(cluster),
                            [(cluster.hot_region, "")],
                        )
                    ]
                )
            )
        every = st.session_state.get(f"cell_all_of_group_{place}") == maps.groups.name
        shown: np.ndarray[tuple[int], np.dtype[np.intp]] = images if every else images[:EXAMPLES]
        identifiers = predictions.images["id"].to_numpy()[images].tolist()
        with right:
            gallery(
                gallery_items(predictions, shown),
                key=f"cell_examples_{place}",
                on_open=lambda image: inspect(image, identifiers),
                compact=True,
            )
            if len(images) > EXAMPLES:
                st.button(
                    "Show fewer" if every else f"Show all {len(images)}", key=f"cell_all_of_group_button_{place}",
                    type="tertiary", icon=":material/unfold_less:" if every else ":material/unfold_more:",
                    on_click=_show_all, args=(place, None if every else maps.groups.name),
                )  # fmt: skip


def _show_all(place: int, cell: str | None) -> None:
    """Show every image of a group of this cell; None shows the most typical ones only."""
    st.session_state[f"cell_all_of_group_{place}"] = cell


def _words(cluster: MapCluster) -> str:
    words = f"{cluster.size} {'image' if cluster.size == 1 else 'images'}"
    if math.isnan(cluster.rest_share):
        return words
    return f"{words} · {cluster.share:.0%} of their evidence in the rectangle, {cluster.rest_share:.0%} in the rest"
