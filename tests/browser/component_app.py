"""A small app around the matrix and the gallery, on made-up counts; run by the tests, not by people.

Query parameters: ``entries``, ``values``, ``diagonal``, ``scale``, ``items``, ``names=short``, ``groups``,
``compact``, ``split`` (matrix and gallery side by side), ``dark=row,column`` (one outstanding error),
``folded`` (the place of an entry that is a group), ``min_count``, ``shortcut`` (of a button that counts).
"""

from __future__ import annotations

import io
import sys
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pages.shared.gallery import GalleryItem, gallery
from pages.shared.matrix import MatrixClick, confusion_matrix
from pages.shared.scatter import (
    FILTERED_OUT,
    NOTHING,
    ScatterEntry,
    ScatterSelection,
    scatter,
    scatter_points,
)

CATS = [
    "Abyssinian",
    "Bengal",
    "Birman",
    "Bombay",
    "British_Shorthair",
    "Egyptian_Mau",
    "Maine_Coon",
    "Persian",
    "Ragdoll",
    "Russian_Blue",
    "Siamese",
    "Sphynx",
]
DOGS = [
    "american_staffordshire_terrier",
    "basset_hound",
    "beagle",
    "boxer",
    "chihuahua",
    "english_cocker_spaniel",
    "english_setter",
    "german_shorthaired",
    "great_pyrenees",
    "japanese_chin",
    "keeshond",
    "leonberger",
    "miniature_pinscher",
    "newfoundland",
    "pomeranian",
    "pug",
    "saint_bernard",
    "samoyed",
    "scottish_terrier",
    "staffordshire_bull_terrier",
    "wheaten_terrier",
    "yorkshire_terrier",
]
BREEDS = CATS + DOGS
PARTS = (
    "northern",
    "spotted",
    "common",
    "great",
    "lesser",
    "golden",
    "striped",
    "river",
    "mountain",
    "dwarf",
)
KINDS = (
    "warbler",
    "terrier",
    "beetle",
    "orchid",
    "container_ship",
    "salamander",
    "teapot",
    "violin",
    "crane",
    "fox",
)


def entry_names(entries: int) -> list[str]:
    """``entries`` distinct names, as long as real ones."""
    if entries <= len(BREEDS):
        return BREEDS[:entries]
    return [f"{PARTS[at % 10]}_{KINDS[at // 10 % 10]}_{at:03d}" for at in range(entries)]


@cache
def planted_counts(entries: int) -> NDArray[np.int64]:
    """About 31 images a class (50 above 100 classes), most right, errors mostly with near neighbours."""
    draw = np.random.default_rng(entries)
    each = 31 if entries <= 100 else 50
    counts = np.zeros((entries, entries), dtype=np.int64)
    for row in range(entries):
        wrong = draw.binomial(each, draw.beta(2, 7))
        near = (row + draw.integers(1, 4, wrong) * draw.choice([-1, 1], wrong)) % entries
        far = draw.integers(0, entries, wrong)
        np.add.at(counts[row], np.where(draw.random(wrong) < 0.7, near, far), 1)
        counts[row, row] += each - wrong
    counts[0, -1] = counts[-1, 0] = 0  # the corners: one pair empty for good
    return counts


