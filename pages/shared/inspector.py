"""One image in full: what it is, what it was called, why, and what it resembles."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from analysis.neighbours import nearest, nearest_to
from models.decoding import decoded
from models.errors import ErrorscopeError
from models.predictions import Predictions
from pages.shared import cached, state
from pages.shared.addressed import choose_anew
from pages.shared.attribution_grid import Asked, Subject, attribution_grid
from pages.shared.class_bars import class_bars
from pages.shared.decision_buttons import decision_buttons
from pages.shared.gallery import gallery
from pages.shared.notes_form import noted_expander
from pages.shared.pictures import gallery_items
from pages.shared.state import Workspace

NEIGHBOURS = 6
THESE = "these images"


def inspect(image: str, sequence: npt.NDArray[np.object_] | Sequence[str]) -> None:
    """Open the inspector on an image at the next drawing.

    Args:
        image: the image's id.
        sequence: the ids that previous and next step through.
    """
    st.session_state["image"] = image
    st.session_state["sequence"] = list(sequence)


def open_inspector(workspace: Workspace, predictions: Predictions) -> None:
    """Draw the inspector if an image is open; call it last on a page, after its gallery."""
    asked = asked_image()
    if asked != st.session_state.get("written_image"):
        # A link, a reload, or the browser's Back: newer than what the session remembers.
        follow_address(asked)
    image = st.session_state.get("image")
    if image is None:
        return
    if image not in cached.positions(workspace.fingerprint).index:
        close_inspector()
        st.info("The image of this link is not among these images.")
        return
    st.dialog("Image", width="large", on_dismiss=close_inspector)(state.explained(_inspector))(
        workspace, predictions
    )


def asked_image() -> str | None:
    """The image that the address wants open here.

    Streamlit may write what the page of one image adds to its address into the entry of the page before it, to which
    the browser's Back then leads: its image is known by the class that stands beside it.
    """
    return None if "target" in st.query_params else st.query_params.get("image")


def follow_address(asked: str | None) -> None:
    """Open the image that the address names, or close the one that it names no more."""
    if asked is None:
        close_inspector()
        return
    shown = st.session_state.get("gallery_sequence", [])
    inspect(asked, shown if asked in shown else [asked])


def close_inspector() -> None:
    """Close the image, here and in the URL."""
    st.session_state.pop("image", None)
    st.session_state.pop("written_image", None)
    if "image" in st.query_params:
        del st.query_params["image"]


def _inspector(workspace: Workspace, predictions: Predictions) -> None:
    image = st.session_state.get("image")
    if image is None:
        return
    st.session_state["written_image"] = st.query_params["image"] = image
    position = int(cached.positions(workspace.fingerprint)[image])
    with st.container(key="image_inspector"):
        head = st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            key="inspector_head",
        )
        head.html(heading(verdict(predictions, position)), width="content")
        with head:
            steps(image)
        decision_buttons(workspace, predictions, position, key="inspector")
        path = predictions.absolute(predictions.images["path"].iloc[position])
        try:
            picture = decoded(path)
        except ErrorscopeError as error:
            state.explain(error)
            noted_expander(workspace, predictions, position, key="inspector_note")
            return
        left, right = st.columns([0.3, 0.7], gap="medium")
        with left:
            st.image(picture, width="stretch", caption=_caption(predictions, position, picture))
        with right:
            _class_bars(predictions, position)
            noted_expander(workspace, predictions, position, key="inspector_note")
            _neighbours(workspace, predictions, position)
        _evidence(workspace, predictions, position, picture)


def steps(image: str) -> None:
    """Buttons to the image before and after in the sequence that is looked through."""
    sequence = st.session_state["sequence"]
    place = sequence.index(image) if image in sequence else 0
    with st.container(horizontal=True, vertical_alignment="center", width="content", key="inspector_steps"):
        st.button(
            "Previous", icon=":material/chevron_left:", shortcut="Left", disabled=place == 0, key="previous_image",
            on_click=_go, args=(sequence[max(0, place - 1)],),
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", shortcut="Right", disabled=place + 1 >= len(sequence),
            key="next_image", on_click=_go, args=(sequence[min(len(sequence) - 1, place + 1)],),
        )  # fmt: skip
        if len(sequence) > 1:
            st.caption(f"{place + 1:,} of {len(sequence):,}", width="content")


def _go(image: str) -> None:
    st.session_state["image"] = image


def _go_aside(image: str) -> None:
    """Look at a neighbour: it joins the sequence behind the image it was reached from."""
    sequence = st.session_state["sequence"]
    if image not in sequence:
        sequence.insert(sequence.index(st.session_state["image"]) + 1, image)
    _go(image)


def _caption(predictions: Predictions, position: int, picture: Image.Image) -> str:
    path = predictions.images["path"].iloc[position]
    return f"{state.escaped(path)} · {picture.width} x {picture.height} pixels"


def verdict(predictions: Predictions, position: int) -> str:
    """What became of an image, in one line: \"✗ Bengal called Egyptian_Mau with 81%\"."""
    row = predictions.images.iloc[position]
    label, predicted = (predictions.class_names[row[name]] for name in ("label_index", "predicted_index"))
    confidence = "" if np.isnan(row["confidence"]) else f" with {row['confidence']:.0%}"
    if label == predicted:
        return f"✓ {label}, recognised{confidence}"
    return f"✗ {label} called {predicted}{confidence}"


