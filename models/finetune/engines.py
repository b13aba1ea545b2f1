"""Who runs a training from the command line. Needs no torch until it trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from models.errors import ErrorscopeError, JobError, VersionError
from models.finetune.spec import FinetuneSpec
from models.finetune.versions import version
from models.job_record import JobStatus
from models.jobs import Jobs, jobs
from models.progress import Progress
from models.store import Store

KIND, KIND_TOGETHER = "finetune", "finetune_together"
SECONDS_BETWEEN_LOOKS = 0.1
BUG_TITLE = "An unexpected error"
"""As `models.job_worker.failure_of` calls what is no ``ErrorscopeError``."""


class Failed(Exception):
    """A training ended with a fault of Errorscope's own."""


class Engine(Protocol):
    """Runs a training to its end."""

    def __call__(
        self, spec: FinetuneSpec, store: Store, on_progress: Callable[[Progress], None], processes: int
    ) -> dict[str, Any]:
        """Train, or take up again what was stopped.

        Args:
            spec: what to train.
            store: the workspace.
            on_progress: told where it stands.
            processes: how many train together.

        Returns:
            What the job returned: ``version``, ``accuracy_before``, ``accuracy_after`` and more.

        Raises:
            ErrorscopeError: it cannot be trained, in words.
            Failed: a bug.
            KeyboardInterrupt: a person stopped it; all that was learnt is on the disk.
        """
        ...


def in_a_thread(
    spec: FinetuneSpec, store: Store, on_progress: Callable[[Progress], None], processes: int = 1
) -> dict[str, Any]:
    """The engine of the app: a job in a thread of this process, on the list of jobs as any other."""
    if processes != 1:
        raise JobError("The engine thread trains in one process.", next_step="Choose --engine torchrun.")
    return _run(KIND, spec.to_json(), spec.name, store, on_progress)


def by_torchrun(
    spec: FinetuneSpec, store: Store, on_progress: Callable[[Progress], None], processes: int = 1
) -> dict[str, Any]:
    """Several processes of this machine, started again when one dies: a job too, which ends with this process."""
    plain = {"finetune": spec.to_json(), "processes": processes}
    return _run(KIND_TOGETHER, plain, spec.name, store, on_progress)


def _run(
    kind: str, plain: dict[str, Any], name: str, store: Store, on_progress: Callable[[Progress], None]
) -> dict[str, Any]:
    """Run a job to its end; one that was stopped goes on, and of one that has ended the result is there already."""
    manager = jobs(store)
    try:
        former = manager.newest_of(kind, plain)
        if former is not None and _is_made(former, store):
            return dict(former.result or {})
        if former is not None and former.can_resume:
            id = manager.resume(former.id)
        else:
            id = manager.submit(kind, plain, title=name or "Fine-tuning")
        return _followed(manager, id, on_progress)
    finally:
        manager.close()


def _is_made(job: JobStatus, store: Store) -> bool:
    """Whether a job has ended well and its version is still there."""
    if job.state != "done" or job.result is None:
        return False
    try:
        version(store, job.result["version"])
    except VersionError:
        return False
    return True


def _followed(manager: Jobs, id: str, on_progress: Callable[[Progress], None]) -> dict[str, Any]:
    try:
        job = manager.status(id)
        while job.is_active:
            on_progress(Progress(job.phase or "Starting", job.done, job.total, job.unit, job.message))
            time.sleep(SECONDS_BETWEEN_LOOKS)
            job = manager.status(id)
    except KeyboardInterrupt:
        manager.cancel(id)
        _wait_for_end(manager, id)
        raise
    if job.state == "done" and job.result is not None:
        return job.result
    if job.state == "failed" and job.error is not None:
        if job.error["title"] == BUG_TITLE:
            raise Failed(f"{job.error['message']} {job.error['next_step']}")
        raise ErrorscopeError(
            job.error["message"], next_step=job.error["next_step"], title=job.error["title"]
        )
    raise KeyboardInterrupt  # somebody stopped it elsewhere


def _wait_for_end(manager: Jobs, id: str) -> None:
    while manager.status(id).is_active:
        time.sleep(SECONDS_BETWEEN_LOOKS)


ENGINES: Mapping[str, Engine] = {"thread": in_a_thread, "torchrun": by_torchrun}
"""By the name of ``--engine``."""
