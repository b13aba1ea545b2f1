"""What is kept between reruns, each under the fingerprint of the evaluation it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from analysis.axis import MatrixView, matrix_view
from analysis.confusion import confusion_counts
from analysis.ordering import Order, class_order
from analysis.rare_errors import RareError, rare_errors
from models.evaluation import EvaluationSpec
from models.predictions import Predictions
from models.recent import recent
from models.saved_predictions import kept_predictions, saved_network
from pages.shared import state
from pages.shared.interruptible import interruptible

if TYPE_CHECKING:
    from models.network import Network


@st.cache_resource(max_entries=4, show_spinner="Opening the saved predictions…")
def predictions(fingerprint: str) -> Predictions:
    """The saved predictions; their large arrays stay on disk, mapped into memory and read-only.

    Raises:
        PredictionsError: they are gone or damaged.
    """
    return kept_predictions(state.store(), fingerprint)


@st.cache_resource(max_entries=4, show_spinner=False)
def counts(fingerprint: str) -> npt.NDArray[np.int64]:
    """The confusion matrix, (C, C), row = label, column = prediction."""
    opened = predictions(fingerprint)
    return confusion_counts(opened.labels, opened.predicted, len(opened.class_names))


@st.cache_resource(max_entries=12, show_spinner="Ordering the classes…")
def order(fingerprint: str, by: Order) -> npt.NDArray[np.intp]:
    """The order of the classes along both axes, (C,)."""
    return class_order(counts(fingerprint), by=by, class_names=predictions(fingerprint).class_names)


@st.cache_resource(max_entries=6, show_spinner=False)
def view(
    fingerprint: str, by: Order, folded: tuple[str, ...], shown: tuple[str, ...], min_count: int
) -> MatrixView:
    """The matrix as it is shown: ordered, folded and filtered."""
    opened = predictions(fingerprint)
    return matrix_view(
        counts(fingerprint),
        opened.class_names,
        opened.groups,
        order=order(fingerprint, by),
        folded=folded,
        shown=shown or None,
        min_count=min_count,
    )


@st.cache_resource(max_entries=4, show_spinner="Looking for odd errors…")
def odd_errors(fingerprint: str) -> list[RareError]:
    """The errors nobody would expect, the oddest first."""
    return rare_errors(predictions(fingerprint))


@st.cache_resource(max_entries=4, show_spinner=False)
def positions(fingerprint: str) -> pd.Series[int]:
    """Row number of each image id."""
    images = predictions(fingerprint).images
    return pd.Series(range(len(images)), index=images["id"])


def network(spec: EvaluationSpec, fingerprint: str) -> Network:
    """The network of an evaluation, shared by all sessions and jobs.

    Raises:
        CheckpointError: the file is gone, or holds other weights than those that made the predictions.
    """
    made = predictions(fingerprint)

    def opened() -> Network:
        # Imported here: torch takes seconds, and a saved evaluation opens without it.
        from models.open_networks import shared_network

        return shared_network(spec, made)

    with st.spinner("Loading the network…", show_time=False):
        return interruptible(opened)


def other_evaluations(workspace: state.Workspace) -> dict[str, str]:
    """Saved evaluations of the same network on other images (its training images, say).

    Returns:
        What a person calls the images, to the fingerprint of the evaluation; only those with embeddings.
    """
    own = predictions(workspace.fingerprint).network_fingerprint
    found: dict[str, str] = {}
    for entry in recent(state.store(), limit=50):
        other = entry.fingerprint != workspace.fingerprint and "images" in entry.spec
        if own and other and saved_network(state.store(), entry.fingerprint) == (own, True):
            found.setdefault(state.images_words(EvaluationSpec.from_json(entry.spec)), entry.fingerprint)
    return found
