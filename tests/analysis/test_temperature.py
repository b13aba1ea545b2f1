"""One temperature: planted ones are found again, and judged on images they were not fitted on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from analysis import temperature as module
from analysis.calibration import calibration_of
from analysis.confidences import confidences
from analysis.temperature import fitted_temperature, temperature_scaling
from models.halves import stratified_halves
from models.prediction_scores import log_softmax
from models.predictions import Predictions
from tests.analysis.planted_confidences import calibrated
from tests.analysis.planted_predictions import planted_predictions


def least_loss(predictions: Predictions) -> float:
    """The temperature of the least loss, by scipy."""
    assert predictions.logits is not None
    logits, rows = np.asarray(predictions.logits, np.float64), np.arange(len(predictions))

    def loss(log_temperature: float) -> float:
        logs = log_softmax(logits / np.exp(log_temperature))
        return float(-logs[rows, predictions.labels].mean())

    found = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.0, 6.0])
def test_it_is_where_scipy_finds_the_least_loss(factor: float) -> None:
    predictions = calibrated(400, factor=factor, seed=1)
    found = fitted_temperature(predictions, np.arange(400))
    assert found.value == pytest.approx(least_loss(predictions), rel=1e-4)
    assert found.is_fitted and found.n == 400


def test_a_planted_temperature_is_found_again() -> None:
    scaling = temperature_scaling(calibrated(2000, factor=2.0, seed=0))
    for report in (scaling.report, scaling.swapped):
        low, high = report.temperature.interval
        assert low < 2 < high and high - low < 0.5 and report.temperature.is_needed
        assert report.before.direction == "over" and report.after.direction == "honest"
        assert report.nll_interval[1] < 0 and report.after.nll < report.before.nll
        assert report.nll_change == pytest.approx(report.after.nll - report.before.nll)
    assert calibration_of(scaling.scaled).direction == "honest"
    assert scaling.words.startswith("Divide the logits by ")


def test_the_interval_holds_the_truth_95_times_in_100() -> None:
    inside = 0
    for seed in range(100):
        predictions = calibrated(200, factor=2.0, seed=seed)
        low, high = fitted_temperature(predictions, np.arange(200)).interval
        inside += low <= 2 <= high
    assert 88 <= inside <= 100


def test_an_honest_model_needs_none() -> None:
    needed = sum(
        temperature_scaling(calibrated(300, seed=seed)).report.temperature.is_needed for seed in range(30)
    )
    assert needed <= 5
    assert "No temperature is needed" in temperature_scaling(calibrated(300, seed=0)).words


def test_each_image_is_scaled_by_the_half_it_is_not_in() -> None:
    predictions = calibrated(301, factor=3.0, seed=2)
    scaling = temperature_scaling(predictions)
    first = stratified_halves(predictions.labels)
    assert set(scaling.temperatures[~first]) == {scaling.report.temperature.value}
    assert set(scaling.temperatures[first]) == {scaling.swapped.temperature.value}
    by_hand = confidences(predictions, scaling.report.temperature.value)
    assert scaling.scaled.confidence[~first] == pytest.approx(by_hand.confidence[~first])
    fitted = fitted_temperature(predictions, np.flatnonzero(first))
    assert fitted == scaling.report.temperature
    # labels of the judging half have no say in the temperature
    other = predictions.images.copy()
    other.loc[~first, "label_index"] = (other.loc[~first, "label_index"] + 1) % 10
    assert fitted_temperature(replace(predictions, images=other), np.flatnonzero(first)) == fitted


def test_where_every_image_is_right_there_is_none() -> None:
    labels = np.repeat([0, 1], 20)
    probabilities = np.where(np.eye(2)[labels] == 1, 0.9, 0.1)
    scaling = temperature_scaling(planted_predictions(labels, ("a", "b"), probabilities=probabilities))
    assert not scaling.is_fitted and not scaling.report.temperature.is_needed
    assert scaling.words.startswith("No temperature can be fitted")


def test_equal_logits_have_none() -> None:
    labels = np.repeat([0, 1], 20)
    alike = planted_predictions(labels, ("a", "b"), probabilities=np.full((40, 2), 0.5))
    assert not fitted_temperature(alike, np.arange(40)).is_fitted


def test_too_few_images_for_two_halves() -> None:
    one = planted_predictions(np.array([0]), ("a", "b"), probabilities=np.array([[0.7, 0.3]]))
    with pytest.raises(ValueError, match="two images"):
        temperature_scaling(one)


def test_of_very_many_images_some_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    predictions = calibrated(3000, factor=2.0, seed=4)
    monkeypatch.setattr(module, "FITTED_ROWS", 700)
    found = fitted_temperature(predictions, np.arange(3000))
    assert found.n == 600
    assert found == fitted_temperature(predictions, np.arange(0, 3000, 5))
