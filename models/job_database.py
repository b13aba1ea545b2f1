"""The list of jobs, in the workspace's database."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from models.database import reading, transaction
from models.job_record import ACTIVE_STATES, RESUMABLE_STATES, JobState, JobStatus
from models.progress import Progress
from models.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, spec TEXT NOT NULL,
    state TEXT NOT NULL, owner TEXT NOT NULL, queued REAL NOT NULL, created REAL NOT NULL,
    started REAL, ended REAL, heartbeat REAL,
    phase TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
    unit TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', seconds_left REAL,
    error TEXT, result TEXT
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, queued);
"""
ACTIVE = f"state IN ({', '.join(repr(state) for state in ACTIVE_STATES)})"
RESUMABLE = f"state IN ({', '.join(repr(state) for state in RESUMABLE_STATES)})"


@dataclass(frozen=True)
class JobDatabase:
    """The jobs of a workspace; every method is one transaction.

    Args:
        store: the workspace.
    """

    store: Store

    def add(self, id: str, kind: str, spec: str, title: str, owner: str) -> str:
        """Queue a job, unless one of the same kind and spec waits or runs already.

        Returns:
            ``id``, or the id of that other job.
        """
        with transaction(self.store, SCHEMA) as connection:
            active = _active_twin(connection, kind, spec)
            if active is not None:
                return active
            now = time.time()
            connection.execute(
                "INSERT INTO jobs (id, kind, title, spec, state, owner, queued, created) "
                "VALUES (?, ?, ?, ?, 'queued', ?, ?, ?)",
                (id, kind, title, spec, owner, now, now),
            )
            return id

    def requeue(self, id: str, owner: str) -> str:
        """Queue a job again that has stopped, unless the same work waits or runs already.

        Returns:
            ``id``, or the id of the job that does the same.
        """
        with transaction(self.store, SCHEMA) as connection:
            row = connection.execute("SELECT kind, spec FROM jobs WHERE id = ?", (id,)).fetchone()
            active = _active_twin(connection, row["kind"], row["spec"])
            if active is not None:
                return active
            connection.execute(
                "UPDATE jobs SET state = 'queued', owner = ?, queued = ?, started = NULL, ended = NULL, "
                "heartbeat = NULL, phase = '', done = 0, total = 0, message = '', seconds_left = NULL, "
                f"error = NULL, result = NULL WHERE id = ? AND {RESUMABLE}",
                (owner, time.time(), id),
            )
            return id

    def claim(self, owner: str) -> JobStatus | None:
        """Take the owner's job that has waited longest, and mark it as running."""
        with transaction(self.store, SCHEMA) as connection:
            row = connection.execute(
                "UPDATE jobs SET state = 'running', started = ?1, heartbeat = ?1 WHERE id = "
                "(SELECT id FROM jobs WHERE state = 'queued' AND owner = ?2 ORDER BY queued, rowid LIMIT 1) "
                "RETURNING *",
                (time.time(), owner),
            ).fetchone()
            return None if row is None else _status(row)

    def report(self, id: str, progress: Progress, seconds_left: float | None) -> None:
        """Write down where a job stands; this is also its sign of life."""
        with transaction(self.store, SCHEMA) as connection:
            connection.execute(
                "UPDATE jobs SET phase = ?, done = ?, total = ?, unit = ?, message = ?, seconds_left = ?, "
                "heartbeat = ? WHERE id = ?",
                (
                    *(progress.phase, progress.done, progress.total, progress.unit, progress.message),
                    *(seconds_left, time.time(), id),
                ),
            )

    def cancel(self, id: str) -> None:
        """A waiting job is cancelled, a running one is to stop; any other stays as it is."""
        with transaction(self.store, SCHEMA) as connection:
            connection.execute(
                "UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ? AND state = 'queued'",
                (time.time(), id),
            )
            connection.execute(
                "UPDATE jobs SET state = 'cancelling' WHERE id = ? AND state = 'running'", (id,)
            )

    def end(
        self,
        id: str,
        state: JobState,
        *,
        result: dict[str, Any] | None = None,
        error: dict[str, str] | None = None,
    ) -> None:
        """Write down how a job ended."""
        with transaction(self.store, SCHEMA) as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, ended = ?, seconds_left = NULL, result = ?, error = ? "
                "WHERE id = ?",
                (state, time.time(), _json(result), _json(error), id),
            )

    def interrupt(self, owner: str) -> list[str]:
        """Mark all that an owner had waiting or running as interrupted; ended when it last gave a sign.

        Returns:
            The ids of these jobs.
        """
        with transaction(self.store, SCHEMA) as connection:
            rows = connection.execute(
                "UPDATE jobs SET state = 'interrupted', ended = COALESCE(heartbeat, created), "
                f"seconds_left = NULL WHERE owner = ? AND {ACTIVE} RETURNING id",
                (owner,),
            ).fetchall()
            return [row["id"] for row in rows]

    def owners(self) -> list[str]:
        """Whose jobs wait or run."""
        with reading(self.store, SCHEMA) as connection:
            rows = connection.execute(f"SELECT DISTINCT owner FROM jobs WHERE {ACTIVE}").fetchall()
            return [row["owner"] for row in rows]

    def status(self, id: str) -> JobStatus | None:
        """One job, or None."""
        with reading(self.store, SCHEMA) as connection:
            row = connection.execute("SELECT * FROM jobs WHERE id = ?", (id,)).fetchone()
            return None if row is None else _status(row)

    def newest(self, limit: int) -> list[JobStatus]:
        """The last ``limit`` jobs, the last submitted first."""
        with reading(self.store, SCHEMA) as connection:
            rows = connection.execute(
                "SELECT * FROM jobs ORDER BY created DESC, rowid DESC LIMIT ?", (limit,)
            ).fetchall()
            return [_status(row) for row in rows]

    def active_twin(self, kind: str, spec: str) -> str | None:
        """The id of a waiting or running job of this kind and spec, or None."""
        with reading(self.store, SCHEMA) as connection:
            return _active_twin(connection, kind, spec)

    def delete(self, id: str) -> bool:
        """Forget a job that neither waits nor runs; False if it does."""
        with transaction(self.store, SCHEMA) as connection:
            cursor = connection.execute(f"DELETE FROM jobs WHERE id = ? AND NOT {ACTIVE}", (id,))
            return cursor.rowcount > 0


def _active_twin(connection: sqlite3.Connection, kind: str, spec: str) -> str | None:
    # One that is being cancelled is no twin: whoever submits again now wants it to run.
    row = connection.execute(
        "SELECT id FROM jobs WHERE kind = ? AND spec = ? AND state IN ('queued', 'running')", (kind, spec)
    ).fetchone()
    return None if row is None else str(row["id"])


def _status(row: sqlite3.Row) -> JobStatus:
    now = time.time()
    running = row["ended"] is None
    left = row["seconds_left"]
    return JobStatus(
        id=row["id"],
        kind=row["kind"],
        title=row["title"],
        state=row["state"],
        spec=json.loads(row["spec"]),
        phase=row["phase"],
        done=row["done"],
        total=row["total"],
        unit=row["unit"],
        message=row["message"],
        seconds=0.0
        if row["started"] is None
        else max(0.0, (now if running else row["ended"]) - row["started"]),
        # What was left at the last report, less the time since.
        seconds_left=None if left is None else max(0.0, left - (now - row["heartbeat"])),
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        heartbeat=row["heartbeat"],
        error=None if row["error"] is None else json.loads(row["error"]),
        result=None if row["result"] is None else json.loads(row["result"]),
    )


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
