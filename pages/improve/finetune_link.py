"""The way from a mistake to a training that is meant to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from models.prediction_record import Predictions
from pages.shared import state
from pages.shared.state import Workspace

_PARAMETERS = {"cell": "cell", "group": "mended", "error": "error"}
"""Of each kind of target: the parameter that names it in the address."""


def finetune_link(
    workspace: Workspace,
    predictions: Predictions,
    kind: Literal["cell", "group", "error", "selection"],
    name: str = "",
    *,
    label: str = "Fine-tune on this",
) -> None:
    """Draw a link to the Fine-tune page with this as its target; nothing where there is no network to train.

    Args:
        workspace: what is open.
        predictions: its predictions.
        kind: of the target.
        name: of the target, as the address has it: of a cell, of classes (``label/label``), or an image's id; the
            selection on the map is known without.
        label: on the link.
    """
    if not predictions.architecture:
        return
    query = {**state.open_query(workspace.spec), "mend": kind}
    if kind in _PARAMETERS:
        query[_PARAMETERS[kind]] = name
    st.page_link(
        state.FINETUNE_PAGE, label=label, icon=":material/model_training:", query_params=query,
        help="Train the network further, with more of the training images that look like these mistakes.",
    )  # fmt: skip


def classes_name(names: Sequence[str]) -> str:
    """Some classes as the URL names them, as `cell_name` writes two.

    >>> classes_name(["cat", "50/50"])
    'cat/50%2F50'
    """
    return "/".join(name.replace("%", "%25").replace("/", "%2F") for name in names)
