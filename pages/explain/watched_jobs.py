"""The jobs that this session waits for on the page of one image; they end when nobody waits any more."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from contextlib import suppress

import streamlit as st

from analysis.explaining import ExplainSpec
from models.errors import JobError, WorkspaceError
from models.jobs import JobStatus
from pages.shared import state

SHORT, LONG = KINDS = ("explain", "explain_long")


def parted(watcher: str) -> None:
    """The tab was closed or loaded anew, or its connection was lost."""
    state.running_jobs().part(watcher)


@st.cache_resource(scope="session", on_release=parted, show_spinner=False)
def connection() -> str:
    """The name of this session's connection among those who wait for jobs; a new connection has a new one."""
    return secrets.token_hex(8)


def arrive() -> None:
    """Wait for jobs by the present connection; call it as a drawing begins.

    Only then: a drawing that outlasts its tab must not pass for a new one.
    """
    st.session_state["explain_watcher"] = connection()


def watcher() -> str:
    """Who waits: the connection for which the page was drawn."""
    if "explain_watcher" not in st.session_state:
        arrive()
    name: str = st.session_state["explain_watcher"]
    return name


def watch(identifier: str) -> None:
    """Say that this session still waits for a job; to be said again while it runs."""
    state.running_jobs().watch(identifier, watcher())


def leave_jobs(but: Collection[str] = ()) -> None:
    """Wait for jobs no more; those that nobody else waits for are cancelled.

    Args:
        but: the questions whose jobs are still waited for.
    """
    known = known_jobs()
    for key in [key for key in known if key not in but]:
        # It went with its workspace; or it cannot be told now, and is as soon as it can.
        with suppress(JobError, WorkspaceError):
            state.running_jobs().leave(known.pop(key), watcher())


def known_jobs() -> dict[str, str]:
    """What this session asked, to the id of the job that works on it."""
    known: dict[str, str] = st.session_state.setdefault("explain_jobs", {})
    return known


def job_key(spec: ExplainSpec) -> str:
    """A question as a key of `known_jobs`."""
    return json.dumps(spec.to_json(), sort_keys=True)


def found_again(spec: ExplainSpec, *, stopped_too: bool) -> str | None:
    """The job that works on a question of which this session knows nothing, after a reload say.

    Args:
        spec: the question.
        stopped_too: take up one that was stopped or failed as well, for what it has to show.
    """
    running = state.running_jobs()
    found = [job for kind in KINDS if (job := running.newest_of(kind, spec.to_json())) is not None]
    newest = max(found, key=lambda job: job.created, default=None)
    if newest is None or not _is_wanted(newest, stopped_too=stopped_too):
        return None
    known_jobs()[job_key(spec)] = newest.id
    return newest.id


def _is_wanted(job: JobStatus, *, stopped_too: bool) -> bool:
    if job.state == "cancelling":  # whoever wants it to run now begins it anew
        return stopped_too
    return job.is_active or (stopped_too and job.state != "done")
