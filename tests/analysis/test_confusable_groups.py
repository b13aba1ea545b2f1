import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from analysis.confusable import confusable_pairs
from analysis.confusable_groups import confusable_groups, connected_parts
from analysis.significance import false_discovery_rates
from tests.analysis.null_errors import null_counts


def _names(n: int) -> list[str]:
    return [f"class {i:03}" for i in range(n)]


def _planted(n_classes: int, groups: list[tuple[int, ...]], errors: int, seed: int = 0) -> np.ndarray:
    counts = null_counts(np.random.default_rng(seed), n_classes, 60, 0.06)
    for group in groups:
        for a, b in combinations(group, 2):
            counts[a, b] += errors
            counts[b, a] += errors
    return counts


def test_planted_groups_are_found_and_no_others() -> None:
    planted = [(3, 9, 20), (12, 13, 14, 15), (30, 31)]
    groups = confusable_groups(_planted(34, planted, 7), _names(34))
    assert {group.indices for group in groups} == {(3, 9, 20), (12, 13, 14, 15)}


def test_a_group_is_described_by_what_lies_inside() -> None:
    counts = _planted(34, [(3, 9, 20)], 7)
    (group,) = confusable_groups(counts, _names(34))
    inside = counts[np.ix_(group.indices, group.indices)]
    assert group.members == ("class 003", "class 009", "class 020")
    assert group.errors == inside.sum() - np.trace(inside) >= 42
    assert group.images == counts[[3, 9, 20]].sum()
    assert group.rate == group.errors / group.images
    assert group.share_of_errors == group.errors / (counts.sum() - np.trace(counts))
    assert group.interval == pytest.approx(proportion_confint(group.errors, group.images, method="wilson"))
    assert group.q_value < 0.001
    assert {(pair.a_index, pair.b_index) for pair in group.edges} == {(3, 9), (3, 20), (9, 20)}


def test_three_that_only_err_among_themselves_are_found_as_a_whole() -> None:
    # with few classes, what each makes and attracts explains every pair of the three, but not all at once
    counts = null_counts(np.random.default_rng(3), 14, 36, 0.04)
    counts[np.ix_((3, 4, 5), (3, 4, 5))] += 4
    pairs = confusable_pairs(counts, _names(14))
    assert not any(pair.q_value <= 0.05 for pair in pairs if {pair.a_index, pair.b_index} <= {3, 4, 5})
    (group,) = confusable_groups(counts, _names(14), pairs)
    assert group.indices == (3, 4, 5) and not group.by_pairs and group.q_value <= 0.05


def test_a_class_that_draws_all_errors_is_no_group() -> None:
    counts = np.diag(np.full(14, 30))
    counts[:, 5] += np.arange(14) % 7
    assert confusable_groups(counts, _names(14)) == []


@pytest.mark.parametrize(("n_classes", "per_class", "rate"), [(14, 36, 0.12), (34, 30, 0.2), (8, 200, 0.3)])
def test_without_structure_there_are_no_pairs_and_no_groups(
    n_classes: int, per_class: int, rate: float
) -> None:
    with_pairs = with_groups = 0
    for seed in range(40):
        counts = null_counts(np.random.default_rng(seed), n_classes, per_class, rate)
        pairs = confusable_pairs(counts, _names(n_classes))
        assert pairs
        with_pairs += any(pair.q_value <= 0.05 for pair in pairs)
        with_groups += bool(confusable_groups(counts, _names(n_classes), pairs))
    assert with_pairs <= 2 and with_groups <= 1


def test_corrected_p_values_are_those_of_statsmodels() -> None:
    for seed in range(5):
        p_values = np.random.default_rng(seed).random(300) ** 4
        reference = multipletests(p_values, method="fdr_bh")[1]
        np.testing.assert_allclose(false_discovery_rates(p_values), reference)


@given(arrays(np.int64, (7, 7), elements=st.integers(0, 9)), st.permutations(range(7)))
@settings(deadline=None, max_examples=40)
def test_the_order_of_the_classes_plays_no_part(counts: np.ndarray, order: list[int]) -> None:
    # lax limits, so that there are groups to compare
    def found(matrix: np.ndarray, names: list[str]) -> set[tuple[frozenset[str], int, float, float]]:
        groups = confusable_groups(matrix, names, min_score=0.08, max_q=0.9, largest=4)
        return {
            (frozenset(g.members), g.errors, round(g.share_of_errors, 9), round(g.p_value, 6)) for g in groups
        }

    names = _names(7)
    moved = found(counts[np.ix_(order, order)], [names[i] for i in order])
    assert moved == found(counts, names)


