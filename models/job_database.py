"""The list of jobs, in the workspace's database."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.database import reading, transaction
from models.job_record import ACTIVE_STATES, RESUMABLE_STATES, JobState, JobStatus, status_of
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
CREATE INDEX IF NOT EXISTS jobs_by_spec ON jobs (kind, spec, queued);
"""
ACTIVE = f"state IN ({', '.join(repr(state) for state in ACTIVE_STATES)})"
_RESTARTED = "started + (?1 - ended)"
"""When a job that stopped and waits would have begun, had it run in one go up to this moment; NULL if it never ran."""
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
                "UPDATE jobs SET state = 'queued', owner = ?, queued = ?, heartbeat = NULL, "
                "phase = '', done = 0, total = 0, message = '', seconds_left = NULL, "
                f"error = NULL, result = NULL WHERE id = ? AND {RESUMABLE}",
                (owner, time.time(), id),
            )
            return id

    def claim(self, owner: str, kinds: Sequence[str]) -> JobStatus | None:
        """Take the owner's job of these kinds that has waited longest, and mark it as running."""
        with transaction(self.store, SCHEMA) as connection:
            row = connection.execute(
                "UPDATE jobs SET state = 'running', heartbeat = ?1, "
                f"started = COALESCE({_RESTARTED}, ?1), ended = NULL WHERE id = "
                f"(SELECT id FROM jobs WHERE state = 'queued' AND owner = ?2 AND kind IN ({_places(kinds)}) "
                "ORDER BY queued, rowid LIMIT 1) RETURNING *",
                (time.time(), owner, *kinds),
            ).fetchone()
            return None if row is None else status_of(row)

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
                f"UPDATE jobs SET state = 'cancelled', started = {_RESTARTED}, ended = ?1 "
                "WHERE id = ?2 AND state = 'queued'",
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
                "UPDATE jobs SET state = 'interrupted', ended = COALESCE(heartbeat, ended, created), "
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
            return None if row is None else status_of(row)

    def newest(self, limit: int, kinds: Sequence[str] | None = None) -> list[JobStatus]:
        """The last ``limit`` jobs, of these kinds or of all, the last submitted first."""
        where = "" if kinds is None else f"WHERE kind IN ({_places(kinds)})"
        with reading(self.store, SCHEMA) as connection:
            rows = connection.execute(
                f"SELECT * FROM jobs {where} ORDER BY created DESC, rowid DESC LIMIT ?",
                (*(kinds or ()), limit),
            ).fetchall()
            return [status_of(row) for row in rows]

    def newest_of(self, kind: str, spec: str) -> JobStatus | None:
        """The job of exactly this kind and spec that was queued last, however it stands, or None."""
        with reading(self.store, SCHEMA) as connection:
            row = connection.execute(
                "SELECT * FROM jobs WHERE kind = ? AND spec = ? ORDER BY queued DESC, rowid DESC LIMIT 1",
                (kind, spec),
            ).fetchone()
            return None if row is None else status_of(row)

    def newest_like(self, kind: str, spec: str, but: str) -> JobStatus | None:
        """The newest job of this kind whose spec is the same but for one key, or None.

        One that waits or runs and has exactly this spec comes before all others.
        """
        # By the database itself: parsing hundreds of specs at each drawing would take longer than the rest.
        path = f'$."{but}"'
        with reading(self.store, SCHEMA) as connection:
            row = connection.execute(
                "SELECT * FROM jobs WHERE kind = ?1 AND json_remove(spec, ?3) = json_remove(?2, ?3) "
                f"ORDER BY spec = ?2 AND {ACTIVE} DESC, created DESC, rowid DESC LIMIT 1",
                (kind, spec, path),
            ).fetchone()
            return None if row is None else status_of(row)

    def ahead_of(self, id: str, kinds: Sequence[str]) -> list[JobStatus]:
        """The jobs of these kinds and of the same server that a waiting job waits for, in their order."""
        with reading(self.store, SCHEMA) as connection:
            rows = connection.execute(
                "SELECT other.* FROM jobs AS mine JOIN jobs AS other USING (owner) "
                f"WHERE mine.id = ? AND mine.state = 'queued' AND other.kind IN ({_places(kinds)}) "
                "AND (other.state IN ('running', 'cancelling') OR other.state = 'queued' "
                "AND (other.queued, other.rowid) < (mine.queued, mine.rowid)) "
                "ORDER BY other.state = 'queued', other.queued, other.rowid",
                (id, *kinds),
            ).fetchall()
            return [status_of(row) for row in rows]

    def active_twin(self, kind: str, spec: str) -> str | None:
        """The id of a waiting or running job of this kind and spec, or None."""
        with reading(self.store, SCHEMA) as connection:
            return _active_twin(connection, kind, spec)

    def delete(self, id: str) -> bool:
        """Forget a job that neither waits nor runs; False if it does."""
        with transaction(self.store, SCHEMA) as connection:
            cursor = connection.execute(f"DELETE FROM jobs WHERE id = ? AND NOT {ACTIVE}", (id,))
            return cursor.rowcount > 0

    def forget_ended(self, kinds: Sequence[str], done: float, stopped: float) -> list[str]:
        """Forget jobs of these kinds that were done, or that stopped, so many seconds ago.

        Returns:
            Their ids.
        """
        now = time.time()
        with transaction(self.store, SCHEMA) as connection:
            rows = connection.execute(
                f"DELETE FROM jobs WHERE kind IN ({_places(kinds)}) AND NOT {ACTIVE} "
                "AND ended < CASE state WHEN 'done' THEN ? ELSE ? END RETURNING id",
                (*kinds, now - done, now - stopped),
            ).fetchall()
            return [row["id"] for row in rows]


def _places(kinds: Sequence[str]) -> str:
    """A question mark for each, as ``IN (...)`` takes them."""
    return ", ".join("?" * len(kinds))


def _active_twin(connection: sqlite3.Connection, kind: str, spec: str) -> str | None:
    # One that is being cancelled is no twin: whoever submits again now wants it to run.
    row = connection.execute(
        "SELECT id FROM jobs WHERE kind = ? AND spec = ? AND state IN ('queued', 'running')", (kind, spec)
    ).fetchone()
    return None if row is None else str(row["id"])


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
