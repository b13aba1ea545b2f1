"""The map: planted clusters stay together, the same input gives the same map, odd input gives some map."""

import logging
import sys
from collections.abc import Generator
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from analysis.embedding_layout import MOST_FOR_TSNE, layout
from analysis.embedding_map import EmbeddingMap, map_steps
from analysis.embedding_selection import map_selection
from analysis.embedding_vectors import MapVectors, main_coordinates_steps
from models.prediction_record import Predictions
from models.progress import Progress
from tests.analysis.planted_predictions import planted_predictions

T = TypeVar("T")
CLASSES = 6


def result_of(steps: Generator[Progress, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value


def planted(n: int, size: int = 40, seed: int = 0) -> Predictions:
    """Predictions whose embeddings lie around one centre a class, far apart."""
    draw = np.random.default_rng(seed)
    labels = np.arange(n) % CLASSES
    centres = 3 * draw.standard_normal((CLASSES, size))
    embeddings = (centres[labels] + draw.standard_normal((n, size))).astype(np.float32)
    predictions = planted_predictions(labels, tuple("abcdef"), predicted=labels)
    return replace(predictions, embeddings=embeddings)


def drawn(predictions: Predictions) -> EmbeddingMap:
    return result_of(map_steps(predictions, pd.DataFrame()))


def neighbour_agreement(positions: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> float:
    near = NearestNeighbors(n_neighbors=10).fit(positions).kneighbors(return_distance=False)
    return float((labels[near] == labels[:, None]).mean())


def test_planted_clusters_stay_together_and_the_map_is_the_same_twice() -> None:
    predictions = planted(300)
    found, again = drawn(predictions), drawn(predictions)
    assert (found.space, found.method, found.reason) == ("embeddings", "localmap", "")
    assert neighbour_agreement(found.positions, predictions.labels) > 0.99
    assert found.positions.tobytes() == again.positions.tobytes()
    assert found.faithfulness == again.faithfulness
    assert found.positions.dtype == np.float32
    span = found.positions.max(axis=0) - found.positions.min(axis=0)
    assert span.max() == pytest.approx(1) and found.positions.min() >= -1e-6


def test_images_without_any_likeness_give_no_agreement() -> None:
    predictions = planted(300)
    noise = np.random.default_rng(1).standard_normal((300, 40)).astype(np.float32)
    found = drawn(replace(predictions, embeddings=noise))
    assert neighbour_agreement(found.positions, predictions.labels) < 0.3


def test_the_scale_of_an_embedding_does_not_matter() -> None:
    predictions = planted(120)
    assert predictions.embeddings is not None
    factors = 2.0 ** np.random.default_rng(0).integers(-90, 90, (120, 1))
    scaled = replace(predictions, embeddings=(predictions.embeddings * factors).astype(np.float32))
    assert drawn(scaled).positions.tobytes() == drawn(predictions).positions.tobytes()


def test_without_embeddings_the_probabilities_are_mapped() -> None:
    draw = np.random.default_rng(0)
    labels = np.arange(200) % CLASSES
    logits = 5 * np.eye(CLASSES)[labels] + draw.standard_normal((200, CLASSES))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    probabilities[0] = np.eye(CLASSES)[0]  # zeros have no logarithm
    found = drawn(planted_predictions(labels, tuple("abcdef"), probabilities=probabilities))
    assert (found.space, found.method) == ("probabilities", "localmap")
    assert neighbour_agreement(found.positions, labels.astype(np.int32)) > 0.95


def test_with_neither_there_is_no_map() -> None:
    labels = np.arange(20) % 2
    found = drawn(planted_predictions(labels, ("a", "b"), predicted=labels))
    assert (found.space, found.positions.shape, found.faithfulness) == ("", (0, 2), None)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 14, 15, 16, 20, 33, 60])
def test_few_images_have_a_map_too(n: int) -> None:
    found = drawn(planted(n))
    assert found.positions.shape == (n, 2)
    assert np.isfinite(found.positions).all()
    assert found.method == ("none" if n < 2 else "pca" if n < 15 else "localmap")
    assert (found.faithfulness is None) == (n < 3)


@pytest.mark.parametrize("classes", [1, 2])
def test_one_number_an_image_lies_on_a_line(classes: int) -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(classes), 50)
    labels = np.zeros(50, dtype=np.int64)
    found = drawn(planted_predictions(labels, ("a", "b")[:classes], probabilities=probabilities))
    assert np.isfinite(found.positions).all()
    assert found.method == ("none" if classes == 1 else "localmap")


