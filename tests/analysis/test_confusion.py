import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import confusion_matrix

from analysis.confusion import cell_images, confusion_counts, folded, rates

N_CLASSES = 7


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 60))
    indices = arrays(np.int32, n, elements=st.integers(0, N_CLASSES - 1))
    return draw(indices), draw(indices)


@given(labelled())
@settings(deadline=None)
def test_counts_are_those_of_scikit_learn(pair: tuple[np.ndarray, np.ndarray]) -> None:
    labels, predicted = pair
    reference = confusion_matrix(labels, predicted, labels=range(N_CLASSES))
    np.testing.assert_array_equal(confusion_counts(labels, predicted, N_CLASSES), reference)


@given(labelled())
@settings(deadline=None)
def test_rates_are_those_of_scikit_learn(pair: tuple[np.ndarray, np.ndarray]) -> None:
    labels, predicted = pair
    counts = confusion_counts(labels, predicted, N_CLASSES)
    for by, normalize, axis in (("label", "true", 1), ("prediction", "pred", 0)):
        reference = confusion_matrix(labels, predicted, labels=range(N_CLASSES), normalize=normalize)
        ours = rates(counts, by)  # type: ignore[arg-type]
        np.testing.assert_allclose(np.nan_to_num(ours), reference)
        empty = counts.sum(axis=axis) == 0
        assert np.isnan(ours).all(axis=axis).tolist() == empty.tolist()


@given(labelled(), st.lists(st.integers(0, 3), min_size=N_CLASSES, max_size=N_CLASSES))
@settings(deadline=None)
def test_folding_counts_the_groups_of_every_image(
    pair: tuple[np.ndarray, np.ndarray], groups: list[int]
) -> None:
    labels, predicted = pair
    ours = folded(confusion_counts(labels, predicted, N_CLASSES), groups)
    reference = np.zeros((max(groups) + 1, max(groups) + 1), dtype=int)
    for label, prediction in zip(labels, predicted, strict=True):
        reference[groups[label], groups[prediction]] += 1
    np.testing.assert_array_equal(ours, reference)
    assert ours.sum() == len(labels)


@given(labelled(), st.permutations(range(N_CLASSES)))
@settings(deadline=None)
def test_renaming_classes_only_moves_counts(pair: tuple[np.ndarray, np.ndarray], order: list[int]) -> None:
    labels, predicted = pair
    place = np.argsort(order)
    moved = confusion_counts(place[labels], place[predicted], N_CLASSES)
    np.testing.assert_array_equal(moved, confusion_counts(labels, predicted, N_CLASSES)[np.ix_(order, order)])


@given(labelled())
@settings(deadline=None)
def test_the_images_of_a_cell_are_as_many_as_its_count(pair: tuple[np.ndarray, np.ndarray]) -> None:
    labels, predicted = pair
    counts = confusion_counts(labels, predicted, N_CLASSES)
    for row, column in ((0, 1), (2, 2), (6, 3)):
        found = cell_images(labels, predicted, [row], [column])
        assert len(found) == counts[row, column]
        assert (labels[found] == row).all() and (predicted[found] == column).all()
    assert len(cell_images(labels, predicted, [1], None)) == counts[1].sum()
    assert len(cell_images(labels, predicted, None, [1])) == counts[:, 1].sum()
    assert len(cell_images(labels, predicted, None, None)) == len(labels)
    assert len(cell_images(labels, predicted, [0, 1], [2, 3, 4])) == counts[:2, 2:5].sum()


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="alike"):
        confusion_counts(np.array([0, 1]), np.array([0]), 2)
    with pytest.raises(ValueError, match="predicted holds indices outside 0 to 1"):
        confusion_counts(np.array([0, 1]), np.array([0, 2]), 2)
    with pytest.raises(ValueError, match="labels holds indices"):
        confusion_counts(np.array([-1, 1]), np.array([0, 1]), 2)
    with pytest.raises(ValueError, match="square"):
        rates(np.zeros((2, 3), dtype=np.int64))
    with pytest.raises(ValueError, match="one index"):
        folded(np.zeros((3, 3), dtype=np.int64), [0, 1])


def test_no_images_make_a_matrix_of_zeros() -> None:
    empty = np.array([], dtype=np.int64)
    assert confusion_counts(empty, empty, 3).tolist() == [[0, 0, 0]] * 3
