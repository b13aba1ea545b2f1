"""The processes that train together, as torch.distributed connects them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from models.finetune.run import Ranks

PATIENCE = timedelta(minutes=10)
"""How long one waits for the others, who may have to compute features first."""


class ConnectedRanks(Ranks):
    """One of several processes; all must call ``sum`` and ``any`` equally often.

    Args:
        device: where its tensors are; flags travel from there too.
    """

    def __init__(self, device: torch.device) -> None:
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self._device = device

    def sum(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes, in each; its gradient is the sum of theirs."""
        total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
        return total

    def any(self, flag: bool) -> bool:
        """Whether any process says yes."""
        flags = torch.tensor(int(flag), device=self._device)
        dist.all_reduce(flags)
        return bool(flags)


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(values: Tensor) -> Tensor:
    total = values.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


@contextmanager
def connected_ranks() -> Iterator[tuple[ConnectedRanks, torch.device]]:
    """Meet the other processes, as torchrun's environment variables say; for the length of a training.

    Graphics cards are used where each process has one of its own, else the processor, by gloo.

    Yields:
        The processes, and where this one computes.
    """
    local, world = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    with_cards = torch.cuda.device_count() >= world
    device = torch.device(f"cuda:{local}" if with_cards else "cpu")
    if with_cards:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if with_cards else "gloo", timeout=PATIENCE)
    try:
        yield ConnectedRanks(device), device
    finally:
        dist.destroy_process_group()
