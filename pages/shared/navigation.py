"""The sections of the sidebar and their pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.shared import state

_SECTIONS: Mapping[str, tuple[tuple[str, str, str, str], ...]] = {
    "Mistakes": (
        (state.MATRIX_PAGE, "Confusion matrix", "grid_on", "matrix"),
        (state.OVERVIEW_PAGE, "Overview", "insights", "overview"),
        (state.PAIRS_PAGE, "Confusable classes", "hub", "pairs"),
        (state.PAIR_PAGE, "One pair", "compare", "pair"),
        (state.RARE_PAGE, "Rare errors", "priority_high", "rare"),
        (state.CALIBRATION_PAGE, "Calibration", "speed", "calibration"),
    ),
    "Data": (
        (state.LABELS_PAGE, "Label candidates", "label", "labels"),
        (state.DUPLICATES_PAGE, "Duplicates and leakage", "content_copy", "duplicates"),
        (state.SLICES_PAGE, "Slices", "donut_small", "slices"),
        (state.MAP_PAGE, "Embedding map", "scatter_plot", "map"),
        (state.NOTES_PAGE, "Notes and report", "edit_note", "notes"),
    ),
    "Explain": (
        (state.EXPLAIN_PAGE, "One image", "image_search", "explain"),
        (state.CELL_PAGE, "Shared evidence", "join_inner", "cell"),
    ),
    "Network": (
        (state.ARCHITECTURE_PAGE, "Architecture", "schema", "architecture"),
        (state.BACKBONES_PAGE, "Backbones", "stacks", "backbones"),
        (state.WEIGHTS_PAGE, "Learned weights", "tune", "weights"),
        (state.FEATURE_MAPS_PAGE, "Feature maps", "apps", "feature_maps"),
        (state.CHANNELS_PAGE, "Channels", "blur_on", "channels"),
        (state.LAYERS_PAGE, "Layer by layer", "linear_scale", "layers"),
        (state.COMPRESSION_PAGE, "Compression", "compress", "compression"),
    ),
    "Improve": (
        (state.FINETUNE_PAGE, "Fine-tune", "model_training", "finetune"),
        (state.JOBS_PAGE, "Jobs", "pending_actions", "jobs"),
        (state.VERSIONS_PAGE, "Versions", "account_tree", "versions"),
        (state.COMPARE_PAGE, "Before and after", "difference", "compare"),
    ),
    "Open": ((state.SETUP_PAGE, "Model and images", "folder_open", "open"),),
}
"""Section to path, title, icon and address of its pages; the first of all is where an empty address leads."""


def navigation() -> dict[str, list[Any]]:
    """The pages as Streamlit takes them."""
    return {
        section: [
            st.Page(
                path,
                title=title,
                icon=f":material/{icon}:",
                url_path=address,
                default=path == state.MATRIX_PAGE,
            )
            for path, title, icon, address in pages
        ]
        for section, pages in _SECTIONS.items()
    }
