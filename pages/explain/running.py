"""Where a method stands for the picture on show: known, running, stopped, or not begun.

What takes longer than a moment runs as a job (`analysis.explaining`); the session remembers which job
works on which question, and stops those whose answers nobody looks at any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from analysis.explaining import ExplainSpec, newest_step, seconds_of_one_run
from models.errors import AttributionError, ImagesError, JobError, WorkspaceError
from models.jobs import JobStatus
from pages.explain.asked_class import AskedClass
from pages.explain.chosen_image import Chosen
from pages.explain.watched_jobs import (
    LONG,
    SHORT,
    arrive,
    found_again,
    job_key,
    known_jobs,
    leave_jobs,
    watch,
    watcher,
)
from pages.shared import state
from pages.shared.job_begin import begin_job
from pages.shared.state import Workspace

if TYPE_CHECKING:
    from analysis.attribution.records import Attribution, Method, OptionValue
    from models.network import Network

MAIN_GRID = "map"
LONGEST_AT_ONCE, LONGEST_UNASKED = 1.5, 15.0
"""Seconds; what takes longer holds up no click but runs as a job, or waits for a person to say so."""
Phase = Literal["done", "running", "stopped", "failed", "idle"]


@dataclass(frozen=True)
class View:
    """What the tiles of one grid explain.

    Args:
        workspace: what is open.
        network: the network.
        chosen: the picture.
        asked: the class or contrast.
        name: of the grid, in the keys of its widgets.
    """

    workspace: Workspace
    network: Network
    chosen: Chosen
    asked: AskedClass
    name: str = MAIN_GRID


@dataclass(frozen=True)
class Standing:
    """Where a method stands.

    Args:
        phase: "idle" waits for a person, "stopped" keeps what it had.
        attribution: the map, or what is known of it so far, or None.
        fraction: share of the work that is done.
        job: the job that works on it, or worked on it, or None.
        problem: why it failed, in a sentence; "" otherwise.
    """

    phase: Phase
    attribution: Attribution | None = None
    fraction: float = 0.0
    job: JobStatus | None = None
    problem: str = ""


def standing(view: View, method: Method, settings: Mapping[str, OptionValue]) -> Standing:
    """Where ``method`` stands; fast methods are run at once, those of some seconds are begun.

    Args:
        view: what is asked.
        method: the method.
        settings: its options.
    """
    try:
        return _standing(view, method, settings)
    except (AttributionError, ImagesError, WorkspaceError) as error:
        _looked_at().add(job_key(_spec(view, method, settings)))  # what cannot be told now is not given up
        return Standing("failed", problem=str(error))


def _standing(view: View, method: Method, settings: Mapping[str, OptionValue]) -> Standing:
    kept = _kept(view, method, settings)
    if kept is not None:
        return Standing("done", kept, 1.0)
    if _is_known_at_once(view, method, settings):
        found = _run_now(view, method, settings)
        # As it is kept, so that a second look draws the very same picture.
        return Standing("done", _kept(view, method, settings) or found, 1.0)
    return _standing_of_job(view, method, settings)


def _standing_of_job(view: View, method: Method, settings: Mapping[str, OptionValue]) -> Standing:
    spec = _spec(view, method, settings)
    key = job_key(spec)
    _looked_at().add(key)
    identifier = known_jobs().get(key)
    by_itself = identifier is None and begins_by_itself(view, method, settings)
    if identifier is None:
        identifier = found_again(spec, stopped_too=not by_itself)
    if identifier is None and by_itself:
        identifier = begin(view, method, settings)
    if identifier is None:
        return Standing("idle")
    now = _of_job(identifier, spec)
    if now.phase == "running":
        watch(identifier)
    if now.phase == "idle":  # it ended between the two looks, or what it kept is gone
        known_jobs().pop(key, None)
        kept = _kept(view, method, settings)
        return now if kept is None else Standing("done", kept, 1.0)
    return now


def begins_by_itself(view: View, method: Method, settings: Mapping[str, OptionValue]) -> bool:
    """Whether a method need not be asked for, as its settings let it end within seconds."""
    return method.cost != "minutes" and _is_short(view, method, settings)


def begin(view: View, method: Method, settings: Mapping[str, OptionValue]) -> str:
    """Start the job of a method; a job that does the same already goes on.

    Returns:
        Its id.
    """
    spec = _spec(view, method, settings)
    identifier = found_again(spec, stopped_too=False)
    if identifier is None:
        identifier = begin_job(
            SHORT if begins_by_itself(view, method, settings) else LONG,
            spec.to_json(),
            title=f"{method.label} of {view.chosen.path.name}",
            watcher=watcher(),
        )
    known_jobs()[job_key(spec)] = identifier
    return identifier


def seconds_needed(view: View, method: Method, settings: Mapping[str, OptionValue]) -> float | None:
    """How long a method will take with these settings, or None where it cannot be told."""
    preprocessing = view.network.preprocessing
    left, top, right, bottom = preprocessing.crop_of_resized(*preprocessing.resized(*view.chosen.size))
    seconds = seconds_of_one_run(view.network, (bottom - top, right - left))
    return None if seconds is None else seconds * method.runs(settings)


def _is_short(view: View, method: Method, settings: Mapping[str, OptionValue]) -> bool:
    seconds = seconds_needed(view, method, settings)
    return seconds is not None and seconds <= LONGEST_UNASKED


def _is_known_at_once(view: View, method: Method, settings: Mapping[str, OptionValue]) -> bool:
    """What is instant on most networks takes many seconds on a large one, and all of them a minute."""
    if method.cost != "instant":
        return False
    seconds = seconds_needed(view, method, settings)
    return seconds is None or seconds <= LONGEST_AT_ONCE


def begin_drawing() -> None:
    """Call it before the tiles are drawn; `stop_the_forgotten` then knows what is still looked at."""
    arrive()
    _looked_at().clear()


def stop_the_forgotten() -> None:
    """Leave the jobs whose answers are not on the page any more; those nobody waits for are cancelled."""
    leave_jobs(but=_looked_at())


def _kept(view: View, method: Method, settings: Mapping[str, OptionValue]) -> Attribution | None:
    from analysis.attribution.saved import saved_attribution

    return saved_attribution(
        state.store(), view.network.fingerprint, view.chosen.key, view.asked.target, method.key, **settings
    )


def _run_now(view: View, method: Method, settings: Mapping[str, OptionValue]) -> Attribution:
    from analysis.attribution.saved import saved_steps
    from models.image_input import image_input

    # The key before the picture: if the file changes in between, nothing is kept under the new one's key.
    key = view.chosen.key
    inputs = image_input(view.chosen.path, view.network.preprocessing)
    *_, last = saved_steps(
        state.store(), view.network, inputs, [view.asked.target], method.key, image_key=key, **settings
    )
    return last.attributions[0]


def _spec(view: View, method: Method, settings: Mapping[str, OptionValue]) -> ExplainSpec:
    return ExplainSpec(
        evaluation=view.workspace.spec,
        predictions=view.workspace.fingerprint,
        image=str(view.chosen.path.absolute()),
        targets=(view.asked.plain,),
        method=method.key,
        options=dict(settings),
    )


def _of_job(identifier: str, spec: ExplainSpec) -> Standing:
    try:
        job = state.running_jobs().status(identifier)
    except JobError:
        return Standing("idle")
    newest = newest_step(state.store(), identifier, spec)
    known, fraction = (None, 0.0) if newest is None else (newest.attributions[0], newest.fraction)
    if job.is_active:
        return Standing("running", known, max(fraction, job.fraction), job)
    if job.state == "done":
        return Standing("idle")
    if job.state == "failed" and job.error:
        problem = f"{job.error['message']} {job.error['next_step']}".strip()
        return Standing("failed", job=job, problem=problem)
    return Standing("stopped", known, fraction, job)


def _looked_at() -> set[str]:
    keys: set[str] = st.session_state.setdefault("explain_looked_at", set())
    return keys
