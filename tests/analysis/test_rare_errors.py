import numpy as np
import pytest
from scipy.special import softmax

from analysis.rare_errors import crossing_words, rare_errors, surprise_words, surprises
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("Bengal", "Bombay", "beagle", "pug", "owl")
GROUPS = {"Bengal": "cat", "Bombay": "cat", "beagle": "dog", "pug": "dog"}


def _surprise_by_hand(labels: np.ndarray, predicted: np.ndarray, weights: np.ndarray, image: int) -> float:
    """The formula, read out slowly: the image left out, then everything added up again."""
    y, p, n_classes = labels[image], predicted[image], weights.shape[1]
    others = [i for i in range(len(labels)) if i != image]
    to_p = sum(weights[i, p] for i in others if labels[i] == y)
    n_y = sum(labels[i] == y for i in others)
    to_y = sum(weights[i, y] for i in others if labels[i] == p)
    n_p = sum(labels[i] == p for i in others)
    forward = (to_p + 0.5 / n_classes) / (n_y + 0.5)
    back = (to_y + 0.5 / n_classes) / (n_p + 0.5)
    return float(-np.log(forward) - np.log(back))


def _random(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, 60)
    logits = rng.normal(size=(60, 5))
    logits[np.arange(60), labels] += 1
    return labels, softmax(logits, axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_surprise_leaves_the_image_itself_out(seed: int) -> None:
    labels, probabilities = _random(seed)
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(labels != predicted)
    soft = [_surprise_by_hand(labels, predicted, probabilities, i) for i in wrong]
    np.testing.assert_allclose(surprises(labels, predicted, 5, probabilities), soft)
    hard = [_surprise_by_hand(labels, predicted, np.eye(5)[predicted], i) for i in wrong]
    np.testing.assert_allclose(surprises(labels, predicted, 5), hard)


def test_errors_that_are_often_made_surprise_less() -> None:
    labels = np.repeat([0, 1, 2], 20)
    predicted = labels.copy()
    predicted[:6] = 1
    predicted[6] = 2
    found = surprises(labels, predicted, 3)
    assert (found[:6] < found[6]).all()


def test_errors_across_groups_come_first_then_the_most_surprising() -> None:
    labels, probabilities = _random(7)
    errors = rare_errors(planted_predictions(labels, NAMES, probabilities=probabilities, groups=GROUPS))
    crossing = [error.crosses_group for error in errors]
    assert any(crossing) and not all(crossing) and crossing == sorted(crossing, reverse=True)
    for part in (True, False):
        surprise = [error.surprise for error in errors if error.crosses_group is part]
        assert surprise == sorted(surprise, reverse=True)
    assert len(errors) == (labels != probabilities.argmax(axis=1)).sum()


def test_a_record_says_which_image_it_is_and_what_was_counted() -> None:
    labels, probabilities = _random(8)
    predictions = planted_predictions(labels, NAMES, probabilities=probabilities, groups=GROUPS)
    for error in rare_errors(predictions):
        row = predictions.images.iloc[error.index]
        assert (error.id, error.path, error.label) == (row["id"], row["path"], row["label"])
        assert error.predicted == NAMES[row["predicted_index"]] != error.label
        assert error.confidence == pytest.approx(row["confidence"])
        assert error.counted == "soft"


def test_without_probabilities_predictions_are_counted_and_the_record_says_so() -> None:
    labels, probabilities = _random(9)
    predictions = planted_predictions(labels, NAMES, predicted=probabilities.argmax(axis=1))
    errors = rare_errors(predictions)
    assert {error.counted for error in errors} == {"hard"}
    assert not any(error.crosses_group for error in errors)
    assert all(np.isnan(error.confidence) for error in errors)


def _support(labels: list[int], predicted: list[int]) -> dict[tuple[str, str], str]:
    predictions = planted_predictions(np.array(labels), NAMES, predicted=np.array(predicted), groups=GROUPS)
    return {(e.label, e.predicted): e.support for e in rare_errors(predictions)}


def test_support_is_said_of_the_classes_and_of_the_groups() -> None:
    labels = [0] * 5 + [1] * 4 + [2] * 3 + [3] * 3 + [4] * 2
    predicted = [0, 0, 0, 0, 3, 1, 1, 1, 0, 2, 3, 3, 3, 3, 2, 0, 4]
    assert _support(labels, predicted) == {
        ("Bengal", "pug"): "1 of 5 Bengal; no other cat called a dog",
        ("Bombay", "Bengal"): "1 of 4 Bombay; no Bengal called Bombay",
        ("beagle", "pug"): "2 of 3 beagle; 1 pug called beagle",
        ("pug", "beagle"): "1 of 3 pug; 2 beagle called pug",
        ("owl", "Bengal"): "1 of 2 owl; no Bengal called owl",
    }
    predicted[5] = 2
    assert _support(labels, predicted)["Bengal", "pug"] == "1 of 5 Bengal; 2 of 9 cat images called a dog"


def test_no_errors_are_no_records() -> None:
    labels = np.array([0, 1, 2])
    assert rare_errors(planted_predictions(labels, NAMES, predicted=labels, groups=GROUPS)) == []


def test_it_finds_what_crosses_a_hierarchy_that_it_does_not_know() -> None:
    """Classes of two hidden halves; most errors stay within a half, few cross at random."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(10), 40)
    likeness = rng.normal(size=(10, 10)) + 2.5 * ((np.arange(10)[:, None] < 5) == (np.arange(10) < 5))
    logits = likeness[labels] + rng.gumbel(size=(400, 10))
    logits[np.arange(400), labels] += 3
    probabilities = softmax(logits, axis=1)
    names = tuple(f"class {i}" for i in range(10))
    errors = rare_errors(planted_predictions(labels, names, probabilities=probabilities))
    crossing = [(int(e.label[-1]) < 5) != (int(e.predicted[-1]) < 5) for e in errors]
    top, rest = crossing[: len(crossing) // 4], crossing[len(crossing) // 2 :]
    assert np.mean(top) > 3 * np.mean(rest)


def _crossing_words(predicted: list[int], groups: dict[str, str]) -> str:
    labels = np.array([0, 1, 2, 3, 4])
    predictions = planted_predictions(labels, NAMES, predicted=np.array(predicted), groups=groups)
    return crossing_words(rare_errors(predictions), groups)


def test_what_crosses_is_said_in_words() -> None:
    assert _crossing_words([0, 1, 2, 2, 4], GROUPS) == "The one mistake crosses no group"
    assert _crossing_words([1, 0, 2, 2, 4], GROUPS) == "None of 3 mistakes crosses a group"
    assert (
        _crossing_words([2, 1, 3, 3, 4], GROUPS) == "1 of 2 mistakes crosses a group (a cat called a dog: 1)"
    )
    everywhere = GROUPS | {"owl": "owl"}
    assert _crossing_words([2, 2, 0, 4, 3], everywhere) == (
        "5 of 5 mistakes cross a group (a cat called a dog: 2; a dog called a cat: 1; others: 2)"
    )


def test_the_words_of_a_surprise_are_its_share() -> None:
    """Of 9 Bengal one *other* is called Bombay, of 10 Bombay none is called Bengal."""
    labels = np.repeat([0, 1], [10, 10])
    predicted = labels.copy()
    predicted[:2] = 1
    first, _ = rare_errors(planted_predictions(labels, NAMES[:2], predicted=predicted))
    share = np.sqrt((1 + 0.25) / 9.5 * 0.25 / 10.5)
    assert surprise_words(first) == (
        f"Going by all other images, about 1 in {1 / share:.0f} Bengal and Bombay would be taken for the other."
    )
    often = planted_predictions(labels, NAMES[:2], predicted=1 - labels)
    assert "more often than not" in surprise_words(rare_errors(often)[0])
