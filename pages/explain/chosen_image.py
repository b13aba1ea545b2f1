"""Which picture is explained: one of the evaluated images, or an uploaded file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from models.decoding import decoded
from models.errors import ErrorscopeError, ImagesError
from models.fingerprints import content_key
from models.predictions import Predictions
from models.uploads import kept_file
from pages.mistakes.cell import chosen_cell, folded_view, name_of, write_cell
from pages.mistakes.cell_gallery import images_of, sorted_images
from pages.shared import cached, state
from pages.shared.addressed import (
    addressed,
    choose,
    is_chosen_anew,
    put_right,
    say_what_was_put_right,
    write_address,
)
from pages.shared.gallery import gallery
from pages.shared.inspector import verdict
from pages.shared.pictures import gallery_items
from pages.shared.state import Workspace

STRIP = 12
LONGEST_SHOWN = 1600
UPLOAD = "upload:"
_UPLOADED = re.compile(r"upload:([0-9a-f]{24})/([^/\\]+)")


@dataclass(frozen=True)
class Chosen:
    """The picture that is explained.

    Args:
        path: its file.
        picture: upright, RGB, at most LONGEST_SHOWN pixels a side: six of them are kept in memory.
        size: (width, height) in pixels of the picture in the file, upright.
        label: index of its label, or None for an uploaded picture.
        probabilities: (C,) of each class, or None where the network must be asked.
    """

    path: Path
    picture: Image.Image
    size: tuple[int, int]
    label: int | None
    probabilities: npt.NDArray[np.float32] | None

    @property
    def key(self) -> str:
        """Names the picture's present content."""
        return content_key(self.path)


class Opened(NamedTuple):
    """A picture file, to be shown.

    Args:
        picture: upright, RGB, at most LONGEST_SHOWN pixels a side.
        size: (width, height) in pixels of what is in the file, upright.
    """

    picture: Image.Image
    size: tuple[int, int]


@st.cache_resource(max_entries=6, show_spinner=False)
def opened_picture(path: str, key: str) -> Opened:
    """A picture file, decoded once. Nobody may change what is shared.

    Args:
        path: the file.
        key: its `content_key`: a changed file is decoded again.

    Raises:
        ImagesError: it cannot be read.
    """
    try:
        picture = decoded(path)
    except ImagesError as error:
        raise ImagesError(
            f"{Path(path).name} cannot be shown: {error.message}.",
            next_step="Choose another image.",
            title="This image cannot be read",
        ) from error
    size = picture.size
    picture.thumbnail((LONGEST_SHOWN, LONGEST_SHOWN), Image.Resampling.LANCZOS, reducing_gap=3)
    return Opened(picture, size)


def chosen_image(workspace: Workspace, predictions: Predictions) -> Chosen:
    """Draw the head of the page, with the ways to another picture, and return the chosen one.

    Raises:
        ImagesError: its file cannot be read.
    """
    sequence, is_other_cell = _cell_sequence(workspace, predictions)
    asked = addressed("image")
    if is_other_cell and not is_chosen_anew("image"):
        st.session_state.pop("sequence", None)
        asked = asked if asked in sequence else sequence[0]
    uploaded = _uploaded_file(asked)
    known = cached.positions(workspace.fingerprint).index
    if uploaded is None and asked not in known:
        unknown = asked is not None
        asked = sequence[0]
        choose("image", asked)
        if unknown:
            put_right("image", asked, "The image of this link is not among these images; the usual one is shown instead.")  # fmt: skip
    assert asked is not None
    say_what_was_put_right("image")
    write_address("image", asked)
    kept = st.session_state.get("sequence", [])
    sequence = kept if asked in kept else sequence if asked in sequence else [asked, *sequence]
    sequence = [each for each in sequence if each in known]
    head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="explain_head")  # fmt: skip
    if uploaded is None:
        position = int(cached.positions(workspace.fingerprint)[asked])
        words = verdict(predictions, position)
    else:
        words = f"Uploaded: {uploaded.name}"
    head.markdown(f"### {state.escaped(words)}", width="content")
    with head:
        _steps(sequence, asked)
    _strip(workspace, predictions, sequence, asked)
    if uploaded is not None:
        return Chosen(
            uploaded,
            *opened_picture(str(uploaded), content_key(uploaded)),
            label=None,
            probabilities=None,
        )
    path = predictions.absolute(predictions.images["path"].iloc[position])
    return Chosen(
        path,
        *opened_picture(str(path), content_key(path)),
        label=int(predictions.labels[position]),
        probabilities=None
        if predictions.probabilities is None
        else np.array(predictions.probabilities[position]),
    )


