"""What there is to know of a job, as plain data."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Any, Literal

JobState = Literal["queued", "running", "cancelling", "done", "failed", "cancelled", "interrupted"]

ACTIVE_STATES: tuple[JobState, ...] = ("queued", "running", "cancelling")
RESUMABLE_STATES: tuple[JobState, ...] = ("failed", "cancelled", "interrupted")


@dataclass(frozen=True)
class JobStatus:
    """Where a job stands. Times are seconds since 1970, as of ``time.time()``.

    Args:
        id: the job's name; also that of its folder.
        kind: a key of ``JOB_KINDS`` ("evaluate").
        title: what a person calls it.
        state: "queued", "running", "cancelling" (a person has stopped it, its step is not over),
            "done", "failed", "cancelled", or "interrupted" (its server ended).
        spec: what was asked for.
        phase: what is being done ("Predicting"); "" before the first report.
        done: units finished of this phase.
        total: units of this phase; 0 where it is not known.
        unit: what is counted ("images").
        message: one more thing worth saying, or "".
        seconds: how long it has run, or ran, in all its runs; pauses between them do not count.
        seconds_left: estimate for this phase; None until it means something.
        created: when it was submitted.
        started: when it began to run, or None; each time that it is taken up again, later by the pause.
        ended: when it ended, or None.
        heartbeat: when it last gave a sign of life, or None.
        error: of a failed job: ``title``, ``message`` and ``next_step``.
        result: of a finished job: what it returned.
    """

    id: str
    kind: str
    title: str
    state: JobState
    spec: dict[str, Any]
    phase: str
    done: int
    total: int
    unit: str
    message: str
    seconds: float
    seconds_left: float | None
    created: float
    started: float | None
    ended: float | None
    heartbeat: float | None
    error: dict[str, str] | None
    result: dict[str, Any] | None

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE_STATES

    @property
    def can_resume(self) -> bool:
        """Whether it can be taken up again."""
        return self.state in RESUMABLE_STATES

    @property
    def fraction(self) -> float:
        """Share of this phase that is done, 0..1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def status_of(row: sqlite3.Row) -> JobStatus:
    """Where a job stands, from its row of the database."""
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
