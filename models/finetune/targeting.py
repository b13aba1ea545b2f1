"""Which training images are drawn more often, so that a network may mend the mistakes of a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import TrainingError
from models.finetune.spec import Target
from models.halves import Booleans
from models.prediction_record import Predictions

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Cell = tuple[str, str]

NEAR_MISSES = 3
"""Images for each cell that stand in for mistakes where the choosing half has none."""


@dataclass(frozen=True, eq=False)
class Raised:
    """Training images that are drawn more often than the others.

    Args:
        weights: (N,) float64, how often each training image is drawn: 1, or more for those that are raised.
        rows: the raised training images, the heaviest first.
        like: for each of these the row of the validation image that it is most like, in the predictions.
        mistakes: rows of the validation images, all of the choosing half, that neighbours were looked for.
        share: of an epoch that raised images take, 0..1, where classes are not balanced.
        near_misses: whether the choosing half had no such mistake, so that images which came near to it were taken.
        n_capped: training images that would have been raised but for the cap.
    """

    weights: Floats
    rows: Rows
    like: Rows
    mistakes: Rows
    share: float
    near_misses: bool
    n_capped: int

    def to_json(self, training: Sequence[Path], validation: Sequence[Path]) -> dict[str, Any]:
        """What a version keeps of it, for a person to look at.

        Args:
            training: the N training images.
            validation: the images of the predictions.
        """
        return {
            "raised": [
                {
                    "path": str(training[row]),
                    "weight": float(self.weights[row]),
                    "like": str(validation[like]),
                }
                for row, like in zip(self.rows, self.like, strict=True)
            ],
            "mistakes": [str(validation[row]) for row in self.mistakes],
            "share": self.share,
            "near_misses": self.near_misses,
            "n_capped": self.n_capped,
        }


def sampling_weights(
    target: Target,
    predictions: Predictions,
    choosing: Booleans,
    training_embeddings: npt.NDArray[np.float32],
    training_labels: Sequence[str],
) -> Raised:
    """How often each training image is drawn, for a target.

    For each mistake of the target in the choosing half the nearest training images are raised, by the cosine
    of the baseline's embeddings: half of them of the mistake's label, half of the class it was taken for, since the border
    between the two is what has to move, and more of one class alone would push the other back. The nearest is
    drawn ``target.strength`` times as often as an ordinary image, the others less, in equal steps. Where the
    raised ones would take more of an epoch than ``target.cap``, those that are least near are not raised.

    Args:
        target: declared before the training.
        predictions: the baseline's, of the V validation images, with embeddings.
        choosing: (V,) True for the choosing half (``models.image_hashes.choosing_rows``); the others are not
            looked at, but that an image chosen there says which cell is meant.
        training_embeddings: (N, D) of the training images, by the same network.
        training_labels: N class names.

    Returns:
        The weights, and what was raised.

    Raises:
        TrainingError: there are no embeddings, or nothing in the choosing half is like the target.
    """
    if predictions.embeddings is None:
        raise TrainingError(
            "How the open model sees the images is not known, so the training images that are like its mistakes "
            "cannot be found.",
            next_step="Open the model from its checkpoint of weights, or train without a target.",
        )
    meant = _meant(target, predictions, choosing)
    near_misses = not meant
    if near_misses:
        meant = _near_misses(target_cells(target, predictions), predictions, choosing)
    if not meant:
        raise TrainingError(
            f"Nothing in the half of the images that may be looked at is like {target.name}.",
            next_step="Choose another target, or train without one.",
        )
    by_class = _Neighbours(training_embeddings, training_labels)
    for row, cell in meant:
        by_class.add(row, predictions.embeddings[row], cell, target.neighbours)
    return _raised(target, by_class, [row for row, _ in meant], near_misses)


def target_cells(target: Target, predictions: Predictions) -> tuple[Cell, ...]:
    """The cells (label, predicted) that a target is about: its own, and those of the mistakes chosen one by one.

    Args:
        target: the target.
        predictions: the baseline's.

    >>> from models.finetune.spec import Target
    >>> target_cells(Target("cell", "a/b", cells=(("a", "b"),)), None)
    (('a', 'b'),)
    """
    if not target.images:
        return target.cells
    chosen = predictions.images["id"].isin(target.images).to_numpy()
    cells = _cells(predictions)
    of_images = (cells[row] for row in np.flatnonzero(chosen))
    return tuple(dict.fromkeys((*target.cells, *(cell for cell in of_images if cell[0] != cell[1]))))


def _meant(target: Target, predictions: Predictions, choosing: Booleans) -> list[tuple[int, Cell]]:
    """Rows of the target's mistakes in the choosing half, each with its label and what it was taken for."""
    cells, chosen = _cells(predictions), predictions.images["id"].isin(target.images).to_numpy()
    wanted = set(target.cells)
    return [
        (int(row), cells[row])
        for row in np.flatnonzero(choosing)
        if cells[row][0] != cells[row][1] and (chosen[row] or cells[row] in wanted)
    ]


