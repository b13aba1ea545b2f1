import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.axis import cell_words, matrix_view
from analysis.cell_name import GroupName
from analysis.confusion import cell_images
from analysis.ordering import class_order

NAMES = ["Bengal", "Bombay", "beagle", "boxer", "pug"]
GROUPS = {"Bengal": "cat", "Bombay": "cat", "beagle": "dog", "boxer": "dog", "pug": "dog"}
COUNTS = np.array([[8, 2, 1, 0, 0], [1, 9, 0, 0, 0], [0, 1, 6, 3, 0], [0, 0, 4, 5, 0], [0, 0, 0, 0, 7]])

matrices = arrays(np.int64, (5, 5), elements=st.integers(0, 9))
choices = st.fixed_dictionaries(
    {
        "order": st.one_of(st.sampled_from(["name", "accuracy", "confusion"]), st.permutations(range(5))),
        "folded": st.sets(st.sampled_from(["cat", "dog", "bird"])),
        "shown": st.one_of(st.none(), st.sets(st.sampled_from(NAMES))),
        "min_count": st.integers(0, 6),
        "rate": st.sampled_from(["counts", "label", "prediction"]),
        "diagonal": st.booleans(),
    }
)


@given(matrices, choices)
@settings(deadline=None)
def test_a_view_never_changes_a_total(counts: np.ndarray, chosen: dict) -> None:
    view = matrix_view(counts, NAMES, GROUPS, **chosen)
    for place, entry in enumerate(view.entries):
        members = list(entry.members)
        assert view.row_totals[place] == counts[members].sum()
        assert view.column_totals[place] == counts[:, members].sum()
        assert {NAMES[i] for i in members} <= (set(NAMES) if chosen["shown"] is None else chosen["shown"])
    np.testing.assert_array_equal(
        view.counts.sum(axis=1) + view.hidden_counts + view.blanked_counts, view.row_totals
    )
    everyone = [member for entry in view.entries for member in entry.members]
    assert len(everyone) == len(set(everyone))


@given(matrices, choices)
@settings(deadline=None)
def test_every_shown_cell_counts_its_images(counts: np.ndarray, chosen: dict) -> None:
    labels, predicted = (np.repeat(place.ravel(), counts.ravel()) for place in np.indices(counts.shape))
    view = matrix_view(counts, NAMES, GROUPS, **chosen)
    for i, row in enumerate(view.entries):
        for j, column in enumerate(view.entries):
            images = len(cell_images(labels, predicted, row.members, column.members))
            kept = images if i == j or images >= chosen["min_count"] else 0
            assert view.counts[i, j] == kept
            whole = view.column_totals[j] if chosen["rate"] == "prediction" else view.row_totals[i]
            assert view.rates[i, j] == pytest.approx(kept / whole if whole else np.nan, nan_ok=True)


@given(matrices, choices)
@settings(deadline=None)
def test_entries_left_after_the_least_count_have_such_a_cell(counts: np.ndarray, chosen: dict) -> None:
    least = chosen["min_count"]
    view = matrix_view(counts, NAMES, GROUPS, **chosen)
    errors = view.counts - np.diag(np.diagonal(view.counts))
    if least:
        assert ((errors >= least).any(axis=0) | (errors >= least).any(axis=1)).all()
    else:
        everything = matrix_view(counts, NAMES, GROUPS, **(chosen | {"min_count": 0}))
        assert len(view.entries) == len(everything.entries)


@given(matrices, choices)
@settings(deadline=None)
def test_the_diagonal_is_only_not_coloured(counts: np.ndarray, chosen: dict) -> None:
    with_it = matrix_view(counts, NAMES, GROUPS, **(chosen | {"diagonal": True}))
    without = matrix_view(counts, NAMES, GROUPS, **(chosen | {"diagonal": False}))
    np.testing.assert_array_equal(with_it.counts, without.counts)
    assert np.isnan(np.diagonal(without.values)).all()
    off = ~np.eye(len(with_it.entries), dtype=bool)
    np.testing.assert_array_equal(with_it.values[off], without.values[off])


def test_all_groups_folded_is_the_matrix_of_groups() -> None:
    view = matrix_view(COUNTS, NAMES, GROUPS, folded={"cat", "dog"})
    assert view.labels == ["cat", "dog"]
    assert view.counts.tolist() == [[20, 1], [1, 25]]
    assert view.entries[0].name == GroupName("cat") and view.entries[0].is_group
    assert view.entries[1].members == (2, 3, 4)


