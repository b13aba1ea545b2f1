"""What decisions cost when mistakes are not all alike, and what the cheapest decisions would be.

The most probable class is the best decision only where every mistake costs the same. With honest
probabilities the decision with the least expected cost is never worse on average; with dishonest ones it may
be, so what it brings is counted on the labels, beside what the model expects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.confidences import log_scores
from analysis.confusion import Floats, Integers
from analysis.costs import Costs, cost_matrix
from analysis.intervals import NORMAL_95, Interval
from analysis.row_blocks import row_blocks
from models.prediction_record import Predictions
from models.prediction_scores import log_softmax

PERSON = -1
"""In place of a class: the image goes to a person."""
_FEWEST_CHANGES = 10
_TIE = 1e-9


@dataclass(frozen=True)
class Outcome:
    """What a way of deciding led to, counted on the labels.

    Args:
        mean: cost per image.
        wrong: decisions that are not the label; images that went to a person are none.
        to_person: images that went to a person.
        changed: images that are decided otherwise than by the most probable class.
        saving: cost per image that is saved against the most probable class; below 0 it costs more.
        interval: its 95 % interval.
    """

    mean: float
    wrong: int
    to_person: int
    changed: int
    saving: float
    interval: Interval

    @property
    def is_clear(self) -> bool:
        """Whether the saving (or loss) is more than chance: the interval leaves out 0, and ten images changed."""
        return self.changed >= _FEWEST_CHANGES and not self.interval[0] <= 0 <= self.interval[1]

    @property
    def words(self) -> str:
        """What changes, as a person says it."""
        if not self.changed:
            return "No decision changes."
        images = "one decision" if self.changed == 1 else f"{self.changed:,} decisions"
        verb = "saves" if self.saving >= 0 else "adds"
        low, high = sorted(math.copysign(1, self.saving) * end for end in self.interval)
        figures = f"{abs(self.saving):.3f} per image (95% interval {low:.3f} to {high:.3f})"
        unclear = "" if self.is_clear else "; that may be chance"
        return f"It changes {images} and {verb} {figures}{unclear}."


@dataclass(frozen=True, eq=False)
class CostComparison:
    """Three ways of deciding the same N images.

    Args:
        matrix: (C, C) cost of each cell, row = label, column = decision.
        person: cost of handing an image to a person, or None.
        usual: the most probable class.
        cheapest: the class of the least expected cost.
        with_person: the same, or a person where even that is dearer than one; None where that is no choice.
        decided: (N,) class indices of ``cheapest``.
        decided_with_person: (N,) the same with ``PERSON`` where the image goes to one; None as above.
        expected_usual: what the probabilities themselves expect of ``usual``, per image.
        expected_cheapest: and of ``cheapest``; never more.
    """

    matrix: Floats
    person: float | None
    usual: Outcome
    cheapest: Outcome
    with_person: Outcome | None
    decided: Integers
    decided_with_person: Integers | None
    expected_usual: float
    expected_cheapest: float


@dataclass(frozen=True)
class DecisionChange:
    """The images of one cell of the matrix that are decided otherwise in the same way.

    Args:
        label: index of their label.
        predicted: of their most probable class.
        decided: of what they are called instead, or ``PERSON``.
        n: how many.
        saving: cost that is saved in all; below 0 it costs more.
        rows: their row numbers.
    """

    label: int
    predicted: int
    decided: int
    n: int
    saving: float
    rows: tuple[int, ...]


def compared_costs(
    predictions: Predictions, costs: Costs, temperature: float | Floats = 1.0
) -> CostComparison:
    """Decide every image in three ways and count what each costs.

    Args:
        predictions: N images, with probabilities.
        costs: of the decisions.
        temperature: by which the logits are divided first: one, or (N,) one for each image; best one that
            was not fitted on the image itself.

    Raises:
        ValueError: there are no probabilities, or a cost is below 0.

    Source:
        C. K. Chow, On optimum recognition error and reject tradeoff, 1970; C. Elkan, The foundations of
        cost-sensitive learning, 2001.
    """
    matrix = cost_matrix(costs, predictions.class_names, predictions.groups)
    usual = predictions.predicted.astype(np.int64)
    decided, of_usual, of_decided = _cheapest(predictions, matrix, usual, temperature)
    handed = None
    if costs.person is not None:
        handed = np.where(of_decided > costs.person + _TIE, PERSON, decided)
    paid = _paid(predictions.labels, usual, matrix, costs.person)

    def outcome(decisions: Integers) -> Outcome:
        saved = paid - _paid(predictions.labels, decisions, matrix, costs.person)
        return _outcome(predictions.labels, usual, decisions, float(paid.mean()), saved)

    return CostComparison(
        matrix,
        costs.person,
        outcome(usual),
        outcome(decided),
        None if handed is None else outcome(handed),
        decided,
        handed,
        float(of_usual.mean()),
        float(of_decided.mean()),
    )


def _cheapest(
    predictions: Predictions, matrix: Floats, usual: Integers, temperature: float | Floats
) -> tuple[Integers, Floats, Floats]:
    """The class of the least expected cost, the expected cost of the usual one, and its own; each (N,)."""
    n = len(predictions)
    divisors = np.broadcast_to(np.asarray(temperature, dtype=float), (n,))
    decided, of_usual, of_decided = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    for rows in row_blocks(n):
        probabilities = np.exp(log_softmax(log_scores(predictions, rows) / divisors[rows][:, None]))
        expected = probabilities @ matrix
        own = np.take_along_axis(expected, usual[rows][:, None], axis=1)[:, 0]
        best, least = expected.argmin(axis=1), expected.min(axis=1)
        # where two decisions cost the same but for rounding, the most probable class stays
        stays = own <= least + _TIE * max(1.0, float(matrix.max()))
        decided[rows], of_usual[rows] = np.where(stays, usual[rows], best), own
        of_decided[rows] = np.where(stays, own, least)
    return decided, of_usual, of_decided


def _paid(labels: Integers, decisions: Integers, matrix: Floats, person: float | None) -> Floats:
    """(N,) what each decision costs, by its label."""
    paid: Floats = np.where(
        decisions == PERSON, 0.0 if person is None else person, matrix[labels, np.maximum(decisions, 0)]
    )
    return paid


def _outcome(
    labels: Integers, usual: Integers, decisions: Integers, usual_mean: float, saved: Floats
) -> Outcome:
    saving, half = float(saved.mean()), NORMAL_95 * float(saved.std()) / math.sqrt(len(saved))
    to_person = decisions == PERSON
    return Outcome(
        usual_mean - saving,
        int(((decisions != labels) & ~to_person).sum()),
        int(to_person.sum()),
        int((decisions != usual).sum()),
        saving,
        (saving - half, saving + half),
    )


def decision_changes(
    predictions: Predictions, compared: CostComparison, *, with_person: bool = False
) -> list[DecisionChange]:
    """What is decided otherwise, cell by cell, by falling size of what it saves or costs.

    Args:
        predictions: the compared ones.
        compared: how they are decided.
        with_person: of the decisions that may also go to a person.
    """
    decided = compared.decided_with_person if with_person else compared.decided
    if decided is None:
        return []
    labels, usual = predictions.labels.astype(np.int64), predictions.predicted.astype(np.int64)
    rows = np.flatnonzero(decided != usual)
    if not len(rows):
        return []
    saved = (
        _paid(labels, usual, compared.matrix, compared.person)
        - _paid(labels, decided, compared.matrix, compared.person)
    )[rows]
    cells, places = np.unique(
        np.stack([labels[rows], usual[rows], decided[rows]], axis=1), axis=0, return_inverse=True
    )
    order = np.argsort(places, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(places[order])) + 1)
    found = [
        DecisionChange(
            label, predicted, other, len(each), float(saved[each].sum()), tuple(rows[each].tolist())
        )
        for (label, predicted, other), each in zip(cells.tolist(), members, strict=True)
    ]
    return sorted(found, key=lambda change: (-abs(change.saving), -change.n))
