"""Leaked images beside their copies."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import streamlit as st

from analysis.leakage import Leakage, LeakedPair
from models.prediction_record import Predictions
from models.thumbnails import thumbnails
from pages.shared import state
from pages.shared.gallery import GalleryItem, gallery
from pages.shared.inspector import inspect
from pages.shared.pictures import gallery_items

PAGE_SIZE = 12
COLUMNS = 2


def pairs_list(predictions: Predictions, leakage: Leakage) -> None:
    """Draw the pairs, a page at a time: the open image (it opens in the inspector) and its copy."""
    page = 1
    if len(leakage.pairs) > PAGE_SIZE:
        page = st.pagination(math.ceil(len(leakage.pairs) / PAGE_SIZE), key="leakage_page")
    shown = leakage.pairs[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    identifiers = predictions.images["id"].to_numpy()
    sequence = [str(identifiers[row]) for row in leakage.rows]
    rows = np.array([pair.row for pair in shown])
    items = gallery_items(
        predictions, rows, [Path(path).name for path in predictions.images["path"].iloc[rows]]
    )
    copies = thumbnails(state.store(), [Path(pair.path) for pair in shown])
    with st.container(key="leaked_pairs"):
        columns = st.columns(COLUMNS)
        for place, (pair, item, copy) in enumerate(zip(shown, items, copies, strict=True)):
            with columns[place % COLUMNS].container(border=True):
                _pair(pair, item, copy, sequence, f"leaked_{(page - 1) * PAGE_SIZE + place}")


def _pair(pair: LeakedPair, item: GalleryItem, copy: bytes | None, sequence: list[str], key: str) -> None:
    words = state.escaped(pair.evidence[:1].upper() + pair.evidence[1:])
    if pair.conflict:
        labels = f"labelled **{state.escaped(item.label)}** here and **{state.escaped(pair.label)}** there"
        words = f":material/warning: {labels} · {words}"
    st.markdown(words)
    own, other = st.columns(2)
    with own:
        gallery(
            [item], key=key, columns=1, selected=st.session_state.get("image"),
            on_open=lambda image: inspect(image, sequence),
        )  # fmt: skip
    with other:
        path = Path(pair.path)
        if copy is None:
            st.caption("The copy cannot be read any more.")
        else:
            st.image(copy, width="stretch")
        st.caption(
            f"**{state.escaped(pair.label)}**, training image  \n{state.escaped(path.name)}",
            help=state.escaped(pair.path),
        )
