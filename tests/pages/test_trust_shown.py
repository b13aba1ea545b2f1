"""Which job checks the maps on show."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.evaluation_spec import EvaluationSpec
from models.job_kinds import JOB_KINDS
from models.jobs import Jobs
from pages.explain.trust_shown import Shown
from pages.shared import state
from tests.models.test_jobs import began, ended, until_told


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    monkeypatch.setitem(JOB_KINDS, "trust", until_told)
    made = state.running_jobs()
    yield made
    made.close()


def shown(tmp_path: Path, *methods: str) -> Shown:
    nothing: Any = None
    workspace = state.Workspace(EvaluationSpec("net.pth", "images"), "2" * 32)
    return Shown(workspace, nothing, tmp_path / "cat.jpg", 1, {}, {method: {} for method in methods})


def found(maps: Shown, check: str = "curves") -> str | None:
    job = maps.latest_job(check)
    return None if job is None else job.id


def test_the_check_of_fewer_maps_of_the_same_picture_is_found_again(running: Jobs, tmp_path: Path) -> None:
    two = shown(tmp_path, "gradient", "lrp")
    assert found(two) is None
    one = running.submit("trust", shown(tmp_path, "gradient").spec("curves").to_json(), title="Check")
    running.submit("trust", replace(two, path=tmp_path / "dog.jpg").spec("curves").to_json(), title="Check")
    assert found(two) == one and found(two, "randomisation") is None
    assert found(replace(two, target=2)) is None
    began(running, one, tmp_path)
    both = running.submit("trust", two.spec("curves").to_json(), title="Check")
    assert found(two) == both and found(shown(tmp_path, "gradient")) == one  # its own, while it is active
    running.cancel(one)
    ended(running, one)
    assert found(shown(tmp_path, "gradient")) == both
