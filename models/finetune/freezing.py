"""What of a network may change in a phase, and what stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from models.finetune.phase import Phase


def freeze_all_but(phase: Phase) -> None:
    """Let the weights of a phase's groups learn, and no others of its network."""
    phase.module.requires_grad_(False)
    phase.forward.requires_grad_(False)
    for group in phase.groups:
        for weight in group.parameters:
            weight.requires_grad_(True)


def set_training(phase: Phase, training: bool) -> None:
    """Put what a phase trains into training mode, and all else into evaluation mode.

    A frozen batch norm in training mode would go on moving its statistics, and with them what the layers after it were
    trained on.

    Args:
        phase: its network.
        training: false puts all into evaluation mode.
    """
    phase.module.eval()
    phase.forward.eval()
    for module in phase.training_modules if training else ():
        module.train()
    for module in phase.fixed_modules:
        module.eval()


@contextmanager
def restored_flags(module: nn.Module) -> Iterator[None]:
    """Afterwards each weight may learn or not, as before; the network is in evaluation mode."""
    former = [(weight, weight.requires_grad) for weight in module.parameters()]
    try:
        yield
    finally:
        module.eval()
        for weight, flag in former:
            weight.requires_grad_(flag)
            weight.grad = None
