"""The image beside another one is right, of the class that was asked, and the nearest there is."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.layers.beside import right_image_like
from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions


@pytest.fixture
def planted() -> Predictions:
    draws = np.random.default_rng(3)
    labels = draws.integers(0, 4, 60)
    probabilities = draws.dirichlet(np.ones(4), 60)
    probabilities[:30, :] = 0.01
    probabilities[np.arange(30), labels[:30]] = draws.uniform(0.4, 0.97, 30)
    made = planted_predictions(labels, ("a", "b", "c", "d"), probabilities=probabilities)
    return replace(made, embeddings=draws.normal(size=(60, 8)).astype(np.float32))


def test_it_is_the_nearest_right_one(planted: Predictions) -> None:
    embeddings = planted.embeddings
    assert embeddings is not None
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    for row in range(0, len(planted), 7):
        for index in range(len(planted.class_names)):
            right = (planted.labels == index) & (planted.predicted == index)
            right[row] = False
            found = right_image_like(planted, index, row)
            if not right.any():
                assert found is None
                continue
            similar = np.where(right, unit @ unit[row], -2)
            assert found is not None and similar[found] > similar.max() - 1e-5


def test_without_embeddings_it_is_the_most_confident(planted: Predictions) -> None:
    right = np.flatnonzero((planted.labels == 0) & (planted.predicted == 0))
    best = right[np.argmax(planted.images["confidence"].to_numpy()[right])]
    assert right_image_like(replace(planted, embeddings=None), 0, None) == best
