"""A spec survives being kept, and refuses what makes no sense."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.errors import JobError
from models.evaluation_spec import EvaluationSpec


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"checkpoint": "a"}, "needs the images"),
        ({"checkpoint": "a", "images": "b", "colour": 1}, "knows no 'colour'"),
        ({"checkpoint": "a", "images": 3}, "images of an evaluation cannot be 3"),
        ({"checkpoint": "a", "images": "b", "limit": "many"}, "limit of an evaluation cannot be 'many'"),
        ({"checkpoint": "", "images": "b"}, "either a checkpoint or a table of predictions"),
        ({"checkpoint": "a", "images": "b", "predictions": "c"}, "either a checkpoint or a table"),
        ({"checkpoint": "", "images": "b", "predictions": 3}, "predictions of an evaluation cannot be 3"),
    ],
)
def test_a_spec_that_makes_no_sense(values: dict[str, object], message: str) -> None:
    with pytest.raises(JobError, match=message):
        EvaluationSpec.from_json(values)


def test_a_spec_survives_json_and_knows_its_place() -> None:
    spec = EvaluationSpec("net.pth", "~/pictures", limit=3)
    assert EvaluationSpec.from_json(spec.to_json()) == spec
    assert spec.checkpoint == str(Path.cwd() / "net.pth")
    assert spec.images == str(Path.home() / "pictures")


def test_predictions_take_the_place_of_a_checkpoint() -> None:
    spec = EvaluationSpec.of_predictions("results/val.csv", groups="groups.csv", split="val")
    assert EvaluationSpec.from_json(spec.to_json()) == spec
    assert spec.predictions == spec.model == str(Path.cwd() / "results" / "val.csv")
    assert (spec.checkpoint, spec.images) == ("", str(Path.cwd() / "results"))
    assert EvaluationSpec.of_predictions("val.csv", "~/photos").images == str(Path.home() / "photos")
    assert (EvaluationSpec("net.pth", "photos").model, spec.title()) == (
        str(Path.cwd() / "net.pth"),
        "val.csv on results",
    )


def test_what_a_checkpoint_was_kept_under_stays() -> None:
    """A workspace of before there were tables still finds its evaluations."""
    assert "predictions" not in EvaluationSpec("net.pth", "photos").to_json()


@pytest.mark.parametrize("changed", ["val.csv", "groups.csv", "classes.txt"])
def test_the_key_of_a_table_changes_with_the_files_it_names(tmp_path: Path, changed: str) -> None:
    for name in ("val.csv", "groups.csv", "classes.txt"):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, ns=(10**9, 10**9))
    named = {"groups": str(tmp_path / "groups.csv"), "class_names": str(tmp_path / "classes.txt")}
    spec = EvaluationSpec.of_predictions(tmp_path / "val.csv", **named)
    before = spec.key()
    assert spec.key() == before
    os.utime(tmp_path / changed, ns=(2 * 10**9, 2 * 10**9))
    assert spec.key() != before
    assert EvaluationSpec.of_predictions(tmp_path / "val.csv").key() != spec.key()
