import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from statsmodels.stats.multitest import multipletests

from analysis.class_changes import cell_changes, cell_movements, class_changes, matrix_change
from analysis.comparison import compared
from analysis.comparison_record import Comparison
from analysis.mcnemar import mid_p_values
from analysis.paired_shares import paired_share
from tests.analysis.compared_pairs import NAMES, pair, random_answers


def _random(seed: int, n: int = 120) -> tuple[Comparison, np.ndarray]:
    rng = np.random.default_rng(seed)
    comparison = compared(*random_answers(rng, n))
    return comparison, rng.random(n) < 0.7


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_recall_and_precision_are_those_of_scikit_learn(seed: int) -> None:
    comparison, rows = _random(seed, n=25)
    table = class_changes(comparison, rows)
    for when, said in (("before", comparison.before), ("after", comparison.after)):
        precision, recall, _, support = precision_recall_fscore_support(
            comparison.labels[rows], said[rows], labels=range(len(NAMES)), zero_division=np.nan
        )
        np.testing.assert_allclose(table[f"recall_{when}"], recall)
        np.testing.assert_allclose(table[f"precision_{when}"], precision)
        np.testing.assert_array_equal(table["support"], support)


def test_each_class_has_the_change_and_the_test_of_its_own_images() -> None:
    comparison, rows = _random(0)
    table = class_changes(comparison, rows)
    for place, row in table.iterrows():
        own = rows & (comparison.labels == place)
        alone = paired_share(comparison.right_before[own], comparison.right_after[own])
        assert (row["fixed"], row["broken"]) == (alone.only_after, alone.only_before)
        assert (row["change"], row["low"], row["high"], row["p_value"]) == pytest.approx(
            (alone.change, alone.low, alone.high, alone.p_value)
        )
    np.testing.assert_allclose(table["q_value"], multipletests(table["p_value"], method="fdr_bh")[1])


def test_a_class_without_images_or_without_a_change_is_no_finding_and_costs_the_others_nothing() -> None:
    comparison = pair([0] * 8 + [1] * 4, [1] * 8 + [1] * 4, [0] * 8 + [1] * 4)
    table = class_changes(comparison, comparison.rows("all"))
    assert table["p_value"].tolist() == [mid_p_values(8, 0), 1, 1, 1]
    assert table["q_value"].tolist() == [mid_p_values(8, 0), 1, 1, 1]
    assert np.isnan(table["change"].iloc[2]) and np.isnan(table["low"].iloc[2])


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_matrix_changes_as_scikit_learn_counts_it(seed: int) -> None:
    comparison, rows = _random(seed, n=40)
    before, after = (
        confusion_matrix(comparison.labels[rows], said[rows], labels=range(len(NAMES)))
        for said in (comparison.before, comparison.after)
    )
    change = matrix_change(comparison, rows)
    np.testing.assert_array_equal(change, after - before)
    assert (change.sum(axis=1) == 0).all()
    table = cell_changes(comparison, rows)
    for row in table.itertuples():
        label, predicted = NAMES.index(row.label), NAMES.index(row.predicted)
        assert (row.before, row.after) == (before[label, predicted], after[label, predicted])
        left, entered = cell_movements(comparison, rows, [label], [predicted])
        assert (row.left, row.entered) == (len(left), len(entered))
        assert row.entered - row.left == row.change and row.entered + row.left > 0
    untouched = change.copy()
    for label, predicted in zip(table["label"], table["predicted"], strict=True):
        assert label != predicted
        untouched[NAMES.index(label), NAMES.index(predicted)] = 0
    np.fill_diagonal(untouched, 0)
    assert not untouched.any()


def test_declared_cells_are_corrected_among_themselves_and_the_others_among_themselves() -> None:
    comparison, rows = _random(3, n=600)
    declared = [("ant", "bee"), ("dog", "cow")]
    table = cell_changes(comparison, rows, declared)
    assert list(zip(table["label"], table["predicted"], strict=True))[:2] == declared
    assert table["declared"].tolist() == [True, True] + [False] * (len(table) - 2)
    own, others = table[table["declared"]], table[~table["declared"]]
    np.testing.assert_allclose(own["adjusted"], multipletests(own["p_value"], method="holm")[1])
    np.testing.assert_allclose(others["adjusted"], multipletests(others["p_value"], method="fdr_bh")[1])
    assert others["adjusted"].is_monotonic_increasing
    assert len(cell_changes(comparison, rows)) == len(table)


def test_a_declared_cell_is_told_of_even_where_nothing_moved() -> None:
    comparison = pair([0, 0, 1], [0, 0, 1], [0, 0, 1])
    table = cell_changes(comparison, comparison.rows("all"), [("ant", "bee"), ("ant", "unicorn")])
    assert table[["label", "predicted", "before", "after", "p_value", "adjusted"]].to_numpy().tolist() == [
        ["ant", "bee", 0, 0, 1.0, 1.0]
    ]
    assert cell_changes(comparison, comparison.rows("all")).empty


def test_moves_of_folded_groups_are_those_into_and_out_of_the_whole_block() -> None:
    comparison = pair([0, 0, 0, 1], [2, 3, 0, 1], [3, 1, 2, 2])
    left, entered = cell_movements(comparison, comparison.rows("all"), [0, 1], [2, 3])
    assert (left.tolist(), entered.tolist()) == ([1], [2, 3])  # the first only moved within the block


def test_among_cells_that_only_changed_by_chance_hardly_one_is_found() -> None:
    rng = np.random.default_rng(7)
    names = tuple(f"class {i}" for i in range(6))
    plain, found = 0, 0
    for _ in range(40):
        comparison = compared(*random_answers(rng, 1200, right=0.5, names=names))
        table = cell_changes(comparison, comparison.rows("all"))
        plain += int((table["p_value"] <= 0.05).any())
        found += int((table["adjusted"] <= 0.05).any())
    assert found <= 5
    assert plain > 20
