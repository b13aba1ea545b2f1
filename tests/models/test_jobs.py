"""Jobs: what a person sees of work that goes well, badly, is stopped, or loses its server."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from models.errors import JobError, PredictionsError
from models.job_context import JobContext
from models.job_kinds import JOB_KINDS
from models.jobs import PIN, Jobs, JobStatus, jobs
from models.progress import Progress
from models.store import Store

ROOT = Path(__file__).resolve().parents[2]
Steps = Generator[Progress, None, dict[str, Any]]


def count(spec: dict[str, Any], context: JobContext) -> Steps:
    for number in range(spec["n"]):
        yield Progress("Counting", number, spec["n"], "numbers")
        time.sleep(spec.get("pause", 0.0))
    yield Progress("Counting", spec["n"], spec["n"], "numbers")
    return {"sum": sum(range(spec["n"]))}


def until_told(spec: dict[str, Any], context: JobContext) -> Steps:
    (context.folder / "began").touch()
    try:
        while not (context.folder / "go").exists():
            yield Progress("Waiting", 0, 1, "nods")
            time.sleep(0.005)
    finally:
        (context.folder / "kept").touch()
    return {"seen": spec}


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setitem(JOB_KINDS, "count", count)
    monkeypatch.setitem(JOB_KINDS, "until_told", until_told)
    made = Jobs(Store(tmp_path))
    yield made
    made.close()


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def ended(manager: Jobs, id: str) -> JobStatus:
    wait_for(lambda: not manager.status(id).is_active)
    return manager.status(id)


def began(manager: Jobs, id: str, store: Path) -> None:
    wait_for((store / "jobs" / id / "began").exists)


def test_a_job_runs_to_its_end_and_leaves_its_record(manager: Jobs, tmp_path: Path) -> None:
    id = manager.submit("count", {"n": 5}, title="Count to five")
    job = ended(manager, id)
    assert (job.state, job.result, job.error) == ("done", {"sum": 10}, None)
    assert (job.phase, job.done, job.total, job.unit, job.fraction) == ("Counting", 5, 5, "numbers", 1.0)
    assert job.title == "Count to five" and job.spec == {"n": 5} and job.seconds_left is None
    assert job.started is not None and job.ended is not None
    assert job.created <= job.started <= job.ended
    assert job.seconds == pytest.approx(job.ended - job.started)
    wait_for(lambda: manager.logs(id)[-1]["event"] == "done")
    assert [event["event"] for event in manager.logs(id)] == ["queued", "started", "progress", "done"]
    assert json.loads((tmp_path / "jobs" / id / "spec.json").read_text())["spec"] == {"n": 5}


def test_the_estimate_is_that_of_the_present_rate(manager: Jobs) -> None:
    id = manager.submit("count", {"n": 400, "pause": 0.02}, title="Count")
    wait_for(lambda: manager.status(id).seconds_left is not None)
    job = manager.status(id)
    assert job.seconds_left is not None
    assert job.seconds_left == pytest.approx((400 - job.done) * job.seconds / job.done, rel=0.5)
    assert job.heartbeat is not None and time.time() - job.heartbeat < 2
    manager.cancel(id)
    assert ended(manager, id).seconds_left is None


def test_a_running_job_stops_within_a_step_and_may_keep_what_it_has(manager: Jobs, tmp_path: Path) -> None:
    id = manager.submit("until_told", {}, title="Wait")
    began(manager, id, tmp_path)
    asked = time.monotonic()
    manager.cancel(id)
    assert ended(manager, id).state == "cancelled"
    assert time.monotonic() - asked < 2
    assert (tmp_path / "jobs" / id / "kept").exists()


def test_a_waiting_job_is_cancelled_at_once_and_never_runs(manager: Jobs, tmp_path: Path) -> None:
    first = manager.submit("until_told", {"n": 1}, title="First")
    second = manager.submit("until_told", {"n": 2}, title="Second")
    began(manager, first, tmp_path)
    assert manager.status(second).state == "queued" and manager.status(second).seconds == 0
    manager.cancel(second)
    assert manager.status(second).state == "cancelled"
    manager.cancel(first)
    ended(manager, first)
    assert not (tmp_path / "jobs" / second / "began").exists()


def test_a_step_may_ask_whether_to_stop(manager: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def one_long_step(spec: dict[str, Any], context: JobContext) -> Steps:
        yield Progress("Thinking", 0, 1)
        while not context.should_stop():
            asked.set()
            time.sleep(0.005)
        yield Progress("Thinking", 1, 1)
        raise AssertionError("a job that was told to stop got another step")

    monkeypatch.setitem(JOB_KINDS, "long", one_long_step)
    id = manager.submit("long", {}, title="Long")
    assert asked.wait(10)
    manager.cancel(id)
    assert ended(manager, id).state == "cancelled"


def test_jobs_run_one_by_one_in_the_order_they_came(manager: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[tuple[int, str]] = []

    def note(spec: dict[str, Any], context: JobContext) -> Steps:
        order.append((spec["n"], threading.current_thread().name))
        yield Progress("Noting", 0, 1)
        order.append((spec["n"], threading.current_thread().name))
        return {}

    monkeypatch.setitem(JOB_KINDS, "note", note)
    ids = [manager.submit("note", {"n": n}, title=str(n)) for n in range(6)]
    for id in ids:
        assert ended(manager, id).state == "done"
    assert order == [(n // 2, "errorscope-job-work") for n in range(12)]
    assert [job.id for job in manager.list()] == ids[::-1]
    assert [job.id for job in manager.list(limit=2)] == ids[:-3:-1]


def test_the_same_work_is_not_queued_twice(manager: Jobs, tmp_path: Path) -> None:
    id = manager.submit("until_told", {"a": 1, "b": 2}, title="Once")
    assert manager.submit("until_told", {"b": 2, "a": 1}, title="Again") == id
    began(manager, id, tmp_path)
    assert manager.submit("until_told", {"a": 1, "b": 2}, title="And again") == id
    assert manager.submit("until_told", {"a": 1, "b": 3}, title="Other") != id
    assert len(manager.list()) == 2
    (tmp_path / "jobs" / id / "go").touch()
    assert ended(manager, id).state == "done"
    assert manager.submit("until_told", {"a": 1, "b": 2}, title="Anew") != id


def test_an_explained_failure_keeps_its_words(manager: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(spec: dict[str, Any], context: JobContext) -> Steps:
        yield Progress("Trying", 0, 1)
        raise PredictionsError("The cat is not there.", next_step="Open the door.")

    monkeypatch.setitem(JOB_KINDS, "fail", fail)
    job = ended(manager, manager.submit("fail", {}, title="Fail"))
    assert job.state == "failed"
    assert job.error == {
        "title": "The predictions cannot be used",
        "message": "The cat is not there.",
        "next_step": "Open the door.",
    }


def test_a_bug_keeps_its_traceback_and_is_logged(
    manager: Jobs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(spec: dict[str, Any], context: JobContext) -> Steps:
        yield Progress("Walking", 0, 1)
        raise KeyError("foot")

    monkeypatch.setitem(JOB_KINDS, "stumble", stumble)
    with caplog.at_level(logging.ERROR, "models.job_worker"):
        id = manager.submit("stumble", {}, title="Stumble")
        job = ended(manager, id)
        wait_for(lambda: manager.logs(id)[-1]["event"] == "failed")
    assert job.error is not None and job.error["title"] == "An unexpected error"
    assert "KeyError: 'foot'" in job.error["message"] and "events.jsonl" in job.error["next_step"]
    assert "in stumble" in manager.logs(id)[-1]["traceback"]
    assert "KeyError" in caplog.text and "in stumble" in caplog.text


@pytest.mark.parametrize("result", [{"path": Path("x")}, {"nan": {1, 2}}])
def test_a_result_that_is_no_plain_data_is_a_bug(
    manager: Jobs, monkeypatch: pytest.MonkeyPatch, result: dict[str, Any]
) -> None:
    def give(spec: dict[str, Any], context: JobContext) -> Steps:
        yield Progress("Giving", 0, 1)
        return result

    monkeypatch.setitem(JOB_KINDS, "give", give)
    job = ended(manager, manager.submit("give", {}, title="Give"))
    assert job.state == "failed" and job.error is not None and "TypeError" in job.error["message"]


def test_the_worker_outlives_what_jobs_do_to_it(manager: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(spec: dict[str, Any], context: JobContext) -> Steps:
        yield Progress("Leaving", 0, 1)
        sys.exit(3)

    monkeypatch.setitem(JOB_KINDS, "leave", leave)
    assert ended(manager, manager.submit("leave", {}, title="Leave")).state == "failed"
    assert ended(manager, manager.submit("count", {"n": 2}, title="Count")).state == "done"


def test_resuming_runs_the_same_job_in_the_same_folder(manager: Jobs, tmp_path: Path) -> None:
    id = manager.submit("until_told", {}, title="Wait")
    began(manager, id, tmp_path)
    manager.cancel(id)
    assert ended(manager, id).can_resume
    (tmp_path / "jobs" / id / "go").touch()
    assert manager.resume(id) == id
    job = ended(manager, id)
    assert job.state == "done" and job.error is None
    wait_for(lambda: manager.logs(id)[-1]["event"] == "done")
    names = [event["event"] for event in manager.logs(id) if event["event"] != "progress"]
    assert names == ["queued", "started", "stop", "cancelled", "queued", "started", "done"]
    with pytest.raises(JobError, match="has finished"):
        manager.resume(id)


def test_resuming_beside_the_same_work_gives_that(manager: Jobs, tmp_path: Path) -> None:
    first = manager.submit("until_told", {}, title="Wait")
    manager.cancel(first)
    ended(manager, first)
    second = manager.submit("until_told", {}, title="Wait")
    assert second != first
    assert manager.resume(first) == second
    manager.cancel(second)
    ended(manager, second)


def test_a_job_that_ended_can_be_deleted_and_no_other(manager: Jobs, tmp_path: Path) -> None:
    id = manager.submit("until_told", {}, title="Wait")
    began(manager, id, tmp_path)
    with pytest.raises(JobError, match="still going on"):
        manager.delete(id)
    manager.cancel(id)
    ended(manager, id)
    manager.delete(id)
    assert manager.list() == [] and not (tmp_path / "jobs" / id).exists()
    for call in (manager.status, manager.cancel, manager.logs, manager.resume, manager.delete):
        with pytest.raises(JobError, match="There is no job"):
            call(id)


def test_the_newest_job_of_a_spec_is_found_among_hundreds(manager: Jobs) -> None:
    assert manager.newest_of("count", {"n": 1, "as": "first"}) is None
    first = manager.submit("count", {"n": 1, "as": "first"}, title="First")
    ended(manager, first)
    for number in range(60):
        manager.submit("count", {"n": 0, "as": number}, title="Another")
    again = manager.newest_of("count", {"as": "first", "n": 1})
    assert again is not None and (again.id, again.state) == (first, "done")
    anew = manager.submit("count", {"n": 1, "as": "first"}, title="Anew")
    newest = manager.newest_of("count", {"n": 1, "as": "first"})
    assert newest is not None and newest.id == anew != first
    assert manager.newest_of("until_told", {"n": 1, "as": "first"}) is None
    with pytest.raises(JobError, match='no kind of job called "fly"'):
        manager.newest_of("fly", {})


def test_jobs_of_some_kinds_are_listed_whatever_came_after(manager: Jobs) -> None:
    waiting = manager.submit("until_told", {}, title="Wait")
    for number in range(3):
        manager.submit("count", {"n": 0, "as": number}, title="Count")
    assert [job.id for job in manager.list(limit=1, kinds=("until_told",))] == [waiting]
    assert len(manager.list(kinds=("count", "until_told"))) == 4 and manager.list(kinds=()) == []


def test_a_job_ends_only_when_the_last_watcher_leaves(manager: Jobs, tmp_path: Path) -> None:
    id = manager.submit("until_told", {}, title="Ours", watcher="one tab")
    began(manager, id, tmp_path)
    assert manager.submit("until_told", {}, title="Ours", watcher="another tab") == id
    manager.leave(id, "one tab")
    manager.leave(id, "one tab")
    assert manager.status(id).state == "running"
    manager.watch(id, "a third tab")
    manager.leave(id, "another tab")
    assert manager.status(id).state == "running"
    manager.leave(id, "a third tab")
    assert ended(manager, id).state == "cancelled"
    own = manager.submit("until_told", {"n": 2}, title="Ours", watcher="one tab")
    manager.watch(own, "another tab")
    manager.cancel(own)  # somebody clicked
    assert ended(manager, own).state == "cancelled"


def test_ended_jobs_of_some_kinds_are_forgotten_with_their_folders(manager: Jobs, tmp_path: Path) -> None:
    done = manager.submit("count", {"n": 0}, title="Done")
    other = manager.submit("count", {"n": 1}, title="Done")
    ended(manager, done), ended(manager, other)
    stopped = manager.submit("until_told", {}, title="Stopped")
    began(manager, stopped, tmp_path)
    active = manager.submit("until_told", {"n": 2}, title="Active")
    manager.cancel(stopped)
    ended(manager, stopped)
    began(manager, active, tmp_path)
    wait_for(lambda: time.time() > (manager.status(stopped).ended or 0.0))
    manager.forget_ended(("count", "until_told"), done=3600.0, stopped=3600.0)
    assert len(manager.list()) == 4
    manager.forget_ended(("count",), done=0.0, stopped=3600.0)
    assert {job.id for job in manager.list()} == {stopped, active}
    assert not (tmp_path / "jobs" / done).exists() and (tmp_path / "jobs" / stopped).exists()
    manager.forget_ended(("until_told",), done=3600.0, stopped=0.0)
    assert [job.id for job in manager.list()] == [active]
    assert (tmp_path / "jobs" / active).exists() and not (tmp_path / "jobs" / stopped).exists()


def test_an_unknown_kind_and_a_spec_that_is_no_data_are_refused(manager: Jobs) -> None:
    with pytest.raises(JobError, match='no kind of job called "fly"') as caught:
        manager.submit("fly", {}, title="Fly")
    assert "evaluate" in caught.value.next_step
    with pytest.raises(JobError, match="plain data"):
        manager.submit("count", {"n": {1}}, title="Count")
    assert manager.list() == []


def test_logs_come_from_a_number_on_and_survive_half_a_line(manager: Jobs, tmp_path: Path) -> None:
    id = manager.submit("count", {"n": 1}, title="Count")
    ended(manager, id)
    wait_for(lambda: manager.logs(id)[-1]["event"] == "done")
    with (tmp_path / "jobs" / id / "events.jsonl").open("a") as file:
        file.write('{"time": 1, "eve')
    assert [event["event"] for event in manager.logs(id, since=2)] == ["progress", "done"]


def test_what_a_job_says_is_in_its_diary(manager: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def speak(spec: dict[str, Any], context: JobContext) -> Steps:
        context.log("Grüße")
        context.report(Progress("Speaking", 3, 9, "words", "between steps"))
        yield Progress("Speaking", 4, 9, "words")
        return {}

    monkeypatch.setitem(JOB_KINDS, "speak", speak)
    id = manager.submit("speak", {}, title="Speak")
    assert ended(manager, id).done == 4
    messages = [event["message"] for event in manager.logs(id) if "message" in event]
    assert messages == ["Grüße", "between steps"]


def test_two_managers_share_a_workspace(manager: Jobs, tmp_path: Path) -> None:
    other = Jobs(Store(tmp_path))
    try:
        id = manager.submit("until_told", {}, title="Wait")
        began(manager, id, tmp_path)
        assert other.status(id).state == "running"  # it belongs to a server that lives
        assert other.submit("until_told", {}, title="Wait") == id
        other.cancel(id)
        assert ended(manager, id).state == "cancelled"
        assert ended(other, other.submit("count", {"n": 3}, title="Count")).result == {"sum": 3}
        assert {job.title for job in manager.list()} == {"Wait", "Count"}
    finally:
        other.close()


def test_closing_interrupts_what_runs_and_what_waits(manager: Jobs, tmp_path: Path) -> None:
    running = manager.submit("until_told", {"n": 1}, title="Running")
    waiting = manager.submit("until_told", {"n": 2}, title="Waiting")
    began(manager, running, tmp_path)
    manager.close()
    assert [manager.status(id).state for id in (running, waiting)] == ["interrupted"] * 2
    assert (tmp_path / "jobs" / running / "kept").exists()
    with pytest.raises(JobError, match="shut down"):
        manager.submit("count", {"n": 1}, title="Count")
    successor = Jobs(Store(tmp_path))
    (tmp_path / "jobs" / running / "go").touch()
    assert successor.resume(running) == running
    assert ended(successor, running).state == "done"
    successor.close()


def test_many_threads_may_submit_and_cancel(manager: Jobs) -> None:
    def click(person: int) -> None:
        for n in range(6):
            id = manager.submit("count", {"n": 3, "who": person, "which": n}, title="Count")
            if n % 2:
                manager.cancel(id)
            manager.list()

    with ThreadPoolExecutor(4) as people:
        list(people.map(click, range(4)))
    everything = manager.list()
    assert len(everything) == 24
    for job in everything:
        state = ended(manager, job.id).state
        assert state == "done" if job.spec["which"] % 2 == 0 else state in ("done", "cancelled")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
def test_work_is_nicer_than_the_screen(manager: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def niceness(spec: dict[str, Any], context: JobContext) -> Steps:
        yield Progress("Looking", 0, 1)
        return {"nice": os.getpriority(os.PRIO_PROCESS, threading.get_native_id())}

    monkeypatch.setitem(JOB_KINDS, "niceness", niceness)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    job = ended(manager, manager.submit("niceness", {}, title="Look"))
    assert job.result == {"nice": max(10, before)}
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_there_is_one_manager_for_a_workspace_even_after_a_reload(tmp_path: Path) -> None:
    import importlib

    import models.jobs as module

    first = jobs(Store(tmp_path))
    try:
        reloaded = importlib.reload(module)
        assert reloaded.Jobs is not Jobs
        assert reloaded.jobs(Store(tmp_path)) is first
        assert reloaded.jobs(Store(tmp_path / "other")) is not first
    finally:
        first.close()
        sys.modules[PIN].__dict__["by_root"].clear()


SERVER = """
import sys, time, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from models.job_kinds import JOB_KINDS
from models.jobs import jobs
from models.progress import Progress
from models.store import Store