def _near_misses(
    wanted: Sequence[Cell], predictions: Predictions, choosing: Booleans
) -> list[tuple[int, Cell]]:
    """For each cell the images of its label in the choosing half with the highest probability of the wrong class."""
    if predictions.probabilities is None:
        return []
    labels, names = predictions.images["label"].to_numpy(), predictions.class_names
    found: list[tuple[int, Cell]] = []
    for label, predicted in wanted:
        rows = np.flatnonzero(choosing & (labels == label))
        if predicted in names:
            order = np.argsort(-predictions.probabilities[rows, names.index(predicted)], kind="stable")
            found += [(int(row), (label, predicted)) for row in rows[order[:NEAR_MISSES]]]
    return found


def _cells(predictions: Predictions) -> list[Cell]:
    names = predictions.class_names
    return [
        (str(label), names[predicted])
        for label, predicted in zip(predictions.images["label"], predictions.predicted, strict=True)
    ]


class _Neighbours:
    """Finds the training images that are nearest to mistakes, class by class."""

    def __init__(self, embeddings: npt.NDArray[np.float32], labels: Sequence[str]) -> None:
        self._unit = _directions(embeddings)
        self._labels = np.array(labels, dtype=object)
        self.closeness = np.zeros(len(labels))
        self.like = np.zeros(len(labels), np.intp)

    def add(self, mistake: int, embedding: npt.NDArray[np.float32], cell: Cell, n: int) -> None:
        """Note the n nearest of a mistake, half of them of its label: closeness from 1 down in equal steps."""
        direction = _directions(embedding[None])[0]
        for name, most in zip(cell, (n - n // 2, n // 2), strict=True):
            rows = np.flatnonzero(self._labels == name)
            order = np.argsort(-(self._unit[rows] @ direction), kind="stable")[:most]
            closeness = 1 - np.arange(len(order)) / max(1, most)
            nearer = closeness > self.closeness[rows[order]]
            self.closeness[rows[order][nearer]] = closeness[nearer]
            self.like[rows[order][nearer]] = mistake


def _raised(target: Target, found: _Neighbours, mistakes: Sequence[int], near_misses: bool) -> Raised:
    """The nearest images with their weights, as many as the cap allows."""
    weights = 1 + (target.strength - 1) * found.closeness
    nearest = np.argsort(-found.closeness, kind="stable")[: int((weights > 1).sum())]
    sums, places = weights[nearest].cumsum(), np.arange(1, len(nearest) + 1)
    shares = sums / (sums + len(weights) - places)  # all others are drawn once; grows with each one raised
    kept = int((shares <= target.cap).sum())
    weights[nearest[kept:]] = 1
    return Raised(
        weights=weights,
        rows=nearest[:kept],
        like=found.like[nearest[:kept]],
        mistakes=np.array(mistakes, np.intp),
        share=float(shares[kept - 1]) if kept else 0.0,
        near_misses=near_misses,
        n_capped=len(nearest) - kept,
    )


def _directions(embeddings: npt.NDArray[np.float32]) -> Floats:
    vectors = np.asarray(embeddings, np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions: Floats = vectors / np.where(lengths > 0, lengths, 1)
    return directions
