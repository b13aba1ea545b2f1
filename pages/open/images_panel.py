"""The images' half of the setup page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from models.errors import ErrorscopeError
from models.images import ImageSet, open_image_set
from models.thumbnails import thumbnails
from models.uploads import unpacked_images
from pages.open.model_panel import given_path
from pages.shared import state

SUFFIXES = ["zip", "csv", "parquet", "tsv"]
PREVIEW = 8


@dataclass(frozen=True)
class ImagesChoice:
    """What was chosen, and what was recognised in it (None while there is nothing, or an error)."""

    path: str
    groups: str | None
    split: str | None
    limit: int | None
    image_set: ImageSet | None


def images_panel(asked: str) -> ImagesChoice:
    """Ask for the images, and say what was recognised.

    Args:
        asked: the path a link named, or "".
    """
    st.subheader("Images")
    path = given_path(
        "Folder or table", asked, "images", SUFFIXES,
        "A folder of class folders; a CSV or Parquet table with columns path and label (optionally group, split); or the "
        "Oxford-IIIT Pet layout. Small sets can be uploaded as a ZIP of class folders.",
    )  # fmt: skip
    if not path:
        st.caption("No images are chosen yet.")
        return ImagesChoice("", None, None, None, None)
    groups = st.text_input(
        "File of groups (optional)", key="images_groups", placeholder="groups.csv",
        help="CSV with columns class and group, or JSON: which classes belong together, such as cat and dog.",
    )  # fmt: skip
    try:
        return _recognised(path, groups.strip() if groups else "")
    except ErrorscopeError as error:
        state.explain(error)
        return ImagesChoice(path, None, None, None, None)


def _recognised(path: str, groups: str) -> ImagesChoice:
    if Path(path).suffix.lower() == ".zip":
        path = str(unpacked_images(state.store(), Path(path).name, Path(path).read_bytes()))
    with st.spinner("Listing the images…"):
        whole = open_image_set(Path(path), groups=Path(groups) if groups else None)
    split, limit = _part(whole)
    chosen = open_image_set(Path(path), groups=Path(groups) if groups else None, split=split, limit=limit)
    _show(chosen)
    return ImagesChoice(path, groups or None, split, limit, chosen)


def _part(whole: ImageSet) -> tuple[str | None, int | None]:
    split = None
    if whole.splits:
        options = [*whole.splits]
        preferred = next(
            (name for name in ("val", "validation", "valid", "test") if name in options), options[0]
        )
        split = st.selectbox("Split", options, index=options.index(preferred), key="images_split")
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
