"""A model that knows exactly how likely each label is, and labels of which some are wrong."""

from dataclasses import replace

import numpy as np
from scipy.special import softmax

from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions


def calibrated_logits(
    n: int, n_classes: int, seed: int, *, least: float = 1.0, most: float = 5.0
) -> np.ndarray:
    """(N, C): one class stands out in each row, by a logit between ``least`` and ``most``."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, n_classes))
    logits[np.arange(n), rng.integers(0, n_classes, n)] += rng.uniform(least, most, n)
    return logits


def drawn_labels(logits: np.ndarray, seed: int) -> np.ndarray:
    """(N,) labels drawn from the probabilities of the logits: the model is calibrated, and no label is wrong."""
    rng = np.random.default_rng(seed)
    chosen = softmax(logits, axis=1).cumsum(axis=1) > rng.random((len(logits), 1))
    return chosen.argmax(axis=1)


def flipped(labels: np.ndarray, n_classes: int, n_flipped: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which some were replaced by another class at random, and which (N,) those are."""
    rng = np.random.default_rng(seed)
    is_flipped = np.zeros(len(labels), dtype=bool)
    is_flipped[rng.choice(len(labels), n_flipped, replace=False)] = True
    others = (labels + rng.integers(1, n_classes, len(labels))) % n_classes
    return np.where(is_flipped, others, labels), is_flipped


def predictions_of(logits: np.ndarray, labels: np.ndarray, *, has_logits: bool = True) -> Predictions:
    """What a network with these logits said."""
    names = tuple(f"class {index}" for index in range(logits.shape[1]))
    made = planted_predictions(labels, names, probabilities=softmax(logits, axis=1))
    return replace(made, logits=logits.astype(np.float32)) if has_logits else made
