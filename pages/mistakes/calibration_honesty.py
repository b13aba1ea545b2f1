"""How honest the confidences are: the diagram with its images, the temperature, the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
import streamlit as st

from analysis.calibration import Binning, Calibration
from analysis.class_calibration import ClassCalibration
from analysis.number_words import interval_words
from analysis.temperature import TemperatureScaling
from models.prediction_record import Predictions
from pages.mistakes import calibration_cached
from pages.mistakes.calibration_charts import bin_words, reliability_chart
from pages.shared import state
from pages.shared.halves import halves
from pages.shared.paged_gallery import paged_gallery

PAGE_SIZE = 6
CLASS_PAGE_SIZE = 7
BINNINGS = {"width": "Equal steps", "number": "Equal numbers of images"}
SCALED = {"plain": "As they are", "scaled": "With temperature"}
_CLASS_COLUMNS = {
    "images": st.column_config.NumberColumn(help="called so"),
    "says": st.column_config.NumberColumn(format="%.0f%%", help="mean confidence"),
    "right": st.column_config.NumberColumn(format="%.0f%%"),
    "off by": st.column_config.NumberColumn(
        format="%+.0f points", help="Above 0 the model is too sure, below 0 not sure enough."
    ),
    "q": st.column_config.NumberColumn(
        format="%.3f", help="How likely chance alone would do it, corrected for having looked at all classes."
    ),
}


def honesty_choices(scaling: TemperatureScaling | None) -> tuple[Binning, bool]:
    """Draw the choices over the diagram; return the kind of bins, and whether the temperature applies."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="calibration_controls"):
        scaled = "plain"
        if scaling is not None and scaling.is_fitted:
            scaled = st.segmented_control(
                "Confidences", list(SCALED), default="plain", required=True, format_func=SCALED.__getitem__,
                key="confidences", bind="query-params",
                help="With temperature, each image's logits are divided by the number that was fitted on the half "
                "of the images it does not belong to.",
            )  # fmt: skip
        by = st.segmented_control(
            "Bins", list(BINNINGS), default="width", required=True, format_func=BINNINGS.__getitem__,
            key="bins", bind="query-params",
        )  # fmt: skip
    return cast(Binning, by), scaled == "scaled"


def reliability(fingerprint: str, predictions: Predictions, by: Binning, scaled: bool) -> None:
    """The diagram, and beside it the images of a bin."""
    found = calibration_cached.calibration(fingerprint, by, scaled)
    key = f"calibration_bin_{by}_{scaled}"
    left, right = halves("reliability", (0.52, 0.48))
    with left:
        st.plotly_chart(
            reliability_chart(found), key=f"reliability_{by}_{scaled}", config={"displayModeBar": False},
            on_select=lambda: _choose_clicked(f"reliability_{by}_{scaled}", key, len(found.bins)),
            selection_mode="points",
        )  # fmt: skip
        st.caption(
            "A point on the dotted line keeps its word. In the grey band it may be chance: an honest model is "
            "there 95 times in 100. A diamond is off by more than chance, with all bins counted in."
        )
    with right:
        _bin_images(fingerprint, predictions, found, key, scaled)


def _choose_clicked(chart: str, key: str, n_bins: int) -> None:
    places = [point["point_index"] for point in st.session_state[chart]["selection"]["points"]]
    if places and places[0] < n_bins:
        st.session_state[key] = places[0]


def _bin_images(
    fingerprint: str, predictions: Predictions, found: Calibration, key: str, scaled: bool
) -> None:
    bins = found.bins
    chosen = st.session_state.get(key, bins.index(found.worst_bin))
    place = st.selectbox(
        "Images of a bin (or click the diagram)", range(len(bins)), index=state.keep_widget(key, chosen),
        key=key, format_func=lambda place: bin_words(bins[place]),
    )  # fmt: skip
    shown = calibration_cached.shown(fingerprint, scaled)
    is_last = place == len(bins) - 1
    inside = (shown.confidence >= bins[place].low) & ((shown.confidence < bins[place].high) | is_last)
    rows = np.flatnonzero(inside)
    # the mistakes first, each part by falling confidence
    rows = rows[np.lexsort((-shown.confidence[rows], shown.right[rows]))]
    notes = [f"{shown.confidence[row]:.1%} with temperature" for row in rows] if scaled else None
    paged_gallery(
        predictions, rows, key="calibration_bin_images", page_key=f"page_{key}_{place}", notes=notes,
        page_size=PAGE_SIZE,
    )  # fmt: skip


