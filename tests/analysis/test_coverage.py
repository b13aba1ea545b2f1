"""Deciding only where the model is sure: against counting by hand, and on images it was not chosen on."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.coverage import (
    coverage_curve,
    held_out,
    threshold_for,
    threshold_report,
    threshold_step_for,
)

IMAGES = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40)


def columns(images: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    confidence, right = zip(*images, strict=True)
    return np.array(confidence) / 20, np.array(right)


@settings(deadline=None)  # the first call imports scipy
@given(IMAGES)
def test_the_curve_is_what_counting_gives(images: list[tuple[int, bool]]) -> None:
    confidence, right = columns(images)
    curve = coverage_curve(confidence, right)
    assert curve.thresholds.tolist() == sorted(set(confidence.tolist()), reverse=True)
    for threshold, kept, n_right in zip(curve.thresholds, curve.kept, curve.right, strict=True):
        assert kept == sum(confidence >= threshold) and n_right == sum(right[confidence >= threshold])
    assert (np.diff(curve.coverage) > 0).all() and curve.coverage[-1] == 1
    assert curve.accuracy[-1] == pytest.approx(right.mean())
    assert curve.aurc_ideal <= curve.aurc + 1e-9


def test_the_area_is_the_mean_over_all_orders_of_equal_confidences() -> None:
    confidence, right = np.array([0.9, 0.5, 0.5, 0.5, 0.2]), np.array([True, False, True, True, False])
    areas = []
    for middle in itertools.permutations([1, 2, 3]):
        wrong = ~right[[0, *middle, 4]]
        areas.append((wrong.cumsum() / np.arange(1, 6)).mean())
    assert coverage_curve(confidence, right).aurc == pytest.approx(np.mean(areas))


def test_the_ends_of_the_scale() -> None:
    right = np.arange(100) < 80
    ideal = coverage_curve(np.linspace(1, 0, 100), right)
    assert ideal.gained == pytest.approx(1) and ideal.p_value < 1e-9
    alike = coverage_curve(np.full(100, 0.7), right)
    assert alike.gained == pytest.approx(0) and alike.p_value > 0.4
    assert coverage_curve(np.linspace(0, 1, 100), right).gained < 0
    for all_alike in (np.ones(5, bool), np.zeros(5, bool)):
        curve = coverage_curve(np.linspace(0, 1, 5), all_alike)
        assert np.isnan(curve.gained) and curve.p_value == 1
    with pytest.raises(ValueError, match="no images"):
        coverage_curve(np.empty(0), np.empty(0, bool))


def test_a_confidence_that_says_nothing_is_seen_through() -> None:
    found = 0
    for seed in range(60):
        draws = np.random.default_rng(seed)
        found += coverage_curve(draws.random(200), draws.random(200) < 0.8).p_value < 0.05
    assert found <= 9


def test_the_area_of_random_confidences_is_the_error() -> None:
    draws = np.random.default_rng(0)
    curves = [coverage_curve(draws.random(400), np.arange(400) < 300) for _ in range(40)]
    assert np.mean([curve.aurc for curve in curves]) == pytest.approx(0.25, abs=0.02)


@given(IMAGES, st.integers(0, 21), st.integers(0, 21))
def test_a_lower_threshold_keeps_more(images: list[tuple[int, bool]], one: int, other: int) -> None:
    confidence, right = columns(images)
    low, high = (threshold_report(confidence, right, place / 20) for place in sorted((one, other)))
    assert low.kept.n >= high.kept.n and low.mistakes_avoided <= high.mistakes_avoided
    assert low.mistakes_kept + low.mistakes_avoided == sum(~right)
    assert low.handed_over == low.mistakes_avoided + low.right_handed_over == len(right) - low.kept.n


@given(IMAGES, st.floats(0, 1))
def test_the_threshold_for_an_accuracy_keeps_the_most(images: list[tuple[int, bool]], wanted: float) -> None:
    confidence, right = columns(images)
    threshold = threshold_for(confidence, right, wanted)
    reports = [threshold_report(confidence, right, value) for value in set(confidence.tolist())]
    reaching = [report for report in reports if report.kept.rate >= wanted - 1e-12]
    if threshold is None:
        assert not reaching
    else:
        assert threshold == min(report.threshold for report in reaching)


@given(IMAGES, st.floats(0, 1))
def test_the_round_threshold_reaches_it_too(images: list[tuple[int, bool]], wanted: float) -> None:
    confidence, right = columns(images)
    threshold = threshold_step_for(confidence, right, wanted, 0.1)
    by_hand = [
        place / 10
        for place in range(11)
        if (kept := threshold_report(confidence, right, place / 10).kept).n and kept.rate >= wanted - 1e-9
    ]
    assert threshold == (by_hand[0] if by_hand else None)


def test_held_out_images_are_judged_by_the_other_halfs_threshold() -> None:
    draws = np.random.default_rng(3)
    n = 40_000
    confidence = draws.random(n)
    right = draws.random(n) < confidence
    found = held_out(np.zeros(n, np.int64), confidence, right, 0.9)
    assert found is not None and found.n == n
    # an honest model: those from t to 1 are right in (1 + t) / 2
    assert found.thresholds == pytest.approx((0.8, 0.8), abs=0.06)
    assert found.kept.rate == pytest.approx(0.9, abs=0.03)
    assert held_out(np.zeros(1, np.int64), confidence[:1], right[:1], 0.9) is None


def test_choosing_flatters_and_holding_out_tells() -> None:
    """Confidences that say nothing: the chosen threshold looks right on its own images only."""
    flattered, told = [], []
    for seed in range(30):
        draws = np.random.default_rng(seed)
        confidence, right = draws.random(120), draws.random(120) < 0.7
        threshold = threshold_for(confidence, right, 0.85)
        if threshold is None:
            continue
        flattered.append(threshold_report(confidence, right, threshold).kept.rate)
        honest = held_out(np.zeros(120, np.int64), confidence, right, 0.85)
        assert honest is not None
        if honest.kept.n:
            told.append(honest.kept.rate)
    assert min(flattered) >= 0.85
    assert np.mean(told) < 0.78


def test_an_accuracy_out_of_reach_keeps_nothing() -> None:
    confidence, right = np.linspace(0.1, 0.9, 10), np.zeros(10, bool)
    assert threshold_for(confidence, right, 0.5) is None
    assert threshold_step_for(confidence, right, 0.5) is None
    found = held_out(np.zeros(10, np.int64), confidence, right, 0.5)
    assert found is not None and found.kept.n == 0