def test_folding_one_group_leaves_the_rest_where_it_was() -> None:
    assert matrix_view(COUNTS, NAMES, GROUPS, folded={"dog"}).labels == ["Bengal", "Bombay", "dog"]
    assert matrix_view(COUNTS, NAMES, GROUPS, folded={"cat"}).labels == ["cat", "beagle", "boxer", "pug"]


def test_filtered_classes_are_neither_rows_nor_columns_and_stay_counted() -> None:
    view = matrix_view(COUNTS, NAMES, GROUPS, shown={"Bombay", "beagle"})
    assert view.labels == ["Bombay", "beagle"]
    assert view.counts.tolist() == [[9, 0], [1, 6]]
    assert view.row_totals.tolist() == [10, 10] and view.hidden_counts.tolist() == [1, 3]
    assert view.rates[0, 0] == pytest.approx(0.9)


def test_a_folded_group_says_when_not_all_of_it_is_shown() -> None:
    view = matrix_view(COUNTS, NAMES, GROUPS, folded={"dog"}, shown={"Bengal", "beagle", "pug"})
    assert view.labels == ["Bengal", "dog (2 of 3 classes)"]
    assert view.entries[1].name == "dog"


def test_the_least_count_blanks_cells_and_drops_classes_without_others() -> None:
    view = matrix_view(COUNTS, NAMES, GROUPS, min_count=2)
    assert view.labels == ["Bengal", "Bombay", "beagle", "boxer"]
    assert view.counts.tolist() == [[8, 2, 0, 0], [0, 9, 0, 0], [0, 0, 6, 3], [0, 0, 4, 5]]
    assert view.blanked_counts.tolist() == [1, 1, 1, 0]


def test_a_saved_order_of_classes_orders_folded_groups_too() -> None:
    view = matrix_view(COUNTS, NAMES, GROUPS, order=[4, 0, 2, 1, 3], folded={"dog"})
    assert view.labels == ["dog", "Bengal", "Bombay"]


def test_orders_are_those_of_the_classes() -> None:
    for by in ("accuracy", "confusion"):
        order = class_order(COUNTS, by, NAMES)  # type: ignore[arg-type]
        view = matrix_view(COUNTS, NAMES, {}, order=by)  # type: ignore[arg-type]
        assert view.labels == [NAMES[i] for i in order]


def test_accuracy_orders_by_all_images_of_a_class_also_when_filtered() -> None:
    counts = np.array([[5, 5, 0], [0, 9, 1], [9, 0, 1]])
    view = matrix_view(counts, ["a", "b", "c"], {}, order="accuracy", shown={"b", "c"})
    assert view.labels == ["c", "b"]


def test_a_class_and_a_group_of_the_same_name_are_two_entries() -> None:
    groups = {"cat": "pet", "dog": "cat", "fox": "cat"}
    view = matrix_view(np.eye(3, dtype=np.int64), ["cat", "dog", "fox"], groups, folded={"cat"})
    assert view.place("cat") != view.place(GroupName("cat"))
    assert view.place(GroupName("pet")) is None and view.place(None) is None
    place = view.place(GroupName("cat"))
    assert place is not None and view.entries[place].members == (1, 2)


def test_words_say_what_is_in_a_cell() -> None:
    view = matrix_view(COUNTS, NAMES, GROUPS)
    assert cell_words(view, 2, 3) == "3 of 10 beagle called boxer"
    assert cell_words(view, 2, 2) == "6 of 10 beagle right"
    assert cell_words(view, 4, 0) == "none of 7 pug called Bengal"
    folded = matrix_view(COUNTS, NAMES, GROUPS, folded={"cat", "dog"})
    assert cell_words(folded, 0, 0) == "20 of 21 cat called one of cat"
    assert cell_words(folded, 0, 1) == "1 of 21 cat called dog"


def test_words_of_a_blanked_cell_are_true() -> None:
    view = matrix_view(COUNTS, NAMES, GROUPS, min_count=2)
    assert cell_words(view, 0, 2) == "fewer than 2 of 11 Bengal called beagle"


def test_filters_may_leave_nothing() -> None:
    view = matrix_view(COUNTS, NAMES, GROUPS, shown=set(), order="confusion")
    assert view.entries == () and view.counts.shape == (0, 0)


def test_names_must_be_as_many_as_classes() -> None:
    with pytest.raises(ValueError, match="2 class names for 5 classes"):
        matrix_view(COUNTS, ["a", "b"], {})