def temperature(scaling: TemperatureScaling | None, found: Calibration) -> None:
    """What to divide the logits by, and what that brings on images it was not fitted on."""
    st.subheader("Temperature: one number to mend it")
    if scaling is None:
        st.caption(
            "A temperature is fitted on one half of the images and judged on the other: one is too few."
        )
        return
    st.write(scaling.words)
    if not scaling.is_fitted:
        return
    needed = scaling.report.temperature.is_needed or scaling.swapped.temperature.is_needed
    if not needed:
        if found.direction != "honest":
            st.caption("The confidences are off in a way that one temperature cannot mend.")
        return
    value = scaling.report.temperature.value
    st.code(f"probabilities = torch.softmax(logits / {value:.3f}, dim=1)", language="python")
    st.caption("The predictions stay as they are; only the confidences change.")
    rows = [
        (name, report.temperature.value, f"{report.temperature.interval[0]:.2f} to {report.temperature.interval[1]:.2f}",
         report.before.ece, report.after.ece, f"{report.after.null_low:.3f} to {report.after.null_high:.3f}",
         report.before.nll, report.after.nll, f"{report.nll_interval[0]:+.3f} to {report.nll_interval[1]:+.3f}")
        for name, report in (("one half, judged on the other", scaling.report), ("the other way round", scaling.swapped))
    ]  # fmt: skip
    columns = (
        "fitted on", "temperature", "95% interval", "ECE before", "ECE after", "an honest model's ECE",
        "NLL before", "NLL after", "NLL change, 95% interval",
    )  # fmt: skip
    number = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        pd.DataFrame(rows, columns=list(columns)), hide_index=True, key="temperature_table",
        column_config={"temperature": st.column_config.NumberColumn(format="%.2f"),
                       **dict.fromkeys(["ECE before", "ECE after", "NLL before", "NLL after"], number)},
    )  # fmt: skip


def class_frame(records: Sequence[ClassCalibration]) -> pd.DataFrame:
    """The classes as a table, in their order."""
    return pd.DataFrame(
        {
            "class": [each.name for each in records],
            "verdict": [each.words.partition(":")[0] for each in records],
            "images": [each.n for each in records],
            "says": [each.mean_confidence * 100 for each in records],
            "right": [each.precision * 100 for each in records],
            "95% interval": [interval_words(each.interval) for each in records],
            "off by": [each.gap * 100 for each in records],
            "q": [each.q_value for each in records],
        }
    )


def class_table(fingerprint: str, predictions: Predictions, scaled: bool) -> None:
    """Every predicted class with its confidence and accuracy, and beside it the images called so."""
    st.subheader("Class by class")
    records = calibration_cached.classes(fingerprint, scaled)
    off = sum(each.direction != "unclear" for each in records)
    st.caption(
        ("No single class is off by more than chance. " if not off else f"Off by more than chance: {off} of {len(records)} classes. ")
        + "Of all images called a class: how sure the model is, and how many are right. Select a row to see them."
    )  # fmt: skip
    event = st.dataframe(
        class_frame(records), hide_index=True, on_select="rerun", selection_mode="single-row",
        key="calibration_class_table", height=min(36 * len(records) + 38, 400), column_config=_CLASS_COLUMNS,
    )  # fmt: skip
    chosen = records[(event["selection"]["rows"] or [0])[0]]
    st.markdown(f"**Called {state.escaped(chosen.name)}** · {chosen.words}")
    rows = np.flatnonzero(predictions.predicted == chosen.index)
    found = calibration_cached.shown(fingerprint, scaled)
    rows = rows[np.lexsort((-found.confidence[rows], found.right[rows]))]
    paged_gallery(
        predictions, rows, key="calibration_class_images", page_key=f"page_of_called_{chosen.index}",
        page_size=CLASS_PAGE_SIZE,
    )  # fmt: skip
