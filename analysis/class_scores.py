"""The scores of all classes as the network gave them, read block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.row_blocks import even_row_blocks

if TYPE_CHECKING:
    from models.prediction_record import Predictions

_LEAST_PROBABILITIES = (1e-12, 1e-3)


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of which a softmax makes probabilities.

    Args:
        values: (N, C) logits or probabilities; may be memory-mapped.
        least: None for logits; a probability below this counts as this, because tables round.
    """

    values: npt.NDArray[np.floating[Any]]
    least: float | None = None

    def rows(self, rows: slice) -> npt.NDArray[np.floating[Any]]:
        """Some rows as logits, or as log-probabilities in double precision."""
        if self.least is None:
            return np.asarray(self.values[rows])
        return np.asarray(np.log(np.maximum(np.asarray(self.values[rows], dtype=float), self.least)))


def class_scores(predictions: Predictions) -> ClassScores | None:
    """The logits where there are any, else the probabilities; None where there are only predictions."""
    if predictions.logits is not None:
        return ClassScores(predictions.logits)
    if predictions.probabilities is None:
        return None
    return ClassScores(predictions.probabilities, least_probability(predictions.probabilities))


def least_probability(probabilities: npt.NDArray[np.floating[Any]]) -> float:
    """What a probability of 0 counts as: half of the smallest one that is not 0, from 1e-12 to 1e-3.

    >>> float(least_probability(np.array([[0.9996, 0.0004, 0.0]])))
    0.0002
    """
    blocks = (np.asarray(probabilities[rows]) for rows in even_row_blocks(probabilities.shape))
    smallest = min(
        (float(np.min(block, where=block > 0, initial=1.0)) for block in blocks),
        default=1.0,
    )
    low, high = _LEAST_PROBABILITIES
    return min(high, max(low, smallest / 2))
