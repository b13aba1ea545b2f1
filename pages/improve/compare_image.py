"""One image before and after: what both networks said, how sure they were, and where each looked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from analysis.comparison_record import Comparison
from models.decoding import decoded
from models.errors import CheckpointError, ErrorscopeError
from models.prediction_record import Predictions
from pages.improve import compare_cached
from pages.improve.compare_choice import Chosen
from pages.improve.compare_results import Result
from pages.improve.compare_words import answer_words
from pages.shared import cached, state
from pages.shared.attribution_grid import METHOD_KEYS, Asked, Subject, method_row
from pages.shared.class_bars import change_bars
from pages.shared.halves import halves
from pages.shared.inspector import asked_image, close_inspector, follow_address, heading, steps


def open_compared_image(chosen: Chosen, comparison: Comparison) -> None:
    """Draw the image that is open, if one is; call it last on the page, after its galleries."""
    asked = asked_image()
    if asked != st.session_state.get("written_image"):
        follow_address(asked)
    image = st.session_state.get("image")
    if image is None:
        return
    ids = cached.predictions(chosen.after.fingerprint).images["id"].to_numpy()[comparison.after_rows]
    found = np.flatnonzero(ids == image)
    if not found.size:
        close_inspector()
        st.info("The image of this link is not among those that both results have.")
        return
    st.dialog("Before and after", width="large", on_dismiss=close_inspector)(state.explained(_compared))(
        chosen, comparison
    )


def _compared(chosen: Chosen, comparison: Comparison) -> None:
    image = st.session_state.get("image")
    if image is None:
        return
    before = cached.predictions(chosen.before.fingerprint)
    after = compare_cached.pictured(chosen.before.fingerprint, chosen.after.fingerprint)
    places = np.flatnonzero(after.images["id"].to_numpy()[comparison.after_rows] == image)
    if not places.size:
        return
    place = int(places[0])
    st.session_state["written_image"] = st.query_params["image"] = image
    with st.container(key="compared_image"):
        with st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            key="compared_head",
        ):
            st.html(heading(outcome(comparison, place)), width="content")
            steps(image)
        path = after.absolute(after.images["path"].iloc[comparison.after_rows[place]])
        try:
            picture = decoded(path)
        except ErrorscopeError as error:
            state.explain(error)
            _answers(before, after, comparison, place)
            return
        left, right = st.columns([0.3, 0.7], gap="medium")
        size = f"{picture.width} x {picture.height} pixels"
        left.image(picture, width="stretch", caption=f"{state.escaped(path.name)} · {size}")
        with right:
            _answers(before, after, comparison, place)
        _evidence(chosen, comparison, place, picture)


def outcome(comparison: Comparison, place: int) -> str:
    """What became of an image, in a word and its label: "Fixed: Bengal"."""
    word = (
        "Fixed" if comparison.fixed[place]
        else "Broken" if comparison.broken[place]
        else "Wrong before and after" if comparison.both_wrong[place]
        else "Right before and after"
    )  # fmt: skip
    return f"{word}: {comparison.class_names[comparison.labels[place]]}"


def _answers(before: Predictions, after: Predictions, comparison: Comparison, place: int) -> None:
    rows = int(comparison.before_rows[place]), int(comparison.after_rows[place])
    words = [state.escaped(answer_words(side, row)) for side, row in zip((before, after), rows, strict=True)]
    st.markdown(f"Before **{words[0]}** → after **{words[1]}**")
    probabilities = [
        in_common(side, row, comparison.class_names) for side, row in zip((before, after), rows, strict=True)
    ]
    if probabilities[0] is None or probabilities[1] is None:
        st.caption("Without probabilities on both sides there are no bars to compare.")
        return
    st.caption("The most probable classes; the pale bar is before, the full one after.")
    label = int(comparison.labels[place])
    st.html(change_bars(comparison.class_names, probabilities[0], probabilities[1], label))


def in_common(
    predictions: Predictions, row: int, class_names: tuple[str, ...]
) -> npt.NDArray[np.floating] | None:
    """The probabilities of an image in the order of the common classes; a class that is not known has 0.

    Args:
        predictions: of one side.
        row: of the image in them.
        class_names: C names that hold all of theirs.

    Returns:
        (C,), or None where there are no probabilities.
    """
    if predictions.probabilities is None:
        return None
    place = {name: index for index, name in enumerate(class_names)}
    common = np.zeros(len(class_names))
    common[[place[name] for name in predictions.class_names]] = predictions.probabilities[row]
    return common


def _evidence(chosen: Chosen, comparison: Comparison, place: int, picture: Image.Image) -> None:
    """The maps of both networks, side by side; each for the label and for what either called it."""
    st.html(heading("What the networks looked at"))
    sides = (
        ("Before", chosen.before, int(comparison.before_rows[place])),
        ("After", chosen.after, int(comparison.after_rows[place])),
    )
    subjects = [(title, _subject(result, row, comparison, place, picture)) for title, result, row in sides]
    for method in METHOD_KEYS:
        for column, (title, subject) in zip(halves(f"compared_{method}", gap="small"), subjects, strict=True):
            with column, st.container(key=f"compared_{method}_{title.lower()}"):
                if isinstance(subject, Subject):
                    _maps(subject, method, title, slider=method == METHOD_KEYS[0] and title == "Before")
                elif method == METHOD_KEYS[0]:
                    st.caption(f"**{title}**: {subject}")


def _maps(subject: Subject, method: str, title: str, *, slider: bool) -> None:
    from analysis.attribution import METHODS

    label = f"{title}: {METHODS[method].label}"
    method_row(subject, method, slider=slider, name=f"_{title.lower()}", label=label)


def _subject(
    result: Result, row: int, comparison: Comparison, place: int, picture: Image.Image
) -> Subject | str:
    """What is explained of one side, or why nothing can be."""
    predictions = cached.predictions(result.fingerprint)
    if not predictions.architecture:
        return "these predictions came from a table, so there is no network to ask."
    try:
        network = cached.network(result.spec, result.fingerprint)
    except CheckpointError as error:
        return state.escaped(str(error))
    path = predictions.absolute(predictions.images["path"].iloc[row])
    return Subject(network, picture, path, asked_classes(predictions, comparison, place))


def asked_classes(predictions: Predictions, comparison: Comparison, place: int) -> list[Asked]:
    """The label and what either side called the image, each once, as far as a network knows them.

    Args:
        predictions: of the network.
        comparison: both results.
        place: of the image in it.
    """
    label, before, after = (
        int(each[place]) for each in (comparison.labels, comparison.before, comparison.after)
    )
    said = [(before, "predicted by both")] if before == after else [(before, "before"), (after, "after")]
    roles: dict[int, list[str]] = {}
    for index, word in [(label, "label"), *said]:
        roles.setdefault(index, []).append(word)
    names = comparison.class_names
    return [
        Asked(predictions.class_names.index(names[index]), f"for {names[index]} ({', '.join(words)})")
        for index, words in roles.items()
        if names[index] in predictions.class_names
    ]
