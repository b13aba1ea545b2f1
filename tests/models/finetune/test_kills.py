"""A server that is killed at any moment of a fine-tuning: nothing is damaged, and what comes of it is the same."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from models.checkpoint import load_checkpoint
from models.finetune.spec import FinetuneSpec
from models.finetune.version_record import Version
from models.finetune.versions import unreadable_versions, versions
from models.job_list import JobList
from models.store import Store
from tests.conftest import ROOT
from tests.models.finetune.planted_images import kept_weights, planted, planted_spec
from tests.models.finetune.training_samples import same, without_times

KILLS = 20
STRIDE = 7
KINDS = ("files", "seconds", "steps")
REMAINING = 0.5
"""Of a whole run, about, where one goes on after it was killed: it finds features and evaluations."""
Child = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """Runs the job of a workspace in a process of its own; see ``killed_jobs.py``."""
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.models.finetune.killed_jobs"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert parent.stdin is not None and parent.stdout is not None

    def run(store: Store, spec: FinetuneSpec, **when: float) -> dict[str, Any]:
        assert parent.stdin is not None and parent.stdout is not None
        parent.stdin.write(json.dumps({"root": str(store.root), "spec": spec.to_json(), **when}) + "\n")
        parent.stdin.flush()
        answer: dict[str, Any] = json.loads(parent.stdout.readline())
        return answer

    yield run
    parent.stdin.close()
    parent.wait(30)
    parent.stdout.close()


def test_killed_at_twenty_moments_it_comes_to_the_same_version(child: Child, tmp_path: Path) -> None:
    spec = planted_spec(planted(tmp_path), epochs=16, batch_size=4, new_head=True, head_epochs=4)
    for name in ("first", "second"):  # the first one still warms up
        unbroken = Store(tmp_path / name)
        whole = child(unbroken, spec)
        assert whole["state"] == "done" and whole["files"] > 100 and whole["steps"] == 20 * 6
    (expected,) = versions(unbroken)

    draws, kills, phases = random.Random(7), 0, list[str]()
    for number in range(3 * KILLS):
        store, share = Store(tmp_path / f"workspace_{number}"), 1.0
        while True:  # until its job is done
            # another kind of moment after a run that outlived its own: seconds were counted on a busier machine
            where = share * ((kills * STRIDE + draws.random()) % KILLS) / KILLS  # over all of a run, evenly
            ended = child(
                store, spec, **(moment(whole, where, KINDS[(kills + number) % 3]) if kills < KILLS else {})
            )
            check_files(store)
            if not ended["signal"]:
                break
            kills, share = kills + 1, REMAINING
            phases.append(interrupted_in(store))
        assert ended["state"] == "done"
        check_result(store, expected)
        if kills == KILLS:
            break
    assert kills == KILLS
    assert sum(phase.startswith("Training") for phase in phases) >= 3, phases
    assert len(set(phases)) >= 4, phases


def moment(whole: dict[str, Any], where: float, kind: str) -> dict[str, float]:
    """When to die, after a share of a whole run."""
    return {kind: where * whole[kind] if kind == "seconds" else 1 + int(where * whole[kind])}


def interrupted_in(store: Store) -> str:
    """In which phase the job of a workspace was killed; the list must say that it was."""
    jobs = JobList(store).list() if store.database.exists() else []
    if not jobs:  # before there was one
        return ""
    (job,) = jobs
    if job.state == "done":  # after its last word
        return "done"
    assert job.state == "interrupted" and job.can_resume
    return job.phase


def check_files(store: Store) -> None:
    """All files that anybody would read can be read."""
    assert unreadable_versions(store) == []
    for made in versions(store):
        load_checkpoint(made.checkpoint)
        assert made.history and made.metrics
    for path in visible(store.root):
        if path.suffix in (".pt", ".pth"):
            torch.load(path, weights_only=True)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".npy":
            np.load(path, mmap_mode="r")
        elif path.suffix == ".parquet":
            pd.read_parquet(path)


def visible(root: Path) -> Iterator[Path]:
    """Files under names that are read: what is just being written has another, which begins with a full stop."""
    for path in root.rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts):
            yield path


def check_result(store: Store, expected: Version) -> None:
    (made,) = versions(store)
    assert same(kept_weights(made), kept_weights(expected))
    assert without_times(made.history) == without_times(expected.history)
    for name in ("select", "report", "test", "before", "best_epoch"):
        assert made.metrics[name] == expected.metrics[name]
    assert made.evaluation
    (job,) = JobList(store).list()
    assert job.state == "done" and job.result is not None and job.result["version"] == made.id
