"""Looking at jobs: where they stand, what was said of them, which is the newest about a thing."""

from __future__ import annotations

import importlib
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import JobError
from models.job_database import JobDatabase
from models.job_events import events
from models.job_owner import JobOwner
from models.job_record import JobStatus
from models.store import Store

Statuses = list[JobStatus]
Events = list[dict[str, Any]]


class JobList:
    """The jobs of a workspace, to be looked at; `models.jobs.Jobs` also runs them.

    Jobs whose server has died become "interrupted" as soon as anybody looks.

    Args:
        store: the workspace.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = JobDatabase(store)
        self._owner = JobOwner(self._database)

    def status(self, id: str) -> JobStatus:
        """Where a job stands.

        Raises:
            JobError: there is no such job.
        """
        self._owner.note_the_dead()
        return self._known(id)

    def list(self, limit: int = 50, *, kinds: Sequence[str] | None = None) -> Statuses:
        """The last jobs, the last submitted first.

        Args:
            limit: how many at most.
            kinds: only of these; None takes all.
        """
        self._owner.note_the_dead()
        return self._database.newest(limit, kinds)

    def newest_of(self, kind: str, spec: dict[str, Any]) -> JobStatus | None:
        """The job of exactly this kind and spec that was queued last, however it stands; or None.

        Args:
            kind: a key of ``models.job_kinds.JOB_KINDS``.
            spec: as ``submit`` took it.

        Raises:
            JobError: there is no such kind.
        """
        text = job_kinds().spec_text(kind, spec)
        self._owner.note_the_dead()
        return self._database.newest_of(kind, text)

    def newest_like(self, kind: str, spec: dict[str, Any], *, but: str) -> JobStatus | None:
        """The newest job of this kind whose spec is the same but for one key, however it stands; or None.

        One that waits or runs and has exactly this spec comes before all others.

        Args:
            kind: a key of ``models.job_kinds.JOB_KINDS``.
            spec: as ``submit`` took it.
            but: the key that may be another.

        Raises:
            JobError: there is no such kind.
        """
        text = job_kinds().spec_text(kind, spec)
        self._owner.note_the_dead()
        return self._database.newest_like(kind, text, but)

    def ahead_of(self, id: str) -> Statuses:
        """The jobs that a waiting job waits for: the running one of its lane, then those queued before it.

        Returns:
            Nothing for a job that does not wait.

        Raises:
            JobError: there is no such job.
        """
        kinds = job_kinds()
        return self._database.ahead_of(id, kinds.kinds_of(kinds.lane_of(self._known(id).kind)))

    def logs(self, id: str, since: int = 0) -> Events:
        """A job's diary from event number ``since`` on: plain data, each with ``time`` and ``event``.

        Raises:
            JobError: there is no such job.
        """
        return events(self._folder(self._known(id)), since)

    def _known(self, id: str) -> JobStatus:
        job = self._database.status(id)
        if job is None:
            raise JobError(
                f'There is no job "{id}" in {self._store.root}.', next_step="Look at the list of jobs."
            )
        return job

    def _folder(self, job: JobStatus) -> Path:
        return self._store.root / "jobs" / job.id


def job_kinds() -> types.ModuleType:
    """`models.job_kinds` as it is now: after a hot reload it is another module than the one imported first."""
    return importlib.import_module("models.job_kinds")
