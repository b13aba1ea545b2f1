"""How honest the confidences are, as plain data for ``summary.json``."""

from __future__ import annotations

from typing import Any

from analysis.calibration import N_BINS, Calibration, calibration
from analysis.temperature import temperature_scaling
from models.prediction_record import Predictions


def calibration_summary(predictions: Predictions, found: Calibration | None = None) -> dict[str, Any]:
    """The key ``calibration`` of the summary.

    Args:
        predictions: what the network said.
        found: ``calibration(predictions)`` where it is at hand.

    Returns:
        ``ece``, ``null_band`` (low, high), ``p_value``, ``n_bins``, ``verdict`` ("honest", "over", "under",
        "mixed"), ``words``, ``mean_confidence``, ``accuracy``, ``brier``, ``nll``; where a temperature can be
        fitted also ``temperature`` (on one half of the images), ``temperature_interval``, ``n_fitted``, and of
        the other half ``ece_before``, ``ece_after``, ``null_band_after``, ``nll_before`` and ``nll_after``.
        Empty where there are no probabilities.
    """
    if not predictions.has_probabilities or not len(predictions):
        return {}
    found = found or calibration(predictions)
    figures: dict[str, Any] = {
        "ece": found.ece,
        "null_band": [found.null_low, found.null_high],
        "p_value": found.p_value,
        "n_bins": N_BINS,
        "verdict": found.direction,
        "words": found.words,
        "mean_confidence": found.mean_confidence,
        "accuracy": found.accuracy,
        "brier": found.brier,
        "nll": found.nll,
    }
    return figures | (_temperature(predictions) if len(predictions) > 1 else {})


def _temperature(predictions: Predictions) -> dict[str, Any]:
    report = temperature_scaling(predictions).report
    if not report.temperature.is_fitted:
        return {}
    return {
        "temperature": report.temperature.value,
        "temperature_interval": list(report.temperature.interval),
        "n_fitted": report.temperature.n,
        "ece_before": report.before.ece,
        "ece_after": report.after.ece,
        "null_band_after": [report.after.null_low, report.after.null_high],
        "nll_before": report.before.nll,
        "nll_after": report.after.nll,
    }
