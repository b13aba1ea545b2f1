"""Mean maps and the border's share, against sums done by hand."""

import numpy as np
import pytest

from analysis.map_statistics import (
    border_comparison,
    border_share,
    has_evidence,
    mean_positive_map,
    pooled,
    positive_shares,
)
from tests.analysis.planted_maps import animal_maps, marked_maps


def test_each_map_counts_the_same_whatever_its_scale() -> None:
    maps = animal_maps(6, 0)
    scaled = maps * np.array([1e-6, 1, 10, 1e3, 1e6, 0.5])[:, None, None]
    np.testing.assert_allclose(mean_positive_map(scaled), mean_positive_map(maps), rtol=1e-9, atol=0)
    assert mean_positive_map(maps).sum() == pytest.approx(1)


def test_what_speaks_against_is_left_out() -> None:
    maps = np.array([[[-3.0, 1.0], [2.0, 1.0]]])
    np.testing.assert_allclose(positive_shares(maps), [[[0, 0.25], [0.5, 0.25]]])


def test_blank_maps_neither_count_nor_divide_by_zero() -> None:
    maps = np.array([[[0.0, 2.0]], [[-1.0, 0.0]], [[0.0, 0.0]]])
    assert has_evidence(maps).tolist() == [True, False, False]
    np.testing.assert_array_equal(mean_positive_map(maps), [[0, 1]])
    np.testing.assert_array_equal(mean_positive_map(maps[1:]), [[0, 0]])
    assert np.isnan(border_share(np.zeros((1, 10, 10)))).all()


@pytest.mark.parametrize("shape", [(20, 20), (10, 40), (17, 33)])
def test_even_maps_have_no_preference_for_the_border(shape: tuple[int, int]) -> None:
    np.testing.assert_allclose(border_share(np.ones((3, *shape))), 1)


def test_the_borders_share_is_that_of_a_sum_by_hand() -> None:
    relevance = np.random.default_rng(0).normal(size=(1, 20, 30))
    positive = np.maximum(relevance[0], 0)
    inner = positive[2:18, 3:27].sum() / positive.sum()
    area = 1 - (16 * 24) / (20 * 30)
    np.testing.assert_allclose(border_share(relevance), (1 - inner) / area)


def test_all_on_the_border_is_one_over_its_area() -> None:
    relevance = np.zeros((1, 10, 10))
    relevance[0, 0, 3] = 5
    np.testing.assert_allclose(border_share(relevance), 1 / 0.36)


@pytest.mark.parametrize("side", [4, 8, 5])
def test_pooling_takes_means_of_equal_squares(side: int) -> None:
    maps = np.random.default_rng(1).random((2, side * 3, side * 2))
    expected = maps.reshape(2, side, 3, side, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(pooled(maps, side), expected)


def test_pooling_keeps_even_maps_even_at_any_size() -> None:
    for shape in [(7, 7), (10, 13), (33, 9), (160, 224)]:
        np.testing.assert_allclose(pooled(np.full((1, *shape), 2.5), 8), 2.5)


def test_a_border_mark_is_told_from_none() -> None:
    found = border_comparison(marked_maps(24, 0), animal_maps(30, 1), width=0.2)
    assert found is not None
    assert found.is_clear and found.low > 0 and found.p < 1e-6
    assert found.difference == pytest.approx(found.mean - found.reference_mean)
    assert (found.n, found.n_reference) == (24, 30)


def test_alike_images_rarely_differ_on_the_border() -> None:
    clear = 0
    for seed in range(60):
        found = border_comparison(animal_maps(20, seed), animal_maps(20, seed + 1000))
        assert found is not None and found.low <= found.difference <= found.high
        clear += found.is_clear
    assert clear <= 7


def test_too_few_images_are_not_compared() -> None:
    blank = np.zeros((5, 32, 32))
    assert border_comparison(blank, animal_maps(5, 0)) is None
    assert border_comparison(animal_maps(1, 0), animal_maps(5, 0)) is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        positive_shares(np.full((1, 4, 4), np.nan))
    with pytest.raises(ValueError, match="maps must be"):
        positive_shares(np.ones((4, 4)))
    with pytest.raises(ValueError, match="border"):
        border_share(np.ones((1, 4, 4)), width=0.5)
