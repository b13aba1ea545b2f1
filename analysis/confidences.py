"""What is needed of N images to judge confidences: read in blocks, computed in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.confusion import Floats, Integers
from analysis.row_blocks import row_blocks
from models.prediction_record import Predictions
from models.prediction_scores import log_of_probabilities, log_softmax


@dataclass(frozen=True, eq=False)
class Confidences:
    """What the measures of calibration need to know of N images.

    Args:
        confidence: (N,) probability of the predicted class, 0 to 1.
        right: (N,) whether the prediction is the label.
        loss: (N,) -log of the label's probability, nats.
        squares: (N,) sum over the classes of (probability - 1 for the label, 0 for the others) squared, 0 to 2.
    """

    confidence: Floats
    right: npt.NDArray[np.bool_]
    loss: Floats
    squares: Floats

    def __len__(self) -> int:
        return len(self.confidence)

    def of(self, rows: Integers) -> Confidences:
        """Those of some images."""
        return Confidences(self.confidence[rows], self.right[rows], self.loss[rows], self.squares[rows])


def confidences(predictions: Predictions, temperature: float | Floats = 1.0) -> Confidences:
    """Confidence, loss and squared distance of each image, in double precision.

    Args:
        predictions: N images, with probabilities.
        temperature: by which the logits are divided, above 0: one for all images, or (N,) one for each.

    Raises:
        ValueError: there are no probabilities.
    """
    n, labels, predicted = len(predictions), predictions.labels, predictions.predicted
    divisors = np.broadcast_to(np.asarray(temperature, dtype=float), (n,))
    confidence, loss, squares = np.empty(n), np.empty(n), np.empty(n)
    for rows in row_blocks(n):
        logs = log_softmax(log_scores(predictions, rows) / divisors[rows][:, None])
        of_label = np.take_along_axis(logs, labels[rows][:, None], axis=1)[:, 0]
        confidence[rows] = np.exp(np.take_along_axis(logs, predicted[rows][:, None], axis=1)[:, 0])
        loss[rows] = -of_label
        probabilities = np.exp(logs, out=logs)
        squares[rows] = np.einsum("ij,ij->i", probabilities, probabilities) - 2 * np.exp(of_label) + 1
    # rounding may leave a squared distance a hair below 0
    return Confidences(confidence, labels == predicted, loss, np.maximum(squares, 0.0))


def log_scores(predictions: Predictions, rows: slice | Integers) -> Floats:
    """The logits of some images; where there are none, their log-probabilities (alike but for a constant).

    Raises:
        ValueError: there are no probabilities.
    """
    if predictions.logits is not None:
        return np.asarray(predictions.logits[rows], dtype=np.float64)
    if predictions.probabilities is None:
        raise ValueError("these predictions came without probabilities")
    return log_of_probabilities(predictions.probabilities[rows])
