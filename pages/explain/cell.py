"""One cell of the matrix: what its images share in the network's eyes, and whether that is a shortcut."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.axis import MatrixView
from analysis.cell_record import CellMaps, saved_cell_maps
from analysis.cell_spec import MAP_METHODS, CellSpec
from analysis.map_findings import MapFindings, map_findings
from analysis.map_groups import MapGroups, map_groups
from models.predictions import Predictions
from pages.explain.cell_causal import Shown, places
from pages.explain.cell_clusters import clusters
from pages.explain.cell_evidence import evidence
from pages.mistakes.cell import (
    Cell,
    cell_lists,
    choose,
    chosen_cell,
    chosen_words,
    folded_view,
    name_of,
    shown_name,
    write_cell,
)
from pages.shared import state
from pages.shared.addressed import settle_addresses
from pages.shared.inspector import open_inspector
from pages.shared.job_button import job_and_button
from pages.shared.job_panel import duration_words
from pages.shared.opened import opened_predictions
from pages.shared.state import Workspace

FEW_IMAGES = 6
_RUNS_OF_A_GRADIENT = 4  # a forward pass with the gradient, in forward passes of a batch


@st.cache_resource(max_entries=8, show_spinner="Comparing the maps…")
def findings(folder: str, changed: int, _maps: CellMaps) -> MapFindings:
    """What the kept maps of a cell show; computed once for each state of their file."""
    return map_findings(_maps)


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Shared evidence")
    st.caption(
        "Where the images of one cell have their evidence in common. What sits at the same place in many "
        "images of a class, and in no other, may be a shortcut: a badge, a watermark, a frame."
    )
    with st.container(key="cell_page"):
        st.html(Path(__file__).with_name("cell.css"))
        if not predictions.architecture:
            st.info(
                "These predictions came from a table, so there is no network to ask. Open a checkpoint to see "
                "what it looks at.",
                icon=":material/info:",
            )
            return
        spec, groups, view, cell = chosen(workspace, predictions)
        if len(groups.cell):
            found(predictions, spec, groups)
        else:
            st.info(
                f"No image falls into this cell: {chosen_words(view, cell)}.", icon=":material/search_off:"
            )
    open_inspector(workspace, predictions)


def chosen(workspace: Workspace, predictions: Predictions) -> tuple[CellSpec, MapGroups, MatrixView, Cell]:
    """Ask for the cell and the method."""
    view = folded_view(workspace.fingerprint, "confusion")
    cell = chosen_cell(view, predictions.class_names, predictions.groups)
    write_cell(view, cell)
    settle_addresses()
    left, right = st.columns([0.66, 0.34])
    with left:
        cell_lists(view, cell)
    method = right.selectbox(
        "Method", list(MAP_METHODS), format_func=lambda key: MAP_METHODS[key].label, key="cell_method",
        bind="query-params", help="Gradient x input is quickest, but shows a small mark least clearly. Grad-CAM is missing: it is too coarse.",
    )  # fmt: skip
    name = name_of(view, cell)
    groups = map_groups(predictions, name)
    with st.container(horizontal=True, vertical_alignment="center", key="cell_head"):
        st.markdown(f"##### {state.escaped(chosen_words(view, cell))}", width="content")
        _wider(view, cell, groups)
    return CellSpec(workspace.spec, workspace.fingerprint, name, method), groups, view, cell


def _wider(view: MatrixView, cell: Cell, groups: MapGroups) -> None:
    """Few images prove little: offer all that were called so, or are labelled so."""
    if not cell.is_error or groups.n_cell >= FEW_IMAGES * 2:
        return
    for side, words, wider in (
        ("column", "All called", Cell(None, cell.column)),
        ("row", "All labelled", Cell(cell.row, None)),
    ):
        place = cell.column if side == "column" else cell.row
        assert place is not None
        st.button(
            f"{words} {state.escaped(shown_name(view.entries[place]))}", key=f"cell_all_{side}", type="tertiary",
            icon=":material/unfold_more:", on_click=choose, args=(name_of(view, wider),),
        )  # fmt: skip


def found(predictions: Predictions, spec: CellSpec, groups: MapGroups) -> None:
    """The maps' findings; before there are maps, the button that makes them."""
    maps = saved_cell_maps(state.store(), spec, predictions)
    if maps is None:
        _make(predictions, spec, groups)
        return
    file = spec.folder(state.store()) / "cell.json"
    shown = findings(str(file.parent), file.stat().st_mtime_ns, maps)
    for path, reason in maps.unreadable[:3]:
        st.warning(
            f"{state.escaped(path)} was left out: {state.escaped(reason)}", icon=":material/broken_image:"
        )
    if "cell" not in shown.groups:
        st.info("None of the images of this cell can be read any more.", icon=":material/broken_image:")
        return
    evidence(maps, shown, MAP_METHODS[spec.method].label)
    places(Shown(predictions, spec, maps, shown))
    clusters(predictions, maps, shown)


def _make(predictions: Predictions, spec: CellSpec, groups: MapGroups) -> None:
    n = len(groups.images)
    runs = n * MAP_METHODS[spec.method].runs
    forward = predictions.seconds.get("forward", 0.0) / max(1, len(predictions))
    references = n - len(groups.cell)
    cell = "one image" if len(groups.cell) == 1 else f"{len(groups.cell)} images"
    words = f"{MAP_METHODS[spec.method].label} explains the {cell} of this cell" + (
        f", and {references} rightly recognised to compare with."
        if references
        else "; there are none of other classes, rightly recognised, to compare with."
    )
    if forward:
        words += f" About {duration_words(runs * forward * _RUNS_OF_A_GRADIENT)}; it is kept."
    job_and_button(
        "explain_cell", spec.to_json(), label=f"Explain {n} image{'' if n == 1 else 's'}", key="cell_run", words=words,
        title=f"Maps of {spec.cell}", primary=True,
    )  # fmt: skip


page()
