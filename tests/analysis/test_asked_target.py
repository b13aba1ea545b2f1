"""Targets as plain data: nothing is lost on the way to a file and back."""

import json

import pytest

from analysis.asked_target import Asked, as_target, from_json, plain, to_json
from analysis.attribution import Contrast


@pytest.mark.parametrize(("asked", "target"), [(3, 3), ((1, 0), Contrast(1, 0))])
def test_a_target_survives_as_plain_data(asked: Asked, target: int | Contrast) -> None:
    assert from_json(json.loads(json.dumps(to_json(asked)))) == asked
    assert as_target(asked) == target and plain(target) == asked
