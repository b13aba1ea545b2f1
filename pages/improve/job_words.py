"""Jobs in words: what they are, how they stand, what is to be done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from analysis.number_words import fine_percent
from models.jobs import JobStatus
from pages.shared.job_panel import duration_words

TRAINING = "finetune"
KIND_WORDS: Mapping[str, str] = {
    TRAINING: "Fine-tuning",
    "evaluate": "Evaluation",
    "survey": "Survey",
    "explain": "Explanation",
    "explain_long": "Explanation",
    "explain_cell": "Shared evidence",
    "causal_test": "Causal test",
    "trust": "Trust",
    "leakage": "Leakage",
    "report": "Report",
    "compress": "Compression",
    "compress_and_tune": "Compression",
    "compress_sweep": "Compression sweep",
}
Colour = Literal["gray", "blue", "orange", "green", "red"]
_STATES: Mapping[str, tuple[str, str, Colour]] = {
    "queued": ("Waiting", "hourglass_empty", "gray"),
    "running": ("Running", "play_arrow", "blue"),
    "cancelling": ("Stopping", "stop", "orange"),
    "done": ("Done", "check", "green"),
    "failed": ("Failed", "error", "red"),
    "cancelled": ("Stopped", "pause", "orange"),
    "interrupted": ("Interrupted", "power_off", "orange"),
}
"""Of each state: the word, its icon and its colour."""


def kind_words(kind: str) -> str:
    """What a person calls a kind of job.

    >>> kind_words("evaluate"), kind_words("new_kind")
    ('Evaluation', 'New kind')
    """
    return KIND_WORDS.get(kind) or kind.replace("_", " ").capitalize()


def state_badge(job: JobStatus) -> tuple[str, str, Colour]:
    """The word for how a job stands, its icon and its colour."""
    if job.kind == TRAINING and job.state == "cancelled":
        return "Paused", "pause", "orange"
    if job.kind == TRAINING and job.state == "cancelling":
        return "Pausing", "pause", "orange"
    return _STATES[job.state]


def when_words(job: JobStatus, now: float | None = None) -> str:
    """When a job was begun and how long it ran, in a few words."""
    seconds = time.time() if now is None else now
    begun = datetime.fromtimestamp(job.created)
    today = datetime.fromtimestamp(seconds).date() == begun.date()
    words = f"{begun:%H:%M}" if today else f"{begun:%d %b %Y, %H:%M}"
    return f"{words} · {duration_words(job.seconds)}" if job.started is not None else words


def result_words(job: JobStatus) -> str:
    """What a finished training reached, in one line; "" for others.

    The figures are of the held-out half of the images.
    """
    result: Mapping[str, Any] = job.result or {}
    before, after = result.get("accuracy_before"), result.get("accuracy_after")
    if job.kind != TRAINING or before is None or after is None:
        return ""
    return f"{fine_percent(before)} → {fine_percent(after)} right on the held-out half"
