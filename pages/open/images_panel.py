"""The images' half of the setup page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from models.errors import ErrorscopeError
from models.fingerprints import FileState, file_state
from models.images import ImageSet, open_image_set, preferred_split
from models.thumbnails import thumbnails
from models.uploads import unpacked_archive
from pages.open.given_file import given_path, typed_path
from pages.shared import state

SUFFIXES = ["zip"]
PREVIEW = 8
LISTED_SECONDS = 30
"""For how long a list of images is believed, unless its folder or table changes before."""


@dataclass(frozen=True)
class ImagesChoice:
    """What was chosen, and what was recognised in it (None while there is nothing, or an error)."""

    path: str
    groups: str | None
    split: str | None
    limit: int | None
    image_set: ImageSet | None


def images_panel(*, is_waiting: bool) -> ImagesChoice:
    """Ask for the images, and say what was recognised.

    Args:
        is_waiting: whether the images must not be read yet.
    """
    st.subheader("Images")
    path = given_path(
        "Folder or table", "images", SUFFIXES,
        "A folder of class folders; a CSV or Parquet table with columns path and label (optionally group, split); or the "
        "Oxford-IIIT Pet layout. Small sets can be uploaded as a ZIP of class folders, or of images with their table.",
    )  # fmt: skip
    if not path:
        st.caption("No images are chosen yet.")
        return ImagesChoice("", None, None, None, None)
    if is_waiting:
        st.caption("Not read yet.")
        return ImagesChoice(path, None, None, None, None)
    groups = st.text_input(
        "File of groups (optional)", key="images_groups", placeholder="groups.csv",
        help="CSV with columns class and group, or JSON: which classes belong together, such as cat and dog.",
    )  # fmt: skip
    try:
        return _recognised(path, typed_path(groups))
    except ErrorscopeError as error:
        state.explain(error)
        return ImagesChoice(path, None, None, None, None)


def _recognised(path: str, groups: str) -> ImagesChoice:
    if Path(path).suffix.lower() == ".zip":
        path = str(unpacked_archive(state.store(), Path(path)))
    states = file_state(path), file_state(groups) if groups else None
    split, limit = _part(_images(path, groups, states, None, None))
    chosen = _images(path, groups, states, split, limit)
    _show(chosen)
    return ImagesChoice(path, groups or None, split, limit, chosen)


@st.cache_resource(ttl=LISTED_SECONDS, max_entries=8, show_spinner="Listing the images…")
def _images(
    path: str, groups: str, states: tuple[FileState, FileState | None], split: str | None, limit: int | None
) -> ImageSet:
    """The images, listed once and not at every click; a part is taken from the whole list."""
    if split is None and limit is None:
        return open_image_set(Path(path), groups=Path(groups) if groups else None)
    whole: ImageSet = _images(path, groups, states, None, None)
    part = whole if split is None else whole.split(split)
    return part if limit is None else part.balanced(limit)


def _part(whole: ImageSet) -> tuple[str | None, int | None]:
    split = None
    if whole.splits:
        options = [*whole.splits]
        if st.session_state.get("images_split") not in options:
            st.session_state["images_split"] = preferred_split(options)
        split = st.selectbox("Split", options, key="images_split")
    limit = st.number_input(
        "At most … images (optional)", 1, None, None, key="images_limit", placeholder="all",
        help="A first look at a large set: so many images, spread evenly over the classes.",
    )  # fmt: skip
    return split, limit


def _show(images: ImageSet) -> None:
    table = images.table
    st.success("Recognised", icon=":material/check_circle:")
    groups = sorted(set(images.groups.values()))
    rows = {
        "Layout": images.layout,
        "Images": f"{len(table):,} in {len(images.class_names):,} classes",
        "Groups": ", ".join(groups) if groups else "none",
        "Not images": f"{len(images.unreadable):,}" if images.unreadable else "none",
    }
    st.markdown("\n".join(f"- {title}: **{state.escaped(words)}**" for title, words in rows.items()))
    if images.unreadable:
        with st.expander(f"{len(images.unreadable):,} files that can't be opened"):
            st.dataframe(
                {
                    "file": [file.path for file in images.unreadable],
                    "why": [file.reason for file in images.unreadable],
                },
                hide_index=True,
            )
    if len(table):
        spread = table.iloc[:: max(1, len(table) // PREVIEW)].head(PREVIEW)
        pictures = thumbnails(state.store(), [images.absolute(path) for path in spread["path"]])
        with st.container(horizontal=True, gap="small"):
            for picture, label in zip(pictures, spread["label"], strict=True):
                if picture is not None:
                    st.image(picture, width=72, alt=f"an image labelled {label}")
