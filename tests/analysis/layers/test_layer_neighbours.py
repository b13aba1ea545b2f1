"""The nearest images by each layer are those of scikit-learn, and whose labels they bear is counted and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from analysis.layers.layer_neighbours import LayerNeighbours, chance_share, layer_neighbours
from analysis.layers.probe_words import neighbour_words
from tests.analysis.layers.planted_pair import APART_AT, PlantedPair
from tests.analysis.layers.test_probe import made_scan


def test_they_are_those_of_scikit_learn_at_each_layer() -> None:
    draws = np.random.default_rng(0)
    vectors = draws.normal(size=(90, 17)).astype(np.float16)
    labels, predicted = draws.integers(0, 3, 90), draws.integers(0, 3, 90)
    gone = (4, 50)
    vectors[list(gone)] = np.nan
    scan = made_scan(vectors, (10, 0, 7), unreadable=tuple((row, "gone") for row in gone))
    known = np.setdiff1d(np.arange(90), gone)
    for row in (0, 33, 89):
        found = layer_neighbours(scan, labels, predicted, row, k=8)
        assert [(each.layer, each.depth) for each in found] == [("layer0", 0), ("layer2", 2)]
        for each, columns in zip(found, (slice(0, 10), slice(10, 17)), strict=True):
            values = vectors[:, columns].astype(float)
            reference = NearestNeighbors(n_neighbors=9, metric="cosine").fit(values[known])
            distances, places = reference.kneighbors(values[[row]])
            assert each.rows.tolist() == known[places[0]][1:].tolist()
            np.testing.assert_allclose(each.similarities, 1 - distances[0][1:], atol=1e-5)
            assert each.with_label == (labels[each.rows] == labels[row]).sum()
            assert each.with_predicted == (labels[each.rows] == predicted[row]).sum()
    assert layer_neighbours(scan, labels, predicted, 4) == ()


def test_few_images_have_few_neighbours() -> None:
    scan = made_scan(np.eye(3), (3,))
    (found,) = layer_neighbours(scan, np.array([0, 0, 1]), np.array([0, 1, 1]), 0)
    assert found.rows.tolist() == [1, 2] and (found.with_label, found.with_predicted) == (1, 1)
    (alone,) = layer_neighbours(made_scan(np.eye(1), (1,)), np.array([0]), np.array([0]), 0)
    assert len(alone.rows) == 0


def test_at_the_planted_layer_all_neighbours_become_of_the_same_class(tmp_path: Path) -> None:
    """Before it, an image of red alone points the way of the 5 others of red, and not of those of green.

    From it on all 11 others of one colour point the same way: there is some sum, and no overlap.
    """
    case = PlantedPair(tmp_path, n=12)
    predictions = case.predictions
    row = int(np.flatnonzero(predictions.labels == predictions.class_names.index("one"))[0])
    found = layer_neighbours(case.scan(), predictions.labels, predictions.predicted, row)
    place = [each.layer for each in found].index(APART_AT)
    assert [each.with_label for each in found] == [5] * place + [10] * (len(found) - place)
    words = neighbour_words(found, "one", "one")
    assert words.endswith(f"From {APART_AT} on more than half of them are.")


@pytest.mark.parametrize(
    ("counts", "label", "predicted", "said"),
    [
        (((2, 2), (6, 6), (9, 9)), "cat", "cat", "From l1 on more than half of them are."),
        (((9, 9), (1, 1)), "cat", "cat", "1 at the last, l1."),
        (((5, 1), (2, 4), (1, 8)), "cat", "dog", "From l1 on it lies among more dog than cat."),
        (((1, 5), (4, 2)), "cat", "dog", "the last step decides otherwise"),
        (((1, 5), (3, 3)), "cat", "dog", "at the last, l1, 3 and 3."),
    ],
)
def test_what_changes_with_depth_is_said(
    counts: tuple[tuple[int, int], ...], label: str, predicted: str, said: str
) -> None:
    rows, similarities = np.arange(10), np.ones(10, np.float32)
    found = [LayerNeighbours(f"l{i}", i, rows, similarities, *each) for i, each in enumerate(counts)]
    assert neighbour_words(found, label, predicted).endswith(said) or said in neighbour_words(
        found, label, predicted
    )


def test_by_lot_the_share_is_that_of_the_other_images() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    assert chance_share(labels, 0, 0) == pytest.approx(1 / 4)
    assert chance_share(labels, 0, 1) == pytest.approx(3 / 4)
    assert chance_share(labels[:1], 0, 0) == 0
