"""The nearest hashes and embeddings: all of them, and no others."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from analysis import near_pairs
from analysis.near_pairs import SIBLINGS, hamming_pairs, nearest_steps
from tests.analysis.evaluated import driven, result


@pytest.fixture(autouse=True)
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_pairs, "_ROWS_AT_ONCE", 7)
        yield


def brute_force(hashes: np.ndarray, others: np.ndarray | None, most: int) -> dict[tuple[int, int], int]:
    second = hashes if others is None else others
    return {
        (i, j): distance
        for i, one in enumerate(hashes)
        for j, other in enumerate(second)
        if (others is not None or i < j) and (distance := (int(one) ^ int(other)).bit_count()) <= most
    }


@st.composite
def near_hashes(draw: st.DrawFn) -> np.ndarray:
    """Hashes around a few centres, each with some bits turned; at most five are the same."""
    centres = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4))
    turned = draw(
        st.lists(st.tuples(st.sampled_from(centres), st.lists(st.integers(0, 63), max_size=7)), max_size=25)
    )
    hashes = [centre ^ sum(1 << bit for bit in set(bits)) for centre, bits in turned]
    kept = [hash for place, hash in enumerate(hashes) if hashes[:place].count(hash) <= SIBLINGS]
    return np.array(kept, dtype=np.uint64)


@settings(max_examples=60, deadline=None)
@given(near_hashes(), st.integers(0, 6))
def test_all_pairs_of_near_hashes_are_found(hashes: np.ndarray, most: int) -> None:
    pairs, distances = hamming_pairs(hashes, most=most)
    found = dict(zip(map(tuple, pairs.tolist()), distances.tolist(), strict=True))
    assert found == brute_force(hashes, None, most)


@settings(max_examples=60, deadline=None)
@given(near_hashes(), near_hashes(), st.integers(0, 6))
def test_all_near_hashes_of_two_sets_are_found(hashes: np.ndarray, others: np.ndarray, most: int) -> None:
    pairs, distances = hamming_pairs(hashes, others, most=most)
    found = dict(zip(map(tuple, pairs.tolist()), distances.tolist(), strict=True))
    assert found == brute_force(hashes, others, most)


def test_a_thousand_equal_hashes_make_no_million_pairs() -> None:
    pairs, distances = hamming_pairs(np.full(1000, 5, np.uint64))
    assert len(pairs) < SIBLINGS * 1000 and not distances.any()
    assert {row for pair in pairs.tolist() for row in pair} == set(range(1000))
    across, _ = hamming_pairs(np.full(1000, 5, np.uint64), np.full(1000, 5, np.uint64))
    assert len(across) <= (SIBLINGS + 1) * 1000 and set(across[:, 0]) == set(range(1000))


def reference(one: np.ndarray, other: np.ndarray, k: int) -> np.ndarray:
    distances, _ = (
        NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(other).kneighbors(one)
    )
    return distances


@pytest.mark.parametrize("n", [2, 7, 8, 40])
def test_neighbours_within_a_set_are_those_of_scikit_learn(n: int) -> None:
    embeddings = np.random.default_rng(n).normal(size=(n, 12))
    found = result(nearest_steps(embeddings, k=3))
    k = min(3, n - 1)
    # scikit-learn counts an image as its own nearest
    np.testing.assert_allclose(
        found.distances[:, :k], reference(embeddings, embeddings, k + 1)[:, 1:], atol=1e-5
    )
    assert (found.rows[:, k:] == -1).all() and np.isinf(found.distances[:, k:]).all()
    assert not (found.rows == np.arange(n)[:, None]).any()


def test_neighbours_in_another_set_are_those_of_scikit_learn_and_rows_choose() -> None:
    draws = np.random.default_rng(0)
    one, other = draws.normal(size=(30, 6)), draws.normal(size=(50, 6))
    rows, other_rows = np.arange(1, 30, 2), np.arange(0, 50, 3)
    found = result(nearest_steps(one, other, k=2, rows=rows, other_rows=other_rows))
    np.testing.assert_allclose(found.distances, reference(one[rows], other[other_rows], 2), atol=1e-5)
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (one[rows], other[other_rows])]
    similarities = np.take_along_axis(unit[0] @ unit[1].T, found.rows, axis=1)
    np.testing.assert_allclose(1 - similarities, found.distances, atol=1e-5)


def test_embeddings_of_zeros_are_near_nothing_and_progress_comes_to_its_end() -> None:
    embeddings = np.zeros((20, 3))
    embeddings[5:] = np.random.default_rng(1).normal(size=(15, 3))
    found, seen = driven(nearest_steps(embeddings, k=1))
    np.testing.assert_array_equal(found.distances[:5, 0], 1)
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert seen[-1].done == seen[-1].total == 20