def heading(words: str) -> str:
    """HTML of a heading, in a size that dialogs have no Markdown for."""
    # Streamlit draws Markdown headings in a dialog no larger than its text.
    return f'<div role="heading" aria-level="3" style="font-size:1.2rem;font-weight:600">{html.escape(words)}</div>'


def _class_bars(predictions: Predictions, position: int) -> None:
    if predictions.probabilities is not None:
        label = int(predictions.labels[position])
        st.html(class_bars(predictions.class_names, predictions.probabilities[position], label))


def _neighbours(workspace: Workspace, predictions: Predictions, position: int) -> None:
    if predictions.embeddings is None:
        st.caption("There are no embeddings, so the nearest images can't be shown.")
        return
    st.markdown("**Nearest images, as the network sees them**")
    others = cached.other_evaluations(workspace)
    among = THESE if not others else st.segmented_control(
        "Among", [THESE, *others], default=THESE, required=True, key="neighbours_among", label_visibility="collapsed",
        format_func=state.escaped,
    )  # fmt: skip
    found, on_open = predictions, _go_aside
    if among == THESE:
        indices, similarities = nearest(predictions.embeddings, position, NEIGHBOURS)
    else:
        found, on_open = cached.predictions(others[among]), _stay
        assert found.embeddings is not None
        indices, similarities = nearest_to(predictions.embeddings[position], found.embeddings, NEIGHBOURS)
    notes = [f"similarity {similarity:.2f}" for similarity in similarities]
    gallery(
        gallery_items(found, indices, notes), key="nearest_images", on_open=on_open, compact=True,
        empty="There is no other image.",
    )  # fmt: skip


def _stay(image: str) -> None:
    """An image of another set is looked at where that set is open."""
    st.toast("Open those images as the set of their own to inspect them.")


def _evidence(workspace: Workspace, predictions: Predictions, position: int, picture: Image.Image) -> None:
    row = predictions.images.iloc[position]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.html(heading("What the network looked at"), width="content")
        if predictions.architecture and st.button(
            "Explain with more methods", icon=":material/image_search:", key="explain_more", type="tertiary"
        ):
            close_inspector()
            choose_anew("image", str(row["id"]))
            st.switch_page(state.EXPLAIN_PAGE)
    names = predictions.class_names
    label, predicted = int(row["label_index"]), int(row["predicted_index"])
    asked = [Asked(predicted, f"for {names[predicted]} (predicted)")]
    if label != predicted:
        asked.append(Asked(label, f"for {names[label]} (label)"))
    elif predictions.probabilities is not None and len(names) > 1:
        runner_up = int(np.argsort(-predictions.probabilities[position], kind="stable")[1])
        asked.append(Asked(runner_up, f"for {names[runner_up]} (second choice)"))
    if not predictions.architecture:
        st.caption("These predictions came from a table, so there is no network to ask.")
        return
    network = cached.network(workspace.spec, workspace.fingerprint)
    attribution_grid(Subject(network, picture, predictions.absolute(row["path"]), asked))
