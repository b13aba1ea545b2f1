"""The list of jobs: the newest about the same thing, and what one that waits is waiting for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.errors import JobError
from models.job_kinds import EXPLAINING, JOB_KINDS
from models.jobs import Jobs
from models.store import Store
from tests.models.test_jobs import began, count, ended, until_told


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setitem(JOB_KINDS, "count", count)
    monkeypatch.setitem(JOB_KINDS, "until_told", until_told)
    monkeypatch.setitem(JOB_KINDS, "aside", until_told)
    monkeypatch.setattr("models.job_kinds._LANES", {"aside": EXPLAINING})
    made = Jobs(Store(tmp_path))
    yield made
    made.close()


def about(image: str, **methods: Any) -> dict[str, Any]:
    return {"n": 0, "image": image, "methods": methods}


def test_the_newest_of_the_same_but_for_one_part_is_found(manager: Jobs) -> None:
    wanted = about('cat\'s "own".jpg', lrp={"epsilon": 0.25}, lime={})
    assert manager.newest_like("count", wanted, but="methods") is None
    first = manager.submit("count", about('cat\'s "own".jpg', lrp={"epsilon": 0.25}), title="Check")
    manager.submit("count", about("dog.jpg", lrp={"epsilon": 0.25}), title="Check")
    manager.submit("count", {**about('cat\'s "own".jpg'), "more": 1}, title="Check")
    found = manager.newest_like("count", wanted, but="methods")
    assert found is not None and found.id == first
    second = manager.submit("count", about('cat\'s "own".jpg', lime={}), title="Check")
    found = manager.newest_like("count", wanted, but="methods")
    assert found is not None and found.id == second
    assert manager.newest_like("until_told", wanted, but="methods") is None
    with pytest.raises(JobError, match='no kind of job called "fly"'):
        manager.newest_like("fly", wanted, but="methods")


def test_one_that_does_exactly_the_same_comes_first_while_it_is_active(manager: Jobs, tmp_path: Path) -> None:
    exact = manager.submit("until_told", about("cat.jpg", lrp={}), title="Check")
    began(manager, exact, tmp_path)
    other = manager.submit("until_told", about("cat.jpg", lime={}), title="Check")

    def newest() -> str:
        found = manager.newest_like("until_told", about("cat.jpg", lrp={}), but="methods")
        assert found is not None
        return found.id

    assert newest() == exact
    manager.cancel(exact)
    ended(manager, exact)
    assert newest() == other


def test_a_waiting_job_knows_what_it_waits_for(manager: Jobs, tmp_path: Path) -> None:
    first = manager.submit("until_told", {"n": 1}, title="First")
    began(manager, first, tmp_path)
    second = manager.submit("until_told", {"n": 2}, title="Second")
    third = manager.submit("count", {"n": 3}, title="Third")
    aside = manager.submit("aside", {}, title="In a lane of its own")
    manager.submit("until_told", {"n": 4}, title="Fourth")
    assert [job.id for job in manager.ahead_of(third)] == [first, second]
    assert [job.title for job in manager.ahead_of(second)] == ["First"]
    assert manager.ahead_of(first) == manager.ahead_of(aside) == []
    manager.cancel(second)
    assert [job.id for job in manager.ahead_of(third)] == [first]
    manager.cancel(first)
    ended(manager, third)
    assert manager.ahead_of(third) == []
    with pytest.raises(JobError, match="There is no job"):
        manager.ahead_of("none")


def test_another_server_has_lanes_of_its_own(manager: Jobs, tmp_path: Path) -> None:
    other = Jobs(Store(tmp_path))
    try:
        theirs = other.submit("until_told", {"n": 1}, title="Theirs")
        began(other, theirs, tmp_path)
        ours = manager.submit("until_told", {"n": 2}, title="Ours")
        began(manager, ours, tmp_path)
        waiting = manager.submit("until_told", {"n": 3}, title="Waiting")
        assert [job.id for job in manager.ahead_of(waiting)] == [ours]
        assert [job.id for job in other.ahead_of(waiting)] == [ours]  # whoever looks
    finally:
        other.close()
