"""What the page of versions says of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.evaluation_spec import EvaluationSpec
from models.finetune.version_record import Version
from pages.improve.versions_words import (
    change_words,
    opened_spec,
    points_words,
    recipe_label,
    scores_of,
    sure_words,
    works_on,
)
from tests.models.finetune.version_samples import METRICS, NAMES, finetune_spec
from tests.pages.test_finetune_parts import job


@pytest.fixture
def made(tmp_path: Path) -> Version:
    spec = finetune_spec(tmp_path).to_json()
    return Version("id", "name", 0.0, tmp_path / "id", "resnet18", NAMES, spec, metrics=METRICS)


def test_accuracy_is_told_before_and_after_where_both_are_known(made: Version) -> None:
    assert change_words(made) == "80.0% → 85.0%"
    assert change_words(replace(made, metrics={"report": METRICS["report"]})) == "85.0%"
    assert change_words(replace(made, metrics={})) == "not evaluated"
    assert scores_of(made, "before", "select") == {} == scores_of(made, "test")
    # no image was held out
    assert scores_of(replace(made, metrics={"report": {"n": 0, "accuracy": None}}), "report") == {}


def test_figures_are_told_with_how_sure_they_are() -> None:
    assert sure_words({"n": 259, "accuracy": 229 / 259}) == "259 images, 95% interval 84% to 92%"
    assert sure_words({"n": 1, "accuracy": 1.0}).startswith("1 image, 95% interval 21% to 100%")
    assert [points_words(*pair) for pair in ((0.88, 0.884), (0.9, 0.85), (0.5, 0.50001))] == [
        "+0.4 points", "-5.0 points", "0.0 points",
    ]  # fmt: skip


def test_a_recipe_of_a_later_errorscope_keeps_its_name(made: Version) -> None:
    assert recipe_label(made) == "Last block"
    assert recipe_label(replace(made, spec={"recipe": {"kind": "distilled"}})) == "distilled"


def test_a_job_works_on_the_version_that_it_makes_evaluates_or_starts_from(made: Version) -> None:
    weights = str(made.checkpoint)
    assert works_on(job(id="id"), made)
    assert works_on(job(spec={"checkpoint": weights}), made)
    assert works_on(job(spec={"start": {"checkpoint": weights}}), made)
    assert not works_on(job(spec={"checkpoint": "other.pth", "start": "somewhere"}), made)


def test_a_version_opens_on_the_images_that_are_open_else_on_its_own(made: Version, tmp_path: Path) -> None:
    checkpoint = str(made.checkpoint)
    own = EvaluationSpec(checkpoint, str(tmp_path / "val"))
    assert opened_spec(made, None) == own
    current = EvaluationSpec(
        "other.pth",
        "photos",
        architecture="vgg16",
        class_names="names.txt",
        groups="g.csv",
        split="test",
        limit=9,
    )
    assert opened_spec(made, current) == EvaluationSpec(
        checkpoint, "photos", groups="g.csv", split="test", limit=9
    )
    assert opened_spec(made, EvaluationSpec.of_predictions("table.csv")) == own
