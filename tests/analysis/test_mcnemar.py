import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from analysis.mcnemar import holm_p_values, mid_p_values


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_p_value_is_that_of_statsmodels_less_half_of_what_was_found(fixed: int, broken: int) -> None:
    ours = float(mid_p_values(fixed, broken))
    if fixed + broken == 0:
        assert ours == 1
        return
    exact = mcnemar(np.array([[5, fixed], [broken, 5]]), exact=True).pvalue
    found = binom.pmf(min(fixed, broken), fixed + broken, 0.5)
    expected = exact - (found / 2 if fixed == broken else found)
    assert ours == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert ours <= binomtest(fixed, fixed + broken).pvalue + 1e-12


def test_many_are_tested_at_once_and_either_way_round() -> None:
    fixed, broken = np.array([[0, 7], [3, 12]]), np.array([[4, 7], [9, 1]])
    found = mid_p_values(fixed, broken)
    assert found.shape == (2, 2)
    np.testing.assert_array_equal(found, mid_p_values(broken, fixed))
    np.testing.assert_allclose(found[1, 1], float(mid_p_values(12, 1)))


def test_without_a_difference_it_errs_about_as_often_as_it_says() -> None:
    """The promise of the mid-p-value: near .05, where the exact test stays far below."""
    rates, exact_rates = [], []
    for n in range(20, 200):
        k = np.arange(n + 1)
        weights = binom.pmf(k, n, 0.5)
        rates.append(weights[mid_p_values(k, n - k) <= 0.05].sum())
        exact_rates.append(weights[2 * binom.cdf(np.minimum(k, n - k), n, 0.5) <= 0.05].sum())
    assert max(rates) < 0.067
    assert np.mean(exact_rates) < 0.041
    assert 0.046 < np.mean(rates) < 0.051


def test_adjusted_p_values_are_those_of_statsmodels() -> None:
    p_values = np.random.default_rng(0).integers(0, 30, 50) / 300  # with ties
    np.testing.assert_allclose(holm_p_values(p_values), multipletests(p_values, method="holm")[1])
    assert 0 < (holm_p_values(p_values) < 1).sum() < 50


def test_nothing_is_adjusted_where_nothing_was_tested() -> None:
    assert holm_p_values([]).tolist() == []
