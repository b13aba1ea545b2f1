"""Findings: what was planted is said first, once, with its mistakes; chance says nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis import saved_findings
from analysis.duplicates import DuplicateCluster, Duplicates
from analysis.finding_record import Finding, Findings
from analysis.finding_sources import finding_sources
from analysis.findings import FindingSources, explained_share, findings
from analysis.leakage import Leakage, LeakedPair
from analysis.saved_findings import are_weighed_by_the_survey, findings_file, weighing_steps
from analysis.survey import saved_result
from models.predictions import Predictions
from models.progress import finished
from models.store import Store
from tests.analysis.planted_confidences import calibrated, softmax
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


def many_errors(cat_called_dog: float, seed: int) -> Predictions:
    """100 errors, of which this share crosses cats and dogs."""
    draws = np.random.default_rng(seed)
    labels = np.repeat(np.arange(8), A_CLASS)
    is_cat = np.array([GROUPS[name] == "cat" for name in NAMES])
    predicted = labels.copy()
    for row in draws.choice(len(labels), 100, replace=False):
        crosses = draws.random() < cat_called_dog
        others = np.flatnonzero((is_cat != is_cat[labels[row]]) == crosses)
        predicted[row] = draws.choice(others[others != labels[row]])
    return planted_predictions(labels, NAMES, predicted=predicted, groups=GROUPS)


def test_many_errors_across_groups_are_only_told_where_groups_hold_errors_back() -> None:
    # 30 of 56 cells cross
    by_chance = [found_in(many_errors(30 / 56, seed)) for seed in range(10)]
    assert sum(any(each.kind == "rare" for each in found) for found in by_chance) <= 2
    (rare,) = (each for each in found_in(many_errors(0.2, 0)) if each.kind == "rare")
    assert 10 < rare.errors < 35


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


def test_a_model_too_sure_of_everything_is_told_so_once() -> None:
    for seed in range(3):
        (finding,) = found_in(calibrated(2000, 10, seed=seed, factor=2.0))
        assert finding.kind == "confidence" and finding.sentence.startswith("Over-confident")


def test_a_class_beyond_what_all_are_too_sure_of_is_told_beside_it() -> None:
    predictions = calibrated(3000, 10, factor=1.5)
    draws, called = np.random.default_rng(1), np.flatnonzero(predictions.predicted == 4)
    labels = predictions.labels.copy()
    strays = draws.choice(called, len(called) // 2, replace=False)
    labels[strays] = (4 + draws.integers(1, 10, len(strays))) % 10
    names = np.array(predictions.class_names, dtype=object)
    images = predictions.images.assign(label_index=labels, label=names[labels])
    found = found_in(replace(predictions, images=images))
    kinds = {each.kind: each for each in found}
    assert "confidence" in kinds
    assert [each.asked for each in found if each.kind == "class_confidence"] == [{"cell": "/class_4"}]
    assert "even where one temperature" in kinds["class_confidence"].sentence


def test_all_wrong_is_no_fault_of_each_class() -> None:
    labels = np.arange(300) % 5
    found = found_in(planted_predictions(labels, NAMES[:5], probabilities=np.eye(5)[(labels + 1) % 5]))
    assert {each.kind for each in found} == {"group", "confidence"}


def test_a_class_that_no_image_bears_is_not_judged() -> None:
    logits = np.random.default_rng(0).normal(size=(200, 6))
    labels = np.arange(200) % 3
    logits[np.arange(200), labels] += 1.5
    predictions = planted_predictions(labels, NAMES[:6], probabilities=softmax(logits))
    assert {"Bengal", "Egyptian_Mau", "beagle"} <= {NAMES[called] for called in predictions.predicted}
    assert not [each for each in found_in(predictions) if each.kind == "class_confidence"]


def test_findings_are_kept_as_they_are() -> None:
    found = found_in(predictions_with(TRIO | PAIR))
    plain, arrays = Findings(tuple(found)).to_saved()
    again = Findings.from_saved(json.loads(json.dumps(plain)), arrays).found
    assert [vars(each) | {"rows": each.rows.tolist()} for each in again] == [
        vars(each) | {"rows": each.rows.tolist(), "asked": dict(each.asked)} for each in found
    ]


def test_the_findings_of_many_images_are_weighed_once_by_the_survey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions, store = predictions_with(TRIO | PAIR), Store(tmp_path)
    assert not are_weighed_by_the_survey(predictions)
    monkeypatch.setattr(saved_findings, "LARGE", 1000)
    assert are_weighed_by_the_survey(predictions)
    finished(weighing_steps(predictions, {}, store), print)
    file = findings_file(store, predictions.fingerprint)
    kept = saved_result(file, Findings).found
    assert [each.kind for each in kept] == ["group", "pair"]
    monkeypatch.setattr(saved_findings, "finding_sources", None)  # is not called again
    finished(weighing_steps(predictions, {}, store), print)
