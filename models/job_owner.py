"""One server among those that share a workspace's jobs, and how the others learn that it has died."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from models.errors import WorkspaceError
from models.file_lock import FileLock
from models.job_database import JobDatabase
from models.job_events import write_event


class JobOwner:
    """Whose jobs this process runs. Not locked: its caller lets one thread at a time begin or end it.

    Args:
        database: the list of jobs.
    """

    def __init__(self, database: JobDatabase) -> None:
        self.name = secrets.token_hex(8)
        self._database = database
        self._life: FileLock | None = None

    def begin(self) -> None:
        """Hold a lock for as long as this process lives: that is how others know."""
        if self._life is None:
            self._life = FileLock(self._life_file(self.name))
            self._life.acquire()

    def end(self) -> None:
        """Interrupt what still waits or runs here, and free the lock."""
        if self._life is not None:
            self._interrupt(self.name)
            self._life.release()

    def note_the_dead(self) -> None:
        """Mark the jobs of servers that ended without saying so as interrupted."""
        for owner in self._database.owners():
            if owner != self.name:
                with FileLock(self._life_file(owner)) as life:
                    if life.acquire():
                        self._interrupt(owner)

    def _interrupt(self, owner: str) -> None:
        for id in self._database.interrupt(owner):
            with suppress(WorkspaceError):  # the list of jobs says so too
                write_event(self._database.store.folder("jobs", id), "interrupted", why="The server ended.")

    def _life_file(self, owner: str) -> Path:
        return self._database.store.folder("locks") / f"jobs-{owner}.lock"
