"""Images that a network is judged by and may have been trained on: copies across sets and across splits."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.duplicates import MOST_ALIKE, DuplicateCluster, Duplicates, accuracy_on, accuracy_without
from analysis.metrics import Accuracy, accuracy
from analysis.number_words import fine_percent
from analysis.picture_matches import Match, Matches, Pictures, matches_steps
from models.prediction_record import Predictions
from models.progress import Progress


@dataclass(frozen=True)
class LeakedPair:
    """An image of the open set that is in the other set too.

    Args:
        row: its row in the predictions.
        path: its copy in the other set; absolute.
        kind: "exact" (equal bytes) or "near" (the pixels agree); "alike" for what is no copy, only striking.
        label: the label of the copy.
        conflict: whether the two labels differ.
        evidence: why they are one picture, in words.
        score: agreement of the pixels, .85 to 1; lower, or -1 for not known, where the kind is "alike".
    """

    row: int
    path: str
    kind: Literal["exact", "near", "alike"]
    label: str
    conflict: bool
    evidence: str
    score: float


@dataclass(frozen=True)
class Leakage:
    """What the open images share with another set.

    Args:
        images: the folder or table of the other set; absolute.
        split: of it; None for all.
        n_images: images of the open set that were looked at.
        n_others: images of the other set.
        n_missing: images of either set that are gone or cannot be decoded.
        pairs: each image of the open set with its copies, by row.
        alike: pairs that are no copies, though hash or network find them striking; at most 200.
        rows: the rows of the open set that have a copy, each once, ascending.
        used_embeddings: whether the network's embeddings of both sets helped.
        note: why they did not, or ""; a sentence.
        n_not_looked_at: striking pairs that nobody looked at, because there were thousands.
    """

    images: str
    split: str | None
    n_images: int
    n_others: int
    n_missing: int
    pairs: tuple[LeakedPair, ...]
    alike: tuple[LeakedPair, ...]
    rows: tuple[int, ...]
    used_embeddings: bool
    note: str = ""
    n_not_looked_at: int = 0

    @property
    def conflicts(self) -> tuple[LeakedPair, ...]:
        """The pairs whose labels differ."""
        return tuple(pair for pair in self.pairs if pair.conflict)

    def to_saved(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Plain data, and no arrays."""
        return asdict(self), {}

    @classmethod
    def from_saved(cls, plain: dict[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """What ``to_saved`` gave, as it was."""
        pairs, alike = (tuple(LeakedPair(**each) for each in plain[name]) for name in ("pairs", "alike"))
        return cls(**{**plain, "pairs": pairs, "alike": alike, "rows": tuple(plain["rows"])})


@dataclass(frozen=True)
class LeakageAccuracy:
    """The accuracy with and without the images that have a copy in the other set.

    Args:
        of_all: on all images.
        without: on those without a copy.
        on_leaked: on those with one.
    """

    of_all: Accuracy
    without: Accuracy
    on_leaked: Accuracy

    @property
    def words(self) -> str:
        """Such as "88.8% on all, 88.5% without the 12 leaked images (95% interval 85.4% to 91.0%)"."""
        if not self.on_leaked.n:
            return f"{fine_percent(self.of_all.rate)} on all; no image is leaked"
        if not self.without.n:
            return f"{fine_percent(self.of_all.rate)} on all, and every image is leaked"
        n = self.on_leaked.n
        interval = f"95% interval {fine_percent(self.without.low)} to {fine_percent(self.without.high)}"
        return (
            f"{fine_percent(self.of_all.rate)} on all, {fine_percent(self.without.rate)} without the "
            f"{'one leaked image' if n == 1 else f'{n:,} leaked images'} ({interval})"
        )


def leakage_accuracy(predictions: Predictions, rows: Sequence[int]) -> LeakageAccuracy:
    """The accuracy with and without some images.

    Args:
        predictions: all images' predictions.
        rows: the leaked ones, as in `Leakage`.
    """
    return LeakageAccuracy(
        accuracy(predictions.labels, predictions.predicted),
        accuracy_without(predictions, rows),
        accuracy_on(predictions, rows),
    )


def leakage_between(
    predictions: Predictions,
    facts: pd.DataFrame,
    other_paths: Sequence[Path],
    other_labels: Sequence[str],
    other_facts: pd.DataFrame,
    *,
    other_embeddings: npt.NDArray[np.floating[Any]] | None = None,
    images: str = "",
    split: str | None = None,
    note: str = "",
) -> Generator[Progress, None, Leakage]:
    """Find the images of the open set that are in another set too.

    Args:
        predictions: N images, with embeddings or without.
        facts: N rows, ``models.image_facts.image_facts_steps`` of their files.
        other_paths: M files of the other set (the training images).
        other_labels: M labels; names that the network does not know are fine.
        other_facts: M rows of facts.
        other_embeddings: (M, D) by the same network, or None.
        images: the folder or table of the other set, for the record.
        split: its split, for the record.
        note: why there are no embeddings, for the record.

    Yields:
        Progress.

    Returns:
        The pairs, with ``rows`` for `leakage_accuracy`.
    """
    paths = [predictions.absolute(path) for path in predictions.images["path"]]
    used = predictions.embeddings is not None and other_embeddings is not None
    own = Pictures(paths, facts, predictions.embeddings if used else None)
    others = Pictures(other_paths, other_facts, other_embeddings if used else None)
    matches = yield from matches_steps(own, others)
    labels = [predictions.class_names[index] for index in predictions.labels]
    pairs = [_pair(match, labels, other_paths, other_labels) for match in _with_copies(matches, own.contents)]
    leaked = tuple(pair for pair in pairs if pair.kind != "alike")
    return Leakage(
        images=images,
        split=split,
        n_images=len(predictions),
        n_others=len(other_paths),
        n_missing=own.n_missing + others.n_missing,
        pairs=leaked,
        alike=tuple(pair for pair in pairs if pair.kind == "alike")[:MOST_ALIKE],
        rows=tuple(sorted({pair.row for pair in leaked})),
        used_embeddings=used,
        note=note,
        n_not_looked_at=matches.n_not_looked_at,
    )


def _with_copies(matches: Matches, contents: npt.NDArray[np.object_]) -> list[Match]:
    """Near copies were looked for once for each content: what holds for one file holds for its equals."""
    near = [match for match in matches.found if match.kind == "near"]
    wanted = {contents[match.one] for match in near}
    equals: dict[str, list[int]] = {}
    for row, content in enumerate(contents):
        if content in wanted:
            equals.setdefault(content, []).append(row)
    more = [
        Match(row, match.other, match.kind, match.score, match.words)
        for match in near
        for row in equals[contents[match.one]]
        if row != match.one
    ]
    return sorted([*matches.found, *more], key=lambda match: (match.one, match.other))


def _pair(
    match: Match, labels: Sequence[str], other_paths: Sequence[Path], other_labels: Sequence[str]
) -> LeakedPair:
    label = str(other_labels[match.other])
    return LeakedPair(
        row=match.one,
        path=str(other_paths[match.other]),
        kind=match.kind,
        label=label,
        conflict=label != labels[match.one],
        evidence=match.words,
        score=match.score,
    )


def split_leakage(predictions: Predictions, duplicates: Duplicates) -> tuple[DuplicateCluster, ...]:
    """The clusters whose images lie in different splits of one set.

    Args:
        predictions: with the column ``split``; images without a split take no part.
        duplicates: what repeats among them.

    Returns:
        () where the images are not split, or no picture is in two splits.
    """
    splits = predictions.images["split"].to_numpy(object)
    return tuple(
        cluster for cluster in duplicates.clusters if len({splits[row] for row in cluster.rows} - {""}) > 1
    )
