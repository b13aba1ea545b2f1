"""Faithfulness against scikit-learn's trustworthiness, and against what a map drawn by lot would show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from analysis.embedding_faithfulness import faithfulness_steps, neighbour_counts, point_place
from analysis.embedding_vectors import MapVectors
from tests.analysis.test_embedding_map import result_of


def vectors_and_places(n: int, seed: int, noise: float = 0.5) -> tuple[MapVectors, np.ndarray]:
    draw = np.random.default_rng(seed)
    raw = draw.standard_normal((n, 8)).astype(np.float32)
    vectors = MapVectors(raw, "embeddings")
    places = vectors.rows(slice(None))[:, :2] + noise * draw.standard_normal((n, 2))
    return vectors, places.astype(np.float32)


@given(st.integers(3, 200), st.integers(0, 1000), st.floats(0, 2))
@settings(max_examples=40, deadline=None)
def test_it_is_the_trustworthiness_of_scikit_learn(n: int, seed: int, noise: float) -> None:
    vectors, places = vectors_and_places(n, seed, noise)
    found = result_of(faithfulness_steps(vectors, places))
    assert found is not None and found.n_sampled == n
    unit = vectors.rows(slice(None))
    k = found.n_neighbours
    assert k == neighbour_counts(n)[0]
    assert found.trustworthiness == pytest.approx(trustworthiness(unit, places, n_neighbors=k), abs=1e-3)
    assert found.continuity == pytest.approx(trustworthiness(places, unit, n_neighbors=k), abs=1e-3)


def test_the_shares_are_those_of_scikit_learns_neighbours() -> None:
    vectors, places = vectors_and_places(700, 0)
    found = result_of(faithfulness_steps(vectors, places))
    assert found is not None
    on_map = NearestNeighbors().fit(places).kneighbors(n_neighbors=10, return_distance=False)
    for share, among in ((found.shared, 10), (found.shared_near, found.n_near)):
        near = (
            NearestNeighbors()
            .fit(vectors.rows(slice(None)))
            .kneighbors(n_neighbors=among, return_distance=False)
        )
        kept = np.mean([np.isin(a, b).mean() for a, b in zip(on_map, near, strict=True)])
        assert share == pytest.approx(kept, abs=1e-3)
    places_of = [point_place(vectors, places, row) for row in range(0, 700, 35)]
    for row, place in zip(range(0, 700, 35), places_of, strict=True):
        assert set(place.on_map) == set(on_map[row])
        assert place.n_kept == np.isin(on_map[row], near[row]).sum()


def test_a_sample_of_many_images_estimates_what_all_would_show() -> None:
    vectors, places = vectors_and_places(1500, 1)
    whole = result_of(faithfulness_steps(vectors, places))
    part = result_of(faithfulness_steps(vectors, places, most=500))
    assert whole is not None and part is not None and part.n_sampled == 500
    assert part.trustworthiness == pytest.approx(whole.trustworthiness, abs=0.02)
    assert part.continuity == pytest.approx(whole.continuity, abs=0.02)
    assert part.shared_near == pytest.approx(whole.shared_near, abs=0.04)
    assert part == result_of(faithfulness_steps(vectors, places, most=500))


@pytest.mark.parametrize("seed", range(5))
def test_a_map_drawn_by_lot_shows_what_chance_shows(seed: int) -> None:
    vectors, _ = vectors_and_places(600, seed)
    lot = np.random.default_rng(seed + 100).random((600, 2), dtype=np.float32)
    found = result_of(faithfulness_steps(vectors, lot))
    assert found is not None
    assert found.trustworthiness == pytest.approx(0.5, abs=0.03)
    assert found.shared_near == pytest.approx(found.chance, abs=0.015)


def test_a_map_that_is_the_space_itself_is_perfect() -> None:
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, 300)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = result_of(faithfulness_steps(MapVectors(circle, "embeddings"), circle))
    assert found is not None
    assert (found.trustworthiness, found.continuity, found.shared) == pytest.approx((1, 1, 1), abs=1e-3)
    assert point_place(MapVectors(circle, "embeddings"), circle, 7).n_kept == 10


def test_two_images_have_no_neighbours_to_speak_of() -> None:
    vectors, places = vectors_and_places(2, 0)
    assert result_of(faithfulness_steps(vectors, places)) is None
    assert len(point_place(vectors, places, 0).on_map) == 0
