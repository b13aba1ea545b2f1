import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from analysis.ordering import class_order, confusion_distances, confusion_order


def _blocks(n_classes: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts in which only classes of the same block are confused, and the block of each class."""
    rng = np.random.default_rng(seed)
    block = rng.permutation(np.arange(n_classes) // size)
    counts = np.diag(np.full(n_classes, 60))
    counts += np.where((block[:, None] == block) & ~np.eye(n_classes, dtype=bool), rng.integers(2, 9), 0)
    return counts, block


@pytest.mark.parametrize("optimal_up_to", [0, 500])
def test_planted_blocks_stand_together(optimal_up_to: int) -> None:
    counts, block = _blocks(40, 4, seed=0)
    order = confusion_order(counts, optimal_up_to=optimal_up_to)
    assert sorted(order) == list(range(40))
    changes = (np.diff(block[order]) != 0).sum()
    assert changes == 9  # ten blocks, each in one piece


def test_optimal_leaves_bring_errors_nearer_to_the_diagonal() -> None:
    rng = np.random.default_rng(1)
    chain = rng.permutation(80)
    counts = np.diag(np.full(80, 30))
    counts[chain[:-1], chain[1:]] = rng.integers(1, 12, 79)

    def neighbours(order: np.ndarray) -> int:
        return int((counts[order[:-1], order[1:]] + counts[order[1:], order[:-1]]).sum())

    assert neighbours(confusion_order(counts)) > neighbours(confusion_order(counts, optimal_up_to=0))


def test_renaming_classes_does_not_change_who_is_next_to_whom() -> None:
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 50, (12, 12)) + np.diag(np.full(12, 200))
    moved = rng.permutation(12)
    straight = confusion_order(counts)
    renamed = moved[confusion_order(counts[np.ix_(moved, moved)])]
    assert renamed.tolist() in (straight.tolist(), straight[::-1].tolist())


def test_distances_are_symmetric_and_start_at_zero() -> None:
    counts, block = _blocks(20, 5, seed=3)
    distances = confusion_distances(counts)
    np.testing.assert_allclose(distances, distances.T)
    assert distances.min() == 0 and (np.diagonal(distances) == 0).all()
    found = fcluster(linkage(squareform(distances, checks=False), "average"), 4, "maxclust")
    assert len(set(zip(found.tolist(), block.tolist(), strict=True))) == 4


@pytest.mark.parametrize("n_classes", [0, 1, 2])
def test_so_few_classes_need_no_order(n_classes: int) -> None:
    counts = np.ones((n_classes, n_classes), dtype=np.int64)
    assert confusion_order(counts).tolist() == list(range(n_classes))


def test_a_matrix_without_errors_or_images_has_an_order_too() -> None:
    assert sorted(confusion_order(np.diag([5, 5, 5, 5]))) == [0, 1, 2, 3]
    assert sorted(confusion_order(np.zeros((4, 4), dtype=np.int64))) == [0, 1, 2, 3]


def test_names_are_ordered_with_their_numbers() -> None:
    names = ["b10", "b9", "a", "10", "9", "b"]
    order = class_order(np.eye(6, dtype=np.int64), "name", names)
    assert [names[i] for i in order] == ["9", "10", "a", "b", "b9", "b10"]


def test_accuracy_starts_with_the_worst_and_ends_with_the_unknown() -> None:
    counts = np.array([[5, 5, 0], [0, 0, 0], [9, 0, 1]])
    assert class_order(counts, "accuracy", ["a", "b", "c"]).tolist() == [2, 0, 1]


def test_names_must_be_as_many_as_classes() -> None:
    with pytest.raises(ValueError, match="1 class names for 2 classes"):
        class_order(np.eye(2, dtype=np.int64), "name", ["a"])
