"""The kinds of work that run as jobs.

A kind is a generator function of a spec (plain data) and a ``JobContext``. It yields ``Progress``, keeps
what it has when it is closed, and returns plain data. It knows neither threads nor screens.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator
from typing import Any

from models.job_context import JobContext
from models.progress import Progress

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
}
