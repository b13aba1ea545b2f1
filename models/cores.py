"""How many processor cores this process may use."""

from __future__ import annotations

import os


def available_cores() -> int:
    """The cores this process may run on: fewer than the machine has where it is confined to some.

    >>> available_cores() >= 1
    True
    """
    allowed = getattr(os, "sched_getaffinity", None)  # Linux has it
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def background_threads() -> int:
    """Threads for work behind the screen: one core is left to whoever is looking at it."""
    return max(1, available_cores() - 1)


def use_background_threads() -> None:
    """Let torch use `background_threads` in this thread. Imports torch."""
    import torch

    # Asked first: a number that is set in a new thread is lost unless it was asked for there.
    torch.get_num_threads()
    torch.set_num_threads(background_threads())
