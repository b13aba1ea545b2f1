"""The way of the setup page for people who have predictions but no network."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from models.errors import ErrorscopeError
from models.evaluation import EvaluationSpec, table_predictions
from models.fingerprints import FileState, file_state
from models.images import preferred_split
from models.prediction_record import SCORE_COLUMNS, Predictions
from models.prediction_selection import table_splits
from pages.open.given_file import given_path, typed_path
from pages.shared import state
from pages.shared.halves import halves

SUFFIXES = ["csv", "tsv", "parquet"]
ALL_SPLITS = "all together"
BELIEVED_SECONDS = 30
"""For how long it is believed which pictures are there."""
_OWN = {"id", "path", "label", "group", "split", *SCORE_COLUMNS}


def predictions_panel(*, is_waiting: bool) -> tuple[EvaluationSpec | None, int]:
    """Ask for a table of predictions, and say what was recognised.

    Args:
        is_waiting: whether the table must not be read yet.

    Returns:
        What to open, and its number of images; None and 0 while there is nothing, or an error.
    """
    left, right = halves("predictions")
    with left:
        st.subheader("Predictions")
        path = given_path(
            "Table of predictions", "predictions", SUFFIXES,
            "CSV or Parquet with the columns path and label, and either predicted or one probability column per class "
            "(called like the class, or probability_<class>). Columns group and split are used where they are there, and "
            "any other column can describe a slice.",
        )  # fmt: skip
        images = st.text_input(
            "Folder of the images (optional)", key="predictions_images", placeholder="the folder of the table",
            help="What the paths in the table are relative to. Without the image files everything works that needs no "
            "picture.",
        )  # fmt: skip
        groups = st.text_input(
            "File of groups (optional)", key="predictions_groups", placeholder="groups.csv",
            help="CSV with columns class and group, or JSON: which classes belong together, such as cat and dog.",
        )  # fmt: skip
    with right:
        st.subheader("What is in it")
        if not path or is_waiting:
            st.caption("Not read yet." if path else "No table is chosen yet.")
            return None, 0
        try:
            return _recognised(path, typed_path(images), typed_path(groups))
        except ErrorscopeError as error:
            state.explain(error)
            return None, 0


def _recognised(path: str, images: str, groups: str) -> tuple[EvaluationSpec, int]:
    split = _split(path)
    spec = EvaluationSpec.of_predictions(path, images or None, groups=groups or None, split=split)
    predictions = _predictions(spec, file_state(path), file_state(groups) if groups else None)
    _show(predictions)
    return spec, len(predictions)


def _split(path: str) -> str | None:
    """The chosen split; None for all, and where the table names none."""
    splits = _splits(path, file_state(path))
    if not splits:
        return None
    options = [*splits, ALL_SPLITS]
    if st.session_state.get("predictions_split") not in options:
        st.session_state["predictions_split"] = preferred_split(splits)
    chosen = st.selectbox("Split", options, key="predictions_split")
    return None if chosen == ALL_SPLITS else chosen


@st.cache_data(max_entries=8, show_spinner="Reading the table…")
def _splits(path: str, state_of_file: FileState) -> tuple[str, ...]:
    return table_splits(Path(path))


@st.cache_resource(ttl=BELIEVED_SECONDS, max_entries=2, show_spinner="Reading the predictions…")
def _predictions(spec: EvaluationSpec, table: FileState, groups: FileState | None) -> Predictions:
    """The predictions, read once and not at every click."""
    return table_predictions(spec)


def _show(predictions: Predictions) -> None:
    names, groups = predictions.class_names, sorted(set(predictions.groups.values()))
    extra = [name for name in predictions.images.columns if name not in _OWN]
    rows = {
        "Images": f"{len(predictions):,} in {len(names):,} classes, {predictions.accuracy:.1%} right",
        "Classes": f"{', '.join(names[:4])}{', …' if len(names) > 4 else ''}",
        "Probabilities": "one per class"
        if predictions.has_probabilities
        else "none, only the predicted class",
        "Groups": ", ".join(groups) if groups else "none",
        "Other columns": ", ".join(extra) if extra else "none",
        "Pictures": _pictures_words(predictions),
    }
    st.success("Recognised", icon=":material/check_circle:")
    st.markdown("\n".join(f"- {title}: **{state.escaped(words)}**" for title, words in rows.items()))
    if not predictions.has_probabilities:
        st.caption("Without probabilities there is no calibration, and no candidates for wrong labels.")
    if predictions.n_missing_files:
        _explain_missing(predictions)


def _pictures_words(predictions: Predictions) -> str:
    missing = predictions.n_missing_files
    return f"{missing:,} of {len(predictions):,} files are missing" if missing else "all there"


def _explain_missing(predictions: Predictions) -> None:
    st.warning(
        f"Looked for {state.escaped(str(first_missing(predictions)))}, among others. Everything that needs no "
        "picture works without them. To see the pictures, name the folder that the paths in the table are relative to.",
        icon=":material/image_not_supported:",
    )


def first_missing(predictions: Predictions) -> Path:
    """The first picture that is not there; the folder of all where each is."""
    files = (predictions.absolute(path) for path in predictions.images["path"])
    # Path.is_file raises where no file can have such a name
    return next((file for file in files if not os.path.isfile(file)), predictions.root)  # noqa: PTH113
