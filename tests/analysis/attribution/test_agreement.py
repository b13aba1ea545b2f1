"""Agreement between maps: Spearman's own correlation, over squares that every map can be cut into."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import spearmanr

from analysis.attribution.agreement import agreement, rank_correlation
from analysis.attribution.cell_grid import cell_evidence, cell_means, cell_numbers

MAPS = {
    name: np.random.default_rng(seed).normal(size=(28, 42)).astype(np.float32)
    for seed, name in enumerate(("one", "two", "three"))
}
SMALL = arrays.arrays(np.float64, 30, elements=st.integers(-4, 4).map(float))


@given(SMALL, SMALL)
def test_ranks_correlate_as_in_scipy(first: np.ndarray, second: np.ndarray) -> None:
    found = rank_correlation(first, second)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(first, second).statistic, abs=1e-9)


def test_the_matrix_holds_each_pair_over_the_squares() -> None:
    found = agreement(MAPS)
    assert found.shape == (3, 3)
    for i, first in enumerate(MAPS.values()):
        for j, second in enumerate(MAPS.values()):
            blocks = [each.reshape(14, 2, 14, 3).mean((1, 3)).clip(0).ravel() for each in (first, second)]
            assert found[i, j] == pytest.approx(spearmanr(*blocks).statistic, abs=1e-6)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_allclose(np.diagonal(found), 1.0)


def test_neither_scale_nor_any_other_rising_change_of_squares_matters() -> None:
    squares = np.random.default_rng(5).normal(size=(14, 14))
    other = np.random.default_rng(6).normal(size=(14, 14))
    expected = agreement({"a": squares, "b": other})[0, 1]
    for changed in (1e-12 * squares, 1e9 * squares, squares**3, np.sign(squares) * np.abs(squares) ** 0.1):
        assert agreement({"a": changed, "b": other})[0, 1] == pytest.approx(expected, abs=1e-9)


def test_what_speaks_against_counts_as_nothing() -> None:
    signed = MAPS["one"]
    squares = cell_means(signed).reshape(14, 14)
    unsigned = np.maximum(squares, 0)
    assert agreement({"signed": signed, "unsigned": unsigned})[0, 1] == pytest.approx(1.0)
    assert agreement({"for": squares, "against": -squares})[0, 1] < -0.5


def test_maps_of_different_sizes_can_be_compared() -> None:
    coarse = np.random.default_rng(1).random((7, 7))
    fine = np.kron(coarse, np.ones((32, 32)))
    assert agreement({"fine": fine, "finer": np.kron(fine, np.ones((2, 2)))})[0, 1] == pytest.approx(1.0)


def test_a_blank_map_has_no_ranks() -> None:
    found = agreement({"blank": -np.ones((20, 20)), "one": MAPS["one"]})
    assert np.isnan(found[0]).all() and np.isnan(found[1, 0]) and found[1, 1] == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [(14, 14), (28, 42), (30, 45), (96, 160), (5, 7), (1, 1)])
def test_squares_cover_each_pixel_once_and_are_alike(shape: tuple[int, int]) -> None:
    numbers = cell_numbers(shape)
    n = min(14, shape[0]) * min(14, shape[1])
    sizes = np.bincount(numbers.ravel(), minlength=n)
    assert len(sizes) == n and sizes.sum() == shape[0] * shape[1] and sizes.min() >= 1
    rows = np.diff([np.flatnonzero((numbers == number).any(1)).shape[0] for number in range(n)])
    assert np.abs(rows).max(initial=0) <= 1
    relevance = np.random.default_rng(0).normal(size=shape)
    assert (cell_means(relevance) * sizes).sum() == pytest.approx(relevance.sum())
    np.testing.assert_array_equal(cell_evidence(relevance), cell_means(relevance).clip(0))