def test_groups_have_no_class_in_common_and_are_never_too_large() -> None:
    ring = [(i, (i + 1) % 24) for i in range(24)]
    groups = confusable_groups(_planted(34, ring, 8), _names(34), largest=6)
    assert len(groups) >= 3
    members = [index for group in groups for index in group.indices]
    assert len(members) == len(set(members)) and set(members) <= set(range(24))
    assert all(3 <= len(group.indices) <= 6 for group in groups)
    for group in groups:
        parts = connected_parts((pair.a_index, pair.b_index) for pair in group.edges)
        assert parts == [group.indices]


@pytest.mark.parametrize(
    "counts", [np.zeros((5, 5), dtype=np.int64), np.diag([4, 5, 6]), np.array([[3, 2], [1, 4]])]
)
def test_tables_without_groups(counts: np.ndarray) -> None:
    assert confusable_groups(counts, _names(len(counts))) == []


def test_a_class_without_images_may_lie_in_a_group() -> None:
    counts = _planted(20, [(1, 2, 3)], 9)
    counts[3] = 0
    assert (1, 2, 3) in {group.indices for group in confusable_groups(counts, _names(20))}


def test_a_group_of_two_is_no_group() -> None:
    with pytest.raises(ValueError, match="three classes at least"):
        confusable_groups(np.eye(4, dtype=np.int64), _names(4), largest=2)


def test_a_thousand_classes() -> None:
    counts = null_counts(np.random.default_rng(0), 1000, 50, 0.2)
    for first in range(0, 300, 10):
        group = (first, first + 1, first + 2)
        counts[np.ix_(group, group)] += 4 * (1 - np.eye(3, dtype=np.int64))
    groups = confusable_groups(counts, _names(1000))
    assert {group.indices for group in groups} == {(i, i + 1, i + 2) for i in range(0, 300, 10)}


def _measured(which: str) -> tuple[np.ndarray, list[str]]:
    """The errors of saved predictions: the sample's, its version without faults, and the real photos'."""
    kept = json.loads(Path(__file__).with_name("measured_errors.json").read_text(encoding="utf-8"))[which]
    names = kept["class_names"]
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    for cell, count in kept["errors"].items():
        label, predicted = cell.split("/")
        counts[names.index(label), names.index(predicted)] = count
    return counts + np.diag(np.array(kept["images"]) - counts.sum(axis=1)), names


def test_the_samples_pair_and_trio_are_found(sample: Path) -> None:
    counts, names = _measured("sample_val")
    planted = json.loads((sample / "planted.json").read_text(encoding="utf-8"))["look_alikes"]
    pairs = confusable_pairs(counts, names)
    assert [{pair.a, pair.b} for pair in pairs if pair.q_value <= 0.05] == [set(planted["pair"])]
    (group,) = confusable_groups(counts, names, pairs)
    assert set(group.members) == set(planted["trio"])


def test_without_the_samples_faults_only_the_look_alikes_are_left(sample: Path) -> None:
    counts, names = _measured("null_val")
    planted = json.loads((sample / "planted.json").read_text(encoding="utf-8"))["look_alikes"]
    pairs = confusable_pairs(counts, names)
    # a class that draws many errors is confused with many, and none of these pairs is beyond chance
    assert [{pair.a, pair.b} for pair in pairs if pair.q_value <= 0.05] == [set(planted["pair"])]
    assert [set(group.members) for group in confusable_groups(counts, names, pairs)] == [set(planted["trio"])]


def test_the_real_breeds_that_look_alike_come_first() -> None:
    counts, names = _measured("real_val")
    pairs = confusable_pairs(counts, names)
    first = [{pair.a, pair.b} for pair in pairs[:5]]
    assert {"american_staffordshire_terrier", "staffordshire_bull_terrier"} in first
    assert {"Bengal", "Egyptian_Mau"} in first
    assert {"Russian_Blue", "British_Shorthair"} in first
    assert [pair.q_value <= 0.05 for pair in pairs] == [True] * 5 + [False] * (len(pairs) - 5)
    assert confusable_groups(counts, names, pairs) == []
