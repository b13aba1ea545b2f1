"""What the fields of the setup page hold before anything is typed: a link's files, or what failed to open."""

from __future__ import annotations

from typing import Any

import streamlit as st

from models.table_file import is_table
from pages.open.predictions_panel import ALL_SPLITS
from pages.shared import state

FIELDS = ("model_path", "images_path", "predictions_path", "predictions_images")


def is_waiting() -> bool:
    """Whether a link named files that the person has not yet agreed to read."""
    return "asked" in st.session_state


def check_asked() -> None:
    """Let the files of the link be read from now on."""
    st.session_state["link"] = st.session_state.pop("asked")


def forget_link() -> None:
    """Drop the link: something was opened instead."""
    for name in ("asked", "link"):
        st.session_state.pop(name, None)


def are_predictions() -> bool:
    """Whether what the fields begin with is a table of predictions, not a checkpoint."""
    return "predictions_path" in _origin()[1]


def fill_fields() -> None:
    """Begin the empty fields with the link's files, or with the evaluation that failed, to be mended here.

    Trust is never filled in. Each origin fills once; what a person empties afterwards stays empty.
    """
    origin, values = _origin()
    if not origin:
        return
    is_fresh = "model_path" not in st.session_state
    is_empty = not any(st.session_state.get(field) for field in FIELDS)
    if is_fresh or (is_empty and st.session_state.get("filled_from") != origin):
        st.session_state["filled_from"] = origin
        st.session_state.update(values)


def _origin() -> tuple[str, dict[str, Any]]:
    link = st.session_state.get("asked") or st.session_state.get("link")
    if link:
        model, images = link.get("model") or "", link.get("images") or ""
        fields = FIELDS[2:] if is_table(model) else FIELDS[:2]
        return "link", dict(zip(fields, (model, images), strict=True))
    job, spec = state.evaluation_job(), state.open_spec()
    if job is None or job.state != "failed" or spec is None:
        return "", {}
    if spec.predictions is not None:
        return job.id, {
            "predictions_path": spec.predictions,
            "predictions_images": spec.images,
            "predictions_groups": spec.groups or "",
            "predictions_split": spec.split or ALL_SPLITS,
        }
    return job.id, {
        "model_path": spec.checkpoint,
        "model_classes": spec.class_names or "",
        "images_path": spec.images,
        "images_groups": spec.groups or "",
        "images_split": spec.split,
        "images_limit": spec.limit,
    }
