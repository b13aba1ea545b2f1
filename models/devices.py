"""Where networks run."""

from __future__ import annotations

import torch

from models.errors import CheckpointError


def best_device() -> str:
    """The fastest device of this machine: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def checked_device(device: str | None) -> torch.device:
    """The device a person named, or the fastest one for None.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps", or None.

    Raises:
        CheckpointError: there is no such device here.
    """
    try:
        chosen = torch.device(device or best_device())
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise CheckpointError(
            f'There is no device "{device}" on this machine.',
            next_step=f'Choose "cpu" or "{best_device()}".',
        ) from error
    return chosen
