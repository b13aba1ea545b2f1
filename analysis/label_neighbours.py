"""Which labels the nearest images bear."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Integers
from analysis.neighbours import unit_rows

_ROWS_AT_ONCE = 4096
_QUERIES_AT_ONCE = 512


def nearest_rows(
    embeddings: npt.NDArray[np.floating[Any]], queries: Integers, k: int
) -> npt.NDArray[np.intp]:
    """The k images whose embeddings point most nearly the same way, for many images in one reading.

    Args:
        embeddings: (N, D); may be memory-mapped, it is read in blocks.
        queries: (Q,) positions; an image is never its own neighbour.
        k: how many neighbours; fewer where there are not as many.

    Returns:
        (Q, min(k, N - 1)) positions, nearest first.

    >>> nearest_rows(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]), np.array([0, 2]), k=1).tolist()
    [[2], [0]]
    """
    k = min(k, len(embeddings) - 1)
    parts = [
        _nearest_rows(embeddings, queries[start : start + _QUERIES_AT_ONCE], k)
        for start in range(0, len(queries), _QUERIES_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.empty((0, max(0, k)), dtype=np.intp)


def _nearest_rows(
    embeddings: npt.NDArray[np.floating[Any]], queries: Integers, k: int
) -> npt.NDArray[np.intp]:
    asked = unit_rows(embeddings[queries])
    places: npt.NDArray[np.intp] = np.empty((len(queries), 0), dtype=np.intp)
    likeness: npt.NDArray[np.float32] = np.empty((len(queries), 0), dtype=np.float32)
    for start in range(0, len(embeddings), _ROWS_AT_ONCE):
        block = asked @ unit_rows(embeddings[start : start + _ROWS_AT_ONCE]).T
        own = queries - start
        inside = np.flatnonzero((own >= 0) & (own < block.shape[1]))
        block[inside, own[inside]] = -np.inf
        here = np.broadcast_to(np.arange(start, start + block.shape[1]), block.shape)
        likeness, places = np.hstack([likeness, block]), np.hstack([places, here])
        best = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
        likeness = np.take_along_axis(likeness, best, axis=1)
        places = np.take_along_axis(places, best, axis=1)
    return places
