"""A job that somebody waited for ends by itself when nobody does any more: nobody else need ask."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import models.job_context
import models.job_watchers
from models.errors import WorkspaceError
from models.job_context import JobContext
from models.job_database import JobDatabase
from models.job_kinds import JOB_KINDS
from models.jobs import Jobs
from models.progress import Progress
from models.store import Store
from tests.models.test_jobs import Steps, began, ended, until_told, wait_for


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setitem(JOB_KINDS, "until_told", until_told)
    monkeypatch.setattr(models.job_context, "SECONDS_BETWEEN_ROUNDS", 0.02)
    made = Jobs(Store(tmp_path))
    yield made
    made.close()


@pytest.fixture
def no_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.job_watchers, "SECONDS_OF_ATTENTION", 0.05)


def stopped_because(manager: Jobs, id: str) -> list[str]:
    return [event["why"] for event in manager.logs(id) if event["event"] == "stop"]


def test_a_running_job_ends_when_nobody_looks_any_more(
    manager: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = manager.submit("until_told", {}, title="Watched", watcher="a tab that is closed")
    began(manager, id, tmp_path)
    monkeypatch.setattr(models.job_watchers, "SECONDS_OF_ATTENTION", 0.05)
    manager.watch(id, "a tab that is closed")
    assert ended(manager, id).state == "cancelled"
    assert (tmp_path / "jobs" / id / "kept").exists()
    assert stopped_because(manager, id) == ["Nobody looks at it any more."]


def test_a_closed_tab_ends_its_job_before_its_attention_does(
    manager: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.job_watchers, "SECONDS_OF_GRACE", 0.05)
    id = manager.submit("until_told", {}, title="Watched", watcher="tab")
    began(manager, id, tmp_path)
    manager.part("tab")
    assert ended(manager, id).state == "cancelled"


@pytest.mark.usefixtures("no_attention")
def test_a_job_that_nobody_watched_goes_on(manager: Jobs, tmp_path: Path) -> None:
    id = manager.submit("until_told", {}, title="For the server")
    began(manager, id, tmp_path)
    left = manager.submit("until_told", {"n": 2}, title="Watched", watcher="a tab that is closed")
    # The running one asks, so the waiting one does not wait for its turn to end.
    assert ended(manager, left).state == "cancelled"
    assert manager.status(id).state == "running"
    assert not (tmp_path / "jobs" / left / "began").exists()
    (tmp_path / "jobs" / id / "go").touch()
    assert ended(manager, id).state == "done"


@pytest.mark.usefixtures("no_attention")
def test_a_left_job_is_not_begun(manager: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def one_long_step(spec: dict[str, Any], context: JobContext) -> Steps:
        (context.folder / "began").touch()
        go.wait(20)
        yield Progress("Thinking", 1, 1)
        return {}

    monkeypatch.setitem(JOB_KINDS, "long", one_long_step)
    before = manager.submit("long", {}, title="Asks nothing while it works")
    began(manager, before, tmp_path)
    left = manager.submit("until_told", {}, title="Watched", watcher="a tab that is closed")
    wait_for(lambda: manager._watchers.left() == [left])
    assert manager.status(left).state == "queued"
    go.set()
    assert ended(manager, left).state == "cancelled"
    assert ended(manager, before).state == "done"
    assert not (tmp_path / "jobs" / left / "began").exists()


def test_whoever_asks_while_it_is_being_stopped_gets_it_anew(
    manager: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.job_watchers, "SECONDS_OF_GRACE", 0.0)
    id = manager.submit("until_told", {}, title="Watched", watcher="tab")
    began(manager, id, tmp_path)
    manager.part("tab")
    wait_for(lambda: manager.status(id).state in ("cancelling", "cancelled"))
    again = manager.submit("until_told", {}, title="Watched", watcher="another tab")
    assert again != id
    began(manager, again, tmp_path)
    assert ended(manager, id).state == "cancelled" and manager.status(again).state == "running"


@pytest.mark.usefixtures("no_attention")
def test_a_job_that_was_forgotten_meanwhile_disturbs_nobody(manager: Jobs, tmp_path: Path) -> None:
    gone = manager.submit("until_told", {}, title="Watched", watcher="tab")
    ended(manager, gone)
    manager.watch(gone, "tab")
    manager.delete(gone)
    id = manager.submit("until_told", {"n": 2}, title="For the server")
    began(manager, id, tmp_path)
    wait_for(lambda: not manager._watchers.left())
    (tmp_path / "jobs" / id / "go").touch()
    assert ended(manager, id).state == "done"


@pytest.mark.usefixtures("no_attention")
def test_a_full_disk_ends_no_other_job(
    manager: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def full(database: JobDatabase, id: str) -> None:
        tries.append(id)
        raise WorkspaceError("The disk is full.")

    id = manager.submit("until_told", {}, title="For the server")
    began(manager, id, tmp_path)
    monkeypatch.setattr(JobDatabase, "cancel", full)
    manager.submit("until_told", {"n": 2}, title="Watched", watcher="a tab that is closed")
    wait_for(lambda: len(tries) > 2)  # it is tried again and again
    assert manager.status(id).state == "running"
    (tmp_path / "jobs" / id / "go").touch()
    assert ended(manager, id).state == "done"
