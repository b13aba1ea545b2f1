"""How long work says where it stands, without knowing of threads or screens."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

Step = TypeVar("Step")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Progress:
    """One report of long work.

    Args:
        phase: what is being done, in words a person reads ("Predicting").
        done: units finished, from 0 to ``total``.
        total: units in all; 0 where it is not known.
        unit: what is counted ("images").
        message: one more thing worth saying, or "".
    """

    phase: str
    done: int
    total: int
    unit: str = "images"
    message: str = ""

    @property
    def fraction(self) -> float:
        """Share done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def relayed(
    steps: Generator[Step, None, Result], report: Callable[[Step], Progress]
) -> Generator[Progress, None, Result]:
    """Pass work on step by step, saying something else at each.

    However this ends, the steps are closed.

    Args:
        steps: the work.
        report: what to say at a step.

    Returns:
        What the work returns.
    """
    try:
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield report(step)
    finally:
        steps.close()


def finished(steps: Generator[Progress, None, Result], on_progress: Callable[[Progress], object]) -> Result:
    """Run work to its end.

    Args:
        steps: the work.
        on_progress: told where it stands.

    Returns:
        What the work returns.
    """
    try:
        while True:
            on_progress(next(steps))
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        steps.close()
