"""Long work behind the screen: submit, status, cancel, logs. Needs no torch.

A job is a folder, ``jobs/<id>/`` in the workspace: ``spec.json`` says what to do, ``events.jsonl`` what
happened, a file ``STOP`` asks it to end. The workspace's database holds the list of jobs and where they
stand. One thread runs them one by one; other engines can keep the same contract.
"""

from __future__ import annotations

import importlib
import json
import os
import secrets
import shutil
import sys
import threading
import time
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.errors import JobError, WorkspaceError
from models.file_lock import FileLock
from models.job_context import STOP_FILE
from models.job_database import JobDatabase
from models.job_events import events, write_event
from models.job_record import JobState, JobStatus
from models.job_worker import JobWorker
from models.store import Store, write_json

__all__ = ["JobState", "JobStatus", "Jobs", "jobs"]

Statuses = list[JobStatus]
Events = list[dict[str, Any]]

PIN = "errorscope.jobs_singleton"


class Jobs:
    """The jobs of a workspace. Any thread may call; the work runs in one thread of its own.

    Several servers may use one workspace: each runs what was submitted to it, and all see and can stop
    all. Jobs whose server has died become "interrupted" as soon as anybody looks.

    Args:
        store: the workspace.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = JobDatabase(store)
        self._owner = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._worker: JobWorker | None = None
        self._life: FileLock | None = None
        self.is_closed = False

    def submit(self, kind: str, spec: dict[str, Any], *, title: str) -> str:
        """Queue a job.

        Args:
            kind: a key of ``models.job_kinds.JOB_KINDS``.
            spec: plain data that says what to do.
            title: what a person calls it.

        Returns:
            Its id; the id of the job that waits or runs already with the very same spec, if there is one.

        Raises:
            JobError: there is no such kind, or the server is ending.
            WorkspaceError: the workspace cannot be written.
        """
        text = _checked(kind, spec)
        worker = self._running_worker()
        self._note_the_dead()
        twin = self._database.active_twin(kind, text)
        if twin is not None:
            return twin
        id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        folder = self._store.folder("jobs", id)
        write_json(folder / "spec.json", {"kind": kind, "title": title, "spec": spec})
        write_event(folder, "queued", kind=kind, title=title)
        kept = self._database.add(id, kind, text, title, self._owner)
        if kept != id:  # somebody else submitted the same in this moment
            shutil.rmtree(folder, ignore_errors=True)
        worker.wake()
        return kept

    def status(self, id: str) -> JobStatus:
        """Where a job stands.

        Raises:
            JobError: there is no such job.
        """
        self._note_the_dead()
        return self._known(id)

    def list(self, limit: int = 50) -> Statuses:
        """The last jobs, the last submitted first.

        Args:
            limit: how many at most.
        """
        self._note_the_dead()
        return self._database.newest(limit)

    def logs(self, id: str, since: int = 0) -> Events:
        """A job's diary from event number ``since`` on: plain data, each with ``time`` and ``event``.

        Raises:
            JobError: there is no such job.
        """
        return events(self._folder(self._known(id)), since)

    def cancel(self, id: str) -> None:
        """Ask a job to end: a waiting one at once, a running one after its present step.

        A job that has ended already stays as it is.

        Raises:
            JobError: there is no such job.
            WorkspaceError: the workspace cannot be written.
        """
        job = self._known(id)
        if not job.is_active:
            return
        self._database.cancel(id)
        try:
            (self._folder(job) / STOP_FILE).touch()
            write_event(self._folder(job), "stop")
        except OSError as error:
            raise WorkspaceError(
                f"The job cannot be told to stop ({error.strerror or error}).",
                next_step="Free some space, or end the server.",
            ) from error

    def resume(self, id: str) -> str:
        """Queue a job again that failed, was cancelled or interrupted; it goes on from where it stood.

        Returns:
            ``id``, or the id of the job that does the same already.

        Raises:
            JobError: there is no such job, or it has finished.
        """
        job = self.status(id)
        if job.state in ("queued", "running"):
            return id
        if not job.can_resume:
            what = "is just being stopped" if job.is_active else "has finished"
            raise JobError(
                f'The job "{job.title}" {what}, so there is nothing to resume.',
                next_step="Wait a moment and try again."
                if job.is_active
                else "Start it anew if you want to.",
            )
        _checked(job.kind, job.spec)
        worker = self._running_worker()
        folder = self._folder(job)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / STOP_FILE).unlink(missing_ok=True)
        kept = self._database.requeue(id, self._owner)
        if kept == id:
            write_event(folder, "queued", resumed=True)
        worker.wake()
        return kept

    def delete(self, id: str) -> None:
        """Forget a job that has ended, with its folder; what it made in the workspace stays.

        Raises:
            JobError: there is no such job, or it has not ended.
        """
        job = self.status(id)
        if not self._database.delete(id):
            raise JobError(f'The job "{job.title}" is still going on.', next_step="Stop it first.")
        shutil.rmtree(self._folder(job), ignore_errors=True)

    def close(self) -> None:
        """Interrupt the running job after its present step, and run no more."""
        with self._lock:
            self.is_closed = True
            worker, life = self._worker, self._life
        if worker is not None:
            worker.close()
        if life is not None:
            self._interrupt(self._owner)
            life.release()

    def _running_worker(self) -> JobWorker:
        """The worker, started with the first job."""
        with self._lock:
            if self.is_closed:
                raise JobError("Errorscope is being shut down.", next_step="Start it again.")
            if self._worker is None:
                # Held as long as this process lives: that is how others know.
                self._life = FileLock(self._life_file(self._owner))
                self._life.acquire()
                self._worker = JobWorker(self._database, self._owner)
                self._worker.start()
            return self._worker

    def _note_the_dead(self) -> None:
        """Mark the jobs of servers that ended without saying so."""
        for owner in self._database.owners():
            if owner != self._owner:
                with FileLock(self._life_file(owner)) as life:
                    if life.acquire():
                        self._interrupt(owner)

    def _interrupt(self, owner: str) -> None:
        for id in self._database.interrupt(owner):
            with suppress(WorkspaceError):  # the list of jobs says so too
                write_event(self._store.folder("jobs", id), "interrupted", why="The server ended.")

    def _life_file(self, owner: str) -> Path:
        return self._store.folder("locks") / f"jobs-{owner}.lock"

    def _known(self, id: str) -> JobStatus:
        job = self._database.status(id)
        if job is None:
            raise JobError(
                f'There is no job "{id}" in {self._store.root}.', next_step="Look at the list of jobs."
            )
        return job

    def _folder(self, job: JobStatus) -> Path:
        return self._store.root / "jobs" / job.id


def jobs(store: Store) -> Jobs:
    """The one ``Jobs`` of a workspace in this process.

    It survives Streamlit's hot reload, which replaces this module: a second manager would start a second
    thread and know nothing of the first one's jobs.
    """
    pin: Any = sys.modules.setdefault(PIN, types.ModuleType(PIN))
    lock: threading.Lock = pin.__dict__.setdefault("lock", threading.Lock())
    with lock:
        by_root: dict[str, Jobs] = pin.__dict__.setdefault("by_root", {})
        root = os.path.realpath(store.root)
        if root not in by_root or by_root[root].is_closed:
            by_root[root] = Jobs(store)
        return by_root[root]


def _checked(kind: str, spec: dict[str, Any]) -> str:
    """The spec as text that is the same for the same spec, once it is sure that the kind exists."""
    kinds = importlib.import_module("models.job_kinds").JOB_KINDS
    if kind not in kinds:
        raise JobError(
            f'There is no kind of job called "{kind}".',
            next_step=f"The kinds are: {', '.join(sorted(kinds))}.",
        )
    try:
        return json.dumps(spec, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise JobError(f"The spec of a job must be plain data ({error}).") from error
