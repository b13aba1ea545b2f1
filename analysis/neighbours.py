"""The images that look most alike to the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Integers

_ROWS_AT_ONCE = 8192


def nearest(
    embeddings: npt.NDArray[np.floating[Any]], index: int, k: int, among: Integers | None = None
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """The images whose embeddings point most nearly the same way.

    Args:
        embeddings: (N, D); may be memory-mapped, it is read in blocks.
        index: the image whose neighbours are wanted, 0 to N - 1; it is never its own neighbour.
        k: how many neighbours.
        among: positions to choose from; None for all images.

    Returns:
        The positions of the neighbours, nearest first (equal ones by position), and their cosine
        similarities from -1 to 1. Fewer than k where there are not as many. An embedding of zeros has
        similarity 0 to everything.

    >>> positions, similarities = nearest(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]), 0, k=1)
    >>> positions.tolist(), similarities.tolist()
    ([2], [1.0])
    """
    candidates = np.arange(len(embeddings)) if among is None else np.unique(among).astype(np.intp)
    return _nearest_of(embeddings[index], embeddings, k, candidates[candidates != index])


def nearest_to(
    embedding: npt.NDArray[np.floating[Any]], embeddings: npt.NDArray[np.floating[Any]], k: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """The images of another set that are nearest to one image, such as the training images nearest to a mistake.

    Args:
        embedding: (D,) of the image, from the same network.
        embeddings: (N, D) of the other set.
        k: how many neighbours.

    Returns:
        As ``nearest``: positions in the other set, nearest first, and cosine similarities.

    >>> nearest_to(np.array([0.0, 1.0]), np.array([[1.0, 0.0], [0.0, 2.0]]), k=1)[0].tolist()
    [1]
    """
    return _nearest_of(embedding, embeddings, k, np.arange(len(embeddings)))


def _nearest_of(
    embedding: npt.NDArray[np.floating[Any]],
    embeddings: npt.NDArray[np.floating[Any]],
    k: int,
    candidates: npt.NDArray[np.intp],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    query = unit_rows(np.asarray(embedding)[None])[0]
    similarities = np.empty(len(candidates), dtype=np.float32)
    for start in range(0, len(candidates), _ROWS_AT_ONCE):
        rows = candidates[start : start + _ROWS_AT_ONCE]
        similarities[start : start + _ROWS_AT_ONCE] = unit_rows(embeddings[rows]) @ query
    np.clip(similarities, -1, 1, out=similarities)
    order = np.argsort(-similarities, kind="stable")[:k]
    return candidates[order], similarities[order]


def unit_rows(rows: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """(N, D) the rows at length 1, in single precision; rows of zeros stay."""
    single = np.asarray(rows, dtype=np.float32)
    lengths = np.linalg.norm(single, axis=1, keepdims=True)
    return np.asarray(np.divide(single, lengths, out=np.zeros_like(single), where=lengths > 0))
