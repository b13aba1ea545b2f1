"""The list of jobs, as the database keeps it."""

from pathlib import Path

import pytest

from models.job_database import JobDatabase
from models.store import Store


def test_the_time_of_a_job_is_that_of_all_its_runs_without_the_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("models.job_database.time.time", lambda: now[0])
    database = JobDatabase(Store(tmp_path))

    def seconds() -> float:
        status = database.status("a")
        assert status is not None
        return status.seconds

    database.add("a", "count", "{}", "Count", "me")
    assert seconds() == 0
    database.claim("me", ["count"])
    now[0] += 10
    assert seconds() == 10
    database.end("a", "cancelled")
    now[0] += 500
    assert seconds() == 10
    database.requeue("a", "me")
    now[0] += 500
    assert seconds() == 10
    database.cancel("a")  # while it waits
    now[0] += 500
    database.requeue("a", "me")
    database.interrupt("me")  # while it waits
    assert seconds() == 10
    database.requeue("a", "me")
    database.claim("me", ["count"])
    now[0] += 5
    assert seconds() == 15
    database.end("a", "done")
    now[0] += 500
    assert seconds() == 15
