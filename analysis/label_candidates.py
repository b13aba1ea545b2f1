"""Labels that may be wrong, the likeliest first, each with what speaks for it.

They are candidates: of those that such a ranking finds in real data, people reject most. A plain error of
the model looks much the same, so each says whether it is more than that (``analysis.label_noise``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analysis.class_scores import ClassScores, class_scores
from analysis.confident_joint import confident_disagreements
from analysis.confusion import Floats, Integers
from analysis.label_neighbours import nearest_rows
from analysis.label_noise import LabelNoise, label_noise
from analysis.row_blocks import even_row_blocks

if TYPE_CHECKING:
    from models.prediction_record import Predictions

NEIGHBOURS = 10
LIKELY = 0.5
"""The posterior from which a label looks wrong rather than the model."""


@dataclass(frozen=True)
class LabelCandidate:
    """One image whose label may be wrong.

    Args:
        index: the image's row in the predictions.
        id: the image's id.
        path: its path.
        label: the name of its label.
        suggested: the name of the best other class.
        score: the log-margin, log P(label) - log P(suggested), in nats; below 0, the lower the worse.
        probability_of_label: 0 to 1, not calibrated.
        probability_of_suggested: 0 to 1, not calibrated.
        neighbours: how many nearest images were looked at; 0 without embeddings.
        neighbours_of_label: how many of them bear the same label.
        neighbours_of_suggested: how many of them bear the suggested label.
        posterior: how likely the label was drawn at random, 0 to 1 (``LabelNoise.posterior``).
        is_beyond_chance: neither the calibrated probabilities nor the habits of the model explain the label.
    """

    index: int
    id: str
    path: str
    label: str
    suggested: str
    score: float
    probability_of_label: float
    probability_of_suggested: float
    neighbours: int
    neighbours_of_label: int
    neighbours_of_suggested: int
    posterior: float
    is_beyond_chance: bool


@dataclass(frozen=True, eq=False)
class LabelCandidates:
    """The labels that may be wrong.

    Args:
        candidates: those beyond chance first, then by falling likelihood (rising score).
        n_candidates: how many there are, also beyond ``most``.
        n_beyond_chance: how many of all are beyond chance.
        n_estimated: labels that the model confidently disagrees with, its own errors among them.
        n_images: N.
        noise: how the labels are explained; None without probabilities.
        missing: what is needed and not there, in a sentence; "" where nothing is missing.
    """

    candidates: tuple[LabelCandidate, ...]
    n_candidates: int
    n_beyond_chance: int
    n_estimated: int
    n_images: int
    noise: LabelNoise | None
    missing: str = ""

    @property
    def words(self) -> str:
        """The finding in a sentence or two."""
        if self.missing or self.noise is None:
            return self.missing
        if not self.noise.is_beyond_chance:
            found = "No label looks wrong beyond the model's own errors."
            if not self.n_candidates:
                return f"{found} The model agrees with every label."
            more = "label contradicts" if self.n_candidates == 1 else "labels contradict"
            return f"{found} {self.n_candidates:,} {more} the model; look at the first ones if in doubt."
        low, high = (round(each) for each in self.noise.n_wrong_interval)
        stand_out = (
            "1 image stands out"
            if self.n_beyond_chance == 1
            else f"{self.n_beyond_chance:,} images stand out"
        )
        return (
            f"About {max(1, round(self.noise.n_wrong)):,} of {self.n_images:,} labels look wrong "
            f"(95% interval {low:,} to {high:,}), beyond the model's own errors. {stand_out}."
        )


def label_candidates(predictions: Predictions, *, most: int = 500) -> LabelCandidates:
    """The images whose label is not the most probable class: those beyond chance first, then by log-margin.

    An image is beyond chance where the test of random labels speaks (``LabelNoise.is_beyond_chance``) and its
    own label is at least as likely drawn at random as not.

    Args:
        predictions: of images that the network was not trained on; its probabilities for images it has
            seen say little about their labels.
        most: the most records to make.

    Returns:
        The candidates; without probabilities none, and what is missing.

    Source:
        C. Northcutt, L. Jiang, I. Chuang, Confident learning, 2021 (the count); the log-margin ranks better
        than self-confidence and the margin of probabilities.
    """
    scores = class_scores(predictions)
    n, n_classes = len(predictions), len(predictions.class_names)
    if scores is None or predictions.probabilities is None:
        missing = "These predictions came without probabilities, and labels can only be judged by those."
        return LabelCandidates((), 0, 0, 0, n, None, missing)
    if n_classes < 2:
        return LabelCandidates((), 0, 0, 0, n, None, "There is one class only, so no other label to suggest.")
    labels = predictions.labels
    margins, suggested = log_margins(scores, labels)
    noise = label_noise(scores, labels, predictions.predicted)
    beyond = (margins < 0) & (noise.posterior >= LIKELY) & noise.is_beyond_chance
    found = np.flatnonzero(margins < 0)
    ranked = found[np.lexsort((found, margins[found], ~beyond[found]))]
    return LabelCandidates(
        candidates=_records(predictions, ranked[:most], _Found(margins, suggested, noise.posterior, beyond)),
        n_candidates=len(ranked),
        n_beyond_chance=int(beyond.sum()),
        n_estimated=int(confident_disagreements(labels, predictions.probabilities).sum()),
        n_images=n,
        noise=noise,
    )


def log_margins(scores: ClassScores, labels: Integers) -> tuple[Floats, npt.NDArray[np.intp]]:
    """How much the label falls behind the best other class, and which that is.

    Args:
        scores: N rows of C, at least two classes.
        labels: (N,) class indices.

    Returns:
        (N,) log P(label) - log P(best other) in nats, and (N,) the index of that class, of equal ones the
        first.

    >>> margins, others = log_margins(ClassScores(np.array([[0.2, 0.8], [0.5, 0.5]]), 1e-12), np.array([0, 0]))
    >>> margins.round(2).tolist(), others.tolist()
    ([-1.39, 0.0], [1, 1])
    """
    margins, suggested = np.empty(len(labels)), np.empty(len(labels), dtype=np.intp)
    for rows in even_row_blocks(scores.values.shape):
        block, own = np.array(scores.rows(rows), dtype=float), labels[rows]
        place = np.arange(len(block))
        of_label = block[place, own].copy()
        block[place, own] = -np.inf
        suggested[rows] = block.argmax(axis=1)
        margins[rows] = of_label - block[place, suggested[rows]]
    return margins, suggested


@dataclass(frozen=True, eq=False)
class _Found:
    margins: Floats
    suggested: npt.NDArray[np.intp]
    posterior: Floats
    beyond: npt.NDArray[np.bool_]


def _records(
    predictions: Predictions, ranked: npt.NDArray[np.intp], found: _Found
) -> tuple[LabelCandidate, ...]:
    names, labels = predictions.class_names, predictions.labels
    assert predictions.probabilities is not None
    table = predictions.images.iloc[ranked]
    near = _neighbour_labels(predictions, ranked)
    return tuple(
        LabelCandidate(
            index=int(row),
            id=str(image),
            path=str(path),
            label=names[labels[row]],
            suggested=names[found.suggested[row]],
            score=float(found.margins[row]),
            probability_of_label=float(predictions.probabilities[row, labels[row]]),
            probability_of_suggested=float(predictions.probabilities[row, found.suggested[row]]),
            neighbours=near.shape[1],
            neighbours_of_label=int((near[place] == labels[row]).sum()),
            neighbours_of_suggested=int((near[place] == found.suggested[row]).sum()),
            posterior=float(found.posterior[row]),
            is_beyond_chance=bool(found.beyond[row]),
        )
        for place, (row, image, path) in enumerate(zip(ranked, table["id"], table["path"], strict=True))
    )


def _neighbour_labels(predictions: Predictions, ranked: npt.NDArray[np.intp]) -> Integers:
    if predictions.embeddings is None or not predictions.embeddings.shape[1]:
        return np.empty((len(ranked), 0), dtype=np.intp)
    return predictions.labels[nearest_rows(predictions.embeddings, ranked, NEIGHBOURS)]
