"""Fine-tuning as a job: open, train phase by phase, save a version, evaluate it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from models.job_context import JobContext
from models.progress import Progress


def finetune_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job."""
    raise NotImplementedError
    yield
