"""What a training has written down so far, as its curves want it."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from pages.shared import state

Event = dict[str, Any]
MOST_STEPS = 600


@dataclass
class _Diary:
    """The events read so far, so that a long diary is not read anew at each drawing."""

    events: list[Event] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class TrainingDiary:
    """A training in its own words.

    Args:
        rows: one for each epoch, as ``models.finetune.version_record.Version.history``.
        steps: within the epochs, thinned: ``place`` in epochs since the start, ``loss``, ``accuracy``.
        latest: the last step or epoch: ``learning_rate``, ``images_per_second``; {} before there is one.
        lines: what else happened: time (seconds since 1970) and words.
    """

    rows: list[Event]
    steps: list[Event]
    latest: Event
    lines: list[tuple[float, str]]


def training_diary(id: str, batch_size: int) -> TrainingDiary:
    """What a job has written down so far.

    Args:
        id: the job.
        batch_size: images to a step.

    Raises:
        JobError: there is no such job.
    """
    diary = _diary(id)
    with diary.lock:
        diary.events += state.running_jobs().logs(id, since=len(diary.events))
        return told(diary.events, batch_size)


@st.cache_resource(max_entries=16, show_spinner=False)
def _diary(id: str) -> _Diary:
    return _Diary()


def told(events: Sequence[Event], batch_size: int) -> TrainingDiary:
    """The diary of these events.

    A training that was killed takes up an epoch where its state was kept: what it says the second time counts.

    Args:
        events: as `models.jobs.Jobs.logs` gives them.
        batch_size: images to a step.
    """
    rows: dict[int, Event] = {}
    steps: list[Event] = []
    latest: Event = {}
    batches = 1
    for event in events:
        kind = event["event"]
        if kind == "phase":
            batches = max(1, math.ceil(event.get("n_train", 0) / batch_size))
        elif kind == "epoch":
            rows = {number: row for number, row in rows.items() if number < event["epoch"]}
            rows[event["epoch"]] = event
        elif kind == "step":
            place = event["epoch"] - 1 + min(1.0, event["batch"] / batches)
            while steps and steps[-1]["place"] >= place:
                steps.pop()
            steps.append({**event, "place": place})
        if kind in ("epoch", "step"):
            latest = event
    thinned = steps[:: 1 + len(steps) // MOST_STEPS]
    return TrainingDiary(list(rows.values()), thinned, latest, _lines(events))


def _lines(events: Sequence[Event]) -> list[tuple[float, str]]:
    return [(event["time"], words) for event in events if (words := _words(event))]


def _words(event: Event) -> str:
    """A line of the log; "" for what curves and progress bars show, and for what says so itself."""
    kind = str(event["event"])
    if kind == "log":
        return str(event.get("message", ""))
    if kind == "failed":
        return f"Failed: {event.get('error', {}).get('message', '')}"
    known = {
        "queued": "Taken up again" if event.get("resumed") else "Submitted",
        "stop": f"Asked to stop. {event.get('why', '')}",
        "phase": f"Phase: {event.get('phase', '')}",
        **dict.fromkeys(("progress", "epoch", "step", "batch_halved"), ""),
    }
    return known.get(kind, kind.replace("_", " ").capitalize())