def busy(spec, context):
    import torch
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(2)
    matrix = torch.rand(300, 300)
    number = 0
    while True:
        number += 1
        list(pool.map(lambda each: (matrix @ matrix).sum(), range(4)))
        if number == 3:
            (context.folder / "began").touch()
        yield Progress("Working", number, 10**9)

JOB_KINDS["busy"] = busy
manager = jobs(Store(Path(sys.argv[1])))
print(manager.submit("busy", {"n": 1}, title="Busy"), flush=True)
print(manager.submit("busy", {"n": 2}, title="Next"), flush=True)
"""


def server(store: Path, ending: str) -> tuple[subprocess.Popen[str], list[str]]:
    """A process with a running and a waiting job, and the ids of these."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER + textwrap.dedent(ending), str(store)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    ids = [process.stdout.readline().strip() for _ in range(2)]
    wait_for((store / "jobs" / ids[0] / "began").exists, 60)
    return process, ids


def test_jobs_of_a_killed_server_are_interrupted(manager: Jobs, tmp_path: Path) -> None:
    process, ids = server(tmp_path, "time.sleep(60)")
    assert [manager.status(id).state for id in ids] == ["running", "queued"]
    process.kill()
    process.communicate()
    assert [manager.status(id).state for id in ids] == ["interrupted", "interrupted"]
    assert manager.logs(ids[0])[-1]["event"] == "interrupted"
    assert [path.name for path in (tmp_path / "locks").iterdir()] == []
    job = manager.status(ids[0])
    assert job.can_resume and job.ended is not None and job.started is not None
    assert job.ended >= job.started


ENDINGS = {
    "a signal handler that leaves, as Streamlit's": """
        import signal
        def leave(number, frame): raise SystemExit(0)
        signal.signal(signal.SIGTERM, leave)
        time.sleep(60)
    """,
    "no handler": "time.sleep(60)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_server_that_is_told_to_end_does_so_cleanly(manager: Jobs, tmp_path: Path, ending: str) -> None:
    process, ids = server(tmp_path, ENDINGS[ending])
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGTERM, 143), errors
    assert errors == ""
    assert [manager.status(id).state for id in ids] == ["interrupted", "interrupted"]


def test_a_process_that_ends_by_itself_ends_cleanly(manager: Jobs, tmp_path: Path) -> None:
    process, ids = server(tmp_path, "while not (Path(sys.argv[1]) / 'end').exists(): time.sleep(.01)")
    (tmp_path / "end").touch()
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert [manager.status(id).state for id in ids] == ["interrupted", "interrupted"]
