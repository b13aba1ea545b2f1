"""The kinds of work that run as jobs.

Each kind runs in a lane; jobs of one lane run one after another, lanes run side by side, so that an image
is explained while a network trains. Layers above add kinds of their own with ``add_kind``.

A kind is a generator function of a spec (plain data) and a ``JobContext``. It yields ``Progress``, keeps
what it has when it is closed, and returns plain data. It knows neither threads nor screens.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Generator
from typing import Any

from models.errors import JobError
from models.job_context import JobContext
from models.progress import Progress

WORK, EXPLAINING, DWELLING, SURVEYING, TRAINING = "work", "explaining", "dwelling", "surveying", "training"
FETCHING = "fetching"
"""Long work; what a person waits for at the screen, for seconds and for minutes; what looks through many
images or asks many times; what trains networks, for minutes and hours; what waits for another machine."""
JobKind = Callable[[dict[str, Any], JobContext], Generator[Progress, None, dict[str, Any]]]


def imported(module: str, name: str) -> JobKind:
    """The kind ``module.name``, imported when a job of it first runs: listing jobs must not import torch.

    Args:
        module: dotted name of a module.
        name: of a generator function in it.
    """

    def steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
        kind: JobKind = getattr(importlib.import_module(module), name)
        return (yield from kind(spec, context))

    return steps


JOB_KINDS: dict[str, JobKind] = {
    "evaluate": imported("models.evaluation", "evaluation_steps"),
    "finetune": imported("models.finetune.job", "finetune_steps"),
    "finetune_together": imported("models.finetune.together", "together_steps"),
    "backbone_timing": imported("models.backbone_timing", "backbone_timing_steps"),
    "backbone_download": imported("models.backbone_download", "backbone_download_steps"),
    "compress_sweep": imported("models.compress.sweep", "sweep_steps"),
    "compress": imported("models.compress.job", "compression_steps"),
    "compress_and_tune": imported("models.compress.job", "compression_steps"),
}
"""What can be submitted, by name."""

_LANES: dict[str, str] = {
    # with what else measures, so that neither measures the other
    "backbone_timing": DWELLING,
    "backbone_download": FETCHING,
    "finetune": TRAINING,
    "finetune_together": TRAINING,
    "compress_sweep": SURVEYING,
    "compress": SURVEYING,
    "compress_and_tune": TRAINING,
}


def add_kind(name: str, module: str, function: str, *, lane: str = WORK) -> None:
    """Make a kind of job known; adding the same again changes nothing.

    Args:
        name: as `models.jobs.Jobs.submit` takes it.
        module: dotted name of the module that holds it; imported when a job of it first runs.
        function: name of the generator function.
        lane: which lane it runs in.
    """
    JOB_KINDS[name] = imported(module, function)
    _LANES[name] = lane


def lane_of(kind: str) -> str:
    """The lane that a kind of job runs in.

    >>> lane_of("evaluate")
    'work'
    """
    return _LANES.get(kind, WORK)


def kinds_of(lane: str) -> list[str]:
    """The kinds of job that run in a lane."""
    return [kind for kind in list(JOB_KINDS) if lane_of(kind) == lane]


def spec_text(kind: str, spec: dict[str, Any]) -> str:
    """The spec as text that is the same for the same spec, once it is sure that the kind exists.

    Args:
        kind: a key of ``JOB_KINDS``.
        spec: plain data that says what to do.

    Raises:
        JobError: there is no such kind, or the spec is no plain data.

    >>> spec_text("evaluate", {"b": 1, "a": "é"})
    '{"a": "é", "b": 1}'
    """
    if kind not in JOB_KINDS:
        raise JobError(
            f'There is no kind of job called "{kind}".',
            next_step=f"The kinds are: {', '.join(sorted(JOB_KINDS))}.",
        )
    try:
        return json.dumps(spec, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise JobError(f"The spec of a job must be plain data ({error}).") from error
