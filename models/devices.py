"""Where networks run."""

from __future__ import annotations

import logging

import torch
from torch import nn

from models.errors import CheckpointError

logger = logging.getLogger(__name__)


def best_device() -> str:
    """The fastest device of this machine: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def checked_device(device: str | None) -> torch.device:
    """The device a person named, or for None the fastest one that can be used.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps", or None. A fastest one that is busy or full is passed over
            for the processor.

    Raises:
        CheckpointError: there is no such device here.
    """
    try:
        chosen = torch.device(device or best_device())
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        if device is None:
            return _processor(best_device(), error)
        raise CheckpointError(
            f'There is no device "{device}" on this machine.',
            next_step=f'Choose "cpu" or "{best_device()}".',
        ) from error
    return chosen


def moved(module: nn.Module, device: str | None) -> nn.Module:
    """The module on a device, its memory format as it was.

    Args:
        module: moved in place.
        device: as in ``checked_device``; for None a module that does not fit goes to the processor.

    Raises:
        CheckpointError: there is no such device here, or the module does not fit onto it.
    """
    chosen = checked_device(device)
    try:
        return module.to(chosen)
    except RuntimeError as error:
        if device is None:
            return module.to(_processor(str(chosen), error))
        raise CheckpointError(
            f'The network does not fit onto the device "{device}" ({str(error).splitlines()[0]}).',
            next_step='Free some of its memory, or choose "cpu".',
        ) from error


def _processor(instead_of: str, error: Exception) -> torch.device:
    logger.warning("%s cannot be used (%s); the processor computes instead.", instead_of, error)
    return torch.device("cpu")
