"""Begin a job whose results lie elsewhere in the workspace, so that it need not be kept itself."""

from __future__ import annotations

from typing import Any

from pages.shared import state

SECONDS_OF_DONE, SECONDS_OF_STOPPED = 60.0, 86_400.0
"""How long ended jobs are kept: what was done is found by its results, what was stopped may go on for a day."""


def begin_job(kind: str, spec: dict[str, Any], *, title: str, watcher: str | None = None) -> str:
    """Submit a job, and forget the ended ones of its kind.

    Args:
        kind: of the job; not one whose list is shown.
        spec: of the job.
        title: of the job in lists.
        watcher: who waits for it, if it is to end when nobody does.

    Returns:
        Its id, or that of the job that does the same already.
    """
    jobs = state.running_jobs()
    jobs.forget_ended((kind,), done=SECONDS_OF_DONE, stopped=SECONDS_OF_STOPPED)
    return jobs.submit(kind, spec, title=title, watcher=watcher)
