"""The part of a network that a training changes: all that needs to be kept of it while it runs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.finetune.phase import Phase


class LearningWeights:
    """Weights and running statistics that any phase of a training may change, by name.

    All else of a network comes from where it was opened, however often the training goes on: a head of a few kilobytes
    is kept without the hundred megabytes of its frozen backbone.

    Args:
        phases: of the training, all of one network; no network is moved to another device after this.
    """

    def __init__(self, phases: Sequence[Phase]) -> None:
        module = phases[0].module
        assert all(phase.module is module for phase in phases), "the phases of a training share one network"
        wanted = {id(each) for phase in phases for each in _changed(phase)}
        self._module = module
        self._tensors = {name: tensor for name, tensor in _named(module) if id(tensor) in wanted}

    def copy(self) -> dict[str, Tensor]:
        """The values now, on the processor."""
        return {name: tensor.detach().cpu().clone() for name, tensor in self._tensors.items()}

    @torch.no_grad()
    def load(self, values: Mapping[str, Tensor]) -> None:
        """Put values of ``copy`` back.

        Args:
            values: for exactly these names, of the same shapes.
        """
        for name, tensor in self._tensors.items():
            tensor.copy_(values[name])

    def frozen_checksum(self) -> int:
        """A checksum of all that no phase changes, and of the names of what they do."""
        total = zlib.crc32(repr(sorted(self._tensors)).encode())
        for name, tensor in _named(self._module):
            if name not in self._tensors:
                total = zlib.crc32(_bytes(tensor).data, total)
        return total


def changing_buffers(phase: Phase) -> list[Tensor]:
    """The running statistics that a forward pass in training moves."""
    return [buffer for module in phase.training_modules for buffer in module.buffers()]


def _changed(phase: Phase) -> Iterator[Tensor]:
    for group in phase.groups:
        yield from group.parameters
    yield from changing_buffers(phase)


def _named(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _bytes(tensor: Tensor) -> npt.NDArray[np.uint8]:
    bits: npt.NDArray[np.uint8] = tensor.detach().cpu().flatten().view(torch.uint8).numpy()
    return bits
