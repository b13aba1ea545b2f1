"""Comparing the open images with those the network was trained on."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.leakage import Leakage, LeakageAccuracy, leakage_accuracy
from analysis.leakage_job import leakage_spec, likely_training_images
from models.prediction_record import Predictions
from pages.data.duplicate_words import alike_remarks
from pages.data.duplicates_cached import leakages
from pages.data.leakage_pairs import pairs_list
from pages.data.repeat_table import leakage_csv
from pages.shared import state
from pages.shared.job_button import job_and_button

COMPARED = "leakage_compared"


def leakage_panel(workspace: state.Workspace, predictions: Predictions) -> None:
    """Ask for the training images, compare, and show what both have in common."""
    st.subheader("Against the training images")
    found = leakages(workspace)
    with st.container(key="leakage"):
        images, split = _asked(workspace, predictions, found)
        if not images:
            st.caption("Name the folder or table that the network was trained on.")
        else:
            known = next((each for each in found if _place(each) == (images, split)), None)
            _job(workspace, predictions, images, split, known)
            if known is not None:
                _found(predictions, known)


def _place(leakage: Leakage) -> tuple[str, str | None]:
    return leakage.images, leakage.split


def _asked(
    workspace: state.Workspace, predictions: Predictions, found: list[Leakage]
) -> tuple[str, str | None]:
    """The folder or table, and the split, to compare with; what was compared last comes first."""
    guesses = likely_training_images(workspace.spec if predictions.architecture else None, predictions)
    first = [*map(_place, found), *guesses, ("", None)][0]
    kept = st.session_state.get(COMPARED, {})
    # what was typed belongs to the images that were open then
    images, split = kept["place"] if kept.get("fingerprint") == workspace.fingerprint else first
    left, right = st.columns([0.78, 0.22], vertical_alignment="bottom")
    left.text_input(
        "Folder or table of the training images", value=state.keep_widget("leakage_images", images),
        key="leakage_images", on_change=_typed, args=(workspace.fingerprint,),
    )  # fmt: skip
    right.text_input(
        "Split", value=state.keep_widget("leakage_split", split or ""), key="leakage_split", placeholder="all",
        help="Only this split of it, such as train. Empty: all of it.",
        on_change=_typed, args=(workspace.fingerprint,),
    )  # fmt: skip
    return (str(Path(images).expanduser().absolute()) if images else ""), split


def _typed(fingerprint: str) -> None:
    images, split = st.session_state["leakage_images"].strip(), st.session_state["leakage_split"].strip()
    st.session_state[COMPARED] = {"fingerprint": fingerprint, "place": (images, split or None)}


def _job(
    workspace: state.Workspace,
    predictions: Predictions,
    images: str,
    split: str | None,
    known: Leakage | None,
) -> None:
    network = workspace.spec if predictions.architecture else None
    spec = leakage_spec(workspace.fingerprint, images, split, network)
    words = "Looks for every open image among the training images: the same file, or the same picture changed a little."
    if network is not None:
        words += " The network looks at the training images too; that takes as long as evaluating them, and is kept."
    job_and_button(
        "leakage", spec.to_json(), label="Compare" if known is None else "Compare again", key="leakage_run",
        title=f"Copies of these images in {Path(images).name}{f' ({split})' if split else ''}",
        words="" if known is not None else words, icon=":material/compare:", primary=known is None,
    )  # fmt: skip


def _found(predictions: Predictions, leakage: Leakage) -> None:
    figures = leakage_accuracy(predictions, leakage.rows)
    if not leakage.pairs:
        st.success(
            f"None of the {leakage.n_images:,} open images is among the {leakage.n_others:,} training images.",
            icon=":material/check_circle:",
        )
    else:
        n = len(leakage.rows)
        st.markdown(
            f"**{n:,}** of the {leakage.n_images:,} open images {'is' if n == 1 else 'are'} among the "
            f"{leakage.n_others:,} training images."
        )
        _figures(predictions, leakage, figures)
        pairs_list(predictions, leakage)
    for words in remarks(leakage):
        st.caption(words)


def _figures(predictions: Predictions, leakage: Leakage, figures: LeakageAccuracy) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="leakage_figures"):
        for label, accuracy in (
            ("Accuracy", figures.of_all),
            ("… without the leaked", figures.without),
            ("… on the leaked", figures.on_leaked),
        ):
            st.metric(label, f"{accuracy.rate:.1%}" if accuracy.n else "–", border=True, help=accuracy.words)
        st.download_button(
            "CSV", lambda: leakage_csv(predictions, leakage), "leakage.csv", "text/csv", key="leakage_csv",
            icon=":material/download:", help="Every leaked image with its copy, both labels and the evidence.",
        )  # fmt: skip
    st.caption(f"{figures.words}.")


def remarks(leakage: Leakage) -> list[str]:
    """What was left out or could not be done, a sentence each."""
    words = [leakage.note] if leakage.note else []
    if leakage.n_missing:
        n = leakage.n_missing
        words.append(
            f"{n:,} image{'' if n == 1 else 's'} of the two sets could not be read and {'was' if n == 1 else 'were'} left out."
        )
    return words + alike_remarks(len(leakage.alike), leakage.n_not_looked_at)
