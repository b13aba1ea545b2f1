"""A spec survives being kept, and refuses what makes no sense."""

from __future__ import annotations

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
