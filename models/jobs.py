"""Long work behind the screen: submit, status, cancel, logs. Needs no torch.

A job is a folder, ``jobs/<id>/`` in the workspace: ``spec.json`` says what to do, ``events.jsonl`` what
happened, a file ``STOP`` asks it to end. The workspace's database holds the list of jobs and where they
stand. One thread per lane (`models.job_kinds`) runs them one by one; other engines can keep the same
contract.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import threading
import time
import types
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from models.errors import JobError, WorkspaceError
from models.job_context import STOP_FILE
from models.job_events import write_event
from models.job_list import JobList, job_kinds
from models.job_record import JobState, JobStatus
from models.job_watchers import JobWatchers
from models.job_worker import JobWorker
from models.store import Store, write_json

__all__ = ["JobState", "JobStatus", "Jobs", "jobs"]

PIN = "errorscope.jobs_singleton"
LEFT = "Nobody looks at it any more."


class Jobs(JobList):
    """The jobs of a workspace. Any thread may call; the work runs in threads of its own, one per lane.

    Several servers may use one workspace: each runs what was submitted to it, and all see and can stop
    all. What somebody has watched ends by itself once nobody does any more.

    Args:
        store: the workspace.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._lock = threading.Lock()
        # One at a time: nobody may begin to wait for a job that the last one is just leaving.
        self._coming_and_going = threading.Lock()
        self._watchers = JobWatchers()
        self._workers: dict[str, JobWorker] = {}
        self.is_closed = False

    def submit(self, kind: str, spec: dict[str, Any], *, title: str, watcher: str | None = None) -> str:
        """Queue a job.

        Args:
            kind: a key of ``models.job_kinds.JOB_KINDS``.
            spec: plain data that says what to do.
            title: what a person calls it.
            watcher: who will ``watch`` it and ``leave`` it, if somebody does.

        Returns:
            Its id; the id of the job that waits or runs already with the very same spec, if there is one.

        Raises:
            JobError: there is no such kind, or the server is ending.
            WorkspaceError: the workspace cannot be written.
        """
        text = job_kinds().spec_text(kind, spec)
        worker = self._running_worker(kind)
        self._owner.note_the_dead()
        with self._coming_and_going:
            id = self._submitted(kind, spec, text, title)
            if watcher is not None:
                self._watchers.look(id, watcher)
        worker.wake()
        return id

    def _submitted(self, kind: str, spec: dict[str, Any], text: str, title: str) -> str:
        twin = self._database.active_twin(kind, text)
        if twin is not None:
            return twin
        id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        folder = self._store.folder("jobs", id)
        write_json(folder / "spec.json", {"kind": kind, "title": title, "spec": spec})
        write_event(folder, "queued", kind=kind, title=title)
        kept = self._database.add(id, kind, text, title, self._owner.name)
        if kept != id:  # somebody else submitted the same in this moment
            shutil.rmtree(folder, ignore_errors=True)
        return kept

    def watch(self, id: str, watcher: str) -> None:
        """Say that somebody still looks at a job; to be said again while it runs.

        Args:
            id: the job.
            watcher: who, the same name each time.
        """
        with self._coming_and_going:
            self._watchers.look(id, watcher)

    def leave(self, id: str, watcher: str) -> None:
        """Say that somebody looks at a job no more: if nobody else in this server does, it is cancelled.

        Args:
            id: the job.
            watcher: who.

        Raises:
            JobError: there is no such job.
            WorkspaceError: the workspace cannot be written.
        """
        with self._coming_and_going:
            if self._watchers.leave(id, watcher):
                self.cancel(id, why=LEFT)
                self._watchers.forget(id)

    def part(self, watcher: str) -> None:
        """Say that somebody's connection is lost: unless they are back in seconds, they leave all they watch.

        Args:
            watcher: who; not to be used again.
        """
        self._watchers.part(watcher)

    def cancel_the_left(self) -> None:
        """Cancel what somebody watched and nobody watches any more; running jobs call it every second.

        Raises:
            WorkspaceError: the workspace cannot be written.
        """
        if not self._watchers.left():
            return
        with self._coming_and_going:
            for id in self._watchers.left():  # as it is now: somebody may just have come
                with suppress(JobError):  # it was forgotten
                    self.cancel(id, why=LEFT)
                self._watchers.forget(id)

    def cancel(self, id: str, *, why: str = "Somebody stopped it.") -> None:
        """Ask a job to end: a waiting one at once, a running one after its present step.

        A job that has ended already stays as it is.

        Args:
            id: the job.
            why: for its diary.

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
            write_event(self._folder(job), "stop", why=why)
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
        job_kinds().spec_text(job.kind, job.spec)
        worker = self._running_worker(job.kind)
        folder = self._folder(job)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / STOP_FILE).unlink(missing_ok=True)
        kept = self._database.requeue(id, self._owner.name)
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

    def forget_ended(self, kinds: Sequence[str], *, done: float, stopped: float) -> None:
        """Delete jobs that ended some time ago, with their folders; what they made in the workspace stays.

        Args:
            kinds: of these kinds.
            done: forget what was done so many seconds ago.
            stopped: forget what failed or was stopped so many seconds ago.
        """
        for id in self._database.forget_ended(kinds, done, stopped):
            shutil.rmtree(self._store.root / "jobs" / id, ignore_errors=True)

    def close(self) -> None:
        """Interrupt the running jobs after their present steps, and run no more."""
        with self._lock:
            self.is_closed = True
            workers = list(self._workers.values())
        for worker in workers:
            worker.ask_to_end()
        for worker in workers:
            worker.close()
        self._owner.end()

    def _running_worker(self, kind: str) -> JobWorker:
        """The worker of the kind's lane, started with the lane's first job."""
        lane = job_kinds().lane_of(kind)
        with self._lock:
            if self.is_closed:
                raise JobError("Errorscope is being shut down.", next_step="Start it again.")
            self._owner.begin()
            if lane not in self._workers:
                self._workers[lane] = JobWorker(self._database, self._owner.name, lane, self.cancel_the_left)
                self._workers[lane].start()
            return self._workers[lane]


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
