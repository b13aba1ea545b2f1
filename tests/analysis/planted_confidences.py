"""Probabilities whose honesty is known, made without a network."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions

Floats = npt.NDArray[np.float64]


def softmax(logits: Floats) -> Floats:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def drawn_labels(probabilities: Floats, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Labels drawn from the probabilities: what makes them honest."""
    ends = probabilities.cumsum(axis=1)
    drawn = (generator.random((len(ends), 1)) * ends[:, -1:] > ends).sum(axis=1)
    return np.asarray(drawn, dtype=np.int64)


def calibrated(
    n: int, n_classes: int = 10, *, seed: int = 0, factor: float = 1.0, spread: float = 2.0
) -> Predictions:
    """A perfectly calibrated model whose logits were then multiplied by a factor.

    Args:
        n: images.
        n_classes: C.
        seed: of logits and labels.
        factor: 1 leaves it honest; 2 makes it too sure, and 2 is the temperature that mends it.
        spread: of the honest logits.
    """
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, spread, (n, n_classes))
    labels = drawn_labels(softmax(logits), generator)
    names = tuple(f"class_{index}" for index in range(n_classes))
    made = planted_predictions(labels, names, probabilities=softmax(logits * factor))
    return replace(made, logits=(logits * factor).astype(np.float32))