@cache
def thumbnail(seed: int) -> bytes:
    """A smooth coloured JPEG of 128 pixels, about 4 kB."""
    draw = np.random.default_rng(seed)
    small = Image.fromarray(draw.integers(30, 225, (6, 6, 3), dtype=np.uint8)).resize(
        (128, 128), Image.Resampling.BICUBIC
    )
    noise = draw.normal(0, 9, (128, 128, 3))
    pixels = np.clip(np.asarray(small, dtype=float) + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def shown_items(names: list[str], count: int, clicks: int) -> list[GalleryItem]:
    """Items with right and wrong predictions, one unreadable, one with a name that looks like HTML."""
    items = []
    for at in range(count):
        label, predicted = names[at % len(names)], names[(at * 7 + at // 3) % len(names)]
        if at == 3:
            predicted = "<b>bold</b>"
        picture = None if at == 5 else thumbnail(at + 100 * clicks % 800)
        note = "" if at % 4 else "1 of 31"
        items.append(
            GalleryItem(
                f"image{clicks}_{at}", picture, label, predicted, 0.31 + at % 7 / 10, label == predicted, note
            )
        )
    return items


def clicked(click: MatrixClick) -> None:
    """Remember the click, as a page would."""
    st.session_state.place = (click.row, click.column)
    st.session_state.clicks = st.session_state.get("clicks", 0) + 1


def opened(image: str) -> None:
    """Remember the opened image."""
    st.session_state.image = image
    st.session_state.opens = st.session_state.get("opens", 0) + 1


def shortcut_used() -> None:
    """Count how often the button was pressed."""
    st.session_state.shortcuts = st.session_state.get("shortcuts", 0) + 1


@st.fragment
def matrix_and_gallery() -> None:
    """The matrix, what it told Python, and a gallery that follows it."""
    query = st.query_params
    entries = int(query.get("entries", "34"))
    names = entry_names(entries)
    if query.get("names") == "short":
        names = [f"c{at}" for at in range(entries)]
    counts = planted_counts(entries).copy()
    if "dark" in query:
        row, column = map(int, query["dark"].split(","))
        counts[row, column] = 60
    row_totals, column_totals = counts.sum(axis=1), counts.sum(axis=0)
    min_count, folded = int(query.get("min_count", "0")), int(query.get("folded", "-1"))
    counts[(counts < min_count) & ~np.eye(entries, dtype=bool)] = 0
    groups = ["cat" if name in CATS else "dog" for name in names] if query.get("groups") else []
    left, right = st.columns([3, 2]) if query.get("split") else (st.container(), st.container())
    with left:
        confusion_matrix(
            labels=names,
            counts=counts,
            row_totals=row_totals,
            column_totals=column_totals,
            values=query.get("values", "counts"),  # type: ignore[arg-type]
            diagonal=query.get("diagonal", "shown"),  # type: ignore[arg-type]
            scale=query.get("scale", "linear"),  # type: ignore[arg-type]
            selected=st.session_state.get("place"),
            groups=groups,
            is_group=[at == folded for at in range(entries)] if folded >= 0 else (),
            min_count=min_count,
            on_click=clicked,
        )
    with right:
        heard()
        gallery(
            shown_items(names, int(query.get("items", "24")), st.session_state.get("clicks", 0)),
            key="mistake_gallery",
            selected=st.session_state.get("image"),
            compact=bool(query.get("compact")),
            empty="No Bengal was called Persian.",
            on_open=opened,
        )


def heard() -> None:
    """What Python got, as text that a test can read."""
    place = st.session_state.get("place", ("-", "-"))
    st.markdown(f"place {place[0]} {place[1]} clicks {st.session_state.get('clicks', 0)}")
    st.markdown(f"shortcuts {st.session_state.get('shortcuts', 0)}")
    st.markdown(f"image {st.session_state.get('image', '-')} opens {st.session_state.get('opens', 0)}")


st.set_page_config(layout="wide")
if st.button("Choose the last cell"):
    last = int(st.query_params.get("entries", "34")) - 1
    st.session_state.place = (last, last)
if "shortcut" in st.query_params:
    st.button("Count", shortcut=st.query_params["shortcut"], on_click=shortcut_used)
matrix_and_gallery()


def planted_places(count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """``count`` points around four centres, and the centre of each."""
    draw = np.random.default_rng(0)
    clusters = np.arange(count) % 4
    centres = np.array([[0.15, 0.15], [0.85, 0.15], [0.15, 0.85], [0.85, 0.85]])
    return (centres[clusters] + draw.uniform(-0.1, 0.1, (count, 2))).astype(np.float32), clusters


def map_selected(selection: ScatterSelection) -> None:
    """Remember what was selected on the map."""
    st.session_state.selection = selection


def map_opened(row: int) -> None:
    """Remember which point was opened."""
    st.session_state.row = row


def clear_map() -> None:
    """Select nothing, as a button of a page does."""
    old = st.session_state.get("selection", NOTHING)
    st.session_state.selection = ScatterSelection(NOTHING.rows, "region", old.serial)


@st.fragment
def map_and_heard(count: int) -> None:
    """A map of planted points (``scatter``: how many) and what it told Python."""
    _, clusters = planted_places(count)
    categories = clusters.astype(np.uint8)
    if st.toggle("Only the first"):
        categories = np.where(clusters == 0, categories, FILTERED_OUT).astype(np.uint8)
    entries = [
        ScatterEntry(f"cluster {at}", colour) for at, colour in enumerate(("#d3573a", "#3f78bd", None))
    ]
    entries.append(ScatterEntry("<b>last</b>", "#23a07a", 2, on_top=True))
    selection = st.session_state.get("selection", NOTHING)
    st.button("Clear the map", on_click=clear_map)
    scatter(
        revision="planted", categories=categories, entries=entries, selection=selection, on_select=map_selected,
        on_open=map_opened, key="embedding_map",
    )  # fmt: skip
    rows = ",".join(map(str, selection.rows[:200]))
    st.markdown(f"selected {len(selection.rows)} {selection.kind}: {rows}.")
    st.markdown(f"opened {st.session_state.get('row', '-')}")


if "scatter" in st.query_params:
    many = int(st.query_params["scatter"])
    map_and_heard(many)
    drawn_places, drawn_clusters = planted_places(many)
    scatter_points(
        revision="planted", positions=drawn_places, labels=drawn_clusters, predicted=drawn_clusters // 2 * 2,
        confidence=np.linspace(0.5, 1, many), class_names=["a", "b", "<i>c</i>", "d"], key="embedding_map",
    )  # fmt: skip
