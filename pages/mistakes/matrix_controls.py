"""The choices over the matrix. Each stands in the URL, so a link shows the same matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import streamlit as st

from analysis.ordering import Order
from pages.shared.matrix import Diagonal, Scale, Values
from pages.shared.state import escaped

VALUES = {"counts": "Images", "label": "% of label", "prediction": "% of prediction"}
ORDERS = {"confusion": "Similar classes together", "name": "Name", "accuracy": "Worst first"}
DIAGONALS = {"shown": "Shown", "dimmed": "Dimmed", "hidden": "Hidden"}
SCALES = {"linear": "Linear", "log": "Logarithmic"}


@dataclass(frozen=True)
class MatrixChoices:
    """How the matrix is to be shown."""

    values: Values
    order: Order
    diagonal: Diagonal
    scale: Scale
    folded: tuple[str, ...]
    shown: tuple[str, ...]
    min_count: int


def matrix_choices(class_names: Sequence[str], groups: Sequence[str]) -> MatrixChoices:
    """Draw the controls and return what they say.

    Args:
        class_names: all classes, for the filter.
        groups: the groups that can be folded; empty where the classes have none.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", key="matrix_controls"):
        values = st.segmented_control(
            "Numbers", list(VALUES), default="counts", required=True, format_func=VALUES.__getitem__,
            key="values", bind="query-params",
        )  # fmt: skip
        order = st.selectbox(
            "Order", list(ORDERS), format_func=ORDERS.__getitem__, key="order", bind="query-params", width=220
        )
        folded = _folded(groups)
        with st.popover("More", icon=":material/tune:"):
            diagonal, scale, shown, min_count = _further_choices(class_names)
    return MatrixChoices(
        cast(Values, values),
        cast(Order, order),
        cast(Diagonal, diagonal),
        cast(Scale, scale),
        folded,
        shown,
        min_count,
    )


def _folded(groups: Sequence[str]) -> tuple[str, ...]:
    if not groups:
        return ()
    return tuple(
        st.pills(
            "Fold into one row", list(groups), selection_mode="multi", key="folded", bind="query-params", format_func=escaped,
            help="A folded group is one row and one column; its classes are added up.",
        )
    )  # fmt: skip


def _further_choices(class_names: Sequence[str]) -> tuple[str, str, tuple[str, ...], int]:
    diagonal = st.segmented_control(
        "Diagonal (right predictions)", list(DIAGONALS), default="dimmed", required=True,
        format_func=DIAGONALS.__getitem__, key="diagonal", bind="query-params",
    )  # fmt: skip
    scale = st.segmented_control(
        "Colour scale", list(SCALES), default="linear", required=True, format_func=SCALES.__getitem__,
        key="scale", bind="query-params",
    )  # fmt: skip
    shown = st.multiselect(
        "Only these classes", list(class_names), key="classes", bind="query-params", placeholder="All classes"
    )
    min_count = st.number_input(
        "Only mistakes that happen at least … times", 0, None, 0, key="at_least", bind="query-params",
        help="Cells below stay blank, and classes without such a mistake are left out.",
    )  # fmt: skip
    return diagonal, scale, tuple(shown), int(min_count)
