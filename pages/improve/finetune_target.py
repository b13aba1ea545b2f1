"""What a training is meant to mend: asked for, said in words, and shown as images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import streamlit as st

from analysis.target_choice import Rows, mistakes_of
from models.finetune.spec import Target
from models.prediction_record import Predictions
from pages.improve import finetune_cached
from pages.improve.finetune_ways import asked_target, mistakes_words
from pages.shared.gallery import gallery
from pages.shared.inspector import inspect
from pages.shared.pictures import gallery_items
from pages.shared.state import Workspace

FEW_SHOWN = 8


@dataclass(frozen=True)
class Aim:
    """What is to be mended.

    Args:
        target: as the job takes it; None for nothing in particular.
        rows: (M,) the mistakes it is about.
        n_choosing: how many of them lie in the choosing half.
        words: what a person calls it.
    """

    target: Target | None
    rows: Rows
    n_choosing: int
    words: str

    @property
    def n_held_out(self) -> int:
        """How many of them lie in the half that is held out for the comparison."""
        return len(self.rows) - self.n_choosing


def aimed(workspace: Workspace, predictions: Predictions) -> Aim:
    """Ask what is to be mended.

    Args:
        workspace: what is open.
        predictions: its predictions.

    Returns:
        What was chosen; without a target where nothing of the kind is there.
    """
    half = finetune_cached.choosing(workspace.fingerprint)
    target = asked_target(workspace, predictions)
    if target is None:
        return Aim(None, np.empty(0, np.intp), 0, "")
    rows = mistakes_of(target, predictions)
    aim = Aim(target, rows, int(half[rows].sum()), target_words(target))
    _show(predictions, aim, half)
    return replace(aim, target=_strengthened(target)) if len(rows) else replace(aim, target=None)


def target_words(target: Target) -> str:
    """What a person calls a target.

    >>> target_words(Target("cell", "cat/dog", (("cat", "dog"),)))
    'cat called dog'
    """
    if len(target.cells) == 1 and target.kind in ("cell", "error"):
        return " called ".join(target.cells[0])
    if target.kind == "selection":
        return target.name
    if target.kind == "group":
        return f"{target.name} among each other"
    label, _, predicted = target.name.replace("group:", "all ").partition("/")
    return " ".join(filter(None, [unquote(label), "called", unquote(predicted) or "anything else"]))


def _show(predictions: Predictions, aim: Aim, half: npt.NDArray[np.bool_]) -> None:
    """The mistakes in a row of pictures, and how they fall into the two halves."""
    if not len(aim.rows):
        st.info("There is no such mistake, so there is nothing to mend.", icon=":material/info:")
        return
    st.markdown(halves_words(aim))
    order = aim.rows[np.argsort(~half[aim.rows], kind="stable")]
    sequence = predictions.images["id"].to_numpy()[order].tolist()
    st.session_state["gallery_sequence"] = sequence
    notes = ["choosing" if half[row] else "held out" for row in order[:FEW_SHOWN]]
    gallery(
        gallery_items(predictions, order[:FEW_SHOWN], notes), key="mend_images", compact=True,
        on_open=partial(inspect, sequence=sequence), selected=st.session_state.get("image"),
    )  # fmt: skip


def halves_words(aim: Aim) -> str:
    """How many mistakes there are, and in which half: on what is trained, and on what is judged."""
    words = (
        f"**{mistakes_words(len(aim.rows))}**: {aim.n_choosing or 'none'} in the choosing half, "
        f"{aim.n_held_out or 'none'} held out."
    )
    if not aim.n_choosing:
        words += (
            " Training images are raised for images of the choosing half that came near to such a mistake."
        )
    return words


def _strengthened(target: Target) -> Target:
    """The target with how strongly its training images are raised."""
    with st.expander("How the training images are raised"):
        st.caption(
            "Training images of the same classes that look most like these mistakes to the open model (nearest by "
            "embedding) are drawn more often. The images of the two halves themselves are never trained on, unless "
            "there are no others."
        )
        columns = st.columns(3)
        strength = columns[0].number_input(
            "Times as often", 1.0, 20.0, target.strength, 0.5, key="mend_strength", persist_state="session",
            help="How many times as often the nearest training images are drawn. 1 raises nothing.",
        )  # fmt: skip
        neighbours = columns[1].number_input(
            "Nearest of each mistake", 1, 200, target.neighbours, key="mend_neighbours", persist_state="session",
        )  # fmt: skip
        cap = columns[2].number_input(
            "At most … % of an epoch", 5, 90, round(100 * target.cap), 5, key="mend_cap", persist_state="session",
            help="So much of an epoch may be raised images; the rest stays as it is, so that nothing is forgotten.",
        )  # fmt: skip
    return replace(target, strength=float(strength), neighbours=int(neighbours), cap=cap / 100)
