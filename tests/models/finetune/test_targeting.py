"""Targeting raises what is like the mistakes: planted neighbours are found, the rest is left alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from models.errors import TrainingError
from models.finetune.spec import Target
from models.finetune.targeting import NEAR_MISSES, sampling_weights, target_cells
from models.prediction_record import Predictions

NAMES = ("ant", "bee", "cat")
D = 16


def _predictions(
    labels: list[str], predicted: list[str], embeddings: np.ndarray, **parts: object
) -> Predictions:
    table = pd.DataFrame(
        {
            "id": [f"{row:012x}" for row in range(len(labels))],
            "path": [f"{row}.jpg" for row in range(len(labels))],
            "label": labels,
            "label_index": [NAMES.index(name) for name in labels],
            "predicted_index": [NAMES.index(name) for name in predicted],
        }
    )
    found = Predictions(
        "0" * 32, NAMES, {}, table, Path("/images"), None, None, embeddings.astype(np.float32)
    )
    return replace(found, **parts)  # type: ignore[arg-type]


def _cell(**settings: object) -> Target:
    chosen = {"strength": 3.0, "neighbours": 10, **settings}
    return Target("cell", "ant/bee", cells=(("ant", "bee"),), **chosen)  # type: ignore[arg-type]


def _world(seed: int = 0, n: int = 300) -> tuple[Predictions, np.ndarray, list[str]]:
    """Sixty validation images of which five are ant/bee, and training images with five planted neighbours of each."""
    draws = np.random.default_rng(seed)
    labels = [NAMES[row % 3] for row in range(60)]
    predicted = ["bee" if row in (0, 3, 6, 9, 12) else name for row, name in enumerate(labels)]
    of_validation = draws.normal(size=(60, D))
    training, training_labels = draws.normal(size=(n, D)), [NAMES[row % 3] for row in range(n)]
    for place, mistake in enumerate((0, 3, 6, 9, 12)):
        for k in range(6):  # three of ant, three of bee, and one of each class comes before the next
            row = place * 9 + (k % 2) + 3 * (k // 2)
            training[row] = of_validation[mistake] * draws.uniform(1, 9) + draws.normal(size=D) * 0.02
    return _predictions(labels, predicted, of_validation), training.astype(np.float32), training_labels


def test_planted_neighbours_of_the_choosing_half_are_raised() -> None:
    predictions, training, labels = _world()
    choosing = np.arange(60) < 8  # the mistakes 0, 3, 6
    raised = sampling_weights(_cell(neighbours=6), predictions, choosing, training, labels)
    planted = {place * 9 + (k % 2) + 3 * (k // 2) for place in range(3) for k in range(6)}
    assert set(raised.rows.tolist()) == planted and raised.mistakes.tolist() == [0, 3, 6]
    assert set(np.flatnonzero(raised.weights > 1)) == planted and not raised.near_misses
    assert all(like == 3 * (row // 9) for row, like in zip(raised.rows, raised.like, strict=True))
    assert raised.weights.max() == 3 and raised.weights[list(planted)].min() == pytest.approx(1 + 2 / 3)
    assert raised.share == pytest.approx(raised.weights[raised.rows].sum() / raised.weights.sum())


def test_the_report_half_is_not_looked_at() -> None:
    predictions, training, labels = _world()
    choosing = np.arange(60) < 8
    changed = predictions.embeddings.copy()  # type: ignore[union-attr]
    changed[8:] = np.random.default_rng(9).normal(size=(52, D))
    other = replace(predictions, embeddings=changed)
    one, two = (sampling_weights(_cell(), each, choosing, training, labels) for each in (predictions, other))
    assert np.array_equal(one.weights, two.weights)


def test_nearest_are_those_of_scikit_learn() -> None:
    predictions, training, labels = _world(4)
    choosing = np.arange(60) < 1
    raised = sampling_weights(_cell(neighbours=9), predictions, choosing, training, labels)
    wanted: set[int] = set()
    for name, most in (("ant", 5), ("bee", 4)):
        rows = np.flatnonzero(np.array(labels) == name)
        found = NearestNeighbors(n_neighbors=most, metric="cosine").fit(training[rows])
        wanted |= set(rows[found.kneighbors(predictions.embeddings[:1], return_distance=False)[0]].tolist())  # type: ignore[index]
    assert set(raised.rows.tolist()) == wanted


@settings(deadline=None, max_examples=60)
@given(
    strength=st.floats(1, 20), neighbours=st.integers(1, 60), cap=st.floats(0, 1), n=st.integers(2, 80),
    seed=st.integers(0, 3),
)  # fmt: skip
def test_weights_keep_their_bounds(strength: float, neighbours: int, cap: float, n: int, seed: int) -> None:
    predictions, training, labels = _world(seed)
    target = _cell(strength=strength, neighbours=neighbours, cap=cap)
    raised = sampling_weights(target, predictions, np.ones(60, bool), training[:n], labels[:n])
    assert raised.weights.shape == (n,) and raised.weights.min() >= 1 and raised.weights.max() <= strength
    assert set(np.flatnonzero(raised.weights > 1)) == set(raised.rows.tolist())
    assert raised.weights[raised.rows].sum() / raised.weights.sum() == pytest.approx(raised.share)
    assert raised.share <= cap + 1e-9
    assert "cat" not in {labels[row] for row in raised.rows}
    assert np.all(np.diff(raised.weights[raised.rows]) <= 0)


def test_the_cap_leaves_the_nearest() -> None:
    predictions, training, labels = _world()
    free = sampling_weights(_cell(neighbours=60, cap=1.0), predictions, np.ones(60, bool), training, labels)
    capped = sampling_weights(_cell(neighbours=60, cap=0.3), predictions, np.ones(60, bool), training, labels)
    assert capped.rows.tolist() == free.rows[: len(capped.rows)].tolist()
    assert 0.28 < capped.share <= 0.3 and capped.n_capped == len(free.rows) - len(capped.rows)


def test_chosen_images_say_which_mistakes_are_meant() -> None:
    predictions, training, labels = _world()
    target = Target("selection", "two images", images=(f"{0:012x}", f"{1:012x}"))
    raised = sampling_weights(target, predictions, np.ones(60, bool), training, labels)
    assert raised.mistakes.tolist() == [0]  # the other one is no mistake
    assert target_cells(target, predictions) == (("ant", "bee"),)


def test_a_group_raises_both_classes_of_each_mistake() -> None:
    predictions, training, labels = _world()
    group = Target("group", "ant + bee", cells=(("ant", "bee"), ("bee", "ant")), neighbours=4)
    raised = sampling_weights(group, predictions, np.ones(60, bool), training, labels)
    counts = pd.Series([labels[row] for row in raised.rows]).value_counts()
    assert counts["ant"] == counts["bee"] == 10


def test_where_the_half_has_no_such_mistake_what_came_near_stands_in() -> None:
    predictions, training, labels = _world()
    probabilities = np.full((60, 3), 0.1, np.float32)
    for row, share in ((27, 0.4), (33, 0.45), (39, 0.3), (45, 0.2)):  # all labelled ant
        probabilities[row, 1] = share
    predictions = replace(predictions, probabilities=probabilities)
    choosing = np.arange(60) >= 20
    raised = sampling_weights(_cell(), predictions, choosing, training, labels)
    assert raised.near_misses and raised.mistakes.tolist() == [33, 27, 39] and NEAR_MISSES == 3
    # its image lies in the half for the report
    rare = Target("error", "0.jpg", images=(f"{0:012x}",), strength=3.0, neighbours=10)
    assert np.array_equal(
        sampling_weights(rare, predictions, choosing, training, labels).weights, raised.weights
    )


def test_what_cannot_be_targeted_is_said() -> None:
    predictions, training, labels = _world()
    none = Target("cell", "cat/bee", cells=(("cat", "bee"),))
    with pytest.raises(TrainingError, match="like cat/bee"):
        sampling_weights(none, predictions, np.ones(60, bool), training, labels)
    with pytest.raises(TrainingError, match="not known"):
        blind = replace(predictions, embeddings=None)
        sampling_weights(_cell(), blind, np.ones(60, bool), training, labels)


def test_what_a_version_keeps_names_the_files() -> None:
    predictions, training, labels = _world()
    raised = sampling_weights(_cell(neighbours=2), predictions, np.arange(60) < 1, training, labels)
    files = [Path(f"/train/{row}.jpg") for row in range(len(labels))]
    validation = [predictions.absolute(path) for path in predictions.images["path"]]
    kept = raised.to_json(files, validation)
    assert {each["path"] for each in kept["raised"]} == {f"/train/{row}.jpg" for row in raised.rows}
    assert kept["raised"][0] | {"path": ""} == {"path": "", "weight": 3.0, "like": "/images/0.jpg"}
    assert kept["mistakes"] == ["/images/0.jpg"]
