from itertools import combinations
from math import comb

import numpy as np
import pytest

from analysis.group_significance import block_p_values, corrected_for_all_groups
from analysis.significance import pair_p_values
from tests.analysis.null_errors import null_counts


def _drawn_given_the_totals(counts: np.ndarray, rng: np.random.Generator, steps: int) -> np.ndarray:
    """A table drawn from chance: single errors change places, so that every total stays as it is."""
    labels, called = np.nonzero(counts - np.diag(np.diagonal(counts)))
    repeats = counts[labels, called]
    labels, called = np.repeat(labels, repeats), np.repeat(called, repeats)
    for _ in range(steps):
        i, j = rng.choice(len(labels), 2, replace=False)
        if labels[i] != called[j] and labels[j] != called[i]:
            called[i], called[j] = called[j], called[i]
    drawn = np.zeros_like(counts)
    np.add.at(drawn, (labels, called), 1)
    return drawn


@pytest.mark.parametrize("group", [(0, 1, 2), (3, 5, 6, 7), (2, 4)])
def test_the_p_value_is_that_of_tables_with_the_same_totals(group: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    counts = null_counts(rng, 8, 40, 0.3)
    counts[np.ix_(group, group)] += 1
    inside = np.ix_(group, group)
    counts[np.diag_indices(8)] = 0
    drawn, totals = counts, []
    for _ in range(1200):
        drawn = _drawn_given_the_totals(drawn, rng, 40)
        totals.append(drawn[inside].sum())
    simulated = np.mean(np.array(totals) >= counts[inside].sum())
    found = float(block_p_values(counts, [(group, group)])[0])
    assert found == pytest.approx(simulated, abs=0.04)


def test_a_pair_is_at_least_as_sure_as_by_poissons_law() -> None:
    pairs = [((a,), (b,)) for a, b in combinations(range(20), 2)]
    n_surprising = 0
    for seed in range(4):
        counts = null_counts(np.random.default_rng(seed), 20, 60, 0.2)
        poisson = pair_p_values(counts)[np.triu_indices(20, k=1)]
        surprising = poisson < 0.05  # far above the mean, the narrower law has the thinner tail
        n_surprising += surprising.sum()
        assert (block_p_values(counts, pairs)[surprising] <= poisson[surprising] + 1e-9).all()
    assert n_surprising > 10


def test_a_block_without_errors_is_no_surprise() -> None:
    counts = np.array([[5, 0, 2], [0, 5, 1], [1, 1, 5]])
    assert block_p_values(counts, [((0,), (1,))]).tolist() == [1.0]
    assert block_p_values(counts, []).tolist() == []
    assert block_p_values(np.diag([3, 4, 5, 6]), [((0, 1, 2), (0, 1, 2))]).tolist() == [1.0]


def test_three_look_alikes_are_seen_where_none_of_their_pairs_is() -> None:
    counts = null_counts(np.random.default_rng(2), 14, 36, 0.05)
    counts[np.ix_((3, 4, 5), (3, 4, 5))] += 5
    p_value = float(block_p_values(counts, [((3, 4, 5), (3, 4, 5))])[0])
    assert corrected_for_all_groups(p_value, 14, 3) <= 0.05
    assert min(pair_p_values(counts)[a, b] for a, b in combinations((3, 4, 5), 2)) > 0.05
    # and a class of the other eleven in its place changes that
    other = float(block_p_values(counts, [((3, 4, 9), (3, 4, 9))])[0])
    assert corrected_for_all_groups(other, 14, 3) == 1.0


def test_where_the_totals_leave_no_choice_nothing_is_a_surprise() -> None:
    for counts in (np.array([[9, 5, 4], [3, 9, 6], [7, 2, 9]]), np.array([[9, 5], [3, 9]])):
        everything = tuple(range(len(counts)))
        assert block_p_values(counts, [(everything, everything)]).tolist() == [1.0]


def test_the_correction_counts_the_groups() -> None:
    for n_classes, size in ((14, 3), (34, 5), (1000, 3)):
        expected = 1e-12 * comb(n_classes, size) * 2 ** (size - 2)
        assert corrected_for_all_groups(1e-12, n_classes, size) == pytest.approx(expected)
    assert corrected_for_all_groups(0.5, 14, 3) == 1.0
    assert corrected_for_all_groups(0.0, 14, 3) == 0.0
