"""Confidence, margin, loss and rank: what one row of logits says about one label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

LEAST_PROBABILITY = 1e-12
"""Probabilities in tables are often rounded to 0; the loss takes them as this (27.6 nats)."""


def log_softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Log-probabilities in double precision: float32 loses the losses of very sure predictions.

    Args:
        logits: (N, C), finite.

    Returns:
        (N, C) float64, each row's exponentials sum to 1.

    >>> np.exp(log_softmax([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    values = np.asarray(logits, dtype=np.float64)
    shifted = values - values.max(axis=1, keepdims=True)
    normalised: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised


def log_of_probabilities(probabilities: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Log-probabilities of a table's probabilities, (N, C) float64; 0 counts as 1e-12."""
    values: npt.NDArray[np.float64] = np.asarray(probabilities, dtype=np.float64)
    return np.log(np.maximum(values, LEAST_PROBABILITY))


def scores(log_probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.integer]) -> pd.DataFrame:
    """The score columns of ``Predictions.images``, one row per image.

    Args:
        log_probabilities: (N, C).
        labels: (N,) index of each image's label, 0..C-1.

    Returns:
        Columns ``label_index``, ``predicted_index``, ``confidence``, ``margin``, ``loss``,
        ``label_rank``. Among equal probabilities the class of the lower index comes first, so
        ``label_rank`` is 0 exactly where ``predicted_index`` is ``label_index``.

    >>> scores(np.log([[0.7, 0.3], [0.7, 0.3]]), np.array([0, 1]))["label_rank"].tolist()
    [0, 1]
    """
    rows = np.arange(len(log_probabilities))
    of_label = log_probabilities[rows, labels]
    predicted = log_probabilities.argmax(axis=1)
    return pd.DataFrame(
        {
            "label_index": labels.astype(np.int32),
            "predicted_index": predicted.astype(np.int32),
            "confidence": np.exp(log_probabilities[rows, predicted]).astype(np.float32),
            "margin": _margins(log_probabilities, labels).astype(np.float32),
            # Adding 0 turns the -0.0 of a certain prediction into 0.0.
            "loss": (-of_label + 0.0).astype(np.float32),
            "label_rank": _ranks(log_probabilities, labels).astype(np.int32),
        }
    )


def _margins(
    log_probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    rows = np.arange(len(log_probabilities))
    others = log_probabilities.copy()
    others[rows, labels] = -np.inf
    best_other = others.max(axis=1, initial=-np.inf)
    margins: npt.NDArray[np.float64] = np.exp(log_probabilities[rows, labels]) - np.exp(best_other)
    return margins


def _ranks(
    log_probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.integer]
) -> npt.NDArray[np.int64]:
    of_label = log_probabilities[np.arange(len(log_probabilities)), labels][:, None]
    earlier = np.arange(log_probabilities.shape[1])[None, :] < labels[:, None]
    ahead = (log_probabilities > of_label) | ((log_probabilities == of_label) & earlier)
    ranks: npt.NDArray[np.int64] = ahead.sum(axis=1)
    return ranks
