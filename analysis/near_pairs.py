"""Which of many images are nearest: by the bits of their hashes, and by their embeddings; both exactly."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.neighbours import unit_rows
from models.progress import Progress

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.intp]
Singles = npt.NDArray[np.float32]

PHASE = "Comparing the images"
BITS = 64
SIBLINGS = 4
"""Of images that share one hash, each is paired with so many of the next: enough to join them all."""
_ROWS_AT_ONCE = 4096


def hamming_pairs(
    hashes: Hashes, others: Hashes | None = None, *, most: int = 4
) -> tuple[Rows, npt.NDArray[np.uint8]]:
    """The pairs of hashes that differ in few bits, without comparing all with all.

    Two hashes that differ in at most m bits agree in at least one of m + 1 bands of bits, so only those that
    agree in a band are compared.

    Args:
        hashes: (N,) of 64 bits.
        others: (M,) of another set; None compares the hashes among themselves.
        most: bits that may differ, 0 to 15.

    Returns:
        (P, 2) positions, the first in ``hashes`` and the second in ``others`` (or a later one in
        ``hashes``), sorted; and (P,) the bits that differ. All pairs; but where more than ``SIBLINGS + 1``
        images share one hash (blank ones, say), only so many of them that all stay joined.

    >>> pairs, distances = hamming_pairs(np.array([0b1111, 0b1110, 2**63], np.uint64), most=1)
    >>> pairs.tolist(), distances.tolist()
    ([[0, 1]], [1])
    """
    every = hashes if others is None else np.concatenate([hashes, others])
    unique, members = np.unique(every, return_inverse=True)
    groups = _members(members, len(unique))
    found = [_siblings(groups)] if others is None else [_across(group, len(hashes)) for group in groups]
    found += [_joined(groups, pair) for pair in _unique_pairs(unique, most)]
    pairs = np.concatenate([np.zeros((0, 2), np.intp), *found])
    if others is not None:
        pairs = pairs[(pairs[:, 0] < len(hashes)) != (pairs[:, 1] < len(hashes))]
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    distances = np.bitwise_count(every[pairs[:, 0]] ^ every[pairs[:, 1]])
    if others is not None:
        pairs[:, 1] -= len(hashes)
    return pairs, distances


def _members(inverse: Rows, n_groups: int) -> list[Rows]:
    order = np.argsort(inverse, kind="stable")
    return np.split(order, np.cumsum(np.bincount(inverse, minlength=n_groups))[:-1])


def _siblings(groups: list[Rows]) -> Rows:
    """Pairs of images that share their hash."""
    shared = [group for group in groups if len(group) > 1]
    pairs = [
        np.stack([group[:-step], group[step:]], axis=1)
        for group in shared
        for step in range(1, min(SIBLINGS + 1, len(group)))
    ]
    return np.concatenate([np.zeros((0, 2), np.intp), *pairs])


def _across(group: Rows, n_first: int) -> Rows:
    """Pairs over two sets of images that share their hash: each of the first with some of the second."""
    first, second = group[group < n_first], group[group >= n_first]
    return _product(first, second[: SIBLINGS + 1])


def _joined(groups: list[Rows], pair: Rows) -> Rows:
    """Pairs of images with two hashes that are near each other."""
    one, other = groups[pair[0]], groups[pair[1]]
    few = SIBLINGS + 1
    return np.concatenate([_product(one, other[:few]), _product(one[:few], other)])


def _product(one: Rows, other: Rows) -> Rows:
    return np.stack([np.repeat(one, len(other)), np.tile(other, len(one))], axis=1)


def _unique_pairs(unique: Hashes, most: int) -> Rows:
    edges = np.linspace(0, BITS, most + 2).round().astype(int)
    found = [np.zeros((0, 2), np.intp)]
    for low, high in pairwise(edges.tolist()):
        band = (unique >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        found.append(_band_pairs(unique, band, most))
    return np.unique(np.concatenate(found), axis=0)


def _band_pairs(unique: Hashes, band: Hashes, most: int) -> Rows:
    """The near ones among those that agree in a band: each with the next, the next but one, ... of its band."""
    order = np.argsort(band, kind="stable")
    keys, hashes = band[order], unique[order]
    found = []
    starts = np.arange(len(order) - 1)
    step = 1
    while len(starts):
        starts = starts[keys[starts] == keys[starts + step]]
        near = starts[np.bitwise_count(hashes[starts] ^ hashes[starts + step]) <= most]
        found.append(np.sort(np.stack([order[near], order[near + step]], axis=1), axis=1))
        step += 1
        starts = starts[starts + step < len(order)]
    return np.concatenate([np.zeros((0, 2), np.intp), *found])


@dataclass(frozen=True)
class Neighbours:
    """The nearest few of each image.

    Args:
        rows: (N, k) positions, nearest first; -1 where there are fewer than k.
        distances: (N, k) cosine distances, 0 (the same direction) to 2; inf where there are fewer than k.
    """

    rows: Rows
    distances: Singles


def nearest_steps(
    embeddings: npt.NDArray[np.floating[Any]],
    others: npt.NDArray[np.floating[Any]] | None = None,
    *,
    k: int = 3,
    rows: Rows | None = None,
    other_rows: Rows | None = None,
) -> Generator[Progress, None, Neighbours]:
    """Find the nearest few of every image, all with all, a block at a time.

    Args:
        embeddings: (N, D); may be memory-mapped, it is read in blocks.
        others: (M, D) of another set; None looks among the embeddings themselves, an image never being its
            own neighbour.
        k: how many neighbours.
        rows: which of the embeddings take part; None for all.
        other_rows: which of the others; None for all.

    Yields:
        Progress in images.

    Returns:
        The neighbours of each of ``rows``, as positions in ``other_rows`` (or in ``rows``). An embedding of
        zeros has distance 1 to everything.
    """
    first = _Blocks(embeddings, rows)
    second = first if others is None else _Blocks(others, other_rows)
    best = _Best(len(first), k)
    among_themselves = others is None
    n_blocks = len(first.starts) * len(second.starts)
    n_products = n_blocks if not among_themselves else (n_blocks + len(first.starts)) // 2
    done = 0
    for row in first.starts:
        one = first.unit(row)
        for column in second.starts:
            if among_themselves and column < row:
                continue  # the product of these two blocks has served both
            similarities = (
                one @ second.unit(column).T if column != row or not among_themselves else one @ one.T
            )
            _take(best, similarities, row, column, among_themselves)
            done += 1
            yield Progress(PHASE, len(first) * done // n_products, len(first))
    return Neighbours(best.rows, np.maximum(1 - best.similarities, 0))


def _take(best: _Best, similarities: Singles, row: int, column: int, among_themselves: bool) -> None:
    if not among_themselves:
        best.take(similarities, row, column)
        return
    if row == column:
        np.fill_diagonal(similarities, -np.inf)
    else:
        best.take(similarities.T.copy(), column, row)
    best.take(similarities, row, column)


class _Blocks:
    """Embeddings of length 1, a block of rows at a time."""

    def __init__(self, embeddings: npt.NDArray[np.floating[Any]], rows: Rows | None) -> None:
        self._embeddings, self._rows = embeddings, rows
        self.starts = range(0, len(self), _ROWS_AT_ONCE)

    def __len__(self) -> int:
        return len(self._embeddings) if self._rows is None else len(self._rows)

    def unit(self, start: int) -> Singles:
        stretch = slice(start, start + _ROWS_AT_ONCE)
        block = self._embeddings[stretch if self._rows is None else self._rows[stretch]]
        return unit_rows(block)


class _Best:
    """The k most similar of each row so far."""

    def __init__(self, n: int, k: int) -> None:
        self.rows = np.full((n, k), -1, np.intp)
        self.similarities = np.full((n, k), -np.inf, np.float32)

    def take(self, similarities: Singles, start: int, first_column: int) -> None:
        """Take in a block of similarities; it is changed."""
        stretch = slice(start, start + len(similarities))
        k = self.rows.shape[1]
        places = np.arange(len(similarities))
        rows, values = [self.rows[stretch]], [self.similarities[stretch]]
        for _ in range(min(k, similarities.shape[1])):
            # a maximum a few times over is much faster than a partial sort
            columns = similarities.argmax(axis=1)
            found = similarities[places, columns]
            similarities[places, columns] = -np.inf
            rows.append(np.where(np.isfinite(found), columns + first_column, -1)[:, None])
            values.append(found[:, None])
        all_rows, all_values = np.concatenate(rows, axis=1), np.concatenate(values, axis=1)
        order = np.argsort(-all_values, axis=1, kind="stable")[:, :k]
        self.rows[stretch] = np.take_along_axis(all_rows, order, axis=1)
        self.similarities[stretch] = np.take_along_axis(all_values, order, axis=1)
