"""The conditional test agrees with scipy, statsmodels and brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom
from statsmodels.stats.contingency_tables import StratifiedTable

from analysis.slice_significance import (
    adjusted_excess,
    class_counts,
    errors_by_chance,
    slice_p_value,
)


def drawn(seed: int, n: int, n_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, n_classes, n)
    wrong = random.random(n) < np.linspace(0.05, 0.5, n_classes)[labels]
    inside = random.random(n) < 0.3
    return wrong, inside, labels


@pytest.mark.parametrize("seed", range(5))
def test_one_class_is_the_hypergeometric_tail(seed: int) -> None:
    wrong, inside, labels = drawn(seed, 80, 1)
    seen = int((wrong & inside).sum())
    expected = hypergeom(80, int(wrong.sum()), int(inside.sum())).sf(seen - 1)
    assert slice_p_value(wrong, inside, labels) == pytest.approx(expected, rel=1e-9)


def test_every_way_to_place_the_errors_within_classes() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    inside = np.array([1, 1, 0, 0, 1, 1, 0, 0, 0], bool)
    wrong = np.array([1, 1, 0, 0, 1, 0, 0, 1, 0], bool)
    ways = [
        len({0, 1} & set(first)) + len({4, 5} & set(second))
        for first in itertools.combinations(range(4), 2)
        for second in itertools.combinations(range(4, 9), 2)
    ]
    expected = np.mean(np.array(ways) >= (wrong & inside).sum())
    assert slice_p_value(wrong, inside, labels) == pytest.approx(expected, rel=1e-12)


def test_permuting_errors_within_classes_gives_the_same() -> None:
    wrong, inside, labels = drawn(3, 200, 6)
    random, seen, at_least = np.random.default_rng(0), int((wrong & inside).sum()), 0
    n_draws = 4000
    for _ in range(n_draws):
        order = np.lexsort((random.random(200), labels))
        moved = np.empty(200, bool)
        moved[np.sort(order)[np.argsort(labels, kind="stable")]] = wrong[order]
        assert np.array_equal(np.bincount(labels[moved]), np.bincount(labels[wrong]))
        at_least += int((moved & inside).sum()) >= seen
    p_value = slice_p_value(wrong, inside, labels)
    assert at_least / n_draws == pytest.approx(p_value, abs=4 * np.sqrt(p_value * (1 - p_value) / n_draws))


def test_many_images_agree_with_cochran_mantel_haenszel() -> None:
    wrong, inside, labels = drawn(1, 20_000, 8)
    tables = [
        [
            [int((own & w).sum()) for w in (wrong, ~wrong)]
            for own in ((labels == label) & inside, (labels == label) & ~inside)
        ]
        for label in range(8)
    ]
    two_sided = StratifiedTable(np.array(tables).transpose(1, 2, 0)).test_null_odds(correction=True).pvalue
    one_sided = slice_p_value(wrong, inside, labels)
    assert 2 * min(one_sided, 1 - one_sided) == pytest.approx(two_sided, rel=0.05)


def test_a_slice_that_is_a_whole_class_says_nothing() -> None:
    wrong, _, labels = drawn(0, 300, 5)
    assert slice_p_value(wrong, labels == 4, labels) == 1.0
    assert adjusted_excess(class_counts(wrong, labels == 4, labels)) == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 8))
def test_the_distribution_adds_to_one_and_has_the_expected_mean(seed: int, n: int, n_classes: int) -> None:
    wrong, inside, labels = drawn(seed, n, n_classes)
    counts = class_counts(wrong, inside, labels)
    chances, least = errors_by_chance(counts)
    known = counts.images > 0
    mean = (counts.errors[known] * counts.inside[known] / counts.images[known]).sum()
    assert chances.sum() == pytest.approx(1)
    assert (chances * (least + np.arange(len(chances)))).sum() == pytest.approx(mean)
    p_value = slice_p_value(wrong, inside, labels)
    assert 0 < p_value <= 1
    # other names for the classes and another order of the images change nothing
    order = np.random.default_rng(seed).permutation(n)
    again = slice_p_value(wrong[order], inside[order], (n_classes - 1 - labels)[order])
    assert again == pytest.approx(p_value)


def test_p_values_by_chance_are_no_smaller_than_they_say() -> None:
    p_values = np.array([slice_p_value(*drawn(seed, 150, 5)) for seed in range(400)])
    for level in (0.05, 0.2, 0.5):
        assert (p_values <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / 400)
