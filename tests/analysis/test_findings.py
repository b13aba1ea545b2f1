"""Findings: what was planted is said first, once, with its mistakes; chance says nothing."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.duplicates import DuplicateCluster, Duplicates
from analysis.finding_sources import finding_sources
from analysis.findings import Finding, FindingSources, explained_share, findings
from analysis.leakage import Leakage, LeakedPair
from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("Birman", "Ragdoll", "Siamese", "Bengal", "Egyptian_Mau", "beagle", "pug", "samoyed")
GROUPS = {name: "cat" if name[0].isupper() else "dog" for name in NAMES}
A_CLASS = 60


def predictions_with(errors: dict[tuple[int, int], int], groups: dict[str, str] | None = None) -> Predictions:
    """60 images a class, all right but for these counts of errors."""
    labels = np.repeat(np.arange(len(NAMES)), A_CLASS)
    predicted = labels.copy()
    used = dict.fromkeys(range(len(NAMES)), 0)
    for (label, other), n in errors.items():
        start = label * A_CLASS + used[label]
        predicted[start : start + n] = other
        used[label] += n
    return planted_predictions(labels, NAMES, predicted=predicted, groups=groups or {})


def found_in(predictions: Predictions, sources: FindingSources | None = None) -> list[Finding]:
    return findings(predictions, finding_sources(predictions, {}) if sources is None else sources)


TRIO = {(0, 1): 8, (1, 0): 7, (1, 2): 8, (2, 1): 7, (0, 2): 6, (2, 0): 6}
PAIR = {(3, 4): 9, (4, 3): 8}


def test_a_trio_and_a_pair_are_one_finding_each_and_the_larger_comes_first() -> None:
    predictions = predictions_with(TRIO | PAIR)
    trio, pair = found_in(predictions)
    assert (trio.kind, trio.errors, pair.kind, pair.errors) == ("group", 42, "pair", 17)
    assert trio.sentence == "Birman, Ragdoll and Siamese are taken for each other."
    assert pair.asked == {"pair": "Bengal/Egyptian_Mau"}
    assert "9 of 60 Bengal called Egyptian_Mau, 8 of 60 back" in pair.support


def test_the_mistakes_of_a_finding_are_its_own() -> None:
    predictions = predictions_with(TRIO | PAIR)
    trio, pair = found_in(predictions)
    wrong = np.flatnonzero(predictions.labels != predictions.predicted)
    assert sorted([*trio.rows, *pair.rows]) == wrong.tolist()
    assert explained_share(predictions, [trio, pair]) == 1.0
    assert explained_share(predictions, [pair]) == pytest.approx(17 / 59)


def test_errors_without_structure_find_nothing() -> None:
    silent = 0
    for seed in range(20):
        draws = np.random.default_rng(seed)
        labels = np.repeat(np.arange(8), A_CLASS)
        strays = draws.random(len(labels)) < 0.12
        predicted = np.where(strays, (labels + draws.integers(1, 8, len(labels))) % 8, labels)
        silent += not found_in(planted_predictions(labels, NAMES, predicted=predicted))
    assert silent >= 18


def test_errors_across_groups_are_named() -> None:
    predictions = predictions_with({(5, 3): 1, (7, 0): 2}, GROUPS)
    (rare,) = (each for each in found_in(predictions) if each.kind == "rare")
    assert rare.sentence == "3 mistakes cross a group: beagle called Bengal and samoyed called Birman."
    assert set(rare.rows) == set(np.flatnonzero(predictions.labels != predictions.predicted))


def test_what_has_two_labels_is_said_with_the_mistakes_it_makes() -> None:
    predictions = predictions_with({(0, 3): 1})
    clusters = (DuplicateCluster("exact", (0, 180), True, "equal", 1.0),)
    sources = FindingSources(duplicates=Duplicates(clusters, (), len(predictions), 0, True))
    (finding,) = found_in(predictions, sources)
    assert (
        finding.sentence
        == "One image repeats another one, and 1 picture has two labels: at most one is right."
    )
    assert (finding.rows.tolist(), finding.errors) == ([0], 1)


def test_leaked_images_hide_the_mistakes_their_like_would_make() -> None:
    predictions = predictions_with({(label, (label + 1) % 8): 30 for label in range(8)})
    right = [59, 119, 179, 239]
    pairs = tuple(
        LeakedPair(row, f"/train/{row}.jpg", "exact", "Birman", False, "equal", 1.0) for row in right
    )
    leakage = Leakage("/data/train", None, len(predictions), 900, 0, pairs, (), tuple(right), True)
    (finding,) = found_in(predictions, FindingSources(leakages=[leakage]))
    assert finding.sentence == "4 images are also among the 900 of train."
    assert finding.errors == pytest.approx(4 * (1 - 236 / 476))
    assert not found_in(predictions, FindingSources(leakages=[replace(leakage, pairs=(), rows=())]))


def test_ten_at_most_and_the_largest_of_them() -> None:
    n = 30
    names = tuple(f"class_{place:02d}" for place in range(n))
    labels = np.repeat(np.arange(n), 200)
    predicted = labels.copy()
    for place in range(0, n, 2):
        predicted[place * 200 : place * 200 + 20 + place] = place + 1
    found = found_in(planted_predictions(labels, names, predicted=predicted))
    assert [each.errors for each in found] == [20 + place for place in range(28, 8, -2)]


def test_nothing_wrong_is_nothing_found() -> None:
    predictions = predictions_with({})
    assert found_in(predictions) == [] and explained_share(predictions, []) == 0


def test_sources_without_probabilities_leave_out_what_needs_them() -> None:
    sources = finding_sources(predictions_with(PAIR), {})
    assert sources.labels is None and sources.calibration is None and sources.classes == ()


def test_a_model_that_is_too_sure_of_one_class_is_told_so_with_what_to_look_at() -> None:
    draws = np.random.default_rng(0)
    labels = np.repeat(np.arange(8), 100)
    probabilities = np.full((800, 8), 0.01)
    predicted = np.where(draws.random(800) < 0.07, (labels + draws.integers(1, 8, 800)) % 8, labels)
    predicted[draws.choice(np.flatnonzero(labels != 5), 60, replace=False)] = 5
    probabilities[np.arange(800), predicted] = 0.93
    found = found_in(planted_predictions(labels, NAMES, probabilities=probabilities))
    sure = [each for each in found if each.kind == "class_confidence"]
    assert [each.asked for each in sure] == [{"cell": "/beagle"}]
    assert sure[0].errors > 40
