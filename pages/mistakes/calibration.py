"""Calibration: whether the confidences can be taken at their word, and what to do with them."""

from __future__ import annotations

import streamlit as st

from analysis.calibration import Calibration
from analysis.number_words import p_words
from analysis.temperature import TemperatureScaling
from models.prediction_record import Predictions
from pages.mistakes import calibration_cached
from pages.mistakes.calibration_costs import cost_section
from pages.mistakes.calibration_honesty import class_table, honesty_choices, reliability, temperature
from pages.mistakes.calibration_threshold import threshold_section
from pages.shared import state
from pages.shared.inspector import open_inspector
from pages.shared.opened import opened_predictions


def verdict(found: Calibration) -> None:
    """Whether the confidences are honest, in one sentence, with the figures behind it."""
    honest = found.direction == "honest"
    (st.success if honest else st.warning)(
        found.words, icon=":material/check_circle:" if honest else ":material/balance:"
    )
    with st.container(horizontal=True, key="calibration_figures"):
        st.metric(
            "Calibration error (ECE)", f"{found.ece:.3f}", border=True,
            help="The mean distance between confidence and accuracy over 15 bins of confidence, weighted by images.",
        )  # fmt: skip
        st.metric(
            "An honest model's", f"{found.null_low:.3f} – {found.null_high:.3f}", border=True,
            help="The ECE is never 0 on so many images. Here labels are drawn from the confidences 1,000 times; "
            f"95% of the errors lie in between. An error of {found.ece:.3f} or more: {p_words(found.p_value)}.",
        )  # fmt: skip
        st.metric("Mean confidence", f"{found.mean_confidence:.1%}", border=True)
        st.metric("Accuracy", f"{found.accuracy:.1%}", border=True, help=f"of {found.n:,} images")
        st.metric(
            "Loss (NLL)", f"{found.nll:.3f}", border=True,
            help="Mean of -log of the label's probability, in nats. Lower is better.",
        )  # fmt: skip
        st.metric(
            "Brier score", f"{found.brier:.3f}", border=True,
            help="Mean squared distance of probabilities and labels over all classes, 0 to 2. Lower is better.",
        )  # fmt: skip


def honesty(workspace: state.Workspace, predictions: Predictions, scaling: TemperatureScaling | None) -> None:
    """The verdict, the diagram, the temperature and the classes."""
    fingerprint = workspace.fingerprint
    plain = calibration_cached.calibration(fingerprint, "width", False)
    verdict(plain)
    by, scaled = honesty_choices(scaling)
    if scaled:
        st.caption(f"With temperature: {calibration_cached.calibration(fingerprint, by, True).words}")
    reliability(fingerprint, predictions, by, scaled)
    temperature(scaling, plain)
    class_table(fingerprint, predictions, scaled)


@st.fragment
@state.explained
def deciding(
    workspace: state.Workspace, predictions: Predictions, scaling: TemperatureScaling | None
) -> None:
    """What to do with the confidences; a moved slider runs this alone, and it ends with the inspector."""
    threshold_section(workspace.fingerprint, predictions)
    cost_section(workspace.fingerprint, predictions, scaling)
    open_inspector(workspace, predictions)


def page() -> None:
    """Draw the page."""
    workspace, predictions = opened_predictions()
    st.title("Calibration")
    if not predictions.has_probabilities:
        st.info(
            "These predictions came without probabilities, so there are no confidences to judge. A table with one "
            "probability column for each class has them."
        )  # fmt: skip
        return
    scaling = calibration_cached.scaling(workspace.fingerprint)
    honesty(workspace, predictions, scaling)
    deciding(workspace, predictions, scaling)


page()
