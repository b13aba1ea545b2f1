"""The ways to say what a training is meant to mend: each asks for its kind of target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote

import numpy as np
import streamlit as st

from analysis.cell_name import cell_name
from analysis.target_choice import cells_among, cells_of_name
from models.finetune.spec import Target
from models.prediction_record import Predictions
from pages.data.map_selected import selection_of
from pages.improve import finetune_cached
from pages.improve.finetune_link import classes_name
from pages.mistakes.cell import cell_lists, chosen_cell, folded_view, name_of, write_cell
from pages.mistakes.cell import choose as choose_cell
from pages.shared import cached, state
from pages.shared.addressed import newest, write_later
from pages.shared.state import Workspace, escaped

KINDS = {
    "cell": "A cell",
    "group": "Classes",
    "error": "One mistake",
    "selection": "On the map",
    "none": "No target",
}
_IMPLIED = {"cell": "cell", "mended": "group", "pair": "group", "error": "error"}
"""What a link without ``mend`` means by the parameters that it has."""


def asked_target(workspace: Workspace, predictions: Predictions) -> Target | None:
    """Ask for a target of one kind or another; None where none is wanted, or nothing of the kind is there."""
    kind = _kind()
    st.segmented_control(
        "What to mend", list(KINDS), default=state.keep_widget("mend_kind", kind), required=True, key="mend_kind",
        format_func=KINDS.__getitem__, on_change=_choose_kind, label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    return _ASKED[kind](workspace, predictions)


def mistakes_words(n: int) -> str:
    """A number of mistakes.

    >>> mistakes_words(1), mistakes_words(1200)
    ('1 mistake', '1,200 mistakes')
    """
    return "1 mistake" if n == 1 else f"{n:,} mistakes"


def _kind() -> str:
    asked = st.query_params
    if "mend" not in asked:
        implied = next((kind for name, kind in _IMPLIED.items() if name in asked), None)
        # the page writes both, so such a link comes from elsewhere
        if implied is not None and any(
            asked[name] != st.session_state.get(f"written_{name}") for name in _IMPLIED if name in asked
        ):
            st.session_state["mend"] = implied
    kind = newest("mend", "mend", "written_mend")
    kind = kind if kind in KINDS else "cell"
    write_later("mend", kind, "written_mend")
    return kind


def _choose_kind() -> None:
    st.session_state["mend"] = st.session_state["mend_kind"]


def _cell(workspace: Workspace, predictions: Predictions) -> Target | None:
    """A cell, a row, a column or a cell of folded groups, as in the matrix; at first the most confused one."""
    names, groups = predictions.class_names, predictions.groups
    confused = finetune_cached.confused(workspace.fingerprint)
    suggested = [cell_name(each.label, each.predicted) for each in confused]
    if newest("cell", "cell", "written_cell") is None:
        # the matrix links to the cell that it shows at first, which nobody chose: the session does not hold it yet
        if linked := st.query_params.get("cell"):
            choose_cell(linked)
        elif suggested:
            _take_suggestion(suggested[0])
    view = folded_view(workspace.fingerprint, "confusion")
    cell = chosen_cell(view, names, groups)
    write_cell(view, cell)
    cell_lists(view, cell)
    if suggested:
        _suggestions(
            {
                name: f"{each.label} called {each.predicted} ({each.count})"
                for name, each in zip(suggested, confused, strict=True)
            }
        )
    name = name_of(view, cell)
    cells = cells_of_name(name, names, groups)
    if not cells:
        st.info(
            "The diagonal holds what is right already: choose two different classes.", icon=":material/info:"
        )
        return None
    on_half = name in suggested and st.session_state.get("mend_suggested") == name
    return Target("cell", name, cells, chosen_on="half" if on_half else "all")


def _suggestions(words: Mapping[str, str]) -> None:
    st.caption(
        "Most confused on the choosing half:",
        help="Who picks the most confused cell of all images picks partly bad luck, which mends itself on other images. "
        "These were picked on one half; the other half then shows what the training really did.",
    )  # fmt: skip
    with st.container(horizontal=True, gap="xsmall", key="mend_suggestions"):
        for place, (name, label) in enumerate(words.items()):
            st.button(
                escaped(label),
                key=f"mend_suggestion_{place}",
                on_click=_take_suggestion,
                args=(name,),
                type="tertiary",
            )


def _take_suggestion(name: str) -> None:
    choose_cell(name)
    st.session_state["mend_suggested"] = name


def _group(workspace: Workspace, predictions: Predictions) -> Target | None:
    """Two or more classes, both ways."""
    names = predictions.class_names
    asked = newest("mended", "mended", "written_mended") or newest("pair", "pair", "written_pair") or ""
    known = [name for name in map(unquote, asked.split("/")) if name in names]
    if not known and (confused := finetune_cached.confused(workspace.fingerprint)):
        known = [confused[0].label, confused[0].predicted]
    st.multiselect(
        "Classes that are taken for each other", names, default=state.keep_widget("mend_classes", known),
        key="mend_classes", on_change=_choose_classes, placeholder="Choose two or more classes",
    )  # fmt: skip
    write_later("mended", classes_name(known), "written_mended")
    if len(known) < 2:
        st.info("Choose two classes or more.", icon=":material/info:")
        return None
    return Target("group", " + ".join(known), cells_among(known))


def _choose_classes() -> None:
    st.session_state["mended"] = classes_name(st.session_state["mend_classes"])


def _error(workspace: Workspace, predictions: Predictions) -> Target | None:
    """One odd mistake: its cell is what can be trained on and counted, one image alone is neither."""
    errors = {error.id: error for error in cached.odd_errors(workspace.fingerprint)}
    if not errors:
        st.success("Every image is right.", icon=":material/check_circle:")
        return None
    asked = newest("error", "error", "written_error")
    chosen = asked if asked in errors else next(iter(errors))
    st.selectbox(
        "The mistake, the oddest first", list(errors), index=list(errors).index(state.keep_widget("mend_error", chosen)),
        key="mend_error", on_change=_choose_error,
        format_func=lambda id: f"{errors[id].label} called {errors[id].predicted} · {errors[id].path}",
    )  # fmt: skip
    write_later("error", chosen, "written_error")
    error = errors[chosen]
    return Target("error", error.path, ((error.label, error.predicted),), (error.id,))


def _choose_error() -> None:
    st.session_state["error"] = st.session_state["mend_error"]


def _selection(workspace: Workspace, predictions: Predictions) -> Target | None:
    """The mistakes among the images that are selected on the map."""
    rows = np.asarray(selection_of(workspace).rows, np.intp)
    wrong = rows[predictions.labels[rows] != predictions.predicted[rows]]
    if not len(wrong):
        words = (
            "None of the selected images is a mistake." if len(rows) else "Nothing is selected on the map."
        )
        st.info(words, icon=":material/scatter_plot:")
        st.page_link(state.MAP_PAGE, label="Select images on the map", icon=":material/scatter_plot:", query_params=state.open_query(workspace.spec))  # fmt: skip
        return None
    ids = tuple(str(id) for id in predictions.images["id"].to_numpy()[wrong])
    return Target("selection", f"{mistakes_words(len(wrong))} selected on the map", (), ids)


def _none(workspace: Workspace, predictions: Predictions) -> Target | None:
    st.caption("All training images are drawn alike; the comparison looks at everything.")
    return None


_ASKED: Mapping[str, Callable[[Workspace, Predictions], Target | None]] = {
    "cell": _cell, "group": _group, "error": _error, "selection": _selection, "none": _none,
}  # fmt: skip
