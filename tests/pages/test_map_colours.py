"""The colours of the map and its words: every point has the category that its image has."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.embedding_faithfulness import MapFaithfulness, PointPlace
from analysis.embedding_map import EmbeddingMap
from analysis.embedding_map_words import (
    faithfulness_words,
    labels_words,
    method_words,
    place_words,
    selection_words,
    space_words,
)
from analysis.embedding_selection import map_selection, most_confused_classes
from models.notes import ImageNote
from models.prediction_record import Predictions
from pages.data.map_colours import (
    COLOUR_WORDS,
    MOST_COLOURED,
    OTHERS,
    Colouring,
    colouring,
    filtered,
    ways_to_colour,
)
from pages.shared.scatter import FILTERED_OUT
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("Bengal", "Egyptian_Mau", "beagle", "boxer")
LABELS = np.array([0, 0, 1, 1, 2, 2, 3, 3])
PREDICTED = np.array([0, 1, 1, 1, 2, 3, 3, 3])
GROUPS = {"Bengal": "cat", "Egyptian_Mau": "cat", "beagle": "dog", "boxer": "dog"}


def planted() -> Predictions:
    predictions = planted_predictions(LABELS, NAMES, predicted=PREDICTED, groups=GROUPS)
    predictions.images["confidence"] = np.array([0.95, 0.41, 1.0, 0.6, 0.99, 0.5, 0.33, 0.7], np.float32)
    return predictions


def note(label: str, decision: str) -> ImageNote:
    return ImageNote("0" * 32, 1, "a.jpg", label, decision)  # type: ignore[arg-type]


def names_of(colours: Colouring) -> list[str]:
    return [
        "filtered" if at == FILTERED_OUT else colours.entries[at].name for at in colours.categories.tolist()
    ]


def test_each_way_gives_each_point_its_own_category() -> None:
    predictions = planted()
    notes = {1: note("Bengal", "label"), 5: note("boxer", "model")}  # the label of 5 has changed since
    shown = {by: names_of(colouring(predictions, by, NAMES, notes)) for by in COLOUR_WORDS}
    assert shown["correctness"] == [
        ("right", "wrong")[bool(a != b)] for a, b in zip(LABELS, PREDICTED, strict=True)
    ]
    assert shown["label"] == [NAMES[at] for at in LABELS]
    assert shown["prediction"] == [NAMES[at] for at in PREDICTED]
    assert shown["group"] == ["cat"] * 4 + ["dog"] * 4
    assert shown["confidence"] == [
        "90 to 100%", "40 to 50%", "90 to 100%", "60 to 70%", "90 to 100%", "50 to 60%", "30 to 40%", "70 to 80%",
    ]  # fmt: skip
    assert shown["decision"] == ["no decision", "Label wrong", *["no decision"] * 6]


def test_mistakes_lie_on_top_and_have_another_shape() -> None:
    right, wrong = colouring(planted(), "correctness", (), {}).entries
    assert wrong.on_top and not right.on_top
    assert (right.shape, right.colour) != (wrong.shape, wrong.colour) and right.shape != wrong.shape


def test_only_some_classes_have_a_colour() -> None:
    colours = colouring(planted(), "label", ("beagle", "Bengal"), {})
    assert names_of(colours) == ["Bengal", "Bengal", OTHERS, OTHERS, "beagle", "beagle", OTHERS, OTHERS]
    assert colours.entries[-1].colour is None
    assert set(names_of(colouring(planted(), "label", (), {}))) == {OTHERS}


def test_up_to_24_classes_look_different() -> None:
    labels = np.arange(40)
    predictions = planted_predictions(labels, tuple(f"class {at}" for at in range(40)), predicted=labels)
    colours = colouring(predictions, "label", predictions.class_names, {})
    assert len({(entry.colour, entry.shape) for entry in colours.entries}) == MOST_COLOURED + 1
    assert names_of(colours)[MOST_COLOURED:] == [OTHERS] * (40 - MOST_COLOURED)


def test_a_filter_leaves_out_and_changes_nothing_else() -> None:
    predictions = planted()
    colours = colouring(predictions, "label", NAMES, {})
    mistakes = filtered(colours, predictions, only_mistakes=True, class_name=None)
    assert np.flatnonzero(mistakes.categories != FILTERED_OUT).tolist() == [1, 5]
    mau = filtered(colours, predictions, only_mistakes=False, class_name="Egyptian_Mau")
    assert np.flatnonzero(mau.categories != FILTERED_OUT).tolist() == [1, 2, 3]  # labelled or called so
    assert (mau.categories[1:4] == colours.categories[1:4]).all()


def test_ways_that_say_nothing_are_not_offered() -> None:
    predictions = planted()
    assert ways_to_colour(predictions, {0: note("Bengal", "model")}) == list(COLOUR_WORDS)
    bare = replace(predictions, groups={}, images=predictions.images.assign(confidence=np.float32(np.nan)))
    assert ways_to_colour(bare, {}) == ["correctness", "label", "prediction"]


def test_confidence_that_is_not_known_is_said_so() -> None:
    predictions = planted()
    predictions.images.loc[3, "confidence"] = np.nan
    assert names_of(colouring(predictions, "confidence", (), {}))[3] == "not known"


def test_the_most_confused_classes_come_first() -> None:
    labels, predicted = np.array([0, 1, 2, 2, 2]), np.array([0, 2, 1, 1, 0])
    predictions = planted_predictions(labels, NAMES, predicted=predicted)
    assert most_confused_classes(predictions, 3) == [2, 1, 0]


def test_the_words_of_a_selection() -> None:
    predictions = planted()
    some = map_selection(predictions, np.array([0, 1, 2]))
    assert selection_words(some) == "3 images, 1 wrong (33%) against 20% elsewhere"
    assert labels_words(some) == "Bengal (2), Egyptian_Mau (1)"
    assert labels_words(map_selection(predictions, np.array([4, 5]))) == "all beagle"
    whole = map_selection(predictions, np.arange(8))
    assert selection_words(whole) == "8 images, 2 wrong (25%)"
    assert labels_words(whole) == "mostly Bengal (2), Egyptian_Mau (2), beagle (2), and 1 other class"
    labels = np.arange(20)
    scattered = planted_predictions(labels, tuple(map(str, labels)), predicted=labels)
    assert labels_words(map_selection(scattered, labels)) == "of 20 classes, none of them common"
    assert selection_words(map_selection(predictions, np.array([], dtype=int))) == ""


@pytest.mark.parametrize(
    ("trust", "verdict"), [(0.97, "mostly are alike"), (0.8, "not always"), (0.6, "do not lean on it")]
)
def test_the_words_of_faithfulness_follow_what_was_measured(trust: float, verdict: str) -> None:
    measured = MapFaithfulness(10, 519, trust, 0.9, 0.63, 50, 0.98, 0.0965)
    words = faithfulness_words(measured, "embeddings")
    assert "98% are among its 50 nearest by embedding" in words
    assert verdict in words and "distance between clusters" in words
    few = MapFaithfulness(1, 3, 1.0, 1.0, 0.667, 1, 0.667, 0.5)
    assert "the one image nearest" in faithfulness_words(few, "probabilities")


def test_the_words_say_what_was_drawn_and_how() -> None:
    empty = np.zeros((3, 2), np.float32)
    assert "not what it saw" in space_words(EmbeddingMap(empty, "probabilities", "t-sne", "missing", None))
    words = method_words(EmbeddingMap(empty, "embeddings", "t-sne", "missing", None))
    assert "t-SNE" in words and "cannot be loaded" in words
    assert method_words(EmbeddingMap(empty, "embeddings", "localmap", "", None)) == "Drawn by LocalMAP."
    assert "do not trust its place" in place_words(PointPlace(np.arange(10), 50, 4), "embeddings")
    assert "among its like" in place_words(PointPlace(np.arange(10), 50, 5), "embeddings")
