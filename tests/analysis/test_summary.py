import json

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from analysis.summary import summary, summary_text
from models.images import Unreadable
from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions

NAMES = tuple(f"class {i}" for i in range(7))
GROUPS = {name: "even" if int(name[-1]) % 2 == 0 else "odd" for name in NAMES}
KEYS = [
    "n_images",
    "n_unreadable",
    "unreadable",
    "n_missing_files",
    "class_names",
    "groups",
    "accuracy",
    "accuracy_interval",
    "top_5_accuracy",
    "confusion",
    "per_class",
    "confusable_pairs",
    "cross_group_errors",
    "timing",
]


def _predictions(n_classes: int = 7, **more: object) -> Predictions:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes - 1, 80)  # the last class has no images
    logits = rng.normal(size=(80, n_classes))
    logits[np.arange(80), labels] += 1.5
    return planted_predictions(labels, NAMES[:n_classes], probabilities=softmax(logits, axis=1), **more)  # type: ignore[arg-type]


def test_the_figures_are_those_of_scikit_learn() -> None:
    predictions = _predictions(groups=GROUPS)
    figures = summary(predictions)
    assert list(figures) == KEYS
    labels, predicted = predictions.labels, predictions.predicted
    assert figures["confusion"] == confusion_matrix(labels, predicted, labels=range(7)).tolist()
    assert figures["accuracy"] == pytest.approx((labels == predicted).mean())
    reference = top_k_accuracy_score(labels, predictions.probabilities, k=5, labels=range(7))
    assert figures["top_5_accuracy"] == pytest.approx(reference)
    assert figures["n_images"] == 80 and figures["timing"] == {"forward": 1.5}
    assert figures["per_class"][0]["class"] == "class 0"


def test_what_is_not_defined_is_null_and_never_nan() -> None:
    figures = summary(_predictions())
    assert figures["per_class"][6]["recall"] is None
    assert figures["per_class"][6]["support"] == 0
    again = json.loads(summary_text(figures), parse_constant=pytest.fail)
    assert again == figures


def test_errors_across_groups_are_listed_most_surprising_first() -> None:
    predictions = _predictions(groups=GROUPS)
    errors = summary(predictions)["cross_group_errors"]
    crossing = (predictions.labels - predictions.predicted) % 2 == 1
    assert len(errors) == crossing.sum() > 0
    surprise = [error["surprise"] for error in errors]
    assert surprise == sorted(surprise, reverse=True)
    assert {"path", "label", "predicted", "confidence", "surprise"} <= errors[0].keys()
    assert summary(_predictions())["cross_group_errors"] == []


def test_the_top_five_of_five_classes_says_nothing_and_is_absent() -> None:
    assert "top_5_accuracy" not in summary(_predictions(n_classes=5))
    labels = np.array([0, 1, 6])
    assert "top_5_accuracy" not in summary(planted_predictions(labels, NAMES, predicted=labels))


def test_unreadable_images_are_listed_with_their_reasons() -> None:
    unreadable = (Unreadable("class 0/broken.jpg", "it is truncated"),)
    figures = summary(_predictions(unreadable=unreadable), seconds={"this_run": 2.0})
    assert figures["unreadable"] == [{"path": "class 0/broken.jpg", "reason": "it is truncated"}]
    assert figures["n_unreadable"] == 1 and figures["timing"] == {"this_run": 2.0}


def test_the_text_has_a_line_for_each_row_and_pair() -> None:
    lines = summary_text(summary(_predictions())).splitlines()
    assert sum(line.startswith('  {"class"') for line in lines) == 7
    assert len([line for line in lines if line.startswith("  [")]) == 7
