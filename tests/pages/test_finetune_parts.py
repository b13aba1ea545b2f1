"""The parts of the fine-tuning and jobs pages that are words and numbers."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from analysis.power import TargetPower
from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation, Operation
from models.finetune.augmentation_presets import PRESETS
from models.finetune.cost import PhaseCost, TrainingCost
from models.finetune.recipe import DEFAULTS, Recipe
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from models.jobs import JobStatus
from models.norm_statistics import NormStatistics
from pages.improve import finetune_cached
from pages.improve.finetune_images import ImagesOfTraining
from pages.improve.finetune_link import classes_name
from pages.improve.finetune_settings import GROUPS, MAIN, Choice, Number
from pages.improve.finetune_start import Start
from pages.improve.finetune_summary import Asked, norms_words, power_words, training_name, weights_words
from pages.improve.finetune_target import Aim, halves_words, target_words
from pages.improve.job_shown import setting_rows
from pages.improve.job_words import result_words, state_badge
from pages.shared.state import Workspace
from tests.analysis.planted_predictions import planted_predictions

SPEC = EvaluationSpec("/nets/cats.pth", "/data/pets/val")
ASKED: list[Asked] = []
"""What the summary of a test is about."""
SETTINGS = [*MAIN, *(setting for settings in GROUPS.values() for setting in settings)]


def job(**changes: Any) -> JobStatus:
    made = JobStatus(
        id="1", kind="finetune", title="Last block", state="running", spec={}, phase="", done=0, total=0, unit="images",
        message="", seconds=0.0, seconds_left=None, created=0.0, started=None, ended=None, heartbeat=None, error=None,
        result=None,
    )  # fmt: skip
    return replace(made, **changes)


def test_every_setting_of_a_recipe_can_be_changed_and_takes_its_usual_value() -> None:
    assert {setting.name for setting in SETTINGS} == {field.name for field in fields(Recipe)} - {"kind"}
    for kind, usual in DEFAULTS.items():
        for setting in SETTINGS:
            value = getattr(usual, setting.name)
            if isinstance(setting, Choice):
                assert value in setting.words
            if isinstance(setting, Number) and kind in setting.kinds:
                assert (value is None and setting.none) or setting.low <= value <= setting.high
                whole = {type(each) for each in (setting.low, setting.high, setting.step)}
                assert len(whole) == 1  # Streamlit refuses a mixture
                assert value is None or isinstance(value, whole.pop())


def test_every_choice_and_both_ends_of_every_range_make_a_recipe() -> None:
    for setting in SETTINGS:
        values: list[Any] = []
        if isinstance(setting, Choice):
            values = list(setting.words)
        elif isinstance(setting, Number):
            values = [setting.low, setting.high, *([None] if setting.none else [])]
        for value in values:
            assert (
                getattr(Recipe.from_json({"kind": "last_block", setting.name: value}), setting.name) == value
            )


def test_a_setting_that_says_nothing_is_not_asked_for() -> None:
    by_name = {setting.name: setting for setting in SETTINGS}
    assert by_name["momentum"].counts("whole", {"optimiser": "sgd"})
    assert not by_name["momentum"].counts("whole", {"optimiser": "adamw"})
    assert not by_name["step_factor"].counts("whole", {"schedule": "cosine"})
    assert not by_name["stage_factor"].counts("scratch", {})
    names = [setting.name for setting in SETTINGS]
    assert all(names.index(s.needs[0]) < names.index(s.name) for s in SETTINGS if s.needs)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("cell", "cat/dog", (("cat", "dog"),)), "cat called dog"),
        (Target("cell", "50%2F50/", (("50/50", "a"), ("50/50", "b"))), "50/50 called anything else"),
        (Target("cell", "group:cat/group:dog", (("a", "b"), ("c", "b"))), "all cat called all dog"),
        (Target("group", "cat + dog", (("cat", "dog"), ("dog", "cat"))), "cat + dog among each other"),
        (Target("error", "cat/1.jpg", (("cat", "dog"),), ("f00",)), "cat called dog"),
        (
            Target("selection", "3 mistakes selected on the map", (), ("f00",)),
            "3 mistakes selected on the map",
        ),
    ],
)
def test_a_target_is_said_as_a_person_says_it(target: Target, words: str) -> None:
    assert target_words(target) == words


def test_the_halves_are_said_and_what_is_missing_in_them() -> None:
    target = Target("cell", "cat/dog", (("cat", "dog"),))
    assert (
        halves_words(Aim(target, np.arange(5), 3, ""))
        == "**5 mistakes**: 3 in the choosing half, 2 held out."
    )
    assert "came near" in halves_words(Aim(target, np.arange(1), 0, ""))


@pytest.mark.parametrize(
    ("n", "share", "chance", "words"),
    [
        (0, None, 0.0, "None of these mistakes is held out"),
        (
            1,
            None,
            0.0,
            "Only 1 of these mistakes is held out. Even if all were mended, the comparison could not show it",
        ),
        (4, None, 0.31, "would show it with a chance of 31% only"),
        (20, 0.31, 1.0, "20 of these mistakes are held out. About 7 of them must be mended"),
    ],
)
def test_what_could_be_shown_is_said_before_the_run(
    n: int, share: float | None, chance: float, words: str
) -> None:
    assert words in power_words(TargetPower("cat/dog", 30, n, 2 * n, chance, share))


def test_the_weights_that_learn_are_named() -> None:
    phase = PhaseCost("Last block", 15, 250, ("layer4", "head"), 0, 0.0, 0.1, 0.1, 10)
    assert (
        weights_words(TrainingCost(1000, (phase,), False)) == "250 of 1,000 learn (25%): layer4 and the head"
    )
    head = replace(phase, stages=("head",))
    assert weights_words(TrainingCost(1000, (head,), True)) == "250 of 1,000 learn (25%): the new head"
    assert weights_words(TrainingCost(250, (phase,), False)) == "all 250 learn"


def summary_page() -> None:
    """Draws the summary of what the test asks for."""
    from pages.improve.finetune_summary import summary
    from tests.pages.test_finetune_parts import ASKED

    summary(ASKED[-1])


@pytest.mark.parametrize(("batch_norm", "n_folded"), [("learning", 9), ("learning", 0), ("fixed", 9)])
def test_folded_norms_whose_statistics_are_to_learn_are_warned_of_beside_the_button(
    batch_norm: str, n_folded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = PhaseCost("Last block", 15, 250, ("layer4", "head"), 0, 0.0, 0.1, 0.1, 10)
    cost = TrainingCost(1000, (phase,), False, NormStatistics(9, n_folded, n_folded))
    monkeypatch.setattr(finetune_cached, "cost", lambda _: cost)
    recipe = Recipe.from_json({"kind": "last_block", "batch_norm": batch_norm})
    labels, images = np.arange(4) % 2, TrainingImages()
    asked = Asked(
        Workspace(SPEC, "f" * 32), planted_predictions(labels, ("a", "b"), predicted=labels),
        Aim(None, labels[:0], 0, ""), ImagesOfTraining(images, 4, 4, "pets"), Start(SPEC, "", "cats.pth"),
        FinetuneSpec(SPEC, SPEC, images, recipe, Augmentation()), "",
    )  # fmt: skip
    monkeypatch.setattr("tests.pages.test_finetune_parts.ASKED", [asked])
    app = AppTest.from_function(summary_page, default_timeout=60).run()
    assert not app.exception
    is_warned = batch_norm == "learning" and n_folded > 0
    assert ["folded into" in each.value for each in app.warning] == [True] * is_warned
    assert not app.button(key="finetune_start").disabled  # it is a warning, and the choice is the person's


def test_a_small_network_from_scratch_learns_its_statistics_without_a_warning() -> None:
    assert not norms_words(DEFAULTS["scratch"], NormStatistics(5, 5, 5))
    learning = replace(DEFAULTS["whole"], batch_norm="learning")
    assert "be “Stay as they are”" in norms_words(learning, NormStatistics(9, 1, 0))
    assert not norms_words(learning, NormStatistics(9, n_untouched=9))


def test_a_program_can_be_no_start_but_for_a_network_from_scratch() -> None:
    program = Start(SPEC, "", "cats.ts", is_program=True)
    assert "cannot be trained" in program.problem_of("last_block") and not program.problem_of("scratch")
    assert not Start(SPEC, "", "cats.pth").problem_of("last_block")


def test_a_paused_training_is_not_called_stopped() -> None:
    assert state_badge(job(state="cancelled"))[0] == "Paused"
    assert state_badge(job(state="cancelled", kind="survey"))[0] == "Stopped"
    assert state_badge(job(state="cancelling"))[0] == "Pausing"


def test_a_result_is_said_in_a_line() -> None:
    done = job(state="done", result={"accuracy_before": 0.881, "accuracy_after": 0.9})
    assert result_words(done) == "88.1% → 90.0% right on the held-out half"
    assert result_words(job(state="done", result={})) == result_words(job()) == ""


def test_a_training_is_called_after_what_it_mends_and_the_start_that_is_not_the_open_model() -> None:
    target = Target("cell", "cat/dog", (("cat", "dog"),))
    aim = Aim(target, np.array([0]), 1, "cat called dog")
    opened = Start(SPEC, "", "cats.pth", is_open=True)
    other = Start(SPEC, "", "resnet18.pth")
    assert training_name("last_block", aim, opened) == "Last block: cat called dog"
    assert training_name("last_block", aim, other) == "Last block: cat called dog, from resnet18.pth"
    assert (
        training_name("scratch", Aim(None, np.array([0]), 1, "x"), other)
        == "Small CNN from scratch, untargeted"
    )


def test_the_settings_of_a_training_name_what_was_changed() -> None:
    target = Target("cell", "cat/dog", (("cat", "dog"),))
    recipe = replace(DEFAULTS["last_block"], optimiser="adamw", patience=None)
    images = TrainingImages("/data/pets.csv", "train", "/data/pets/test")
    rows = setting_rows(FinetuneSpec(SPEC, SPEC, images, recipe, PRESETS["small_data"].augmentation, target))
    assert rows["Meant to mend"] == "cat called dog"
    assert rows["Training images"] == "data/pets.csv (train)" and rows["Test images"] == "pets/test"
    assert rows["Augmentation"] == "small data"
    assert rows["Optimiser"] == "adamw" and rows["Patience"] == "none" and "Momentum" not in rows
    own = Augmentation((Operation("rotation", 5.0), Operation("blur", 0.02)))
    rows = setting_rows(FinetuneSpec(SPEC, SPEC, TrainingImages(), recipe, own))
    assert rows["Augmentation"] == "rotation, blur" and rows["Training images"] == "half of the open images"


def test_classes_are_named_so_that_an_address_can_hold_them() -> None:
    assert classes_name(["50/50", "a%", "b"]) == "50%2F50/a%25/b"
