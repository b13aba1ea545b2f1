"""What the calibration page keeps between reruns, each under the fingerprint of the evaluation."""

from __future__ import annotations

import streamlit as st

from analysis.calibration import Binning, Calibration, calibration_of
from analysis.class_calibration import ClassCalibration, class_calibration
from analysis.confidences import Confidences, confidences
from analysis.costs import Costs
from analysis.coverage import CoverageCurve, coverage_curve
from analysis.expected_cost import CostComparison, compared_costs
from analysis.temperature import TemperatureScaling, temperature_scaling
from pages.shared import cached


@st.cache_resource(max_entries=4, show_spinner="Comparing the confidences with the labels…")
def plain(fingerprint: str) -> Confidences:
    """The confidences as the model gave them."""
    return confidences(cached.predictions(fingerprint))


@st.cache_resource(
    max_entries=4, show_spinner="Looking for the temperature that makes the confidences honest…"
)
def scaling(fingerprint: str) -> TemperatureScaling | None:
    """What a temperature does; None where one image is all there is."""
    predictions = cached.predictions(fingerprint)
    return temperature_scaling(predictions) if len(predictions) > 1 else None


def shown(fingerprint: str, scaled: bool) -> Confidences:
    """The confidences as they are, or each under the temperature of the half it is not part of."""
    found = scaling(fingerprint) if scaled else None
    return plain(fingerprint) if found is None else found.scaled


@st.cache_resource(max_entries=16, show_spinner="Drawing what an honest model would show…")
def calibration(fingerprint: str, by: Binning, scaled: bool) -> Calibration:
    """How honest they are."""
    return calibration_of(shown(fingerprint, scaled), by=by)


@st.cache_resource(max_entries=8, show_spinner="Looking at each class…")
def classes(fingerprint: str, scaled: bool) -> list[ClassCalibration]:
    """How honest they are in each class, the worst first."""
    predictions = cached.predictions(fingerprint)
    return class_calibration(shown(fingerprint, scaled), predictions.predicted, predictions.class_names)


@st.cache_resource(max_entries=4, show_spinner="Sorting the images by confidence…")
def curve(fingerprint: str) -> CoverageCurve:
    """The accuracy of what is kept, for every threshold."""
    found = plain(fingerprint)
    return coverage_curve(found.confidence, found.right)


@st.cache_resource(max_entries=8, show_spinner="Counting what each way of deciding costs…")
def compared(fingerprint: str, costs: Costs, scaled: bool) -> CostComparison:
    """What three ways of deciding cost."""
    found = scaling(fingerprint) if scaled else None
    temperatures = 1.0 if found is None else found.temperatures
    return compared_costs(cached.predictions(fingerprint), costs, temperatures)
