"""Reliability, its errors and its verdict, against references and planted truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from analysis.calibration import bin_edges, bin_places, calibration, calibration_of
from analysis.calibration_summary import calibration_summary
from analysis.class_calibration import class_calibration
from analysis.confidences import Confidences, confidences
from models.predictions import Predictions
from tests.analysis.planted_confidences import calibrated, drawn_labels, softmax
from tests.analysis.planted_predictions import planted_predictions


def given_confidences(confidence: list[float], right: list[bool]) -> Confidences:
    n = len(confidence)
    return Confidences(np.array(confidence), np.array(right), np.zeros(n), np.zeros(n))


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_errors_are_torchmetrics(factor: float) -> None:
    predictions = calibrated(700, factor=factor, seed=3)
    found = calibration(predictions)
    probabilities = torch.from_numpy(softmax(np.asarray(predictions.logits, np.float64)))
    labels = torch.from_numpy(predictions.labels.astype(np.int64))
    for norm, value in (("l1", found.ece), ("max", found.mce)):
        reference = multiclass_calibration_error(probabilities, labels, 10, n_bins=15, norm=norm)  # type: ignore[arg-type]
        # torchmetrics adds in single precision
        assert value == pytest.approx(float(reference), abs=1e-6)


def test_loss_brier_and_bins_are_scikit_learns() -> None:
    predictions = calibrated(500, factor=2.0, seed=1)
    found = calibration(predictions)
    probabilities = softmax(np.asarray(predictions.logits, np.float64))
    assert found.nll == pytest.approx(log_loss(predictions.labels, probabilities, labels=range(10)))
    brier = brier_score_loss(predictions.labels, probabilities, labels=range(10), scale_by_half=False)
    assert found.brier == pytest.approx(brier)
    right = predictions.labels == predictions.predicted
    accuracy, confidence = calibration_curve(right, probabilities.max(axis=1), n_bins=15)
    assert [bin.accuracy for bin in found.bins] == pytest.approx(accuracy)
    assert [bin.mean_confidence for bin in found.bins] == pytest.approx(confidence)


def test_equal_numbers_are_scikit_learns_quantiles() -> None:
    predictions = calibrated(600, seed=2)
    found = calibration(predictions, n_bins=10, by="number")
    right = predictions.labels == predictions.predicted
    confidence = softmax(np.asarray(predictions.logits, np.float64)).max(axis=1)
    accuracy, _ = calibration_curve(right, confidence, n_bins=10, strategy="quantile")
    assert [bin.n for bin in found.bins] == [60] * 10
    assert [bin.accuracy for bin in found.bins] == pytest.approx(accuracy)


def test_certainty_is_in_the_last_bin() -> None:
    found = calibration_of(given_confidences([0.95, 1.0], [True, True]))
    (last,) = found.bins
    assert (last.n, last.right, last.high) == (2, 2, 1.0)
    assert bin_places(np.array([0.0, 1 / 15, 1.0]), bin_edges(np.ones(1), 15, "width")).tolist() == [0, 1, 14]


@pytest.mark.parametrize(("n", "expected"), [(300, 0.054), (3669, 0.016)])
def test_an_honest_model_is_never_at_zero(n: int, expected: float) -> None:
    # confidences spread like those of a usual network: most of them high
    confidence = 0.2 + 0.8 * np.random.default_rng(0).beta(2.5, 0.9, n)
    right = np.random.default_rng(1).random(n) < confidence
    found = calibration_of(Confidences(confidence, right, np.zeros(n), np.zeros(n)))
    assert found.null_mean == pytest.approx(expected, rel=0.2)
    assert found.null_low < found.ece < found.null_high


def test_the_verdict_names_the_side() -> None:
    sure, unsure, honest = (calibration(calibrated(1500, factor=f, seed=5)) for f in (2.0, 0.5, 1.0))
    assert (sure.direction, unsure.direction, honest.direction) == ("over", "under", "honest")
    assert sure.words.startswith("Over-confident: where it says ")
    assert sure.worst_bin.gap > 0 > unsure.worst_bin.gap
    assert honest.words.startswith("The confidences are honest as far as 1,500 images can tell (ECE 0.0")
    confidence = np.repeat([0.6, 0.9], 200)
    right = np.concatenate([np.arange(200) < 150, np.arange(200) < 150])
    assert calibration_of(given_confidences(confidence.tolist(), right.tolist())).direction == "mixed"


def test_a_point_far_off_its_word_is_found_and_the_others_are_not() -> None:
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.4, 1.0, 3000)
    told = np.where((confidence >= 0.8) & (confidence < 0.86), 0.3, confidence)
    right = generator.random(3000) < told
    bins = calibration_of(given_confidences(confidence.tolist(), right.tolist())).bins
    assert [round(bin.low, 2) for bin in bins if bin.q_value < 0.05] == [0.8]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 20),
    st.sampled_from(["width", "number"]),
)
def test_the_bins_hold_all_images(images: list[tuple[float, bool]], n_bins: int, by: str) -> None:
    confidence, right = (list(column) for column in zip(*images, strict=True))
    found = calibration_of(given_confidences(confidence, right), n_bins=n_bins, by=by, draws=20)  # type: ignore[arg-type]
    assert sum(bin.n for bin in found.bins) == len(images) and len(found.bins) <= n_bins
    assert sum(bin.right for bin in found.bins) == sum(right)
    assert 0 <= found.ece <= found.mce <= 1 and 0 < found.p_value <= 1
    # a bin never says more than its images do: the mean over all of them is at most the ECE away
    assert abs(found.mean_confidence - found.accuracy) <= found.ece + 1e-9
    for bin in found.bins:
        assert bin.low - 1e-9 <= bin.mean_confidence <= bin.high + 1e-9


def test_probabilities_say_the_same_as_their_logits() -> None:
    predictions = calibrated(300, seed=4)
    one, other = (confidences(each, 1.7) for each in (predictions, replace(predictions, logits=None)))
    assert one.confidence == pytest.approx(other.confidence, abs=1e-6)
    assert one.loss == pytest.approx(other.loss, abs=1e-5)


def test_without_images_or_probabilities_there_is_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="0 images"):
        calibration_of(given_confidences([], []))
    labels = np.array([0, 1])
    bare = planted_predictions(labels, ("a", "b"), predicted=labels)
    with pytest.raises(ValueError, match="without probabilities"):
        calibration(bare)
    assert calibration_summary(bare) == {}


def with_a_proud_class(seed: int, pride: float) -> Predictions:
    """An honest model of ten classes, whose confidence in class 3 is raised by a share of what lacks."""
    generator = np.random.default_rng(seed)
    honest = softmax(generator.normal(0, 3, (4000, 10)))
    labels = drawn_labels(honest, generator)
    told = honest.copy()
    rows = honest.argmax(axis=1) == 3
    told[rows] *= 1 - pride
    told[rows, 3] += pride
    return planted_predictions(labels, tuple(f"class_{i}" for i in range(10)), probabilities=told)


def test_a_planted_class_is_found_and_the_others_are_silent() -> None:
    predictions = with_a_proud_class(0, pride=0.5)
    records = class_calibration(confidences(predictions), predictions.predicted, predictions.class_names)
    assert [(each.name, each.direction) for each in records if each.direction != "unclear"] == [
        ("class_3", "over")
    ]
    assert records[0].words.startswith("too sure: says ")
    assert sum(each.n for each in records) == 4000


def test_honest_classes_are_silent() -> None:
    accused = 0
    for seed in range(40):
        predictions = with_a_proud_class(seed, pride=0.0)
        records = class_calibration(confidences(predictions), predictions.predicted, predictions.class_names)
        accused += any(each.direction != "unclear" for each in records)
    # at most one run in twenty is expected; seven or more of 40 would come once in 300
    assert accused <= 6


def test_the_summary_is_plain() -> None:
    figures = calibration_summary(calibrated(2000, factor=2.0, seed=6))
    assert figures["verdict"] == "over" and figures["n_bins"] == 15
    assert figures["null_band"][1] < figures["ece"] and figures["ece_after"] < figures["ece_before"]
    assert figures["temperature_interval"][0] < 2 < figures["temperature_interval"][1]
