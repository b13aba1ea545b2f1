"""What a perfectly calibrated model shows, against exact distributions and by many draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.calibration import calibration
from analysis.calibration_null import count_chances, count_p_value, null_counts
from tests.analysis.planted_confidences import calibrated


def test_equal_chances_are_binomial() -> None:
    assert count_chances(np.full(30, 0.3)) == pytest.approx(stats.binom.pmf(np.arange(31), 30, 0.3))
    tail = stats.binom.cdf(4, 30, 0.3)
    assert count_p_value(np.full(30, 0.3), 4) == pytest.approx(2 * tail)


def test_unequal_chances_are_those_of_every_outcome() -> None:
    chances = np.array([0.2, 0.7, 0.9])
    by_hand = np.zeros(4)
    for outcome in np.ndindex(2, 2, 2):
        by_hand[sum(outcome)] += np.prod(np.where(outcome, chances, 1 - chances))
    assert count_chances(chances) == pytest.approx(by_hand)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.data())
def test_a_p_value_is_a_chance(confidence: list[float], data: st.DataObject) -> None:
    chances = np.array(confidence)
    right = data.draw(st.integers(0, len(chances)))
    assert 0 <= count_p_value(chances, right) <= 1
    assert count_chances(chances).sum() == pytest.approx(1)


def test_many_images_are_normal() -> None:
    confidence = np.random.default_rng(0).uniform(0.3, 1.0, 2400)
    right = int(confidence.sum()) - 45
    exact = 2 * count_chances(confidence)[: right + 1].sum()
    assert count_p_value(confidence, right) == pytest.approx(exact, rel=0.05)
    assert count_p_value(np.ones(3000), 3000) == 1 and count_p_value(np.ones(3000), 2999) == 0


@pytest.mark.parametrize("wrong", [0, 2, 3, 7, 60])
def test_many_sure_images_are_counted_exactly(wrong: int) -> None:
    n, chance = 5000, 1e-4
    exact = min(1.0, 2 * min(stats.binom.cdf(wrong, n, chance), stats.binom.sf(wrong - 1, n, chance)))
    assert count_p_value(np.full(n, 1 - chance), n - wrong) == pytest.approx(exact, rel=1e-6, abs=1e-14)
    assert count_p_value(np.full(n, chance), wrong) == pytest.approx(exact, rel=1e-6, abs=1e-14)


def test_the_drawn_counts_have_the_right_mean_and_spread() -> None:
    confidence = np.random.default_rng(1).uniform(0, 1, 400)
    drawn = null_counts(confidence, np.array([0, 100]), draws=4000, seed=2)
    for column, rows in enumerate((confidence[:100], confidence[100:])):
        spread = np.sqrt((rows * (1 - rows)).sum())
        assert drawn[:, column].mean() == pytest.approx(rows.sum(), abs=5 * spread / np.sqrt(4000))
        assert drawn[:, column].std() == pytest.approx(spread, rel=0.06)


def test_the_draws_come_in_blocks_and_are_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    confidence = np.random.default_rng(1).uniform(0, 1, 50)
    once = null_counts(confidence, np.array([0, 20]), draws=30)
    monkeypatch.setattr("analysis.calibration_null._DRAWN_AT_ONCE", 120)
    again = null_counts(confidence, np.array([0, 20]), draws=30)
    assert (once == again).all()


def test_honest_models_are_in_their_band_and_their_p_values_uniform() -> None:
    found = [calibration(calibrated(300, seed=seed)) for seed in range(100)]
    inside = sum(each.null_low <= each.ece <= each.null_high for each in found)
    assert 88 <= inside <= 100  # 95 are expected; fewer than 88 come once in 700
    p_values = [each.p_value for each in found]
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert sum(p < 0.05 for p in p_values) <= 12
    # the sides as well: neither too sure nor not sure enough
    assert stats.kstest([each.gap_p_value for each in found], "uniform").pvalue > 0.001