def _cell_sequence(workspace: Workspace, predictions: Predictions) -> tuple[list[str], bool]:
    """The images of the chosen cell of the matrix, the most confident first.

    Returns:
        Their ids, and whether another cell was chosen when this page was last drawn.
    """
    view = folded_view(workspace.fingerprint, "name")
    cell = chosen_cell(view, predictions.class_names, predictions.groups)
    write_cell(view, cell)
    name, last = name_of(view, cell), st.session_state.get("explain_cell")
    st.session_state["explain_cell"] = name
    indices = images_of(predictions, view, cell)
    if not len(indices):
        indices = np.arange(len(predictions.images))
    by = "confidence" if predictions.has_probabilities else "path"
    ordered: list[str] = predictions.images["id"].to_numpy()[sorted_images(predictions, indices, by)].tolist()
    return ordered, last not in (None, name)


def _steps(sequence: Sequence[str], image: str) -> None:
    place = sequence.index(image) if image in sequence else -1
    with st.container(horizontal=True, vertical_alignment="center", width="content", key="explain_steps"):
        # Not the arrow keys of the inspector: this page has sliders, which they move.
        st.button(
            "Previous", icon=":material/chevron_left:", shortcut="P", disabled=place <= 0,
            key="explain_previous", on_click=choose, args=("image", sequence[max(0, place - 1)]),
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", shortcut="N", disabled=place + 1 >= len(sequence),
            key="explain_next", on_click=choose,
            args=("image", sequence[min(len(sequence) - 1, place + 1)]),
        )  # fmt: skip
        if place >= 0:
            st.caption(f"{place + 1:,} of {len(sequence):,}", width="content")
        with st.popover("Your own image", icon=":material/upload:", key="explain_upload"):
            _upload()


def _strip(workspace: Workspace, predictions: Predictions, sequence: Sequence[str], image: str) -> None:
    if len(sequence) < 2:
        return
    place = sequence.index(image) if image in sequence else 0
    start = max(0, min(place - STRIP // 2, len(sequence) - STRIP))
    shown = sequence[start : start + STRIP]
    rows = cached.positions(workspace.fingerprint)[list(shown)].to_numpy()
    gallery(
        gallery_items(predictions, rows), key="explain_strip", selected=image, strip=True,
        on_open=lambda chosen: choose("image", chosen),
    )  # fmt: skip


def _upload() -> None:
    st.caption("Any picture the network could have been asked about. It stays on this machine.")
    st.file_uploader(
        "Upload a picture", key="explain_file", label_visibility="collapsed", on_change=_keep_upload,
    )  # fmt: skip
    image, problem = st.session_state.get("explain_upload_problem") or (None, "")
    if problem and image == st.session_state.get("explain_image"):  # no other was chosen since
        st.error(state.escaped(problem), icon=":material/error:")


@state.explained
def _keep_upload() -> None:
    given = st.session_state["explain_file"]
    st.session_state["explain_upload_problem"] = None
    if given is None:
        return
    path = kept_file(state.store(), given.name, given.getvalue())
    try:
        decoded(path)
    except ErrorscopeError as error:
        path.unlink(missing_ok=True)
        problem = f"{given.name} cannot be used: {error.message}."
        st.session_state["explain_upload_problem"] = st.session_state.get("explain_image"), problem
        return
    choose("image", f"{UPLOAD}{path.parent.name}/{path.name}")


def _uploaded_file(name: str | None) -> Path | None:
    """The file of an uploaded picture, where the name is of that kind and the file is still there."""
    found = _UPLOADED.fullmatch(name or "")
    if found is None or found[2] in (".", ".."):
        return None
    path = state.store().root / "uploads" / found[1] / found[2]
    return path if path.is_file() else None
