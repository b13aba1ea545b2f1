"""What the training loop may ask of whoever runs it: a thread here, one of several processes elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from torch import Tensor


class Ranks:
    """The processes that train together; this one is alone, and ``models.finetune.distributed`` has those that are not.

    Attributes:
        rank: which one this is, from 0.
        world: how many there are.
    """

    rank = 0
    world = 1

    def sum(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes, in each; differentiable."""
        return values

    def any(self, flag: bool) -> bool:
        """Whether any process says yes: all then know it."""
        return flag


class Run(Protocol):
    """One training's link to the outside; `models.job_context.JobContext` is one.

    Attributes:
        folder: where its files lie: ``spec.json``, ``events.jsonl``, ``last.pt``, ``STOP``.
    """

    folder: Path

    def should_stop(self) -> bool:
        """Whether to end now; asked at every batch."""
        ...

    def note(self, event: str, **details: Any) -> None:
        """Add an event to the diary (``events.jsonl``)."""
        ...

    def log(self, message: str) -> None:
        """Write a sentence into the diary."""
        ...
