"""How far a map can be trusted: whether what lies close on it is close, and what is close lies close."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.embedding_vectors import MapVectors, Single
from models.progress import Progress

Rows = npt.NDArray[np.intp]

NEIGHBOURS = 10
NEAR = 50
MOST_SAMPLED = 2000
_SAMPLED_AT_ONCE = 125


@dataclass(frozen=True)
class MapFaithfulness:
    """How far the map keeps neighbours, over a sample of images, each compared with all others.

    Args:
        n_neighbours: K, how many nearest images of each are looked at.
        n_sampled: images looked at; all up to 2,000.
        trustworthiness: 0 to 1; falls where images are close on the map that are not alike.
        continuity: 0 to 1; falls where images that are alike are apart on the map.
        shared: share of an image's K nearest on the map that are among its K nearest by vector.
        n_near: W, how many nearest by vector are "near": 50, or a tenth of the images if that is fewer.
        shared_near: share of an image's K nearest on the map that are among its W nearest by vector.
        chance: what ``shared_near`` would be on a map drawn by lot.
    """

    n_neighbours: int
    n_sampled: int
    trustworthiness: float
    continuity: float
    shared: float
    n_near: int
    shared_near: float
    chance: float

    def to_plain(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class PointPlace:
    """How far one image's place can be trusted.

    Args:
        on_map: (K,) row numbers of its nearest images on the map, nearest first.
        n_near: W, as in `MapFaithfulness`.
        n_kept: how many of ``on_map`` are among its W nearest by vector.
    """

    on_map: Rows
    n_near: int
    n_kept: int


def neighbour_counts(n: int) -> tuple[int, int]:
    """K and W for a map of n images; 0 and 0 where there are too few to speak of neighbours.

    >>> neighbour_counts(50_000), neighbour_counts(100), neighbour_counts(5), neighbour_counts(2)
    ((10, 50), (10, 10), (2, 2), (0, 0))
    """
    k = max(0, min(NEIGHBOURS, (n - 1) // 2))
    return k, max(k, min(NEAR, n // 10))


def faithfulness_steps(
    vectors: MapVectors, positions: Single, *, most: int = MOST_SAMPLED, seed: int = 0
) -> Generator[Progress, None, MapFaithfulness | None]:
    """Measure how far a map keeps neighbours.

    Source: J. Venna, S. Kaski, Neighborhood Preservation in Nonlinear Projection Methods, ICANN 2001
    (trustworthiness; continuity is the same with the two spaces exchanged).

    Args:
        vectors: the N vectors the map was drawn from.
        positions: (N, 2) where it put them.
        most: images that are looked at, chosen by lot where there are more; the others are all compared with.
        seed: of the lot.

    Yields:
        Progress.

    Returns:
        None for fewer than three images.
    """
    n = len(vectors)
    k, near = neighbour_counts(n)
    if k == 0:
        return None
    sample = (
        np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
    )
    sums = np.zeros(4)
    for start in range(0, len(sample), _SAMPLED_AT_ONCE):
        yield Progress("Checking the map", start, len(sample))
        rows = sample[start : start + _SAMPLED_AT_ONCE]
        by_vector = _vector_distances(vectors, rows)
        on_map = _squared_distances(positions[rows], positions)
        on_map[np.arange(len(rows)), rows] = np.inf
        ranks = _ranks(by_vector, _nearest(on_map, k))
        back = _ranks(on_map, _nearest(by_vector, k))
        intrusions, extrusions = (np.maximum(each - k, 0).sum() for each in (ranks, back))
        sums += intrusions, extrusions, (ranks <= k).sum(), (ranks <= near).sum()
    pairs = len(sample) * k
    worst = pairs * (2 * n - 3 * k - 1) / 2
    return MapFaithfulness(
        k, len(sample), float(1 - sums[0] / worst), float(1 - sums[1] / worst), float(sums[2] / pairs),
        near, float(sums[3] / pairs), near / (n - 1),
    )  # fmt: skip


def point_place(vectors: MapVectors, positions: Single, row: int) -> PointPlace:
    """How far the place of one image can be trusted.

    Args:
        vectors: the N vectors the map was drawn from.
        positions: (N, 2) where it put them.
        row: the image's row number.
    """
    k, near = neighbour_counts(len(vectors))
    rows = np.array([row])
    on_map = _squared_distances(positions[rows], positions)
    on_map[0, row] = np.inf
    nearest = _nearest(on_map, k)
    ranks = _ranks(_vector_distances(vectors, rows), nearest)
    return PointPlace(nearest[0], near, int((ranks <= near).sum()))


def _vector_distances(vectors: MapVectors, rows: Rows) -> Single:
    """(M, N) squared distances of some vectors to all; a vector's to itself is infinite."""
    own = vectors.rows(rows)
    distances = np.empty((len(rows), len(vectors)), dtype=np.float32)
    for block in vectors.blocks():
        distances[:, block] = _squared_distances(own, vectors.rows(block))
    distances[np.arange(len(rows)), rows] = np.inf
    return distances


def _squared_distances(some: Single, others: Single) -> Single:
    squares = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
    squares -= 2 * (some @ others.T)
    return np.asarray(np.maximum(squares, 0, out=squares))


def _nearest(distances: Single, k: int) -> Rows:
    """(M, K) columns of the smallest distances, the smallest first."""
    found = np.argpartition(distances, k - 1, axis=1)[:, :k] if k else np.empty((len(distances), 0), np.intp)
    order = np.argsort(np.take_along_axis(distances, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def _ranks(distances: Single, columns: Rows) -> npt.NDArray[np.int64]:
    """(M, K) places of some columns by distance, the nearest being 1; equal ones share the better place."""
    wanted = np.take_along_axis(distances, columns, axis=1)
    ranks = np.empty(columns.shape, dtype=np.int64)
    for place in range(columns.shape[1]):
        ranks[:, place] = (distances < wanted[:, place, None]).sum(axis=1) + 1
    return ranks
