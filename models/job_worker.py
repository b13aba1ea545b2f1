"""A thread behind the screen that runs the jobs of one lane, one after another."""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from models.errors import Cancelled
from models.job_context import JobContext, tolerated
from models.job_database import JobDatabase
from models.job_events import NAME, write_event
from models.job_kinds import DWELLING, EXPLAINING
from models.job_list import job_kinds
from models.job_record import JobState, JobStatus
from models.progress import Progress

THREAD_NAME = "errorscope-job"
NICENESS = 10
NICENESS_OF = {EXPLAINING: 0, DWELLING: 5}
"""What a person waits for at the screen goes first, the shorter the sooner; other lanes have NICENESS."""
SECONDS_TO_END = 30.0
SECONDS_TO_RETRY = 5.0

logger = logging.getLogger(__name__)


class JobWorker:
    """Runs the waiting jobs of one owner in one lane, in the order they were submitted.

    Args:
        database: the list of jobs.
        owner: whose jobs.
        lane: which of the lanes of `models.job_kinds`.
        cancel_the_left: cancels the jobs that nobody waits for any more.
    """

    def __init__(
        self, database: JobDatabase, owner: str, lane: str, cancel_the_left: Callable[[], None]
    ) -> None:
        self._database = database
        self._owner = owner
        self._lane = lane
        self._cancel_the_left = cancel_the_left
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._unwritten: dict[str, dict[str, Any]] = {}
        self._thread = threading.Thread(target=self._run, name=f"{THREAD_NAME}-{lane}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        # Python shuts thread pools before it calls atexit, so the work must hear of the end before that.
        # Where this hook is missing, work that still submits to a pool is interrupted by the refusal.
        getattr(threading, "_register_atexit", atexit.register)(self._closing.set)
        # A daemon thread that is within torch when the interpreter goes takes the process down with
        # SIGABRT, so the end of the process must wait for it.
        atexit.register(self.close)
        self._thread.start()

    def wake(self) -> None:
        """Say that a job may be waiting."""
        self._wake.set()

    def ask_to_end(self) -> None:
        """Interrupt the running job after its present step, and begin no other; do not wait for it."""
        self._closing.set()
        self._wake.set()

    def close(self) -> None:
        """`ask_to_end`, and wait until the thread has ended."""
        atexit.unregister(self.close)
        self.ask_to_end()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(SECONDS_TO_END)

    def _run(self) -> None:
        niceness = NICENESS_OF.get(self._lane, NICENESS)
        if sys.platform == "linux" and niceness:  # there a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        while not self._closing.is_set():
            self._wake.clear()
            try:
                self._write_ends()
                with tolerated("Jobs that nobody waits for could not be stopped"):
                    self._cancel_the_left()  # such a job must not be begun
                job = self._database.claim(self._owner, job_kinds().kinds_of(self._lane))
                if job is not None:
                    self._run_job(job)
            except Exception:  # the list of jobs cannot be written, say; later it may be again
                logger.exception("The list of jobs could not be read or written")
                job = None
            if job is None:
                self._wake.wait(SECONDS_TO_RETRY if self._unwritten else None)

    def _run_job(self, job: JobStatus) -> None:
        folder = self._database.store.folder("jobs", job.id)
        context = JobContext(job.id, folder, self._database, self._closing.is_set, self._cancel_the_left)
        try:
            write_event(folder, "started", pid=os.getpid())
            result = _driven(job_kinds().JOB_KINDS[job.kind](job.spec, context), context)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is kept and shown
            self._end_with(error, job, context)
        else:
            self._end(job, folder, "done", result=result)

    def _end_with(self, error: BaseException, job: JobStatus, context: JobContext) -> None:
        if context.is_cancelled() or (_is_stop(error) and not self._closing.is_set()):
            self._end(job, context.folder, "cancelled")
        elif self._closing.is_set():
            self._end(job, context.folder, "interrupted", why=f"The server ended ({error!r}).")
        else:
            if not is_explained(error):
                logger.error("The job %s (%s) failed", job.id, job.title, exc_info=error)
            trace = "".join(traceback.format_exception(error))
            self._end(job, context.folder, "failed", error=failure_of(error, context.folder), traceback=trace)

    def _end(self, job: JobStatus, folder: Path, state: JobState, **details: Any) -> None:
        kept: dict[str, Any] = {name: details[name] for name in ("result", "error") if name in details}
        self._unwritten[job.id] = {"state": state, **kept}
        self._write_ends()
        write_event(folder, state, **details)

    def _write_ends(self) -> None:
        """Write how jobs ended; what cannot be written now, on a full disk say, is tried again later."""
        for id, end in list(self._unwritten.items()):
            self._database.end(id, **end)
            del self._unwritten[id]


def _driven(steps: Generator[Progress, None, dict[str, Any]], context: JobContext) -> dict[str, Any]:
    """Run work to its end, or close it at the first step after it was told to stop."""
    try:
        while not context.should_stop():
            context.report(next(steps))
    except StopIteration as end:
        result: dict[str, Any] = end.value
        json.dumps(result)  # a result that is no plain data is a fault of the work, and is found here
        return result
    finally:
        steps.close()
        context.flush()
    raise Cancelled("The job was stopped.")


def _is_stop(error: BaseException) -> bool:
    # By name: after a hot reload the classes of errors that work raises are not those of this module.
    return type(error).__name__ == Cancelled.__name__


def is_explained(error: BaseException) -> bool:
    """Whether an error was written for a person: it has the attributes of ``ErrorscopeError``."""
    return all(isinstance(getattr(error, name, None), str) for name in ("title", "message", "next_step"))


def failure_of(error: BaseException, folder: Path) -> dict[str, str]:
    """What a person is told of a failure.

    Args:
        error: what the work raised.
        folder: the job's folder, where the traceback is written.

    Returns:
        ``title``, ``message`` and ``next_step``.
    """
    if is_explained(error):
        return {name: getattr(error, name) for name in ("title", "message", "next_step")}
    last_line = traceback.format_exception_only(error)[-1].strip()
    return {
        "title": "An unexpected error",
        "message": f"This is a fault in Errorscope: {last_line}",
        "next_step": f"Please report it with the traceback in {folder / NAME}.",
    }
