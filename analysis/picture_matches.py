"""Which pictures are one and the same, within a set or in two: the files' bytes, then hashes and embeddings
to find candidates, and the pixels to decide."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.near_pairs import SIBLINGS, Neighbours, Rows, hamming_pairs, nearest_steps
from analysis.pixel_agreement import SAME_PICTURE, WHOLE, PixelAgreement, agreement_steps
from models.progress import Progress

MatchKind = Literal["exact", "near", "alike"]

HASH_BITS = 4
"""Two pHashes that differ in no more bits make a candidate."""
FLAGGED = 0.13
"""A distance below this share of the usual distance to the third nearest image is striking."""
CANDIDATES = 0.65
"""Below this share the pixels of an image and its nearest few are looked at: cropped copies lie far beyond what
is striking."""
MOST_LOOKED_AT = 5_000
"""Pairs whose pixels are looked at, the likeliest first: some minutes at most."""
BLANK_CONTRAST = 0.01
"""Pictures with less are of one colour: their hashes and their pixels say nothing."""
NEIGHBOURS = 3
_NO_DISTANCE = 1e-5
"""Of float32 embeddings, smaller ones are rounding."""
BRIGHTENED = 0.03
"""Two copies whose mean brightness differs by more were not only saved anew."""


@dataclass(frozen=True)
class Pictures:
    """A set of N pictures.

    Args:
        paths: N files.
        facts: N rows, as ``models.image_facts`` measures them.
        embeddings: (N, D), or None; those of two sets must be from one network.
    """

    paths: Sequence[Path]
    facts: pd.DataFrame
    embeddings: npt.NDArray[np.floating[Any]] | None = None

    @property
    def contents(self) -> npt.NDArray[np.object_]:
        """(N,) the hashes of the files' bytes; "" where a file is gone."""
        return self.facts["content"].to_numpy(object)

    @property
    def n_missing(self) -> int:
        """Files that are gone or cannot be decoded; only equal bytes can be found of these."""
        return int((self.facts["problem"] != "").sum())

    def distinct(self) -> Rows:
        """The first of each content, if it is a picture whose look can be compared."""
        problem = (self.facts["problem"] != "").to_numpy(bool)
        comparable = ~problem & (self.facts["contrast"].to_numpy(float) >= BLANK_CONTRAST)
        return np.flatnonzero(comparable & ~self.facts["content"].duplicated().to_numpy(bool))


@dataclass(frozen=True)
class Match:
    """Two pictures that may be one.

    Args:
        one: position in the first set.
        other: position in the second set (or in the first: a later one).
        kind: "exact" (equal bytes), "near" (the pixels agree) or "alike" (hash or network find them
            strikingly alike, and the pixels do not agree or cannot be read: no duplicate).
        score: agreement of the pixels, -1 to 1; 1 for equal bytes.
        words: the evidence.
    """

    one: int
    other: int
    kind: MatchKind
    score: float
    words: str


@dataclass(frozen=True)
class Matches:
    """What was found.

    Args:
        found: the matches, by position.
        n_not_looked_at: striking pairs beyond ``MOST_LOOKED_AT``; they are in no match.
    """

    found: list[Match]
    n_not_looked_at: int


@dataclass(frozen=True)
class _Candidates:
    """Pairs to look at, the likeliest first.

    Args:
        pairs: (P, 2) positions.
        bits: (P,) in which the hashes differ, 64 where they are not near.
        shares: (P,) distance over the usual distance to the third nearest; inf where it is not near.
    """

    pairs: Rows
    bits: npt.NDArray[np.uint8]
    shares: npt.NDArray[np.float64]

    @property
    def striking(self) -> npt.NDArray[np.bool_]:
        """(P,) whether hash or network alone would call them alike."""
        striking: npt.NDArray[np.bool_] = (self.bits <= HASH_BITS) | (self.shares < FLAGGED)
        return striking


def matches_steps(one: Pictures, other: Pictures | None = None) -> Generator[Progress, None, Matches]:
    """Find the pictures that are one and the same.

    Near copies are looked for among pictures of different bytes: copies of one file take part once.

    Args:
        one: the first set.
        other: the second; None looks within the first.

    Yields:
        Progress.

    Returns:
        The matches.
    """
    yield Progress("Comparing the files", 0, len(one.paths))
    exact = _exact(one, other)
    candidates = yield from _candidates(one, other)
    looked_at = candidates.pairs[:MOST_LOOKED_AT]
    paths = (one if other is None else other).paths
    files = [(one.paths[first], paths[second]) for first, second in looked_at]
    agreements = yield from agreement_steps(files)
    facts = one.facts, (one if other is None else other).facts
    near = [
        match
        for place, agreement in enumerate(agreements)
        if (match := _match(candidates, place, agreement, *facts)) is not None
    ]
    found = sorted([*exact, *near], key=lambda match: (match.one, match.other))
    return Matches(found, int(candidates.striking[MOST_LOOKED_AT:].sum()))


