"""Versions in words: what they are, what they reached."""

from __future__ import annotations

from typing import Any

from analysis.metrics import accuracy_of
from analysis.number_words import fine_percent, interval_words
from models.evaluation_spec import EvaluationSpec
from models.finetune.recipe import KINDS
from models.finetune.version_record import Version
from models.jobs import JobStatus
from pages.network.compression_words import way_words

STOPPED = {
    "finished": "all its epochs were run",
    "early": "the validation loss stood still",
    "by hand": "somebody ended it and kept the best",
}


def recipe_label(version: Version) -> str:
    """The name of the way it was trained, or made smaller."""
    if version.compression:
        return way_words(version.compression["method"], float(version.compression.get("amount", 0.0)))
    kind = str(version.spec["recipe"]["kind"])
    return KINDS[kind].label if kind in KINDS else kind


def scores_of(version: Version, *roles: str) -> dict[str, Any]:
    """What was measured on the images of a role, or {}.

    Args:
        version: it.
        *roles: where it stands in the metrics: "report", or "before", "report".
    """
    found: Any = version.metrics
    for role in roles:
        found = found.get(role) if isinstance(found, dict) else None
    return found if isinstance(found, dict) and found.get("accuracy") is not None else {}


def change_words(version: Version) -> str:
    """Accuracy before and after, on the images that nothing was chosen by; "" where it is not known."""
    before, after = scores_of(version, "before", "report"), scores_of(version, "report")
    if not after:
        return "not evaluated"
    known = [fine_percent(each["accuracy"]) for each in (before, after) if each]
    return " → ".join(known)


def points_words(before: float, after: float) -> str:
    """A difference of two shares, in percentage points.

    >>> points_words(0.88, 0.884), points_words(0.9, 0.85), points_words(0.5, 0.5)
    ('+0.4 points', '-5.0 points', '0.0 points')
    """
    points = round(100 * (after - before), 1)
    return f"{points:+.1f} points" if points else "0.0 points"


def sure_words(scores: dict[str, Any]) -> str:
    """How many images an accuracy is of, and how sure it is.

    >>> sure_words({"n": 259, "accuracy": 229 / 259})
    '259 images, 95% interval 84% to 92%'
    """
    n = int(scores["n"])
    found = accuracy_of(round(n * scores["accuracy"]), n)
    return f"{n:,} {'image' if n == 1 else 'images'}, 95% interval {interval_words((found.low, found.high))}"


def works_on(job: JobStatus, version: Version) -> bool:
    """Whether a job makes a version, evaluates it, or starts from it: a version is called like the job that made it."""
    start = job.spec.get("start")
    checkpoints = (job.spec.get("checkpoint"), start.get("checkpoint") if isinstance(start, dict) else None)
    return job.id == version.id or str(version.checkpoint) in checkpoints


def opened_spec(version: Version, current: EvaluationSpec | None) -> EvaluationSpec:
    """What to open to look at a version: on the images that are open now, if any are, else on its own.

    Args:
        version: it.
        current: what is open, or None.
    """
    # a table's folder need not hold labelled images
    is_usable = current is not None and current.predictions is None
    return version.evaluation_spec(current if is_usable else None)
