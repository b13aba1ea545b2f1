"""Images that occur more than once in a set: exactly, or changed a little."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.metrics import Accuracy, accuracy
from analysis.picture_matches import Match, Matches, Pictures, matches_steps
from models.prediction_record import Predictions
from models.progress import Progress

MOST_ALIKE = 200


@dataclass(frozen=True)
class DuplicateCluster:
    """One picture that occurs several times.

    Args:
        kind: "exact" where all files have the same bytes, else "near".
        rows: two or more rows of the predictions, ascending.
        conflict: whether their labels differ: at most one of them is right.
        evidence: why they are one picture, in words.
        score: the least agreement of the pixels that joins them, .85 to 1; 1 where all bytes are the same.
    """

    kind: Literal["exact", "near"]
    rows: tuple[int, ...]
    conflict: bool
    evidence: str
    score: float


@dataclass(frozen=True)
class AlikePair:
    """Two images that hash or network call strikingly alike, though their pixels differ: no duplicate.

    Args:
        one: a row of the predictions.
        other: a later one.
        evidence: in words.
    """

    one: int
    other: int
    evidence: str


@dataclass(frozen=True)
class Duplicates:
    """What repeats within a set of images.

    Args:
        clusters: those whose labels conflict first, then the exact ones, then the largest.
        alike: pairs that are no duplicates, though striking; at most 200.
        n_images: N, all images looked at.
        n_missing: images whose file is gone or cannot be decoded; they could not be compared.
        used_embeddings: whether the network's embeddings helped: without them, only copies with nearly the
            same hash are found.
        n_not_looked_at: striking pairs that nobody looked at, because there were thousands.
    """

    clusters: tuple[DuplicateCluster, ...]
    alike: tuple[AlikePair, ...]
    n_images: int
    n_missing: int
    used_embeddings: bool
    n_not_looked_at: int = 0

    @property
    def n_extra(self) -> int:
        """Images that only repeat another one."""
        return sum(len(cluster.rows) - 1 for cluster in self.clusters)

    @property
    def conflicts(self) -> tuple[DuplicateCluster, ...]:
        """The clusters whose labels differ."""
        return tuple(cluster for cluster in self.clusters if cluster.conflict)

    @property
    def repeated(self) -> npt.NDArray[np.intp]:
        """The rows that repeat an earlier one, ascending."""
        return np.array(sorted(row for cluster in self.clusters for row in cluster.rows[1:]), dtype=np.intp)

    def to_saved(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Plain data, and no arrays."""
        return asdict(self), {}

    @classmethod
    def from_saved(cls, plain: dict[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """What ``to_saved`` gave, as it was."""
        clusters = [DuplicateCluster(**{**each, "rows": tuple(each["rows"])}) for each in plain["clusters"]]
        alike = [AlikePair(**each) for each in plain["alike"]]
        return cls(**{**plain, "clusters": tuple(clusters), "alike": tuple(alike)})


def duplicate_steps(predictions: Predictions, facts: pd.DataFrame) -> Generator[Progress, None, Duplicates]:
    """Find the images that occur more than once.

    Args:
        predictions: N images, with embeddings or without.
        facts: N rows, ``models.image_facts.image_facts_steps`` of their files.

    Yields:
        Progress.

    Returns:
        The clusters; () where no image is repeated.

    Source:
        For the hash, C. Zauner, Implementation and benchmarking of perceptual image hash functions, 2010.
    """
    paths = [predictions.absolute(path) for path in predictions.images["path"]]
    pictures = Pictures(paths, facts, predictions.embeddings)
    matches = yield from matches_steps(pictures)
    alike = [match for match in matches.found if match.kind == "alike"]
    return Duplicates(
        clusters=_clusters(matches, pictures, predictions.labels),
        alike=tuple(AlikePair(match.one, match.other, match.words) for match in alike[:MOST_ALIKE]),
        n_images=len(predictions),
        n_missing=pictures.n_missing,
        used_embeddings=predictions.embeddings is not None,
        n_not_looked_at=matches.n_not_looked_at,
    )


def accuracy_once(predictions: Predictions, duplicates: Duplicates) -> Accuracy:
    """The accuracy where each picture counts once: the first image of each cluster stands for all of it.

    Args:
        predictions: all images' predictions.
        duplicates: what repeats among them.
    """
    return accuracy_without(predictions, duplicates.repeated)


def accuracy_without(predictions: Predictions, rows: Sequence[int] | npt.NDArray[np.intp]) -> Accuracy:
    """The accuracy on all images but these.

    Args:
        predictions: all images' predictions.
        rows: the images to leave out, in any order.
    """
    kept = np.ones(len(predictions), dtype=bool)
    kept[np.asarray(rows, dtype=np.intp)] = False
    return accuracy(predictions.labels[kept], predictions.predicted[kept])


def accuracy_on(predictions: Predictions, rows: Sequence[int] | npt.NDArray[np.intp]) -> Accuracy:
    """The accuracy on these images only, each once."""
    chosen = np.unique(np.asarray(rows, dtype=np.intp))
    return accuracy(predictions.labels[chosen], predictions.predicted[chosen])


def _clusters(
    matches: Matches, pictures: Pictures, labels: npt.NDArray[np.int32]
) -> tuple[DuplicateCluster, ...]:
    joining = [match for match in matches.found if match.kind != "alike"]
    groups = joined([(match.one, match.other) for match in joining])
    by_row: dict[int, list[Match]] = {}
    for match in joining:
        by_row.setdefault(match.one, []).append(match)
    clusters = [
        _cluster(rows, [match for row in rows for match in by_row.get(row, [])], pictures, labels)
        for rows in groups
    ]
    order = {"exact": 0, "near": 1}
    return tuple(
        sorted(clusters, key=lambda each: (not each.conflict, order[each.kind], -len(each.rows), each.rows))
    )


def _cluster(
    rows: list[int], matches: list[Match], pictures: Pictures, labels: npt.NDArray[np.int32]
) -> DuplicateCluster:
    n_files = len(set(pictures.contents[rows]))
    weakest = min(matches, key=lambda match: match.score)
    words = weakest.words
    if len(rows) > 2 and n_files > 1:
        words = f"{len(rows)} images of one picture, in {n_files} different files; the least alike: {words}"
    return DuplicateCluster(
        kind="exact" if n_files == 1 else "near",
        rows=tuple(rows),
        conflict=len(set(labels[rows].tolist())) > 1,
        evidence=words,
        score=weakest.score,
    )


def joined(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The groups that the pairs join, each ascending.

    >>> joined([(5, 1), (2, 3), (1, 7)])
    [[1, 5, 7], [2, 3]]
    """
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        while parent.setdefault(row, row) != row:
            parent[row] = row = parent[parent[row]]
        return row

    for one, other in pairs:
        parent[root(other)] = root(one)
    groups: dict[int, list[int]] = {}
    for row in sorted(parent):
        groups.setdefault(root(row), []).append(row)
    return sorted(groups.values())