def test_images_that_are_all_the_same_lie_in_one_place() -> None:
    same = np.tile(np.random.default_rng(0).standard_normal(512), (200, 1)).astype(np.float32)
    found = drawn(replace(planted(200), embeddings=same))
    assert (found.method, found.reason, found.faithfulness) == ("none", "same", None)
    assert (found.positions == 0.5).all()
    assert drawn(replace(planted(200), embeddings=np.zeros_like(same))).method == "none"


def test_many_copies_of_few_images_do_not_break_it() -> None:
    predictions = planted(400)
    assert predictions.embeddings is not None
    half = predictions.embeddings.copy()
    half[::2] = half[0]
    found = drawn(replace(predictions, embeddings=half))
    assert np.isfinite(found.positions).all() and found.method == "localmap"
    half[:] = half[np.arange(400) % 3]
    assert (drawn(replace(predictions, embeddings=half)).reason) == "few"


def test_numbers_that_are_not_finite_do_not_reach_the_map() -> None:
    predictions = planted(120)
    assert predictions.embeddings is not None
    broken = predictions.embeddings.copy()
    broken[3, 4], broken[5], broken[7, 0] = np.nan, np.inf, -np.inf
    found = drawn(replace(predictions, embeddings=broken))
    assert np.isfinite(found.positions).all()
    others = np.setdiff1d(np.arange(120), [3, 5, 7])
    assert neighbour_agreement(found.positions[others], predictions.labels[others]) > 0.95


def test_without_pacmap_scikit_learn_draws_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pacmap", None)  # as if it were not installed
    predictions = planted(90)
    found = drawn(predictions)
    assert (found.method, found.reason) == ("t-sne", "missing")
    assert neighbour_agreement(found.positions, predictions.labels) > 0.95
    assert found.positions.tobytes() == drawn(predictions).positions.tobytes()
    many = np.random.default_rng(0).standard_normal((MOST_FOR_TSNE + 1, 3)).astype(np.float32)
    assert (layout(many).method, layout(many).reason) == ("pca", "missing")


def test_where_pacmap_fails_scikit_learn_draws_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    import pacmap

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(pacmap.LocalMAP, "fit_transform", refuse)
    found = drawn(planted(40))
    assert (found.method, found.reason) == ("t-sne", "failed")


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="pacmap"):
        drawn(planted(30))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_the_main_coordinates_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    vectors = (draw.standard_normal((9000, 90)) * np.linspace(3, 0.1, 90)).astype(np.float32)
    found = result_of(main_coordinates_steps(MapVectors(vectors, "embeddings")))
    reference = PCA(50, svd_solver="full").fit(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    np.testing.assert_allclose(found.var(axis=0, ddof=1)[:40], reference.explained_variance_[:40], rtol=0.03)
    np.testing.assert_allclose(found.var(axis=0, ddof=1)[:10], reference.explained_variance_[:10], rtol=1e-3)
    between = found.T @ found
    assert np.abs(between - np.diag(np.diag(between))).max() < 1e-3 * between.max()


def test_it_can_be_stopped_at_every_block() -> None:
    vectors = np.random.default_rng(0).standard_normal((9000, 10)).astype(np.float32)
    steps = main_coordinates_steps(MapVectors(vectors, "embeddings"))
    assert len(list(steps)) == 3 * 8


def test_it_is_the_same_after_saving() -> None:
    for predictions in (planted(40), planted(1)):
        found = drawn(predictions)
        plain, arrays = found.to_saved()
        again = EmbeddingMap.from_saved(plain, arrays)
        assert again.positions.tobytes() == found.positions.tobytes()
        assert (again.to_saved()[0], again.faithfulness) == (plain, found.faithfulness)


def test_what_is_marked_is_counted_and_its_mistakes_come_first() -> None:
    labels = np.array([0] * 10 + [1] * 10)
    predicted = labels.copy()
    predicted[[2, 5, 11]] = 1 - predicted[[2, 5, 11]]
    predictions = planted_predictions(labels, ("cat", "dog"), predicted=predicted)
    predictions.images["confidence"] = np.linspace(0.5, 1, 20)
    found = map_selection(predictions, np.array([9, 0, 2, 5, 3, 10]))
    assert found.rows.tolist() == [5, 2, 10, 9, 3, 0]
    assert (found.n_wrong, found.n_elsewhere, found.n_wrong_elsewhere) == (2, 14, 1)
    assert found.main_labels == (("cat", 5), ("dog", 1)) and found.n_labels == 2
    assert found.error_rate == pytest.approx(1 / 3)
    assert found.error_rate_elsewhere == pytest.approx(1 / 14)
    nothing = map_selection(predictions, np.array([], dtype=int))
    assert np.isnan(nothing.error_rate) and nothing.main_labels == ()
    assert np.isnan(map_selection(predictions, np.arange(20)).error_rate_elsewhere)
