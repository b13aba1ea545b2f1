"""What the work of a job may ask for and say, without knowing who runs it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.errors import WorkspaceError
from models.job_database import JobDatabase
from models.job_estimate import Estimate
from models.job_events import write_event
from models.progress import Progress
from models.store import Store

STOP_FILE = "STOP"
SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_BETWEEN_ROUNDS = 1.0
SECONDS_BETWEEN_REPORTS = 0.25
SECONDS_BETWEEN_EVENTS = 10.0

logger = logging.getLogger(__name__)


def _nobody_leaves() -> None:
    """Nobody watches, so nobody leaves."""


class JobContext:
    """One job's link to whoever watches it.

    Args:
        id: the job.
        folder: its folder; the work may keep files there.
        database: the list of jobs.
        is_closing: whether the server is about to end.
        cancel_the_left: cancels the jobs that nobody waits for any more, this one among them.
    """

    def __init__(
        self,
        id: str,
        folder: Path,
        database: JobDatabase,
        is_closing: Callable[[], bool],
        cancel_the_left: Callable[[], None] = _nobody_leaves,
    ) -> None:
        self.folder = folder
        self._id = id
        self._database = database
        self._is_closing = is_closing
        self._cancel_the_left = cancel_the_left
        self._stopped = False
        self._looked = -SECONDS_BETWEEN_LOOKS
        self._went_round = -SECONDS_BETWEEN_ROUNDS
        self._estimate = Estimate()
        self._last: Progress | None = None
        self._is_written = True
        self._reported = self._noted = -SECONDS_BETWEEN_EVENTS
        self._lock = threading.Lock()

    @property
    def store(self) -> Store:
        """The workspace."""
        return self._database.store

    def should_stop(self) -> bool:
        """Whether the work should end now: it was cancelled, all who waited have left, or the server ends.

        Cheap enough to ask at every batch. Work that hears yes keeps what it has and raises ``Cancelled``,
        or simply comes to its next ``yield``, where it is closed.
        """
        now = time.monotonic()
        if now - self._went_round >= SECONDS_BETWEEN_ROUNDS:
            self._went_round = now
            with tolerated("Jobs that nobody waits for could not be stopped"):
                self._cancel_the_left()
        return self.is_cancelled() or self._is_closing()

    def is_cancelled(self) -> bool:
        """Whether the job was cancelled, from this process or another one."""
        now = time.monotonic()
        if not self._stopped and now - self._looked >= SECONDS_BETWEEN_LOOKS:
            self._looked = now
            self._stopped = (self.folder / STOP_FILE).exists()
        return self._stopped

    def log(self, message: str) -> None:
        """Write a sentence into the job's diary."""
        self.note("log", message=message)

    def note(self, event: str, **details: Any) -> None:
        """Write an event of the work's own into the job's diary.

        Args:
            event: a word for it ("epoch").
            details: plain data.
        """
        write_event(self.folder, event, **details)

    def report(self, progress: Progress) -> None:
        """Say where the work stands; what the work yields is reported by itself.

        Reports come as often as the work likes; they are written down a few times a second.
        """
        with self._lock:
            now = time.monotonic()
            new_phase = self._last is None or self._last.phase != progress.phase
            self._estimate.add(progress, now)
            self._last, self._is_written = progress, False
            if new_phase or now - self._reported >= SECONDS_BETWEEN_REPORTS:
                self._write(now)
            if new_phase or now - self._noted >= SECONDS_BETWEEN_EVENTS:
                self._noted = now
                with tolerated("A report of progress was lost"):
                    write_event(self.folder, "progress", **vars(progress))

    def flush(self) -> None:
        """Write down the last report, if that has not been done."""
        with self._lock:
            self._write(time.monotonic())

    def _write(self, now: float) -> None:
        if self._last is not None and not self._is_written:
            self._reported, self._is_written = now, True
            with tolerated("A report of progress was lost"):
                self._database.report(self._id, self._last, self._estimate.seconds_left())


@contextmanager
def tolerated(words: str) -> Iterator[None]:
    """What cannot be written beside the work must not end hours of it: it is logged.

    Args:
        words: what then did not happen.
    """
    try:
        yield
    except WorkspaceError as error:
        logger.warning("%s: %s", words, error.message)
