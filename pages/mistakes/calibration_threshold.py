"""A threshold to choose: the model decides where it is sure, a person decides the rest."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from analysis.calibration import LEVEL
from analysis.confidences import Confidences
from analysis.confusion import Integers
from analysis.coverage import (
    CoverageCurve,
    HeldOut,
    ThresholdReport,
    held_out,
    threshold_report,
    threshold_step_for,
)
from analysis.number_words import percent
from models.prediction_record import Predictions
from pages.mistakes import calibration_cached
from pages.mistakes.calibration_charts import coverage_chart
from pages.shared.halves import halves
from pages.shared.paged_gallery import paged_gallery

USUAL = 90.0
STEP = 0.1
WANTED = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
PAGE_SIZE = 6


def threshold_section(fingerprint: str, predictions: Predictions) -> None:
    """The curve, the slider, what it means, and the images on either side."""
    st.subheader("When to ask a person")
    found, curve = calibration_cached.plain(fingerprint), calibration_cached.curve(fingerprint)
    st.caption(_order_words(curve))
    with st.container(horizontal=True, vertical_alignment="bottom", key="threshold_controls"):
        # tenths of a percent: confidences of large networks crowd below 100 %
        threshold = st.slider(
            "The model decides from this confidence on", 0.0, 100.0, USUAL, STEP, format="%.1f%%",
            key="threshold", bind="query-params", width=520,
        )  # fmt: skip
        _find_threshold(found)
    _missing_words()
    report = threshold_report(found.confidence, found.right, threshold / 100)
    _figures(report)
    left, right = halves("coverage", (0.52, 0.48))
    with left:
        st.plotly_chart(coverage_chart(curve, report), key="coverage_chart", config={"displayModeBar": False})
        if report.kept.n:
            chosen = held_out(predictions.labels, found.confidence, found.right, report.kept.rate)
            st.caption(_held_out_words(chosen))
    with right:
        _images(predictions, found, report)


def _order_words(curve: CoverageCurve) -> str:
    if math.isnan(curve.gained):
        return "All images are alike, right or wrong: there is nothing to sort by confidence."
    if curve.p_value >= LEVEL:
        return "The confidence does not tell right from wrong here: no threshold will help."
    return (
        f"Sorted by confidence, the images go {percent(max(0.0, curve.gained))} of the way from a random to the "
        f"best possible order (mean error of the kept images, AURC: {curve.aurc:.3f}; random {curve.aurc_random:.3f}, "
        f"best possible {curve.aurc_ideal:.3f})."
    )


def _find_threshold(found: Confidences) -> None:
    overall = float(found.right.mean())
    wanted = [share for share in WANTED if share > overall][:3]
    if not wanted:
        return
    for share in wanted:
        st.button(
            f"Find {share * 100:g}% right", key=f"wanted_{share}", on_click=_set_threshold, args=(found, share),
            help="The lowest threshold at which so many of the images that the model decides are right.",
        )  # fmt: skip


def _missing_words() -> None:
    missing = st.session_state.pop("threshold_missing", None)
    if missing is not None:
        st.info(f"No threshold makes {percent(missing)} of the images it keeps right.")


def _set_threshold(found: Confidences, wanted: float) -> None:
    threshold = threshold_step_for(found.confidence, found.right, wanted, STEP / 100)
    if threshold is None:
        st.session_state["threshold_missing"] = wanted
    else:
        st.session_state["threshold"] = round(threshold * 100, 1)


def _figures(report: ThresholdReport) -> None:
    with st.container(horizontal=True, key="threshold_figures"):
        st.metric(
            "The model decides", percent(report.coverage), border=True, help=f"{report.kept.n:,} of {report.n:,} images"
        )  # fmt: skip
        st.metric(
            "Right among these", percent(report.kept.rate) if report.kept.n else "none", border=True,
            help=report.kept.words,
        )  # fmt: skip
        st.metric(
            "Mistakes that stay", f"{report.mistakes_kept:,}", border=True,
            help=f"of {report.mistakes_kept + report.mistakes_avoided:,} mistakes in all",
        )  # fmt: skip
        st.metric(
            "For a person", f"{report.handed_over:,}", border=True,
            help=f"{report.mistakes_avoided:,} of them mistakes, {report.right_handed_over:,} right",
        )  # fmt: skip
    if not report.kept.n:
        st.caption("No image is so sure: a person decides all of them.")


def _held_out_words(found: HeldOut | None) -> str:
    note = "A threshold chosen on these images should be tested on others."
    if found is None:
        return note
    if not found.kept.n:
        return f"{note} Chosen on one half for as many right, it keeps no image of the other half."
    return (
        f"{note} Chosen on one half for {percent(found.wanted)} right, it keeps {percent(found.coverage)} of the "
        f"other half, and {percent(found.kept.rate)} of these are right (95% interval {found.kept.low:.1%} to "
        f"{found.kept.high:.1%}; both ways round)."
    )


def _images(predictions: Predictions, found: Confidences, report: ThresholdReport) -> None:
    kept = found.confidence >= report.threshold
    sides = {
        "stay": (~found.right & kept, "Mistakes that stay"),
        "avoided": (~found.right & ~kept, "Mistakes avoided"),
        "needless": (found.right & ~kept, "Right ones for a person"),
    }
    chosen = st.segmented_control(
        "Images", list(sides), default="stay", required=True, key="threshold_side", bind="query-params",
        label_visibility="collapsed", format_func=lambda side: f"{sides[side][1]} ({int(sides[side][0].sum()):,})",
    )  # fmt: skip
    rows = _surest_first(found, np.flatnonzero(sides[chosen][0]))
    paged_gallery(
        predictions, rows, key="threshold_images", page_key=f"page_of_{chosen}_{report.threshold}",
        empty="None at this threshold.", page_size=PAGE_SIZE,
    )  # fmt: skip


def _surest_first(found: Confidences, rows: Integers) -> Integers:
    return rows[np.argsort(-found.confidence[rows], kind="stable")]
