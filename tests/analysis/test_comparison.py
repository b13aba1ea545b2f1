from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.comparison import compared
from analysis.comparison_statistics import comparison_statistics
from models.errors import ComparisonError
from tests.analysis.compared_pairs import NAMES, answers, pair, random_answers, rows_taken, with_class_order


def test_each_image_is_fixed_broken_wrong_or_right_in_both() -> None:
    found = pair([0, 0, 1, 1, 2, 3], [1, 0, 1, 0, 3, 0], [0, 1, 1, 2, 3, 0])
    assert found.fixed.tolist() == [True, False, False, False, False, False]
    assert found.broken.tolist() == [False, True, False, False, False, False]
    assert found.both_right.tolist() == [False, False, True, False, False, False]
    assert found.both_wrong.tolist() == [False, False, False, True, True, True]
    assert found.changed.tolist() == [True, True, False, True, False, False]


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_order_of_images_and_classes_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = random_answers(rng, 60)
    plain = compared(before, after)
    order, classes = rng.permutation(60), rng.permutation(len(NAMES)).tolist()
    mixed = compared(before, rows_taken(with_class_order(after, classes, more=("eel",)), order))
    assert mixed.class_names == (*NAMES, "eel")
    assert mixed.ids == plain.ids
    np.testing.assert_array_equal(mixed.after, plain.after)
    np.testing.assert_array_equal(order[mixed.after_rows], plain.after_rows)
    parts = np.array([plain.fixed, plain.broken, plain.both_wrong, plain.both_right])
    assert (parts.sum(axis=0) == 1).all()
    swapped = compared(after, before)
    np.testing.assert_array_equal(swapped.fixed, plain.broken)
    one, other = (comparison_statistics(each, each.rows("all")) for each in (plain, mixed))
    assert one.right == other.right and one.changed == other.changed


def test_only_images_of_both_are_compared_and_the_others_counted() -> None:
    before, after = random_answers(np.random.default_rng(0), 50)
    found = compared(rows_taken(before, np.arange(40)), rows_taken(after, np.arange(10, 50)))
    assert (len(found), found.n_only_before, found.n_only_after) == (30, 10, 10)
    assert found.before_rows.tolist() == list(range(10, 40))
    assert found.after_rows.tolist() == list(range(30))


def test_a_class_that_only_one_side_knows_can_be_predicted() -> None:
    before = answers([0, 1], [0, 2], ("ant", "bee", "cow"))
    after = answers([1, 0], [2, 0], ("bee", "ant", "dog"))
    found = compared(before, after)
    assert found.class_names == ("ant", "bee", "cow", "dog")
    assert found.after.tolist() == [3, 1]
    assert found.before.tolist() == [0, 2]


def test_images_are_known_by_content_whatever_they_are_called() -> None:
    before = answers([0, 1, 2], [0, 1, 1])
    after = answers([2, 0, 1], [2, 3, 1])
    found = compared(before, after, hashes_before=["a", "b", "c"], hashes_after=["c", "a", "b"])
    assert found.matched_by == "content"
    assert found.after_rows.tolist() == [1, 2, 0]
    assert found.fixed.tolist() == [False, False, True] and found.broken.tolist() == [True, False, False]


def test_files_that_are_gone_are_known_by_their_path() -> None:
    before, after = answers([0, 1, 2], [0, 1, 2]), answers([0, 1, 2], [0, 1, 1])
    some = compared(before, after, hashes_before=["a", "", ""], hashes_after=["a", "", ""])
    assert len(some) == 3 and not some.is_copy.any()
    none = compared(before, after, hashes_before=["", "", ""], hashes_after=["", "", ""])
    assert none.matched_by == "path" and len(none) == 3
    without = compared(before, after, hashes_before=["a", "b", "c"])
    assert without.matched_by == "path" and len(without) == 3


def test_paths_match_within_folders_and_as_wholes() -> None:
    before, after = answers([0, 1], [0, 1]), answers([0, 1], [1, 1])
    assert len(compared(before, replace(after, root=Path("/elsewhere")))) == 2
    whole = after.images.assign(path=[f"/nowhere/{path}" for path in after.images["path"]])
    assert len(compared(before, replace(after, images=whole, root=Path("/other")))) == 2


def test_copies_are_paired_by_label_and_count_once() -> None:
    before = answers([0, 0, 1, 0], [1, 1, 1, 1])
    after = answers([1, 0, 0, 0], [1, 0, 0, 0])
    hashes = ["same", "same", "same", "other"]
    found = compared(before, after, hashes_before=hashes, hashes_after=hashes)
    assert len(found) == 4  # the one labelled bee went to the one labelled bee
    assert found.is_copy.tolist() == [False, True, False, False]
    assert comparison_statistics(found, found.rows("all")).fixed == 2


def test_other_labels_are_refused_and_said() -> None:
    with pytest.raises(ComparisonError, match=r'2 of 3 images .* ant/0.jpg is "ant" in the one and "bee"'):
        compared(
            answers([0, 1, 2], [0, 1, 2]), answers([1, 2, 2], [0, 1, 2]),
            hashes_before=["a", "b", "c"], hashes_after=["a", "b", "c"],
        )  # fmt: skip


def test_without_a_common_image_nothing_is_compared() -> None:
    with pytest.raises(ComparisonError, match="none in common"):
        compared(answers([0], [0]), answers([0], [0]), hashes_before=["a"], hashes_after=["b"])


def test_the_held_out_half_alone_counts_where_there_is_one() -> None:
    found = pair([0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 1, 1], [True, True, False, False])
    assert found.rows("report").tolist() == [True, True, False, False]
    assert found.rows("all").all()
    whole = pair([0, 0], [1, 0], [0, 1])
    assert not whole.has_halves and whole.rows("report").all()


def test_the_half_follows_its_images() -> None:
    before, after = random_answers(np.random.default_rng(2), 20)
    half = np.arange(20) % 3 == 0
    found = compared(before, rows_taken(after, np.arange(5, 20)), report_half=half)
    np.testing.assert_array_equal(found.in_report_half, half[5:])
