"""One mistake in full: the picture, why it is odd, what speaks for either class, and whose fault it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from PIL import Image

from analysis.rare_errors import RareError, surprise_words
from models.decoding import decoded
from models.errors import ErrorscopeError
from models.prediction_record import Predictions
from pages.improve.finetune_link import finetune_link
from pages.mistakes.rare_evidence import looked_at, neighbours_of_both
from pages.shared import state
from pages.shared.class_bars import class_bars
from pages.shared.decision_buttons import decision_buttons
from pages.shared.inspector import heading, verdict
from pages.shared.notes_form import noted_expander
from pages.shared.state import Workspace


def chosen_in_full(
    workspace: Workspace,
    predictions: Predictions,
    error: RareError,
    sequence: Sequence[RareError],
    *,
    choose: Callable[[str], None],
    on_decided: Callable[[], None] | None = None,
) -> None:
    """Draw one mistake.

    Args:
        workspace: what is open.
        predictions: its predictions.
        error: the mistake.
        sequence: those that previous and next step through.
        choose: makes the mistake of an image id the chosen one.
        on_decided: called after a decision was kept.
    """
    # With the inspector open before the page, the keys are the inspector's.
    listens = "image" not in st.session_state and "image" not in st.query_params
    head = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="rare_head"
    )
    head.html(heading(verdict(predictions, error.index)), width="content")
    with head:
        _steps(error, sequence, choose, listens=listens)
    decision_buttons(
        workspace, predictions, error.index, key="rare", shortcuts=listens, on_decided=on_decided
    )
    picture = _picture(predictions, error)
    right = st.container()
    if picture is not None:
        left, right = right.columns([0.4, 0.6], gap="medium")
        left.image(picture, width="stretch", caption=state.escaped(error.path))
    with right:
        _reasons(error, predictions)
    maps = st.container(key="rare_evidence")
    neighbours_of_both(predictions, error)
    _explain_link(workspace, predictions, error)
    noted_expander(workspace, predictions, error.index, key="rare_note")
    if picture is not None:
        with maps:  # last: the first time, the network has to be loaded
            looked_at(workspace, predictions, error, picture)


def _picture(predictions: Predictions, error: RareError) -> Image.Image | None:
    """The picture; None, and why, where it cannot be shown."""
    try:
        return decoded(predictions.absolute(error.path))
    except ErrorscopeError as problem:
        words = f"{error.path}: {problem.message}"
        state.show_problem("This picture cannot be shown", words, problem.next_step)
        return None


def _steps(
    error: RareError, sequence: Sequence[RareError], choose: Callable[[str], None], *, listens: bool
) -> None:
    ids = [each.id for each in sequence]
    place = ids.index(error.id) if error.id in ids else -1  # the filters hide it: next is the first they show
    before = ids[place - 1] if place > 0 else None
    after = ids[place + 1] if place + 1 < len(ids) else None
    with st.container(horizontal=True, vertical_alignment="center", width="content", key="rare_steps"):
        st.button(
            "Previous", icon=":material/chevron_left:", key="rare_previous", disabled=before is None,
            on_click=choose, args=(before,), shortcut="Left" if listens else None,
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", key="rare_next", disabled=after is None, on_click=choose,
            args=(after,), shortcut="Right" if listens else None,
        )  # fmt: skip
        if place >= 0 and len(ids) > 1:
            st.caption(f"{place + 1:,} of {len(ids):,}", width="content")


def _reasons(error: RareError, predictions: Predictions) -> None:
    """How often the like happened, and how little the other images lead one to expect it."""
    if error.crosses_group:
        inferred = "(inferred)" in error.support
        words = "crosses a visual block (inferred)" if inferred else "crosses a group"
        st.badge(words, icon=":material/call_split:", color="orange")
    st.markdown(f"**How often:** {state.escaped(error.support)}.")
    counted = (
        "" if error.counted == "soft" else " Counted from predictions alone, as there are no probabilities."
    )
    st.markdown(f"**How surprising:** {state.escaped(surprise_words(error))}{counted}")
    if predictions.probabilities is not None:
        label = int(predictions.labels[error.index])
        st.html(
            class_bars(predictions.class_names, predictions.probabilities[error.index], label, narrow=True)
        )


def _explain_link(workspace: Workspace, predictions: Predictions, error: RareError) -> None:
    if predictions.architecture:
        with st.container(horizontal=True):
            st.page_link(
                state.EXPLAIN_PAGE, label="Explain with more methods", icon=":material/image_search:",
                query_params={**state.open_query(workspace.spec), "image": error.id},
            )  # fmt: skip
            finetune_link(workspace, predictions, "error", error.id, label="Fine-tune on mistakes like this")
