"""Mistakes that cost differently: the costs, what each way of deciding costs, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from analysis.costs import Costs, cost_matrix
from analysis.expected_cost import PERSON, CostComparison, Outcome, decision_changes
from analysis.temperature import TemperatureScaling
from models.prediction_record import Predictions
from pages.mistakes import calibration_cached
from pages.shared.halves import halves
from pages.shared.paged_gallery import paged_gallery

WHOLE_MATRIX_UP_TO = 20
SHOWN_CHANGES = 100
PAGE_SIZE = 6
A_PERSON = "a person"
Pairs = tuple[tuple[int, int, float], ...]


def cost_section(fingerprint: str, predictions: Predictions, scaling: TemperatureScaling | None) -> None:
    """What mistakes cost, the cheapest decisions, and the images that are decided otherwise."""
    st.subheader("When mistakes cost differently")
    st.caption("A right decision costs nothing. Give the mistakes their costs, in any unit.")
    costs = _chosen_costs(fingerprint, predictions)
    needed = scaling is not None and (
        scaling.report.temperature.is_needed or scaling.swapped.temperature.is_needed
    )
    scaled = bool(needed and scaling is not None and scaling.is_fitted)
    compared = calibration_cached.compared(fingerprint, costs, scaled)
    _outcomes(compared, scaled)
    _changes(predictions, compared)


def _chosen_costs(fingerprint: str, predictions: Predictions) -> Costs:
    n_groups = len({group for group in predictions.groups.values() if group})
    with st.container(horizontal=True, vertical_alignment="bottom", key="cost_controls"):
        within = st.number_input(
            "A mistake within a group" if n_groups > 1 else "A mistake", 0.0, None, 1.0, 0.5, key="cost_within",
            bind="query-params", width=190,
        )  # fmt: skip
        across = within
        if n_groups > 1:
            across = st.number_input(
                "A mistake across groups", 0.0, None, 1.0, 0.5, key="cost_across", bind="query-params", width=190,
                help="Such as a dog called a cat.",
            )  # fmt: skip
        hands = st.toggle("A person can decide", value=True, key="cost_hands", bind="query-params")
        person = None
        if hands:
            person = st.number_input(
                "Asking a person", 0.0, None, 0.5, 0.05, key="cost_person", bind="query-params", width=190
            )
    with st.expander("Costs of single cells"):
        pairs = _pairs(fingerprint, predictions, within, across)
    return Costs(within, across, person, pairs)


def _pairs(fingerprint: str, predictions: Predictions, within: float, across: float) -> Pairs:
    """The cells with a cost of their own; they are remembered when the page is left."""
    known, kept = st.session_state.get("cost_pairs", (fingerprint, ()))
    pairs: Pairs = kept if known == fingerprint else ()
    names = predictions.class_names
    if len(names) <= WHOLE_MATRIX_UP_TO:
        plain = cost_matrix(Costs(within, across), names, predictions.groups)
        pairs = _edited_matrix(fingerprint, names, plain, pairs)
    else:
        pairs = _edited_list(fingerprint, names, pairs)
    st.session_state["cost_pairs"] = fingerprint, pairs
    return pairs


def _edited_matrix(fingerprint: str, names: Sequence[str], plain: np.ndarray, pairs: Pairs) -> Pairs:
    st.caption("Rows are labels, columns are decisions.")
    filled = plain.copy()
    for label, predicted, cost in pairs:
        filled[label, predicted] = cost
    frame = pd.DataFrame(filled, index=pd.Index(names, name="label"), columns=list(names))
    key = f"cost_matrix_{fingerprint}_{plain[plain > 0].sum():g}_{plain.max():g}"
    edited = st.data_editor(
        _first_shown(key, frame), key=key, height=36 * (len(names) + 1),
        column_config={name: st.column_config.NumberColumn(min_value=0.0, format="%g") for name in names},
    )  # fmt: skip
    values = edited.to_numpy(dtype=float)
    own = np.argwhere(~np.isnan(values) & (values != plain))
    return tuple((int(row), int(column), float(values[row, column])) for row, column in own)


def _edited_list(fingerprint: str, names: Sequence[str], pairs: Pairs) -> Pairs:
    st.caption("Add a row for each pair of classes whose confusion has a cost of its own.")
    rows = [(names[label], names[predicted], cost) for label, predicted, cost in pairs]
    columns = {"label": "str", "decided as": "str", "cost": "float"}
    frame = pd.DataFrame(rows, columns=list(columns)).astype(columns)
    key = f"cost_list_{fingerprint}"
    edited = st.data_editor(
        _first_shown(key, frame), key=key, num_rows="dynamic", hide_index=True,
        column_config={
            "label": st.column_config.SelectboxColumn(options=list(names), required=True),
            "decided as": st.column_config.SelectboxColumn(options=list(names), required=True),
            "cost": st.column_config.NumberColumn(min_value=0.0, required=True),
        },
    )  # fmt: skip
    places = {name: place for place, name in enumerate(names)}
    complete = edited.dropna()
    chosen = {
        (places[label], places[decided]): float(cost)
        for label, decided, cost in complete.itertuples(index=False)
        if label in places and decided in places
    }
    return tuple((*cell, cost) for cell, cost in chosen.items())


def _first_shown(key: str, frame: pd.DataFrame) -> pd.DataFrame:
    """What an editor began with: given anything else, it would drop what was typed."""
    shown: pd.DataFrame = st.session_state.get(f"{key}_began", frame) if key in st.session_state else frame
    st.session_state[f"{key}_began"] = shown
    return shown


def _outcomes(compared: CostComparison, scaled: bool) -> None:
    ways: dict[str, Outcome] = {
        "The most probable class": compared.usual,
        "The cheapest class": compared.cheapest,
    }
    if compared.with_person is not None:
        ways["The cheapest class, or a person"] = compared.with_person
    rows = [
        (way, each.mean, each.wrong, each.to_person, each.changed, each.saving,
         f"{each.interval[0]:+.3f} to {each.interval[1]:+.3f}", _verdict(each))
        for way, each in ways.items()
    ]  # fmt: skip
    table = pd.DataFrame(
        rows,
        columns=["decide for", "cost per image", "mistakes", "for a person", "changed", "saved per image",
                 "95% interval", "verdict"],
    )  # fmt: skip
    table.loc[0, ["95% interval", "verdict"]] = ""
    with st.container(key="cost_outcomes"):
        st.dataframe(
            table, hide_index=True, key="cost_table",
            column_config={
                "cost per image": st.column_config.NumberColumn(format="%.3f"),
                "saved per image": st.column_config.NumberColumn(
                    format="%+.3f", help="Against the first row; below 0 it costs more."
                ),
            },
        )  # fmt: skip
    probabilities = "the probabilities with temperature" if scaled else "the probabilities as they are"
    st.caption(
        f"Decided by {probabilities}, counted on the labels of all images. The probabilities themselves expect "
        f"{compared.expected_usual:.3f} per image for the first row and {compared.expected_cheapest:.3f} for the second."
    )


def _verdict(outcome: Outcome) -> str:
    if not outcome.changed:
        return "no decision changes"
    if not outcome.is_clear:
        return "may be chance"
    return "cheaper" if outcome.saving > 0 else "dearer"


def _changes(predictions: Predictions, compared: CostComparison) -> None:
    with_person = compared.with_person is not None
    changes = decision_changes(predictions, compared, with_person=with_person)
    if not changes:
        st.caption("At these costs the most probable class is the cheapest decision for every image.")
        return
    names = predictions.class_names
    table = pd.DataFrame(
        [
            (
                names[change.label],
                names[change.predicted],
                A_PERSON if change.decided == PERSON else names[change.decided],
                change.n,
                change.saving,
            )
            for change in changes[:SHOWN_CHANGES]
        ],
        columns=["label", "most probable", "decided", "images", "saved"],
    )
    st.markdown("**What changes**, the largest first. Select a row to see its images.")
    left, right = halves("cost_changes", (0.55, 0.45))
    with left:
        event = st.dataframe(
            table, hide_index=True, on_select="rerun", selection_mode="single-row", key="cost_changes",
            height=min(36 * (len(table) + 1), 420),
            column_config={"saved": st.column_config.NumberColumn(
                format="%+.2f", help="Cost that is saved in all; below 0 it costs more.")},
        )  # fmt: skip
        if len(changes) > SHOWN_CHANGES:
            st.caption(f"The first {SHOWN_CHANGES} of {len(changes):,}.")
    place = (event["selection"]["rows"] or [0])[0]
    with right:
        paged_gallery(
            predictions, np.array(changes[place if place < len(changes) else 0].rows), key="cost_images",
            page_key=f"page_of_change_{place}", page_size=PAGE_SIZE,
        )  # fmt: skip
