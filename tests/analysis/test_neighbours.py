import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from analysis.neighbours import nearest, nearest_to


@given(st.integers(0, 1000), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_neighbours_are_those_of_scikit_learn(seed: int, k: int) -> None:
    embeddings = np.random.default_rng(seed).normal(size=(25, 6)).astype(np.float32)
    positions, similarities = nearest(embeddings, 3, k)
    reference = cosine_similarity(embeddings[3:4], embeddings)[0]
    reference[3] = -np.inf
    expected = np.argsort(-reference, kind="stable")[: min(k, 24)]
    assert positions.tolist() == expected.tolist()
    np.testing.assert_allclose(similarities, reference[expected], atol=1e-6)


def test_only_the_wanted_images_are_neighbours() -> None:
    embeddings = np.random.default_rng(0).normal(size=(20, 4))
    positions, _ = nearest(embeddings, 5, k=10, among=np.array([1, 5, 9, 9]))
    assert sorted(positions) == [1, 9]


def test_many_images_are_read_in_blocks() -> None:
    embeddings = np.random.default_rng(1).normal(size=(20_000, 3)).astype(np.float32)
    embeddings[19_999] = 2 * embeddings[7]
    positions, similarities = nearest(embeddings, 7, k=2)
    assert positions[0] == 19_999
    assert similarities[0] <= 1 and similarities[0] > 0.999_999


def test_zeros_are_like_nothing() -> None:
    positions, similarities = nearest(np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]), 0, k=5)
    assert positions.tolist() == [1, 2] and similarities.tolist() == [0, 0]


def test_an_image_alone_has_no_neighbours() -> None:
    positions, similarities = nearest(np.array([[1.0, 2.0]]), 0, k=3)
    assert len(positions) == len(similarities) == 0


def test_neighbours_in_another_set_are_those_found_when_both_sets_are_one() -> None:
    random = np.random.default_rng(3)
    embedding, others = random.standard_normal(8), random.standard_normal((40, 8))
    positions, similarities = nearest_to(embedding, others, 5)
    together, expected = nearest(np.vstack([embedding, others]), 0, 5)
    assert positions.tolist() == (together - 1).tolist()
    np.testing.assert_allclose(similarities, expected, rtol=1e-6)
