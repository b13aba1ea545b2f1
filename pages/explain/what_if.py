"""What if the picture were different: the prediction and the maps, before and after a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from analysis.picture_edits import Edit, edited, kept_picture
from models.decoding import decoded
from models.fingerprints import content_key
from models.uploads import keep_newest
from pages.explain.chosen_image import LONGEST_SHOWN, Chosen, opened_picture
from pages.explain.edit_form import edit_form
from pages.explain.running import View
from pages.explain.tiles import pair_tiles
from pages.shared import state
from pages.shared.attribution_grid import Drawing
from pages.shared.class_bars import change_bars
from pages.shared.halves import halves
from pages.shared.state import escaped

if TYPE_CHECKING:
    from analysis.attribution.records import Method
    from models.network import Network

MOST_EDITED = 200


CHANGED_WIDTH = 150


@st.cache_data(max_entries=64, show_spinner=False)
def _answered(fingerprint: str, path: str, key: str, _network: Network) -> npt.NDArray[np.float32]:
    from analysis.one_image import class_probabilities

    return class_probabilities(_network, Path(path))


def answered(network: Network, path: Path, key: str) -> npt.NDArray[np.float32]:
    """The network's probabilities for a picture file, (C,), asked once for each content.

    Args:
        network: the network.
        path: the file.
        key: its `content_key`.
    """
    return _answered(network.fingerprint, str(path), key, network)


def what_if(view: View, methods: Sequence[Method], drawing: Drawing) -> None:
    """Draw the section: the edits, the prediction before and after, the maps before and after."""
    with st.expander("What if the picture were different?", icon=":material/edit:", key="what_if"):
        picture, choices, answer = halves("what_if", (0.27, 0.31, 0.42), "medium")
        edits = edit_form(view.chosen, picture, choices)
        with answer:
            if not edits:
                st.caption("Change the picture, and see what the network then says and looks at.")
                return
            changed = replace(view, chosen=_changed(view, edits), name="what_if")
            with st.container(horizontal=True, vertical_alignment="top", gap="medium", key="what_if_answer"):
                st.image(changed.chosen.picture, width=CHANGED_WIDTH, caption="the changed picture")
                with st.container(width="stretch", key="what_if_prediction"):
                    _prediction(view, changed)
        pair_tiles(view, changed, methods, drawing)


@st.cache_data(max_entries=64, show_spinner=False)
def _edited_file(path: str, key: str, edits: tuple[Edit, ...], longest: int | None) -> str:
    """The file of the edited picture, made once."""
    shown = opened_picture(path, key)
    is_whole = shown.picture.size == shown.size
    if is_whole or (longest is not None and longest <= LONGEST_SHOWN):
        picture = shown.picture
    else:
        picture = decoded(path)
        if longest is not None:
            picture.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=3)
    file = kept_picture(state.store(), edited(picture, edits), Path(path).name)
    keep_newest(file.parent, MOST_EDITED)
    return str(file)


def _changed(view: View, edits: Sequence[Edit]) -> Chosen:
    chosen, preprocessing = view.chosen, view.network.preprocessing
    # Twice what the network resizes to is enough for it; one that resizes nothing needs every pixel.
    longest = None if preprocessing.resize is None else max(LONGEST_SHOWN, 2 * max(preprocessing.resized(*chosen.size)))  # fmt: skip
    asked = str(chosen.path), chosen.key, tuple(edits), longest
    path = Path(_edited_file(*asked))
    if not path.is_file():  # the workspace was emptied under the running server, or by many edits
        _edited_file.clear()
        path = Path(_edited_file(*asked))
    key = content_key(path)
    picture, size = opened_picture(str(path), key)
    return replace(
        chosen, path=path, picture=picture, size=size, probabilities=answered(view.network, path, key)
    )


def _prediction(before: View, after: View) -> None:
    was, now = before.chosen.probabilities, after.chosen.probabilities
    assert was is not None and now is not None
    names = before.network.class_names
    first, second = int(was.argmax()), int(now.argmax())
    words = "Still" if first == second else "Now"
    st.markdown(f"**{words} {escaped(names[second])}** with {now[second]:.0%}" + (
        f", was {was[first]:.0%}" if first == second else f" · was {escaped(names[first])} with {was[first]:.0%}"
    ))  # fmt: skip
    with st.container(key="what_if_classes"):
        st.html(change_bars(names, was, now, before.chosen.label))
    st.caption("Pale: before. Full: after. pp: percentage points.")
