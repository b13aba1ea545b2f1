"""Lanes: an explanation does not wait for a training, and neither disturbs the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.job_kinds import EXPLAINING, JOB_KINDS, WORK, add_kind, kinds_of, lane_of
from models.jobs import Jobs
from models.store import Store
from tests.models.test_jobs import began, count, ended, until_told, wait_for


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setitem(JOB_KINDS, "until_told", until_told)
    monkeypatch.setitem(JOB_KINDS, "explain_quickly", count)
    monkeypatch.setitem(JOB_KINDS, "explain_slowly", until_told)
    monkeypatch.setattr(
        "models.job_kinds._LANES", {"explain_quickly": EXPLAINING, "explain_slowly": EXPLAINING}
    )
    made = Jobs(Store(tmp_path))
    yield made
    made.close()


def test_a_kind_of_another_lane_does_not_wait(manager: Jobs, tmp_path: Path) -> None:
    long = manager.submit("until_told", {}, title="Train")
    next_in_line = manager.submit("until_told", {"n": 2}, title="Train more")
    began(manager, long, tmp_path)
    explained = manager.submit("explain_quickly", {"n": 3}, title="Explain")
    assert ended(manager, explained).state == "done"
    assert [manager.status(id).state for id in (long, next_in_line)] == ["running", "queued"]


def test_jobs_of_one_lane_wait_for_each_other(manager: Jobs, tmp_path: Path) -> None:
    slow = manager.submit("explain_slowly", {}, title="Slow")
    began(manager, slow, tmp_path)
    waiting = manager.submit("explain_quickly", {"n": 1}, title="Quick")
    assert manager.status(waiting).state == "queued"
    manager.cancel(slow)
    assert ended(manager, waiting).state == "done"
    assert manager.status(slow).state == "cancelled"


def test_both_lanes_are_interrupted_at_the_end(manager: Jobs, tmp_path: Path) -> None:
    jobs = [manager.submit(kind, {}, title=kind) for kind in ("until_told", "explain_slowly")]
    for id in jobs:
        began(manager, id, tmp_path)
    manager.close()
    assert [manager.status(id).state for id in jobs] == ["interrupted", "interrupted"]
    wait_for(lambda: all((tmp_path / "jobs" / id / "kept").exists() for id in jobs))


def test_adding_a_kind_twice_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.job_kinds._LANES", {})
    monkeypatch.setattr("models.job_kinds.JOB_KINDS", {})
    for _ in range(2):
        add_kind("look", "models.evaluation", "evaluation_steps", lane=EXPLAINING)
    assert kinds_of(EXPLAINING) == ["look"] and kinds_of(WORK) == []
    assert lane_of("look") == EXPLAINING and lane_of("unknown") == WORK
