from pathlib import Path

import pytest

from analysis.label_candidates import LabelCandidate, LabelCandidates
from models.evaluation_spec import EvaluationSpec
from models.notes import Decision, ImageNote
from pages.data.label_candidate import evidence_words
from pages.data.label_choice import Judged
from pages.shared.state import Workspace
from tests.analysis.planted_labels import calibrated_logits, drawn_labels, predictions_of


def _candidate(index: int, **values: object) -> LabelCandidate:
    plain = {
        "index": index, "id": f"image {index}", "path": f"{index}.jpg", "label": "class 0", "suggested": "class 1",
        "score": -1.0, "probability_of_label": 0.1, "probability_of_suggested": 0.8, "neighbours": 10,
        "neighbours_of_label": 1, "neighbours_of_suggested": 9, "posterior": 0.6, "is_beyond_chance": False,
    }  # fmt: skip
    return LabelCandidate(**(plain | values))  # type: ignore[arg-type]


def _note(decision: Decision, label: str = "class 0") -> ImageNote:
    return ImageNote("0" * 32, 1, "/anywhere", label, decision)


@pytest.fixture
def judged() -> Judged:
    """Five candidates, of which the second and the fourth are decided, and the third under another label."""
    logits = calibrated_logits(10, 3, 1)
    found = LabelCandidates(tuple(_candidate(index) for index in range(5)), 5, 0, 3, 10, None)
    notes = {1: _note("model"), 2: _note("image", "class of old"), 3: _note("ambiguous")}
    workspace = Workspace(EvaluationSpec("net.pth", str(Path("pets"))), "0" * 32)
    return Judged(workspace, predictions_of(logits, drawn_labels(logits, 1)), found, notes)


def test_the_filters_part_the_candidates(judged: Judged) -> None:
    shown = {among: [each.index for each in judged.shown(among)] for among in ("Undecided", "Decided", "All")}
    assert shown == {"Undecided": [0, 2, 4], "Decided": [1, 3], "All": [0, 1, 2, 3, 4]}


def test_the_next_one_is_without_a_decision_and_comes_round(judged: Judged) -> None:
    following = [judged.next_undecided(each) for each in judged.found.candidates]
    assert following == ["image 2", "image 2", "image 4", "image 4", "image 0"]


def test_after_the_last_decision_there_is_no_next(judged: Judged) -> None:
    one = Judged(
        judged.workspace, judged.predictions, LabelCandidates((_candidate(0),), 1, 0, 1, 10, None), {}
    )
    assert one.next_undecided(_candidate(0)) is None


def test_only_candidates_are_named(judged: Judged) -> None:
    assert judged.named("image 3") == _candidate(3)
    assert judged.named("image 9") is judged.named(None) is None


def test_the_evidence_is_said_with_its_doubt() -> None:
    plain = evidence_words(_candidate(0, neighbours_of_label=0))
    assert "9 are labelled class 1 and none class 0" in plain
    assert "plain error of the model" in plain
    assert "more likely the label is wrong (60%)" in evidence_words(_candidate(0, is_beyond_chance=True))
    assert "nearest" not in evidence_words(_candidate(0, neighbours=0))
