import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from analysis.confusable import confusable_pairs, crosses_group, worst_cells

NAMES = ["Bengal", "Egyptian_Mau", "beagle", "pug"]
GROUPS = {"Bengal": "cat", "Egyptian_Mau": "cat", "beagle": "dog", "pug": "dog"}
COUNTS = np.array([[7, 2, 1, 0], [3, 17, 0, 0], [0, 0, 5, 0], [0, 1, 0, 4]])


def test_a_pair_holds_both_directions() -> None:
    pair = confusable_pairs(COUNTS, NAMES)[0]
    assert (pair.a, pair.b, pair.a_index, pair.b_index) == ("Bengal", "Egyptian_Mau", 0, 1)
    assert (pair.a_as_b, pair.b_as_a, pair.a_support, pair.b_support) == (2, 3, 10, 20)
    assert (pair.a_as_b_rate, pair.b_as_a_rate) == (0.2, 0.15)
    assert pair.score == pytest.approx(0.175)
    for interval, k, n in ((pair.a_as_b_interval, 2, 10), (pair.b_as_a_interval, 3, 20)):
        reference = binomtest(k, n).proportion_ci(method="wilson")
        assert interval == pytest.approx((reference.low, reference.high))


def test_pairs_come_most_confused_first_and_without_the_unconfused() -> None:
    pairs = confusable_pairs(COUNTS, NAMES)
    assert [(p.a, p.b) for p in pairs] == [
        ("Bengal", "Egyptian_Mau"),
        ("Egyptian_Mau", "pug"),
        ("Bengal", "beagle"),
    ]
    assert [(p.a, p.b) for p in confusable_pairs(COUNTS, NAMES, min_errors=2)] == [("Bengal", "Egyptian_Mau")]


def test_a_class_without_images_leaves_the_known_rate() -> None:
    pair = confusable_pairs(np.array([[6, 4], [0, 0]]), ["a", "b"])[0]
    assert np.isnan(pair.b_as_a_rate) and np.isnan(pair.b_as_a_interval).all()
    assert pair.score == pytest.approx(0.4)


@given(arrays(np.int64, (5, 5), elements=st.integers(0, 6)), st.permutations(range(5)))
@settings(deadline=None)
def test_the_order_of_the_classes_does_not_change_the_pairs(counts: np.ndarray, order: list[int]) -> None:
    def found(matrix: np.ndarray, names: list[str]) -> dict[frozenset[str], tuple[float, float]]:
        pairs = confusable_pairs(matrix, names)
        return {frozenset((p.a, p.b)): (round(p.score, 9), round(p.p_value, 6)) for p in pairs}

    names = list("abcde")
    moved = found(counts[np.ix_(order, order)], [names[i] for i in order])
    assert moved == found(counts, names)
    assert len(moved) == ((counts + counts.T)[np.triu_indices(5, k=1)] > 0).sum()


def test_worst_cells_come_by_count_then_by_rate() -> None:
    cells = worst_cells(COUNTS, NAMES, GROUPS, n=3)
    assert [(c.label, c.predicted, c.count, c.support) for c in cells] == [
        ("Egyptian_Mau", "Bengal", 3, 20),
        ("Bengal", "Egyptian_Mau", 2, 10),
        ("pug", "Egyptian_Mau", 1, 5),
    ]
    assert [c.crosses_group for c in cells] == [False, False, True]
    assert cells[0].rate == pytest.approx(0.15)


def test_worst_cells_leave_out_the_diagonal_and_empty_cells() -> None:
    assert len(worst_cells(COUNTS, NAMES, {}, n=100)) == 4
    assert worst_cells(np.diag([3, 4, 5]), ["a", "b", "c"], {}, n=5) == []
    assert not any(cell.crosses_group for cell in worst_cells(COUNTS, NAMES, {}, n=100))


def test_only_two_known_groups_can_be_crossed() -> None:
    assert crosses_group("Bengal", "pug", GROUPS)
    assert not crosses_group("Bengal", "Egyptian_Mau", GROUPS)
    assert not crosses_group("Bengal", "wolf", GROUPS)
    assert not crosses_group("Bengal", "wolf", {"Bengal": "cat", "wolf": ""})


def test_names_must_be_as_many_as_classes() -> None:
    with pytest.raises(ValueError, match="3 class names for 4 classes"):
        confusable_pairs(COUNTS, NAMES[:3])
    with pytest.raises(ValueError, match="3 class names for 4 classes"):
        worst_cells(COUNTS, NAMES[:3], {})
