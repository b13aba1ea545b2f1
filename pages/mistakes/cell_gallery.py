"""The images of a cell, and the correctly classified ones of its classes to compare them with."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import streamlit as st

from analysis.axis import MatrixView
from analysis.cell_name import GroupName
from analysis.confusion import cell_images
from models.predictions import Predictions
from pages.improve.finetune_link import finetune_link
from pages.mistakes.cell import Cell, choose, name_of, shown_name
from pages.shared.gallery import gallery
from pages.shared.inspector import inspect
from pages.shared.notes_form import subject_expander
from pages.shared.paged_gallery import PAGE_SIZE, paged_gallery
from pages.shared.pictures import gallery_items
from pages.shared.state import CELL_PAGE, Workspace, escaped, open_query

STRIP_SIZE = 4
SORTS = {
    "confidence": "Most confident first",
    "margin": "Furthest from right first",
    "loss": "Highest loss first",
    "unsure": "Least confident first",
    "path": "File name",
}


def sorted_images(predictions: Predictions, indices: npt.NDArray[np.intp], by: str) -> npt.NDArray[np.intp]:
    """``indices`` in the order that ``by`` (a key of SORTS) names; stable, so pages never shuffle."""
    images = predictions.images
    if by == "path":
        return indices
    column = "confidence" if by == "unsure" else by
    values = images[column].to_numpy()[indices]
    ascending = by in ("margin", "unsure")
    return indices[np.argsort(values if ascending else -values, kind="stable")]


def images_of(predictions: Predictions, view: MatrixView, cell: Cell) -> npt.NDArray[np.intp]:
    """The positions of the images behind a cell, row or column of the view."""
    row = None if cell.row is None else view.entries[cell.row].members
    column = None if cell.column is None else view.entries[cell.column].members
    return cell_images(predictions.labels, predictions.predicted, row, column)


def cell_gallery(workspace: Workspace, predictions: Predictions, view: MatrixView, cell: Cell) -> None:
    """Draw the cell's images page by page, then the images to compare them with."""
    indices = images_of(predictions, view, cell)
    sorts = list(SORTS) if predictions.has_probabilities else ["path"]
    by, pages_in = sorts[0], None
    controls = st.container(horizontal=True, vertical_alignment="center", key="gallery_controls")
    if len(indices) > 1:
        by = controls.selectbox(
            "Sort", sorts, format_func=SORTS.__getitem__, key="sort", bind="query-params", width=230,
            label_visibility="collapsed",
        )  # fmt: skip
        if len(indices) > PAGE_SIZE:
            pages_in = controls.container(key="gallery_page")
        if predictions.architecture:
            with controls:
                st.page_link(
                    CELL_PAGE,
                    label="What do these share?",
                    icon=":material/join_inner:",
                    help="Where the network looked in all of them, and whether that is a shortcut.",
                    query_params={**open_query(workspace.spec), "cell": name_of(view, cell)},
                )
    if len(indices) and (cell.is_error or None in (cell.row, cell.column)):
        with controls:
            finetune_link(workspace, predictions, "cell", name_of(view, cell))
    paged_gallery(
        predictions,
        sorted_images(predictions, indices, by),
        key="mistake_gallery",
        # A key of its own for each cell, so that another cell begins at its first page.
        page_key=f"page_of_{name_of(view, cell)}",
        empty="No image falls into this cell.",
        pages_in=pages_in,
    )
    _notes(workspace, predictions, view, cell)
    if cell.is_error:
        _comparison(predictions, view, cell)


def _notes(workspace: Workspace, predictions: Predictions, view: MatrixView, cell: Cell) -> None:
    """What was written about the cell; a whole row or column is its class."""
    entries = [view.entries[place].name for place in (cell.row, cell.column) if place is not None]
    is_class = len(entries) == 1 and not isinstance(entries[0], GroupName)
    kind: Literal["cell", "class"] = "class" if is_class else "cell"
    name = entries[0] if is_class else name_of(view, cell)
    subject_expander(workspace, predictions, kind=kind, name=name)


def _comparison(predictions: Predictions, view: MatrixView, cell: Cell) -> None:
    identifiers = predictions.images["id"].to_numpy()
    for side, entry in (("label", cell.row), ("predicted", cell.column)):
        assert entry is not None
        indices = images_of(predictions, view, Cell(entry, entry))
        # A folded group's diagonal also holds mistakes within the group.
        indices = indices[predictions.labels[indices] == predictions.predicted[indices]]
        name = name_of(view, Cell(entry, entry))
        heading = st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        )
        heading.markdown(f"**{escaped(shown_name(view.entries[entry]))}**, rightly recognised")
        if len(indices) > STRIP_SIZE:
            heading.button(
                f"All {len(indices):,}", key=f"all_{side}", type="tertiary", on_click=choose, args=(name,)
            )
        by = "confidence" if predictions.has_probabilities else "path"
        ordered = sorted_images(predictions, indices, by)
        sequence = identifiers[ordered]
        gallery(
            gallery_items(predictions, ordered[:STRIP_SIZE]),
            key=f"compare_{side}",
            on_open=partial(inspect, sequence=sequence),
            empty="No image of this class was recognised.",
            compact=True,
        )
