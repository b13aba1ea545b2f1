"""Training in two processes by torchrun: the same losses as in one, whatever dies on the way."""

import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from models.finetune.engines import ENGINES
from models.finetune.spec import FinetuneSpec
from models.finetune.version_record import Version
from models.finetune.versions import version, versions
from models.job_context import STOP_FILE, JobContext
from models.job_kinds import JOB_KINDS
from models.jobs import Jobs
from models.progress import Progress
from models.store import Store
from tests.models.finetune.planted_images import done, events, kept_weights, planted, planted_spec, waited

PROCESSES = 2
EPOCHS = 40
TOLERANCE = 1e-4
"""Relative, of losses: sums are taken in another order, which grows over some hundred steps; 1e-6 is found."""
SECONDS_TO_DIE = 20.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture
def manager(store: Store) -> Iterator[Jobs]:
    made = Jobs(store)
    yield made
    made.close()


def together(spec: FinetuneSpec) -> dict[str, Any]:
    return {"finetune": spec.to_json(), "processes": PROCESSES}


def running(store: Store, module: str) -> list[int]:
    """Ids of the processes that run a module for a workspace."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:  # it has just ended
            continue
        started = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
        if started == module and str(store.root) in words:
            found.append(int(folder.name))
    return found


def workers(store: Store) -> list[int]:
    return running(store, "models.finetune.worker")


def agents(store: Store) -> list[int]:
    return running(store, "models.finetune.agent")


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def until_epoch(manager: Jobs, store: Store, id: str, more: int = 3) -> None:
    """Wait until some more epochs have been trained."""
    former = len(events(store, id, "epoch"))
    until(lambda: len(events(store, id, "epoch")) >= former + more or not manager.status(id).is_active)
    assert manager.status(id).state == "running", manager.status(id).error


def test_stopped_and_killed_it_comes_to_the_losses_of_one_process(
    images: Path, store: Store, manager: Jobs
) -> None:
    spec = planted_spec(images, epochs=EPOCHS, batch_size=4, learning_rate=0.001)
    id = manager.submit("finetune_together", together(spec), title="Together")
    until_epoch(manager, store, id)
    assert len(workers(store)) == PROCESSES

    manager.cancel(id)
    asked = time.monotonic()
    assert waited(manager, id).state == "cancelled"
    assert time.monotonic() - asked < SECONDS_TO_DIE
    assert not workers(store) and not agents(store) and not versions(store)

    manager.resume(id)
    until_epoch(manager, store, id)
    former = workers(store)
    os.kill(former[-1], signal.SIGKILL)
    until(lambda: len(workers(store)) == PROCESSES and not set(former) & set(workers(store)))  # begun again
    job = waited(manager, id)
    assert job.state == "done" and job.result is not None, job.error
    assert not workers(store) and not agents(store)

    made = version(store, job.result["version"])
    check_same(made, done(Store(store.root.with_name("alone")), spec))


def check_same(made: Version, expected: Version) -> None:
    assert len(made.history) == len(expected.history) == EPOCHS
    for row, other in zip(made.history, expected.history, strict=True):
        assert (row["phase"], row["epoch"]) == (other["phase"], other["epoch"])
        for name in ("train_loss", "validation_loss", "learning_rate"):
            assert row[name] == pytest.approx(other[name], rel=TOLERANCE), row["epoch"]
    for name, value in kept_weights(expected).items():
        assert torch.allclose(kept_weights(made)[name], value, rtol=TOLERANCE, atol=1e-5), name


def test_what_the_processes_cannot_train_has_its_own_sentence(
    images: Path, store: Store, manager: Jobs
) -> None:
    """Weights that are multiplied by -99 at each step."""
    spec = planted_spec(images, epochs=50, learning_rate=10.0, weight_decay=10.0, schedule="constant")
    id = manager.submit("finetune_together", together(spec), title="Too fast")
    job = waited(manager, id)
    assert job.state == "failed" and job.error is not None
    assert "is not a number" in job.error["message"] and "learning rate" in job.error["next_step"]
    assert job.error["title"] != "An unexpected error"
    assert not workers(store) and not agents(store) and not versions(store)
    assert not (store.root / "jobs" / id / STOP_FILE).exists()


def test_without_their_agent_none_goes_on(images: Path, store: Store, manager: Jobs) -> None:
    id = manager.submit("finetune_together", together(planted_spec(images)), title="Orphaned")
    until(lambda: len(workers(store)) == PROCESSES)
    time.sleep(0.3)  # what they do first is to tie themselves to it
    (agent,) = agents(store)
    os.kill(agent, signal.SIGKILL)
    until(lambda: not workers(store), SECONDS_TO_DIE)
    job = waited(manager, id)
    assert job.state == "failed" and job.error is not None
    assert "ended by somebody else" in job.error["message"] and job.can_resume
    assert not (store.root / "jobs" / id / STOP_FILE).exists()


def test_cancelled_before_they_have_begun_they_end_at_once(images: Path, store: Store, manager: Jobs) -> None:
    id = manager.submit("finetune_together", together(planted_spec(images)), title="Changed my mind")
    until(lambda: agents(store))
    manager.cancel(id)
    assert waited(manager, id).state == "cancelled"
    assert not workers(store) and not agents(store)


def test_the_engine_runs_it_as_a_job(images: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(planted_spec(images), name="By the command line")
    seen: list[dict[str, Any]] = []

    def fake(plain: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
        seen.append(plain)
        yield Progress("Training", 0, 1)
        return {"version": "none"}

    monkeypatch.setitem(JOB_KINDS, "finetune_together", fake)
    result = ENGINES["torchrun"](spec, store, lambda _: None, 3)
    assert result == {"version": "none"}
    assert seen == [{"finetune": spec.to_json(), "processes": 3}]
