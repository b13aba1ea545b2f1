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
    """One of several processes; all must call ``sum`` and ``any`` equally often."""

    def __init__(self) -> None:
        self.rank, self.world = dist.get_rank(), dist.get_world_size()

    def sum(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes, in each; its gradient is the sum of theirs."""
        total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
        return total

    def any(self, flag: bool) -> bool:
        """Whether any process says yes."""
        flags = torch.tensor(int(flag))
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


def device_of(local: int, world: int) -> torch.device:
    """Where a process computes: on a graphics card where each of them has one of its own, else on the processor.

    Args:
        local: which of this machine's processes, from 0.
        world: how many there are on this machine.
    """
    return torch.device(f"cuda:{local}" if torch.cuda.device_count() >= world else "cpu")


def _meeting() -> Any:
    """Where the processes learn each other's addresses, kept by the agent.

    The agent keeps it when it starts the processes again, and torch looks there under the same names each time: they
    would take the addresses of the dead for each other's, and wait for ever. So each start has names of its own.
    """
    start = os.environ["TORCHELASTIC_RESTART_COUNT"]
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    world = int(os.environ["WORLD_SIZE"])
    store = dist.TCPStore(address, port, world, timeout=PATIENCE)  # type: ignore[attr-defined]
    return dist.PrefixStore(f"start_{start}", store)  # type: ignore[attr-defined]


@contextmanager
def connected_ranks() -> Iterator[tuple[ConnectedRanks, torch.device]]:
    """Meet the other processes, as torchrun's environment variables say; for the length of a training.

    What is on graphics cards is added up by nccl, the rest by gloo.

    Yields:
        The processes, and where this one computes.
    """
    device = device_of(int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"]))
    with_cards = device.type == "cuda"
    if with_cards:
        torch.cuda.set_device(device)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if with_cards else "gloo",
        store=_meeting(), rank=int(os.environ["RANK"]), world_size=int(os.environ["WORLD_SIZE"]), timeout=PATIENCE,
    )  # fmt: skip
    try:
        yield ConnectedRanks(), device
    finally:
        dist.destroy_process_group()
