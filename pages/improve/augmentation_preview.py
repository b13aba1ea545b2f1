"""The live preview of an augmentation: a few images as they are, and as a training may see them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from models.finetune.augmentation import Augmentation
from pages.shared.attribution_grid import data_uri
from pages.shared.interruptible import interruptible

if TYPE_CHECKING:
    from models.finetune.augmentation_preview import PreviewRow
    from models.preprocessing import Preprocessing

ROWS, DRAWS = 2, 4


@st.fragment
def augmentation_preview(
    key: str, images: Sequence[Path], augmentation: Augmentation, preprocessing: Preprocessing
) -> None:
    """Draw it, with buttons for other draws and other images.

    Args:
        key: of the preview, once a page.
        images: to choose from.
        augmentation: what is changed at random.
        preprocessing: of the network.
    """
    seed, first = st.session_state.get(f"{key}_seed", 0), st.session_state.get(f"{key}_first", 0)
    places = [(first + place) % len(images) for place in range(len(images))]
    paths = [images[place] for place in places]
    st.html(Path(__file__).with_name("augmentation_preview.css"))
    with st.container(key=key, gap="xsmall"):
        rows = _rows(paths, augmentation, preprocessing, seed)
        if not rows:
            st.caption("There is no readable image to show this on.")
            return
        st.html(_grid(rows))
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Draw again", icon=":material/casino:", type="tertiary", key=f"{key}_again", on_click=_count_up,
                args=(f"{key}_seed", 1), disabled=not augmentation,
            )  # fmt: skip
            if len(images) > ROWS:
                st.button(
                    "Other images", icon=":material/photo_library:", type="tertiary", key=f"{key}_other",
                    on_click=_count_up, args=(f"{key}_first", ROWS),
                )  # fmt: skip


def _count_up(name: str, by: int) -> None:
    st.session_state[name] = st.session_state.get(name, 0) + by


def _rows(
    paths: Sequence[Path], augmentation: Augmentation, preprocessing: Preprocessing, seed: int
) -> list[PreviewRow]:
    def drawn() -> list[PreviewRow]:
        # Imported here: it needs torch, which takes seconds to load.
        from models.finetune.augmentation_preview import preview_rows

        return preview_rows(paths, augmentation, preprocessing, seed=seed, images=ROWS, draws=DRAWS)

    return interruptible(drawn)


def _grid(rows: Sequence[PreviewRow]) -> str:
    heads = "<span>As it is judged</span><span>As it may be seen in training</span>"
    lines = "".join(_line(row) for row in rows)
    return f'<div class="augmentation-preview"><div class="augmentation-heads">{heads}</div>{lines}</div>'


def _line(row: PreviewRow) -> str:
    name = html.escape(row.path.name)
    original = _picture(row.original, f"{name}, as it is judged")
    draws = "".join(
        _picture(each, f"{name}, random draw {place}") for place, each in enumerate(row.draws, start=1)
    )
    return f'<div class="augmentation-line">{original}{draws}</div>'


def _picture(content: bytes, alt: str) -> str:
    return f'<img src="{data_uri(content, "jpeg")}" alt="{alt}">'
