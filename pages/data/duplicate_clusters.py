"""The pictures that occur more than once, each with its images side by side."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import streamlit as st

from analysis.duplicates import DuplicateCluster, Duplicates
from models.prediction_record import Predictions
from pages.shared import state
from pages.shared.gallery import gallery
from pages.shared.inspector import inspect
from pages.shared.pictures import gallery_items

PAGE_SIZE = 10
MOST_SHOWN = 12
FILTERS = {"all": "All", "exact": "Exact", "near": "Changed", "conflict": "Different labels"}


def clusters_list(predictions: Predictions, duplicates: Duplicates) -> None:
    """Draw the clusters, a page at a time; an image opens in the inspector, which steps through all of them."""
    clusters = duplicates.clusters
    offered = [name for name in FILTERS if name == "all" or filtered(clusters, name)]
    kind = "all"
    if len(offered) > 2:
        kind = st.segmented_control(
            "Show", offered, default="all", required=True, key="duplicates_shown", label_visibility="collapsed",
            format_func=lambda name: f"{FILTERS[name]} ({len(filtered(clusters, name)):,})",
        )  # fmt: skip
    shown = filtered(clusters, kind)
    page = 1
    if len(shown) > PAGE_SIZE:
        page = st.pagination(math.ceil(len(shown) / PAGE_SIZE), key=f"duplicates_page_{kind}")
    identifiers = predictions.images["id"].to_numpy()
    sequence = [str(identifiers[row]) for cluster in shown for row in cluster.rows]
    st.session_state["gallery_sequence"] = sequence
    for cluster in shown[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]:
        _cluster(predictions, cluster, sequence)


def filtered(clusters: tuple[DuplicateCluster, ...], by: str) -> tuple[DuplicateCluster, ...]:
    """The clusters that a key of FILTERS names."""
    if by == "all":
        return clusters
    return tuple(
        cluster for cluster in clusters if (cluster.conflict and by == "conflict") or cluster.kind == by
    )


def cluster_words(predictions: Predictions, cluster: DuplicateCluster) -> str:
    """What a cluster is, in Markdown: how often, whose label, why."""
    names = [
        predictions.class_names[label]
        for label in dict.fromkeys(predictions.labels[list(cluster.rows)].tolist())
    ]
    labels = " and ".join(f"**{state.escaped(name)}**" for name in names)
    words = f"{len(cluster.rows)} images labelled {labels} · {state.escaped(cluster.evidence)}"
    return f":material/warning: {words}" if cluster.conflict else words


def _cluster(predictions: Predictions, cluster: DuplicateCluster, sequence: list[str]) -> None:
    rows = cluster.rows[:MOST_SHOWN]
    splits = predictions.images["split"].iloc[list(rows)].tolist()
    paths = predictions.images["path"].iloc[list(rows)].tolist()
    names = [Path(path).name for path in paths]
    notes = [f"{split}: {name}" if split else name for split, name in zip(splits, names, strict=True)]
    with st.container(border=True):
        st.markdown(cluster_words(predictions, cluster))
        gallery(
            gallery_items(predictions, np.array(rows), notes), key=f"cluster_{cluster.rows[0]}",
            selected=st.session_state.get("image"), on_open=lambda image: inspect(image, sequence),
        )  # fmt: skip
        if len(cluster.rows) > MOST_SHOWN:
            st.caption(f"and {len(cluster.rows) - MOST_SHOWN:,} more; the CSV lists them all")
