"""Which images of other classes a cell is compared with."""

from itertools import zip_longest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.map_groups import MOST_REFERENCES, map_groups, spread
from tests.analysis.planted_predictions import planted_predictions

CLASSES = tuple("abcdefgh")


@given(seed=st.integers(0, 10_000), n=st.integers(0, 300))
def test_the_references_go_round_the_other_classes(seed: int, n: int) -> None:
    draws = np.random.default_rng(seed)
    labels = draws.integers(0, draws.integers(1, len(CLASSES) + 1), n)
    predicted = np.where(draws.random(n) < 0.7, labels, draws.integers(0, len(CLASSES), n))
    found = map_groups(planted_predictions(labels, CLASSES, predicted=predicted), "a/b").others
    per_class = [np.flatnonzero((labels == each) & (predicted == each)) for each in range(2, len(CLASSES))]
    filled = [images for images in per_class if len(images)]
    most = -(-MOST_REFERENCES // max(1, len(filled)))
    turns = zip_longest(*(spread(images, most) for images in filled))
    in_turn = [image for turn in turns for image in turn if image is not None]
    assert found.tolist() == sorted(in_turn[:MOST_REFERENCES])
