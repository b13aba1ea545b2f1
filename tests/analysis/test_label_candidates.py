import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import average_precision_score
from sklearn.neighbors import NearestNeighbors

from analysis.class_scores import ClassScores
from analysis.label_candidates import LabelCandidates, label_candidates, log_margins
from analysis.label_neighbours import nearest_rows
from models.evaluation import EvaluationSpec
from models.predictions import Predictions
from models.store import Store
from tests.analysis.evaluated import Evaluated
from tests.analysis.planted_labels import calibrated_logits, drawn_labels, flipped, predictions_of
from tests.analysis.planted_predictions import planted_predictions

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from cleanlab.rank import get_normalized_margin_for_each_label


@pytest.fixture(scope="module")
def sample_predictions(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Predictions:
    """Those of the sample's validation images."""
    store = Store(tmp_path_factory.mktemp("labels"))
    spec = EvaluationSpec(str(sample / "shufflenet_v2_x0_5.pth"), str(sample / "pets" / "val"))
    return Evaluated(store, spec).predictions


@pytest.fixture(scope="module")
def sample_found(sample_predictions: Predictions) -> LabelCandidates:
    """Their candidates."""
    return label_candidates(sample_predictions)


def test_the_planted_wrong_labels_of_the_sample_stand_out(
    sample_found: LabelCandidates, sample: Path
) -> None:
    truth = {
        Path(each["path"]).name: each["true"]
        for each in json.loads((sample / "planted.json").read_text(encoding="utf-8"))["mislabelled"]
    }
    beyond = [each for each in sample_found.candidates if each.is_beyond_chance]
    hits = {Path(each.path).name: each.suggested for each in beyond if Path(each.path).name in truth}
    assert hits == truth  # all eight, each with its true class
    assert len(beyond) <= 12  # the three planted cross-species errors look the same to the model
    assert sample_found.noise is not None
    low, high = sample_found.noise.n_wrong_interval
    assert low <= len(truth) <= high


def test_the_sample_ranks_planted_wrong_labels_first(sample_found: LabelCandidates, sample: Path) -> None:
    planted = json.loads((sample / "planted.json").read_text(encoding="utf-8"))["mislabelled"]
    names = {Path(each["path"]).name for each in planted}
    is_planted = [Path(each.path).name in names for each in sample_found.candidates]
    assert average_precision_score(is_planted, -np.arange(len(is_planted))) > 0.8
    assert sum(is_planted[:8]) >= 6


@pytest.mark.parametrize("seed", range(20))
def test_labels_drawn_from_the_samples_own_probabilities_are_silent(
    sample_predictions: Predictions, seed: int
) -> None:
    assert sample_predictions.logits is not None
    labels = drawn_labels(np.asarray(sample_predictions.logits, dtype=float), seed)
    images = sample_predictions.images.assign(label_index=labels.astype(np.int32))
    found = label_candidates(replace(sample_predictions, images=images))
    assert found.n_candidates > 20 and found.n_beyond_chance == 0


def test_planted_noise_is_ranked_first_and_named() -> None:
    logits = calibrated_logits(1500, 10, 1, least=5.0, most=9.0)
    right = drawn_labels(logits, 2)
    labels, is_flipped = flipped(right, 10, 60, 3)
    found = label_candidates(predictions_of(logits, labels), most=1500)
    scores = np.full(1500, -np.inf)
    for place, each in enumerate(found.candidates):
        scores[each.index] = -place
    assert average_precision_score(is_flipped, np.maximum(scores, -1500)) > 0.85
    beyond = [each for each in found.candidates if each.is_beyond_chance]
    posteriors = np.array([each.posterior for each in beyond])
    hits = int(is_flipped[[each.index for each in beyond]].sum())
    # the posterior keeps what it promises, within three standard deviations
    assert hits > 30 and abs(hits - posteriors.sum()) < 3 * np.sqrt((posteriors * (1 - posteriors)).sum())
    suggested = {each.index: int(each.suggested.split()[1]) for each in found.candidates}
    named = [suggested[index] == right[index] for index in np.flatnonzero(is_flipped) if index in suggested]
    assert np.mean(named) > 0.85


@pytest.mark.parametrize("seed", range(20))
def test_a_calibrated_model_with_right_labels_has_no_candidate_beyond_chance(seed: int) -> None:
    logits = calibrated_logits(400, 6, seed)
    found = label_candidates(predictions_of(logits, drawn_labels(logits, seed + 50)))
    assert found.n_candidates > 20 and found.n_beyond_chance == 0
    assert not any(each.is_beyond_chance for each in found.candidates)
    assert found.words.startswith("No label looks wrong beyond the model's own errors.")


@pytest.mark.parametrize("has_logits", [True, False])
def test_the_score_is_the_log_margin_and_the_suggestion_the_best_other_class(has_logits: bool) -> None:
    logits = calibrated_logits(200, 5, 4)
    labels = drawn_labels(logits, 5)
    predictions = predictions_of(logits, labels, has_logits=has_logits)
    probabilities = softmax(logits, axis=1)
    for each in label_candidates(predictions).candidates:
        row = probabilities[each.index]
        others = np.delete(row, labels[each.index])
        assert each.score == pytest.approx(np.log(row[labels[each.index]]) - np.log(others.max()), abs=1e-4)
        assert each.score < 0
        assert each.suggested == f"class {row.argmax()}" != each.label == f"class {labels[each.index]}"
        assert each.probability_of_suggested == pytest.approx(row.max(), abs=1e-6)
        assert each.probability_of_label == pytest.approx(row[labels[each.index]], abs=1e-6)
        assert each.id == predictions.images["id"].iloc[each.index]


def test_of_two_classes_the_order_is_that_of_cleanlabs_normalised_margin() -> None:
    """With two classes, all margins are functions of the same one number."""
    logits = calibrated_logits(300, 2, 6)
    labels = drawn_labels(logits, 7)
    margins, _ = log_margins(ClassScores(logits), labels)
    other = get_normalized_margin_for_each_label(labels, softmax(logits, axis=1))
    assert np.array_equal(np.argsort(margins, kind="stable"), np.argsort(other, kind="stable"))
    assert np.array_equal(margins < 0, other < 0.5)


def test_the_sign_is_that_of_cleanlabs_normalised_margin() -> None:
    logits = calibrated_logits(300, 7, 8)
    labels = drawn_labels(logits, 9)
    other = get_normalized_margin_for_each_label(labels, softmax(logits, axis=1))
    assert np.array_equal(log_margins(ClassScores(logits), labels)[0] < 0, other < 0.5)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_the_classes_does_not_matter(seed: int) -> None:
    logits = calibrated_logits(150, 5, seed)
    labels, _ = flipped(drawn_labels(logits, seed), 5, 10, seed)
    order = np.random.default_rng(seed).permutation(5)
    first = label_candidates(predictions_of(logits, labels))
    other = label_candidates(predictions_of(logits[:, order], np.argsort(order)[labels]))
    assert {each.index for each in first.candidates} == {each.index for each in other.candidates}
    assert (first.n_estimated, first.n_candidates) == (other.n_estimated, other.n_candidates)
    by_score = [sorted(each.score for each in found.candidates) for found in (first, other)]
    np.testing.assert_allclose(*by_score, atol=1e-5)


def test_the_neighbours_are_scikit_learns() -> None:
    rng = np.random.default_rng(10)
    embeddings, queries = rng.normal(size=(9000, 8)).astype(np.float32), np.array([0, 4096, 8999, 17])
    model = NearestNeighbors(n_neighbors=11, metric="cosine", algorithm="brute").fit(embeddings)
    expected = model.kneighbors(embeddings[queries], return_distance=False)[:, 1:]
    assert np.array_equal(nearest_rows(embeddings, queries, 10), expected)


def test_neighbours_are_counted_by_their_label() -> None:
    logits = calibrated_logits(120, 4, 11)
    labels = drawn_labels(logits, 12)
    embeddings = np.random.default_rng(13).normal(size=(120, 6)).astype(np.float32)
    predictions = replace(predictions_of(logits, labels), embeddings=embeddings)
    for each in label_candidates(predictions).candidates:
        near = labels[nearest_rows(embeddings, np.array([each.index]), 10)[0]]
        assert each.neighbours == 10
        assert each.neighbours_of_label == (near == labels[each.index]).sum()
        assert each.neighbours_of_suggested == (near == int(each.suggested.split()[1])).sum()


def test_most_limits_the_records_and_not_the_counts() -> None:
    logits = calibrated_logits(400, 6, 14)
    predictions = predictions_of(logits, drawn_labels(logits, 15))
    few, all_of_them = label_candidates(predictions, most=3), label_candidates(predictions)
    assert few.candidates == all_of_them.candidates[:3]
    assert few.n_candidates == len(all_of_them.candidates) > 3


def test_without_probabilities_it_says_what_is_missing() -> None:
    labels = np.array([0, 1, 1])
    found = label_candidates(planted_predictions(labels, ("cat", "dog"), predicted=1 - labels))
    assert found.candidates == () and found.noise is None
    assert "without probabilities" in found.words


def test_a_single_class_has_no_other_label() -> None:
    predictions = planted_predictions(np.zeros(3, np.int64), ("cat",), probabilities=np.ones((3, 1)))
    assert "one class" in label_candidates(predictions).words


@pytest.mark.parametrize("shift", [0, 1])
def test_all_right_and_all_wrong(shift: int) -> None:
    logits = np.eye(4)[np.arange(80) % 4] * 6.0
    found = label_candidates(predictions_of(logits, (np.arange(80) + shift) % 4))
    assert found.n_candidates == 80 * shift and found.n_beyond_chance == 0


def test_probabilities_of_0_are_ranked_like_others() -> None:
    probabilities = np.array([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    predictions = planted_predictions(np.array([1, 1, 1]), ("a", "b", "c"), probabilities=probabilities)
    found = label_candidates(predictions).candidates
    assert [each.index for each in found] == [0, 1]
    assert all(np.isfinite(each.score) for each in found)
