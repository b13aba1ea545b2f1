"""Images of which some kind is known to fail."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.image_facts import QUALITY
from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions

N = 900
CLASSES = 9


def plain_facts(n: int, seed: int) -> pd.DataFrame:
    """Facts that say nothing."""
    random = np.random.default_rng(seed + 1000)  # not the numbers that decide on errors
    return pd.DataFrame({name: random.random(n) for name in QUALITY})


def failing(
    seed: int, weak: npt.NDArray[np.bool_], *, rate: float = 0.08, weak_rate: float = 0.4, **columns: Any
) -> Predictions:
    """Predictions that are wrong with one rate, and with another for the weak images."""
    random = np.random.default_rng(seed)
    n = len(weak)
    labels = np.arange(n) % CLASSES
    # classes differ in how hard they are, which must not count
    rates = np.where(weak, weak_rate, rate * np.linspace(0.2, 1.8, CLASSES)[labels])
    wrong = random.random(n) < rates
    predicted = np.where(wrong, (labels + random.integers(1, CLASSES, n)) % CLASSES, labels)
    logits = random.normal(size=(n, CLASSES)) * 0.5
    logits[np.arange(n), predicted] += 5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    made = planted_predictions(
        labels, tuple(f"class_{place}" for place in range(CLASSES)), probabilities=probabilities
    )
    return replace(made, images=made.images.assign(**columns))


def with_embeddings(predictions: Predictions, seed: int, apart: npt.NDArray[np.bool_]) -> Predictions:
    """Embeddings around a place for each class, some images moved away by the same step."""
    random = np.random.default_rng(seed)
    size = 48
    places = random.normal(size=(CLASSES, size))
    made = places[predictions.labels] + random.normal(size=(len(predictions), size))
    made[apart] += random.normal(size=size)
    return replace(predictions, embeddings=made.astype(np.float32))


def found_share(rows: npt.NDArray[Any], planted: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Recall and precision of some rows against what was planted."""
    inside = np.zeros(len(planted), bool)
    inside[rows] = True
    both = (inside & planted).sum()
    return float(both / planted.sum()), float(both / max(1, inside.sum()))