def _exact(one: Pictures, other: Pictures | None) -> list[Match]:
    """Pairs of equal bytes: each with the next few, which joins all of them."""
    groups: dict[str, list[int]] = {}
    for row, content in enumerate((one if other is None else other).contents):
        if content:
            groups.setdefault(content, []).append(row)
    if other is not None:
        pairs = [
            (row, copy)
            for row, content in enumerate(one.contents)
            for copy in groups.get(content, [])[: SIBLINGS + 1]
        ]
    else:
        pairs = [(a, b) for rows in groups.values() for a, b in pairwise(rows)]
    return [Match(a, b, "exact", 1.0, "the same file, byte for byte") for a, b in pairs]


def _candidates(one: Pictures, other: Pictures | None) -> Generator[Progress, None, _Candidates]:
    rows, other_rows = one.distinct(), None if other is None else other.distinct()
    second = one if other is None else other
    columns = rows if other_rows is None else other_rows
    hashes, other_hashes = (
        each.facts["phash"].to_numpy(np.uint64)[chosen] for each, chosen in ((one, rows), (second, columns))
    )
    yield Progress("Comparing the hashes", 0, len(rows))
    by_hash, bits = hamming_pairs(hashes, None if other is None else other_hashes, most=HASH_BITS)
    table = pd.DataFrame({"one": rows[by_hash[:, 0]], "other": columns[by_hash[:, 1]], "bits": bits})
    if one.embeddings is not None and second.embeddings is not None and len(rows) and len(columns):
        others = None if other is None else second.embeddings
        neighbours = yield from nearest_steps(
            one.embeddings, others, k=NEIGHBOURS, rows=rows, other_rows=other_rows
        )
        near = _near(neighbours, rows, columns, within=other is None)
        table = table.merge(near, how="outer", on=["one", "other"])
    else:
        table["share"] = np.inf
    return _ordered(table, one, second)


def _near(neighbours: Neighbours, rows: Rows, columns: Rows, *, within: bool) -> pd.DataFrame:
    """Pairs whose embeddings are near, with their distance in usual distances."""
    shares = np.where(neighbours.rows >= 0, neighbours.distances / _usual(neighbours), np.inf)
    places, ranks = np.nonzero(shares < CANDIDATES)
    pairs = np.stack([rows[places], columns[neighbours.rows[places, ranks]]], axis=1)
    if within:
        pairs.sort(axis=1)
    table = pd.DataFrame({"one": pairs[:, 0], "other": pairs[:, 1], "share": shares[places, ranks]})
    return table.groupby(["one", "other"])["share"].min().reset_index()


def _usual(neighbours: Neighbours) -> float:
    """The median distance to the third nearest image: one copy or two of everything must not make it small."""
    for distances in neighbours.distances.T[::-1]:
        known = distances[np.isfinite(distances)]
        if len(known) and (usual := float(np.median(known))) > _NO_DISTANCE:
            return usual
    return 1.0


def _ordered(table: pd.DataFrame, one: Pictures, second: Pictures) -> _Candidates:
    table = table.fillna({"bits": 64, "share": np.inf})
    same = one.contents[table["one"].to_numpy(np.intp)] == second.contents[table["other"].to_numpy(np.intp)]
    table = table[~same].sort_values(["bits", "share", "one", "other"], kind="stable")
    return _Candidates(
        table[["one", "other"]].to_numpy(np.intp),
        table["bits"].to_numpy(np.uint8),
        table["share"].to_numpy(np.float64),
    )


def _match(
    candidates: _Candidates,
    place: int,
    agreement: PixelAgreement | None,
    facts: pd.DataFrame,
    other_facts: pd.DataFrame,
) -> Match | None:
    one, other = (int(row) for row in candidates.pairs[place])
    if agreement is not None and agreement.is_same:
        words = _near_words(agreement, facts.iloc[one], other_facts.iloc[other])
        return Match(one, other, "near", agreement.score, words)
    if not candidates.striking[place]:
        return None
    by = "their hashes are" if candidates.bits[place] <= HASH_BITS else "the network finds them"
    why = "the pixels do not agree" if agreement is not None else "one of them could not be read again"
    return Match(
        one, other, "alike", -1.0 if agreement is None else agreement.score, f"{by} alike, but {why}"
    )


def _near_words(agreement: PixelAgreement, facts: pd.Series[Any], other: pd.Series[Any]) -> str:
    """Such as "the same picture, brightened or darkened"."""
    words = [agreement.words]
    if abs(facts["brightness"] - other["brightness"]) > BRIGHTENED and min(agreement.shared) >= WHOLE:
        words.append("brightened or darkened")
    if (facts["width"], facts["height"]) != (other["width"], other["height"]) and min(
        agreement.shared
    ) >= WHOLE:
        words.append("resized")
    return ", ".join(words if len(words) > 1 or words[0] != SAME_PICTURE else [SAME_PICTURE, "saved anew"])
