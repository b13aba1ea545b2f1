"""When to end a training whose validation loss no longer falls."""

from __future__ import annotations

from collections.abc import Sequence


def best_epoch(losses: Sequence[float]) -> int:
    """The epoch with the smallest validation loss, the earliest of several; from 0.

    >>> best_epoch([0.9, 0.5, 0.7, 0.5])
    1
    """
    return min(range(len(losses)), key=losses.__getitem__)


def is_over(losses: Sequence[float], patience: int | None) -> bool:
    """Whether so many epochs have passed without a better loss that training should end.

    Args:
        losses: validation losses of a phase's epochs so far.
        patience: how many; None never ends it.

    >>> is_over([0.9, 0.5, 0.7, 0.6], patience=2)
    True
    """
    return patience is not None and bool(losses) and len(losses) - 1 - best_epoch(losses) >= patience
